"""Any table in memory, normalised at the door into columns of our own."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data import column
from automl.data.names import flat_names, listed
from automl.data.objects import of_objects
from automl.data.rules import finding
from automl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from automl.data.column import RawColumn
    from automl.data.finding import Finding
    from automl.data.schema import Dropped

UNTYPED = b"automl.untyped"
"""Key in the metadata of an Arrow schema: the source has no types, every cell is a string."""

_MAX_CELLS = 2**30

_NOT_ARROW = {"Object", "Int128", "UInt128", "Unknown"}
"""Types of other libraries that Arrow lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A table as it came in: its columns as NumPy, nothing inferred.

    Parameters
    ----------
    columns : tuple of RawColumn
    n_rows : int
    findings : tuple of Finding, default=()
        About names.
    positional : bool, default=False
        Whether the source had no names of its own.
    untyped : bool, default=False
        Whether the source had no types, so that every cell came as a string.
    dropped : tuple of Dropped, default=()
        Columns taken out because they have a role.
    """

    columns: tuple[RawColumn, ...]
    n_rows: int
    findings: tuple[Finding, ...] = ()
    positional: bool = False
    untyped: bool = False
    dropped: tuple[Dropped, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    def take(self, rows: NDArray[Any]) -> Raw:
        """Return the rows asked for (numbers or a mask), in that order."""
        columns = tuple(column.take(rows) for column in self.columns)
        n_rows = int(np.arange(self.n_rows)[rows].size)
        return replace(self, columns=columns, n_rows=n_rows)


def take_in(source: object) -> Raw:
    """Normalise a table in memory.

    Parameters
    ----------
    source : table
        A pandas, polars or pyarrow table (or any other that narwhals knows), a two-dimensional
        NumPy array, a SciPy sparse matrix, a mapping of names to columns (or to scalars: one row),
        a sequence of mappings (one a row) or of rows. Never modified; an index is ignored.

    Returns
    -------
    Raw

    Raises
    ------
    DataError
        ``E_DATA_SOURCE`` for anything else, ``E_DATA_SHAPE`` for columns of unequal length or an
        array that is not two-dimensional.
    """
    if isinstance(source, Raw):
        return source
    if hasattr(source, "tocsc") and hasattr(source, "nnz"):  # one of them is a mapping as well
        return _of_sparse(source)
    if isinstance(source, Mapping):
        return _of_mapping(source)
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(source, pandas.DataFrame):
        from automl.data import from_pandas

        return _raw(source.columns, from_pandas.columns(source), len(source))
    if isinstance(source, Sequence) and not isinstance(source, str | bytes | bytearray):
        return _of_sequence(source)
    return _of_frame(source)


def _raw(labels: Iterable[object], columns: Iterable[RawColumn], n_rows: int, **more: Any) -> Raw:
    names, renamed, retyped = flat_names(labels)
    findings = [finding("W_DATA_NAMES", renamed, len(renamed))] if renamed else []
    findings += [finding("W_DATA_NAMES_TYPE", retyped, len(retyped))] if retyped else []
    named = tuple(
        one if one.name == name else replace(one, name=name)
        for one, name in zip(columns, names, strict=True)
    )
    return Raw(columns=named, n_rows=n_rows, findings=tuple(findings), **more)


def _of_mapping(source: Mapping[Any, Any]) -> Raw:
    if source and all(_is_scalar(value) for value in source.values()):
        columns = [of_objects(str(name), (value,)) for name, value in source.items()]
        return _raw(source, columns, 1)
    columns = [of_values(str(name), values) for name, values in source.items()]
    lengths = {one.name: len(one.values) for one in columns}
    if len(set(lengths.values())) > 1:
        raise DataError("E_DATA_SHAPE", f"Columns have unequal lengths: {lengths}.")
    return _raw(source, columns, next(iter(lengths.values()), 0))


def _of_sequence(source: Sequence[Any]) -> Raw:
    if source and all(isinstance(row, Mapping) for row in source):
        names = dict.fromkeys(name for row in source for name in row)
        columns = [of_objects(str(name), [row.get(name) for row in source]) for name in names]
        return _raw(names, columns, len(source))
    if not source:
        return Raw(columns=(), n_rows=0, positional=True)
    widths = {len(row) if _is_row(row) else -1 for row in source}
    if len(widths) > 1:
        raise DataError(
            "E_DATA_SHAPE",
            "The rows of the list are not alike: some are dicts, no rows at all, or of another "
            f"length (lengths: {listed(str(width) for width in sorted(widths - {-1}))}).",
            "Give a list of dicts, or of lists of one length.",
        )
    if -1 not in widths:
        cells = zip(*source, strict=True)
        columns = [of_objects(f"x{i}", list(column)) for i, column in enumerate(cells)]
        return Raw(columns=tuple(columns), n_rows=len(source), positional=True)
    return _of_array(np.asarray(source, dtype=object))


def _of_array(source: NDArray[Any]) -> Raw:
    if source.dtype.names:
        parts = [column.of_numpy(name, source[name]) for name in source.dtype.names]
        return _raw(source.dtype.names, parts, len(source))
    if source.ndim != 2:
        raise DataError(
            "E_DATA_SHAPE",
            f"Expected 2D array, got {source.ndim}D array instead (shape {source.shape}).",
            "Reshape your data with .reshape(-1, 1) if it has one column or .reshape(1, -1) if it "
            "is one row.",
        )
    if not isinstance(source, np.ma.MaskedArray):
        source = np.asarray(source)
    columns = tuple(column.of_numpy(f"x{i}", source[:, i]) for i in range(source.shape[1]))
    return Raw(columns=columns, n_rows=source.shape[0], positional=True)


def _is_row(row: object) -> bool:
    """Whether the cells of a row have an order."""
    return hasattr(row, "__len__") and not isinstance(row, str | bytes | Mapping | set | frozenset)


def _of_sparse(source: Any) -> Raw:
    if len(source.shape) != 2:
        return _of_array(source.toarray())
    n_rows, n_columns = source.shape
    if n_rows * n_columns > _MAX_CELLS:
        raise DataError(
            "E_DATA_SPARSE",
            f"A sparse matrix of {n_rows} x {n_columns} cells is too large once it is dense.",
            f"Up to {_MAX_CELLS} cells are possible: select or reduce columns first.",
        )
    return _of_array(source.toarray())


def _of_frame(source: Any) -> Raw:
    if isinstance(source, np.ndarray):
        return _of_array(source)
    if _is_series(source):
        raise DataError(
            "E_DATA_SHAPE",
            f"Expected a table, got one column ({type(source).__name__}). Expected 2D array, got "
            "1D array instead.",
            "Make it a table with one column, as .to_frame() does.",
        )
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is not None and isinstance(source, pyarrow.RecordBatch):
        source = pyarrow.Table.from_batches([source])
    if pyarrow is None or not isinstance(source, pyarrow.Table):
        import narwhals as nw

        frame = nw.from_native(source, pass_through=True)
        if isinstance(frame, nw.LazyFrame):
            frame = frame.collect(backend="pyarrow")
        if isinstance(frame, nw.DataFrame):
            return _of_narwhals(frame)
        if hasattr(source, "__array__"):
            return _of_array(np.asarray(source))
        raise _unknown(source)
    return _of_arrow(source)


def _of_narwhals(frame: Any) -> Raw:
    """Read a table column by column, so that one type Arrow does not know costs that one only."""
    columns = []
    for name in frame.columns:
        series = frame.get_column(name)
        if str(series.dtype) in _NOT_ARROW:
            columns.append(of_objects(name, series.to_list(), str(series.dtype)))
        else:
            columns.append(of_values(name, series.to_arrow()))
    return _raw(frame.columns, columns, len(frame))


def _of_arrow(source: Any) -> Raw:
    from automl.data import from_arrow

    untyped = UNTYPED in (source.schema.metadata or {})
    names = source.column_names
    columns = [from_arrow.column(name, source.column(i)) for i, name in enumerate(names)]
    return _raw(names, columns, source.num_rows, untyped=untyped)


def of_values(name: str, values: Any) -> RawColumn:
    """Return the column that one-dimensional values of any kind hold."""
    if isinstance(values, set | frozenset):
        raise DataError(
            "E_DATA_SHAPE",
            f"Column {name!r} is a {type(values).__name__}, whose cells have no order.",
            "Give a list.",
        )
    if isinstance(values, list | tuple | range):
        return of_objects(name, values)
    native = _native(name, values)
    if native is not None:
        return native
    if hasattr(values, "__array__"):
        return column.of_numpy(name, _flat(name, np.asanyarray(values)))
    if hasattr(values, "__iter__") and not isinstance(values, str | bytes | Mapping):
        return of_objects(name, list(values))
    raise DataError(
        "E_DATA_SHAPE",
        f"Column {name!r} is a {type(values).__name__}, expected a sequence of cells.",
        "Rows with lists in their cells are given as a list of dicts, one a row.",
    )


def _native(name: str, values: Any) -> RawColumn | None:
    """Return a column of a table library, if it is one."""
    pandas = sys.modules.get("pandas")
    if pandas is not None:
        from automl.data import from_pandas

        if isinstance(values, pandas.api.extensions.ExtensionArray):
            values = pandas.Series(values)
        if isinstance(values, pandas.Series | pandas.Index):
            return from_pandas.column(name, values)
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(values, polars.Series):
        values = values.to_arrow()
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is not None and isinstance(values, pyarrow.Array | pyarrow.ChunkedArray):
        from automl.data import from_arrow

        return from_arrow.column(name, values)
    return None


def _flat(name: str, values: NDArray[Any]) -> NDArray[Any]:
    if values.ndim == 2 and values.shape[1] == 1:
        return values[:, 0]
    if values.ndim != 1:
        raise DataError(
            "E_DATA_SHAPE",
            f"Column {name!r} has the shape {values.shape}, expected one dimension.",
        )
    return values


def _is_scalar(value: object) -> bool:
    return (
        value is None
        or isinstance(value, str | bytes | int | float | np.generic)
        or not any(hasattr(value, name) for name in ("__len__", "__array__", "__next__"))
    )


def _is_series(source: object) -> bool:
    return type(source).__name__ in {"Series", "ChunkedArray", "Index"} or (
        type(source).__module__ == "pyarrow.lib" and hasattr(source, "null_count")
    )


def _unknown(source: object) -> DataError:
    return DataError(
        "E_DATA_SOURCE",
        f"Cannot read a table from a {type(source).__name__}.",
        "Give a path, a pandas, polars or pyarrow table, a NumPy array, a SciPy sparse matrix, a "
        "dict of columns or a list of dicts.",
    )
