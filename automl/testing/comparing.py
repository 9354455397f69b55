"""Comparing arrays: whether they were changed, whether they say the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np


def fingerprint(array: Any) -> str:
    """Return a hash of a matrix's content, dense, sparse or of objects."""
    sha = hashlib.sha256()
    for part in _parts(array):
        data = repr(part.tolist()).encode() if part.dtype == object else part.tobytes()
        sha.update(data)
    return sha.hexdigest()


def freeze(arrays: Iterable[Any]) -> None:
    """Make matrices read-only."""
    for part in (part for array in arrays for part in _parts(array)):
        part.flags.writeable = False


def thaw(arrays: Iterable[Any]) -> None:
    """Make frozen matrices writable again, where they own their data."""
    for part in (part for array in arrays for part in _parts(array)):
        if part.flags.owndata:
            part.flags.writeable = True


def unlike(first: Any, second: Any, tolerance: float) -> bool:
    """Whether two matrices say something else; missing cells in one place are alike."""
    first, second = dense(first), dense(second)
    if first.shape != second.shape:
        return True
    if object in (first.dtype, second.dtype):
        return bool(first.tolist() != second.tolist())
    return not np.allclose(
        first.astype(float), second.astype(float), rtol=tolerance, atol=tolerance, equal_nan=True
    )


def dense(array: Any) -> Any:
    """Return an ndarray also of a sparse matrix."""
    return array if isinstance(array, np.ndarray) else array.toarray()


def _parts(array: Any) -> Iterator[Any]:
    if isinstance(array, np.ndarray):
        yield array
    else:
        yield from (array.data, array.indices, array.indptr)
