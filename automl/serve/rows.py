"""From the bytes of a body to columns: strict JSON, the fields of the schema and no others."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automl.data.frame import Raw
from automl.data.names import did_you_mean
from automl.data.objects import of_objects
from automl.serve.refused import LONGEST, MOST, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from automl.data.schema import Schema

PLAIN = (str, int, float, bool, type(None))
"""What a cell may be."""

LARGEST = 2**1023
"""Whole numbers from here on fit no float."""

SHOWN = 5
"""Rows that are named for a problem."""


def parse(body: bytes) -> Any:
    """Return what a body of JSON says.

    Raises
    ------
    Refused
        400 for anything that RFC 8259 does not allow, and for a name that an object has twice.
    """
    try:
        return json.loads(
            body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        raise _not_json("it is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise _not_json(f"see line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise _not_json("it is nested too deeply") from error
    except ValueError as error:  # a whole number of thousands of digits
        raise _not_json("a number is too long") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Rows as they were sent.

    Parameters
    ----------
    cells : dict of str to list
        Plain values by column, in the order of the schema.
    n_rows : int
        A model may have learned from no column at all.
    """

    cells: dict[str, list[Any]]
    n_rows: int

    def raw(self) -> Raw:
        """Return them as a table."""
        columns = tuple(of_objects(name, cells) for name, cells in self.cells.items())
        return Raw(columns=columns, n_rows=self.n_rows)


def one_row(data: Any, schema: Schema) -> Sent:
    """Return the row that an object holds.

    Raises
    ------
    Refused
        400 where it is none, 422 for fields that are missing, unknown or not plain.
    """
    if not isinstance(data, dict):
        raise Refused(400, "E_SERVE_SHAPE", "Expected a JSON object: the fields of one row.")
    return table([data], schema, several=False)


def many_rows(data: Any, schema: Schema, max_rows: int) -> Sent:
    """Return the rows that ``{"rows": [{...}, ...]}`` holds.

    Raises
    ------
    Refused
        400 for another shape, 413 for too many rows, 422 as for one row.
    """
    rows = data.get("rows") if isinstance(data, dict) else None
    if (
        not isinstance(rows, list)
        or len(data) != 1
        or not all(isinstance(row, dict) for row in rows)
    ):
        raise Refused(
            400, "E_SERVE_SHAPE", 'Expected {"rows": [...]} with a JSON object for each row.'
        )
    check_count(len(rows), max_rows)
    return table(rows, schema, several=True)


def check_count(n_rows: int, max_rows: int) -> None:
    """Refuse more rows than one request may have."""
    if n_rows > max_rows:
        raise Refused(
            413, "E_SERVE_ROWS", f"One request may have {max_rows} rows; send several requests."
        )


def table(rows: Sequence[Mapping[str, Any]], schema: Schema, *, several: bool) -> Sent:
    """Return rows as columns in the order of the schema.

    Columns of the training table that the model does not learn from may be there or not.
    """
    needed = schema.learned
    expected = set(needed)
    if any(row.keys() != expected for row in rows):
        _check_names(rows, schema, several=several)
    columns = {name: [row[name] for row in rows] for name in needed}
    _check_cells(columns, several=several)
    return Sent(cells=columns, n_rows=len(rows))


def refuse(problems: Mapping[tuple[str, str], Sequence[int]], *, several: bool) -> None:
    """Raise 422 where there is a problem.

    Parameters
    ----------
    problems : mapping of (field, problem) to row numbers
    several : bool
        Whether rows are numbered.
    """
    if not problems:
        return
    fields = [
        {"field": field, "problem": problem} | ({"rows": list(numbers[:SHOWN])} if several else {})
        for (field, problem), numbers in problems.items()
    ]
    raise Refused(422, "E_SERVE_FIELDS", "Some fields cannot be used; /schema has all.", fields)


def _check_names(rows: Sequence[Mapping[str, Any]], schema: Schema, *, several: bool) -> None:
    needed = schema.learned
    allowed = {*needed, *(dropped.name for dropped in schema.dropped)}
    problems: dict[tuple[str, str], list[int]] = {}
    for number, row in enumerate(rows):
        missing = [name for name in needed if name not in row]
        for name in missing:
            problems.setdefault((name, "missing; null says that it is not known"), []).append(
                number
            )
        for name in row:
            if name not in allowed:
                guess = did_you_mean(name, missing) if len(name) <= LONGEST else ""
                problem = f"unknown. {guess}" if guess else "unknown"
                problems.setdefault((name, problem), []).append(number)
        if len(problems) > MOST:
            break
    refuse(problems, several=several)


def _check_cells(columns: Mapping[str, Sequence[Any]], *, several: bool) -> None:
    problems: dict[tuple[str, str], list[int]] = {}
    for name, cells in columns.items():
        for number, cell in enumerate(cells):
            if problem := _problem(cell):
                problems.setdefault((name, problem), []).append(number)
    refuse(problems, several=several)


def _problem(cell: Any) -> str:
    """Return what is wrong with a cell, whatever its field."""
    if isinstance(cell, float):
        return "" if math.isfinite(cell) else "a number that is too large"
    if isinstance(cell, int):
        return "" if -LARGEST < cell < LARGEST else "a number that is too large"
    return "" if isinstance(cell, PLAIN) else "a list or an object, expected a plain value"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused(400, "E_SERVE_JSON", "An object of the body has a name twice.")
    return found


def _no_constant(name: str) -> None:
    raise Refused(400, "E_SERVE_JSON", f"{name} is no JSON; null is a missing value.")


def _not_json(why: str) -> Refused:
    return Refused(400, "E_SERVE_JSON", f"The body is not JSON: {why}.")
