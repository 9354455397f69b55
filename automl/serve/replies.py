"""From a body to the body of the reply, in the thread of a worker."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.apply import apply
from automl.model.answer import Answer, answer_of
from automl.serve import rows

if TYPE_CHECKING:
    from automl.data.frame import Raw
    from automl.serve.current import Served

UNREADABLE = {
    "W_SCHEMA_UNREAD": "not of the field's kind",
    "W_SCHEMA_INFINITE": "a number that is too large",
}
"""What a table is warned of, and a request refused for."""


def ask(served: Served, raw: Raw, *, several: bool) -> Answer:
    """Return what the model says of rows.

    Raises
    ------
    Refused
        422 where a cell cannot be read.
    """
    applied = apply(served.predictor.schema, raw)
    problems: dict[tuple[str, str], list[int]] = {}
    for finding in applied.findings:
        if finding.code in UNREADABLE:
            numbers = np.flatnonzero(applied.flags[finding.code]).tolist()
            for name in finding.columns:
                problems[name, UNREADABLE[finding.code]] = numbers
    rows.refuse(problems, several=several)
    return answer_of(served.predictor, applied)


def single(served: Served, body: bytes) -> tuple[bytes, Answer, Raw]:
    """Answer about one row."""
    raw = rows.one_row(rows.parse(body), served.predictor.schema)
    said = ask(served, raw, several=False)
    reply = {**_predictions(served, said)[0], "model": served.title}
    return write(reply | _repairs(said)), said, raw


def batch(served: Served, body: bytes, max_rows: int) -> tuple[bytes, Answer, Raw]:
    """Answer about several rows."""
    raw = rows.many_rows(rows.parse(body), served.predictor.schema, max_rows)
    said = ask(served, raw, several=True)
    reply = {"predictions": _predictions(served, said), "model": served.title}
    return write(reply | _repairs(said)), said, raw


def write(reply: Any) -> bytes:
    """Return JSON that every reader takes: what is no number is null."""
    try:
        return json.dumps(reply, allow_nan=False).encode()
    except ValueError:
        return json.dumps(finite(reply), allow_nan=False).encode()


def finite(value: Any) -> Any:
    """Return plain values with None for numbers that are not finite."""
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _predictions(served: Served, said: Answer) -> list[dict[str, Any]]:
    """Return the prediction of each row, with probabilities and the codes of what is odd."""
    found: list[dict[str, Any]] = [{"prediction": label} for label in said.labels.tolist()]
    classes = served.predictor.classes
    if classes is not None:
        names = [str(label) for label in classes.tolist()]
        for one, values in zip(found, said.values.tolist(), strict=True):
            one["probabilities"] = dict(zip(names, values, strict=True))
    for one in found:
        one["flags"] = []
    for code, flagged in said.flags.items():
        for number in np.flatnonzero(flagged).tolist():
            found[number]["flags"].append(code)
    return found


def _repairs(said: Answer) -> dict[str, Any]:
    """Return which fields the flags are about."""
    named = {one.code: list(one.columns) for one in said.findings if one.code in said.flags}
    return {"flagged_fields": named} if named else {}
