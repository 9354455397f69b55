"""Columns of an Arrow table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data import column as made
from automl.data.objects import of_objects
from automl.data.table import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from automl.data.column import RawColumn

FEW_ROWS = 32
"""With so few rows Python objects are quicker than Arrow."""

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def column(name: str, values: Any, dtype: str = "") -> RawColumn:
    """Return the column that an Arrow array holds, chunked or not."""
    import pyarrow as pa

    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
        if isinstance(values, pa.ChunkedArray):  # several chunks where one would be too large
            values = pa.concat_arrays(values.chunks)
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    dtype = dtype or str(values.type)
    for belongs, make in _MAKERS:
        if belongs(values.type):
            return make(name, values, dtype)
    return of_objects(name, values.to_pylist(), dtype)


def _is_null(kind: Any) -> bool:
    return str(kind) == "null"


def _is_dictionary(kind: Any) -> bool:
    return str(kind).startswith("dictionary")


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _is_boolean(kind: Any) -> bool:
    return str(kind) == "bool"


def _is_temporal(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_temporal(kind) and not pa.types.is_interval(kind))


def _is_unusable(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_nested(kind) or pa.types.is_interval(kind))


def _is_string(kind: Any) -> bool:
    import pyarrow as pa

    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view")


def _floats(values: Any) -> NDArray[np.float64]:
    import pyarrow as pa

    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    return _plain(values.cast(pa.float64(), safe=False))


def _plain(values: Any) -> NDArray[Any]:
    """Return numbers as ``to_numpy`` would, which loads pandas where it is installed."""
    if values.null_count:
        values = values.fill_null(float("nan"))
    dtype = np.dtype(values.type.to_pandas_dtype())
    if not len(values):
        return np.zeros(0, dtype)
    cells: NDArray[Any] = np.frombuffer(values.buffers()[1], dtype)
    return cells[values.offset : values.offset + len(values)]


def _empty(name: str, values: Any, dtype: str) -> RawColumn:
    del dtype
    return made.empty(name, len(values))


def _boolean(name: str, values: Any, dtype: str) -> RawColumn:
    return made.boolean(name, _floats(values), dtype)


def _number(name: str, values: Any, dtype: str) -> RawColumn:
    whole = "int" in str(values.type)
    if whole and not values.null_count:
        return made.number(name, _plain(values), dtype)
    return made.number(name, _floats(values), dtype, whole=whole)


def _unusable(name: str, values: Any, dtype: str) -> RawColumn:
    return made.unusable(name, len(values), np.asarray(values.is_valid()), dtype)


def _codes(indices: Any) -> NDArray[np.int32]:
    import pyarrow as pa

    return _plain(indices.cast(pa.int32()).fill_null(MISSING))


def _strings(name: str, values: Any, dtype: str) -> RawColumn:
    import pyarrow as pa

    if len(values) <= FEW_ROWS:
        return of_objects(name, values.to_pylist(), dtype)
    if str(values.type) == "string_view":
        values = values.cast(pa.large_string())
    encoded = values.dictionary_encode()
    levels = encoded.dictionary.to_pylist()
    return made.strings(name, _codes(encoded.indices), levels, dtype)


def _dictionary(name: str, values: Any, dtype: str) -> RawColumn:
    del dtype
    ordered = bool(values.type.ordered)
    if not _is_string(values.type.value_type):
        levels = column(name, values.dictionary)
        codes, names = levels.spelled()
        lookup = np.append(codes, np.int32(MISSING))
        if ordered:
            names = tuple(names[code] for code in codes)
            lookup = np.append(np.arange(len(codes), dtype=np.int32), np.int32(MISSING))
        indices = lookup[_codes(values.indices)]
        return made.strings(name, indices, names, "category", declared=True, ordered=ordered)
    names = tuple(values.dictionary.to_pylist())
    return made.strings(
        name, _codes(values.indices), names, "category", declared=True, ordered=ordered
    )


def _temporal(name: str, values: Any, dtype: str) -> RawColumn:
    import pyarrow as pa

    kind = values.type
    if pa.types.is_date(kind):
        values = values.cast(pa.timestamp("s"))
        kind = values.type
    if pa.types.is_time32(kind):
        values = values.cast(pa.int32())
    floats = values.cast(pa.int64()).cast(pa.float64(), safe=False)
    seconds = _plain(floats) * _SECONDS[kind.unit]
    form = made.Form.DATE if pa.types.is_timestamp(kind) else made.Form.NUMBER
    return made.RawColumn(name=name, form=form, values=seconds, dtype=dtype)


_MAKERS: tuple[tuple[Callable[[Any], bool], Callable[[str, Any, str], RawColumn]], ...] = (
    (_is_string, _strings),
    (_is_number, _number),
    (_is_boolean, _boolean),
    (_is_dictionary, _dictionary),
    (_is_temporal, _temporal),
    (_is_null, _empty),
    (_is_unusable, _unusable),
)
