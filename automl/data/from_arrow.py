"""Columns of an Arrow table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data import column as made
from automl.data.objects import of_objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.data.column import RawColumn

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def column(name: str, values: Any, dtype: str = "") -> RawColumn:
    """Return the column that an Arrow array holds, chunked or not."""
    import pyarrow as pa

    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
        if isinstance(values, pa.ChunkedArray):
            values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    kind = values.type
    dtype = dtype or str(kind)
    if pa.types.is_null(kind):
        return made.empty(name, len(values))
    if pa.types.is_dictionary(kind):
        return _dictionary(name, values)
    if _is_string(kind):
        return _strings(name, values, dtype)
    if pa.types.is_boolean(kind):
        return made.boolean(name, _floats(values), dtype)
    if pa.types.is_integer(kind):
        if values.null_count:
            return made.number(name, _floats(values), dtype, whole=True)
        return made.number(name, values.to_numpy(zero_copy_only=False), dtype)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return made.number(name, _floats(values), dtype)
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        return _temporal(name, values, dtype)
    if pa.types.is_nested(kind) or pa.types.is_interval(kind) or pa.types.is_union(kind):
        present = np.asarray(values.is_valid())
        return made.unusable(name, len(values), present, dtype)
    return of_objects(name, values.to_pylist(), dtype)


def _is_string(kind: Any) -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or str(kind) == "string_view"
    )


def _floats(values: Any) -> NDArray[np.float64]:
    import pyarrow as pa

    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    floats: NDArray[np.float64] = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return floats


def _codes(indices: Any) -> NDArray[np.int32]:
    import pyarrow as pa

    codes: NDArray[np.int32] = (
        indices.cast(pa.int32()).fill_null(made.MISSING).to_numpy(zero_copy_only=False)
    )
    return codes


def _strings(name: str, values: Any, dtype: str) -> RawColumn:
    import pyarrow as pa

    if str(values.type) == "string_view":
        values = values.cast(pa.large_string())
    encoded = values.dictionary_encode()
    levels = encoded.dictionary.to_pylist()
    return made.strings(name, _codes(encoded.indices), levels, dtype)


def _dictionary(name: str, values: Any) -> RawColumn:
    ordered = bool(values.type.ordered)
    if not _is_string(values.type.value_type):
        levels = column(name, values.dictionary)
        codes, names = levels.spelled()
        lookup = np.append(codes, np.int32(made.MISSING))
        if ordered:
            names = tuple(names[code] for code in codes)
            lookup = np.append(np.arange(len(codes), dtype=np.int32), np.int32(made.MISSING))
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
    integers = values.cast(pa.int32()).cast(pa.int64()) if pa.types.is_time32(kind) else values.cast(pa.int64())
    seconds = integers.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False) * _SECONDS[kind.unit]
    is_date = pa.types.is_timestamp(kind)
    form = made.Form.DATE if is_date else made.Form.NUMBER
    return made.RawColumn(name=name, form=form, values=seconds, dtype=dtype)
