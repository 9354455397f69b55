"""What a contribution is told about the work it is built for, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl.data.schema import Feature


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What an algorithm is built for.

    Parameters
    ----------
    task : str
        Name of the task, or of the task that it says it is like.
    n_classes : int
        Number of classes; 0 where the target is a number. ``y`` holds 0 .. ``n_classes - 1``.
    n_rows, n_columns : int
        Shape of the matrix to be fitted on.
    categories : tuple of int, default=()
        Columns of the matrix that hold category codes (0, 1, ... as floats, NaN where missing or
        not seen); empty unless the algorithm accepts the trait ``category``.
    n_levels : tuple of int, default=()
        Number of levels of each of ``categories``.
    names : tuple of str, default=()
        A readable name for each column, for reports; never needed to fit.
    sparse : bool, default=False
        Whether the matrix is a SciPy CSR matrix.
    seed : int, default=0
        Seed for everything random.
    threads : int, default=1
        Threads that fitting may use.
    metric : str, default=""
        Name of the metric that the search optimises.
    monotonic : tuple of int, default=()
        For each column of the matrix 1 where predictions (of two classes: the probability of the
        second) must not fall while it rises, -1 where they must not rise, else 0. Empty unless the
        user asks for it; only algorithms with ``monotonic=True`` are then tried.
    device : str, default="cpu"
        Where to fit: ``"cpu"``, or what the user asks for (``"cuda"``, ``"cuda:1"``) if the
        algorithm names its first word in ``devices``.
    """

    task: str
    n_classes: int
    n_rows: int
    n_columns: int
    categories: tuple[int, ...] = ()
    n_levels: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    sparse: bool = False
    seed: int = 0
    threads: int = 1
    metric: str = ""
    monotonic: tuple[int, ...] = ()
    device: str = "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareContext:
    """What a preprocessor is built for.

    Parameters
    ----------
    task : str
        As in `Context`.
    n_classes : int
        As in `Context`.
    n_rows : int
        Rows to be fitted on.
    features : tuple of Feature
        The user's columns in this group, one for each column of the first step's input; for a step
        that takes the table all columns, in which those of one kind keep the order of its matrix.
    seed : int, default=0
    """

    task: str
    n_classes: int
    n_rows: int
    features: tuple[Feature, ...]
    seed: int = 0
