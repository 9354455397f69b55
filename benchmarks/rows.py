"""What came of a race: one row for each job, in one documented format.

A folder of results holds `rows.csv`, to which a row is appended as soon as a job is done, and
`header.json`, which says what the rows share: the machine, the date, the commit of the harness, and
for each contender its version, what its installation took and how long its import takes
(`Header`). A row is one line of text, always, so that a line torn by a killed process can be told
from a whole one and left out.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from math import nan
from pathlib import Path
from typing import Any

ROWS = "rows.csv"
HEADER = "header.json"

PRIMARY = {"binary": "auc", "multiclass": "log_loss", "regression": "rmse"}
"""The metric that a task is ranked by."""

GREATER_IS_BETTER = frozenset({"auc", "accuracy", "balanced_accuracy", "r2"})
"""Of all other metrics less is better."""

STATUSES = ("ok", "failed", "crashed", "timeout", "wrong")
"""`ok` has a score. `failed` raised an error, `crashed` ended without a word, `timeout` was killed
at the hard limit, `wrong` handed over values that cannot be scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One job: one contender on one fold of one table, under one limit.

    Numbers that are not known, because the job ended before or they do not apply, are NaN, and
    empty in the file.
    """

    key: str  # hash of all that decides what the job is; a key that has a row is not run again
    suite: str
    table: str
    fold: int
    split: str  # hash of the table's file and the rows of the test side
    task: str  # binary, multiclass or regression
    contender: str
    version: str  # of the contender's package; with the commit where it is this project
    budget: float  # seconds that were asked for
    cores: int
    seed: int
    n_train: int
    n_test: int
    n_columns: int
    n_classes: int  # 0 for regression
    n_dropped: int  # test rows left out for all contenders: training never saw their class
    status: str  # one of STATUSES
    metric: str  # PRIMARY[task]
    score: float = nan  # on the test rows, in the metric's own direction
    constant: float = nan  # the score of the best constant answer known from the training rows
    auc: float = nan  # of two classes, or the mean of one against the rest
    log_loss: float = nan
    accuracy: float = nan
    balanced_accuracy: float = nan
    rmse: float = nan
    mae: float = nan
    r2: float = nan
    fit_s: float = nan  # wall seconds from the call to the fitted object, libraries imported before
    overrun: float = nan  # fit_s / budget
    wall_s: float = nan  # the whole job: start, import, fit, predict, latency, save, cold load
    predict_s: float = nan  # all test rows in one call, the first after the fit
    row_ms: float = nan  # one row in a call, median, in the process that fitted
    row_ms_p99: float = nan
    n_row_calls: int = 0
    cold_s: float = nan  # a new process, from its start to the answer for one row
    load_s: float = nan  # the part of it that reads the model, after the imports
    cold_row_ms: float = nan  # one row in a call, median, in the new process
    cold_row_ms_p99: float = nan
    memory_mb: float = nan  # peak of the process tree, each shared page divided by its sharers
    model_mb: float = nan  # the saved model on disk
    remarks: str = ""  # what the contender's file had to drop or encode
    phase: str = ""  # where it ended if not well: import, fit, predict, latency, save, cold
    cause: str = ""  # one sentence
    tail: str = ""  # the last words of its output, where it did not end well
    date: str = ""  # UTC, when the job began

    @property
    def asked(self) -> tuple[str, int, str, float, int]:
        """The question without the version: what two runs of one contender have in common."""
        return (self.table, self.fold, self.contender, self.budget, self.cores)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the rows of a folder share."""

    suite: str
    date: str  # UTC, of the last start of the race
    commit: str  # of the harness
    machine: dict[str, Any]  # system, cpu, cores, memory_gb, python
    memory_of: str  # "pss", or "rss" where the system does not know shares
    contenders: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By contender: version, environment, install_s, install_mb, import_s, python, packages."""
    calibration: list[dict[str, Any]] = field(default_factory=list)
    """Seconds of the same fit before and after each start of the race: date, cores, seconds."""


_TYPES = {"int": int, "float": float, "str": str}


def one_line(text: str, length: int = 600) -> str:
    """Return the end of a text on one line."""
    words = " | ".join(line.strip() for line in text.splitlines() if line.strip())
    printable = "".join(c if c.isprintable() else "?" for c in words)
    return printable if len(printable) <= length else "..." + printable[-length:]


def append(folder: Path, row: Row) -> None:
    """Add a row to `rows.csv`; when this returns, it has reached the disk."""
    path = folder / ROWS
    folder.mkdir(parents=True, exist_ok=True)
    _mend(path)
    lines = []
    if not path.exists() or path.stat().st_size == 0:
        lines.append(_line([part.name for part in fields(Row)]))
    lines.append(_line([_cell(getattr(row, part.name)) for part in fields(Row)]))
    with path.open("ab") as file:
        file.write("".join(lines).encode())
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> list[Row]:
    """Return the rows of a folder in the order of their writing; a torn last line is left out."""
    path = folder / ROWS
    if not path.exists():
        return []
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1].decode("utf-8", errors="replace")
    rows = []
    for entry in csv.DictReader(io.StringIO(whole)):
        values: dict[str, Any] = {}
        for part in fields(Row):
            cell = entry.get(part.name)
            if cell not in {None, ""}:
                values[part.name] = _TYPES[str(part.type)](cell)
            elif str(part.type) == "str":
                values[part.name] = ""
        rows.append(Row(**values))
    return rows


def latest(rows: Iterable[Row]) -> list[Row]:
    """Return the last row of each question, whatever version answered it."""
    return list({row.asked: row for row in rows}.values())


def write_header(folder: Path, header: Header) -> None:
    """Write `header.json`; what earlier starts wrote of others is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    known = read_header(folder)
    said = {part.name: getattr(header, part.name) for part in fields(Header)}
    if known:
        said["contenders"] = {**known.contenders, **header.contenders}
        said["calibration"] = [*known.calibration, *header.calibration]
    text = json.dumps(said, indent=1, ensure_ascii=False)
    new = folder / (HEADER + ".new")
    new.write_text(text + "\n", encoding="utf-8")
    new.replace(folder / HEADER)


def read_header(folder: Path) -> Header | None:
    """Return what the rows of a folder share, or None where nothing was written yet."""
    path = folder / HEADER
    if not path.exists():
        return None
    said = json.loads(path.read_text(encoding="utf-8"))
    return Header(**{part.name: said[part.name] for part in fields(Header) if part.name in said})


def _mend(path: Path) -> None:
    """Cut off a torn last line, so that the next row starts on a line of its own."""
    if not path.exists():
        return
    text = path.read_bytes()
    if text and not text.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(text.rfind(b"\n") + 1)


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if value != value else f"{value:.7g}"  # noqa: PLR0124  only NaN differs from itself
    return one_line(value) if isinstance(value, str) else value


def _line(cells: list[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()
