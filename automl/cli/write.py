"""Writing predictions: the suffix picks the format, and a file is there whole or not at all."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from automl import files
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


def without_password(place: str) -> str:
    """Return a path, or a URL less the password in it, for messages."""
    return re.sub(r"(://[^:/@?]*):[^@/?]*@", r"\1:***@", place)


def write_file(parts: Iterable[Columns], out: str) -> None:
    """Write a table into a file, a part at a time; all parts have the same columns.

    Raises
    ------
    InputError
        ``E_INPUT_OUT`` where it cannot be written; what was there is left as it was.
    """
    path = Path(out).absolute()
    beside = path.with_name(f".{path.name}-{uuid4().hex}{files.TEMPORARY}")
    try:
        files.step("write", beside)
        with beside.open("xb") as file:
            WRITERS[path.suffix.lower()](parts, file)
        files.sync(beside)
        files.rename(beside, path)
        files.sync(path.parent)
    except OSError as error:
        raise InputError("E_INPUT_OUT", f"{out} cannot be written: {error.strerror}.") from error
    finally:
        beside.unlink(missing_ok=True)


def as_csv(columns: Columns, delimiter: str = ",", *, header: bool = True) -> str:
    """Return a table as CSV; a missing cell is empty, a formula is quoted with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    if header:
        writer.writerow([_cell(name) for name in columns])
    plain = [[_cell(cell) for cell in as_list(cells)] for cells in columns.values()]
    writer.writerows(zip(*plain, strict=True))
    return text.getvalue()


def as_list(cells: Sequence[Any]) -> list[Any]:
    """Return cells of any kind of column as Python's own values."""
    return cells.tolist() if hasattr(cells, "tolist") else list(cells)


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


def _delimited(delimiter: str, parts: Iterable[Columns], file: IO[bytes]) -> None:
    for number, columns in enumerate(parts):
        file.write(as_csv(columns, delimiter, header=not number).encode())


def _json_lines(parts: Iterable[Columns], file: IO[bytes]) -> None:
    for columns in parts:
        for row in zip(*map(as_list, columns.values()), strict=True):
            file.write(f"{as_json(dict(zip(columns, row, strict=True)))}\n".encode())


def _parquet(parts: Iterable[Columns], file: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    _arrow_into(parts, lambda schema: pq.ParquetWriter(file, schema))


def _arrow(parts: Iterable[Columns], file: IO[bytes]) -> None:
    import pyarrow as pa

    packed = "lz4" if pa.Codec.is_available("lz4") else None
    options = pa.ipc.IpcWriteOptions(compression=packed)
    _arrow_into(parts, lambda schema: pa.ipc.new_file(file, schema, options=options))


def _arrow_into(parts: Iterable[Columns], opened: Callable[[Any], Any]) -> None:
    """Write tables of the first one's types."""
    import pyarrow as pa

    with ExitStack() as stack:
        writer: Any = None
        for columns in parts:
            table = pa.table({name: _arrow_cells(cells) for name, cells in columns.items()})
            if writer is None:
                schema = pa.schema([_typed(one) for one in table.schema])
                writer = stack.enter_context(opened(schema))
            try:
                writer.write_table(table.cast(schema))
            except pa.ArrowInvalid as error:
                raise InputError(
                    "E_INPUT_OUT",
                    f"A column has cells of another type further below: {error}.",
                    "Write CSV or JSON lines, which have no types.",
                ) from error


def _arrow_cells(cells: Sequence[Any]) -> Any:
    import pyarrow as pa

    known = isinstance(cells, pa.Array | pa.ChunkedArray)
    return cells if known else pa.array(as_list(cells))


def _typed(field: Any) -> Any:
    """Return the field, of strings where nothing shows its type."""
    import pyarrow as pa

    return field.with_type(pa.string()) if pa.types.is_null(field.type) else field


WRITERS: Mapping[str, Callable[[Iterable[Columns], IO[bytes]], None]] = {
    ".csv": partial(_delimited, ","),
    ".tsv": partial(_delimited, "\t"),
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".feather": _arrow,
    ".jsonl": _json_lines,
}
"""What writes the parts of a table, by suffix."""
