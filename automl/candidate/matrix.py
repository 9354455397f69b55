"""Blocks of columns, dense or sparse, put together into the matrix that an estimator sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def stack(parts: list[Any]) -> Any:
    """Put rows below rows."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    from scipy.sparse import vstack

    return vstack(parts, format="csr")


def as_numbers(block: Any, *, codes: bool) -> Any:
    """Hand codes over as floats, NaN where there is no level."""
    if not isinstance(block, np.ndarray):
        return block
    if codes and np.issubdtype(block.dtype, np.integer):
        return np.where(block < 0, np.nan, block).astype(np.float64)
    return block.astype(np.float64, copy=False)


def side_by_side(blocks: list[Any], *, sparse: bool, n_rows: int) -> Any:
    """Put columns beside columns, C-ordered or CSR."""
    if not blocks:
        return np.empty((n_rows, 0))
    if sparse:
        from scipy.sparse import csr_matrix, hstack

        return hstack([csr_matrix(block) for block in blocks], format="csr")
    joined = blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)
    return np.ascontiguousarray(joined)


def count_levels(block: NDArray[np.float64]) -> list[int]:
    """Return one more than the highest code of each column."""
    filled = np.where(np.isnan(block), -1, block)
    return [int(highest) + 1 for highest in filled.max(axis=0, initial=-1)]
