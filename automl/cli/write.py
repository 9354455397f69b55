"""Writing predictions: the suffix picks the format, and a file is there whole or not at all."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from automl.cli.face import as_json
from automl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

Columns = Mapping[str, Sequence[Any]]
"""Names to cells, all of one length."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a string that starts with one of these for a formula."""


def check_out(out: str) -> None:
    """Refuse a place that cannot be written, before any work is done.

    Raises
    ------
    InputError
        ``E_INPUT_OUT`` for an unknown suffix, a folder, or a folder that is not there.
    """
    path = Path(out)
    if path.suffix.lower() not in WRITERS:
        known = ", ".join(WRITERS)
        raise InputError("E_INPUT_OUT", f"--out {out!r} has an unknown suffix.", f"Known: {known}.")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InputError(
            "E_INPUT_OUT", f"--out {out!r} is a folder, or lies in one that is not there."
        )


def write_file(columns: Columns, out: str) -> None:
    """Write a table into a file.

    Raises
    ------
    InputError
        ``E_INPUT_OUT`` where it cannot be written; what was there is left as it was.
    """
    path = Path(out).absolute()
    temporary = path.with_name(f".{path.name}-{uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            WRITERS[path.suffix.lower()](columns, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise InputError("E_INPUT_OUT", f"{out} cannot be written: {error.strerror}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def as_csv(columns: Columns, delimiter: str = ",") -> str:
    """Return a table as CSV; a missing cell is empty, a formula is quoted with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow([_cell(name) for name in columns])
    plain = [[_cell(cell) for cell in _list(cells)] for cells in columns.values()]
    writer.writerows(zip(*plain, strict=True))
    return text.getvalue()


def _cell(cell: Any) -> Any:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, str) and len(cell) > 1 and cell.startswith(FORMULA) and not _number(cell):
        return f"'{cell}"
    return cell


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _list(cells: Sequence[Any]) -> list[Any]:
    return cells.tolist() if hasattr(cells, "tolist") else list(cells)


def _csv(columns: Columns, file: IO[bytes]) -> None:
    file.write(as_csv(columns).encode())


def _tsv(columns: Columns, file: IO[bytes]) -> None:
    file.write(as_csv(columns, "\t").encode())


def _json_lines(columns: Columns, file: IO[bytes]) -> None:
    for row in zip(*map(_list, columns.values()), strict=True):
        file.write(f"{as_json(dict(zip(columns, row, strict=True)))}\n".encode())


def _arrow_table(columns: Columns) -> Any:
    import pyarrow as pa

    return pa.table({name: pa.array(_list(cells)) for name, cells in columns.items()})


def _parquet(columns: Columns, file: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    pq.write_table(_arrow_table(columns), file)


def _arrow(columns: Columns, file: IO[bytes]) -> None:
    from pyarrow import feather

    feather.write_feather(_arrow_table(columns), file)


WRITERS: Mapping[str, Callable[[Columns, IO[bytes]], None]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".feather": _arrow,
    ".jsonl": _json_lines,
}
"""What writes a table, by suffix."""
