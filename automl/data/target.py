"""The target as given, looked at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The column to predict, without the rows where it is missing.

    Parameters
    ----------
    name : str
    labels : ndarray of shape (n_rows,)
        As the user wrote them: bool, int64, float64 or object (str).
    numeric : bool
        Whether the labels are numbers (or numbers written as strings, then ``numbers`` has them).
    numbers : ndarray of shape (n_rows,), dtype=float64, or None
        The labels as numbers, where they are.
    n_distinct : int
        Number of distinct labels.
    forced : str, default=""
        Name of the task that the user asked for.
    kind : str, default=""
        The kind that the user asked for: ``"number"`` or ``"category"``.
    """

    name: str
    labels: NDArray[Any]
    numeric: bool
    numbers: NDArray[np.float64] | None
    n_distinct: int
    forced: str = ""
    kind: str = ""
