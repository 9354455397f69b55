"""From a body to the body of the reply, in the thread of a worker."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.apply import Applied, apply
from automl.data.table import UNSEEN
from automl.errors import InputError
from automl.model.answer import Answer, answer_of
from automl.model.explained import explain_table
from automl.serve import rows
from automl.serve.refused import Refused

if TYPE_CHECKING:
    from automl.explain.explanation import Explanation
    from automl.serve.current import Served
    from automl.serve.rows import Sent

UNREADABLE = {
    "W_SCHEMA_UNREAD": "not of the field's kind",
    "W_SCHEMA_INFINITE": "a number that is too large",
}
"""What a table is warned of, and a request refused for."""


def ask(served: Served, sent: Sent, *, several: bool) -> Answer:
    """Return what the model says of rows.

    Raises
    ------
    Refused
        422 where a cell cannot be read.
    """
    return answer_of(served.predictor, read(served, sent, several=several))


def read(served: Served, sent: Sent, *, several: bool) -> Applied:
    """Return rows in the model's form.

    Raises
    ------
    Refused
        422 where a cell cannot be read.
    """
    applied = apply(served.predictor.schema, sent.raw())
    problems: dict[tuple[str, str], list[int]] = {}
    for finding in applied.findings:
        if finding.code in UNREADABLE:
            numbers = np.flatnonzero(applied.flags[finding.code]).tolist()
            for name in finding.columns:
                problems[name, UNREADABLE[finding.code]] = numbers
    rows.refuse(problems, several=several)
    return applied


def single(served: Served, body: bytes) -> tuple[bytes, Answer, Sent]:
    """Answer about one row."""
    sent = rows.one_row(rows.parse(body), served.predictor.schema)
    said = _at_once(served, sent) or ask(served, sent, several=False)
    reply = {**_predictions(served, said)[0], "model": served.title}
    return write(reply | _repairs(said)), said, sent


def batch(served: Served, body: bytes, max_rows: int) -> tuple[bytes, Answer, Sent]:
    """Answer about several rows."""
    sent = rows.many_rows(rows.parse(body), served.predictor.schema, max_rows)
    said = ask(served, sent, several=True)
    reply = {"predictions": _predictions(served, said), "model": served.title}
    return write(reply | _repairs(said)), said, sent


def explained(
    served: Served, body: bytes, max_rows: int, *, several: bool
) -> tuple[bytes, Answer, Sent]:
    """Answer about rows, and say what each field contributed.

    Raises
    ------
    Refused
        501 where the model keeps no rows to compare with, 413 for more than ``max_rows``.
    """
    schema, data = served.predictor.schema, rows.parse(body)
    if several:
        sent = rows.many_rows(data, schema, max_rows)
    else:
        rows.check_count(1, max_rows)
        sent = rows.one_row(data, schema)
    applied = read(served, sent, several=several)
    try:
        found = explain_table(served.predictor, applied.table, served.predictor.explainer.kept())
    except InputError as error:
        raise Refused(501, "E_SERVE_EXPLAIN", error.message) from error
    said = answer_of(served.predictor, applied)
    each = [
        {**one, **more}
        for one, more in zip(_predictions(served, said), _explanations(found), strict=True)
    ]
    reply = {"predictions": each} if several else each[0]
    return write({**reply, "model": served.title, **_repairs(said)}), said, sent


def _explanations(found: Explanation) -> list[dict[str, Any]]:
    """Return for each row what the value of its prediction is made of."""
    one = found.of()
    return [
        {
            "explanation": {
                "value": value,
                "base": base,
                "contributions": dict(zip(found.columns, contributions, strict=True)),
                "exact": found.exact,
            },
            "main_reasons": [
                {"field": reason.column, "contribution": reason.contribution}
                for reason in found.reasons(number)
            ],
        }
        for number, (value, base, contributions) in enumerate(
            zip(one.values.tolist(), one.base.tolist(), one.contributions.tolist(), strict=True)
        )
    ]


def _at_once(served: Served, sent: Sent) -> Answer | None:
    """Answer about a row of which nothing is to be said; None where it has to be looked at."""
    table = served.read({name: cells[0] for name, cells in sent.cells.items()})
    # The short way says nothing of strings that are new, nor of dates out of range.
    if table is None or table.date.shape[1] or (table.string == UNSEEN).any():
        return None
    return answer_of(served.predictor, Applied(table=table, findings=(), flags={}))


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
