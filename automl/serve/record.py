"""The log of predictions: one JSON object a row; losing it never costs a prediction."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from automl.model.answer import Answer
    from automl.serve.current import Served
    from automl.serve.rows import Sent

logger = logging.getLogger(__name__)


class Record:
    """Appends to a file.

    Parameters
    ----------
    path : Path
    with_rows : bool
        Whether the cells are written too, not only what was said of them.
    """

    def __init__(self, path: Path, *, with_rows: bool) -> None:
        self._path = path
        self._with_rows = with_rows
        self._lock = Lock()
        self._failing = False

    def add(self, request_id: str, served: Served, said: Answer, sent: Sent) -> int:
        """Write a line for each row, and return how many were lost."""
        text = "".join(self._lines(request_id, served, said, sent))
        try:
            # Opened anew each time: a file that was moved away by a log rotation is left alone.
            with self._lock, self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            if not self._failing:
                logger.warning("Predictions are not logged: %s.", error.strerror)
            self._failing = True
            return len(said.labels)
        self._failing = False
        return 0

    def _lines(self, request_id: str, served: Served, said: Answer, sent: Sent) -> list[str]:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        same = {"time": now, "id": request_id, "version": served.version}
        lines = []
        for number, label in enumerate(said.labels.tolist()):
            line = {**same, "row": number, "prediction": label}
            if served.predictor.classes is not None:
                line["values"] = said.values[number].tolist()
            line["flags"] = [code for code, flagged in said.flags.items() if flagged[number]]
            if self._with_rows:
                line["fields"] = {name: column[number] for name, column in sent.cells.items()}
            lines.append(json.dumps(line) + "\n")
        return lines
