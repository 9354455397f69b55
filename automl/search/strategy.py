"""What a person may pick by hand, and the sizes chosen where they do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from automl.errors import InputError

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage

    from automl.plugin.contributions import Params, Space
    from automl.search.jobs import Pool


COSTS = ("latency_ms", "n_bytes")
"""Costs of an evaluation that can count beside its score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """Choices that the engine makes by itself unless told otherwise.

    Parameters
    ----------
    task : str, tuple of str or None, default=None
        Name of the task, or the names among which the target decides.
    splitter : str, sequence of (train, test) or None, default=None
        Name of an installed splitter, or row numbers of the folds.
    folds : int or None, default=None
        Number of folds; by size and budget where None.
    validation : table or None, default=None
        A table of the user's own with the target in it: candidates are fitted on all rows of the
        source and judged by these.
    isolation : {"process", "none"}, default="process"
        Whether candidates are fitted in child processes or in the caller's (for debugging).
    executor : callable (size, handler, log_folder, preload) -> Pool, or None, default=None
        Makes the pool of workers instead of ours, called with keywords (see
        `automl.search.jobs.Pool` and `automl.search.workers.ProcessPool`).
    sampler : callable (seed) -> optuna sampler, or None, default=None
        Called once for each algorithm; Optuna's TPE where None.
    spaces : mapping of str to mapping, default={}
        For an algorithm's name: ranges that replace its own, parameter by parameter. A plain value
        fixes a parameter.
    starts : mapping of str to sequence of mappings, default={}
        For an algorithm's name: configurations to try before its own.
    members : int, default=12
        Distinct candidates in the final ensemble at most.
    storage : str, optuna storage or None, default=None
        An Optuna storage, such as ``"sqlite:///studies.db"`` or ``"postgresql://..."``, that each
        outcome is copied to, for optuna-dashboard. A run never waits for it nor fails by it.
    objectives : tuple of {"latency_ms", "n_bytes"}, default=()
        Costs that count beside the score: the milliseconds of a single row, the size of the model.
        The search weighs them against the score, and `Result.front` has the compromises.
    max_ms : float or None, default=None
        Milliseconds that a single row, read already, may take on this machine at the median. The
        predictor is the best compromise that keeps to it.
    device : str, default="cpu"
        Where algorithms fit that can use it, such as ``"cuda"`` or ``"cuda:1"``; all others use
        the CPU.

    Raises
    ------
    InputError
        E_INPUT_OBJECTIVE where a cost is unknown, E_INPUT_MAX_MS where a limit is not above 0.
    """

    task: str | tuple[str, ...] | None = None
    splitter: str | tuple[Any, ...] | list[Any] | None = None
    folds: int | None = None
    validation: Any = None
    isolation: Literal["process", "none"] = "process"
    executor: Callable[..., Pool] | None = None
    sampler: Callable[[int], BaseSampler] | None = None
    spaces: Mapping[str, Space | Params] = field(default_factory=dict)
    starts: Mapping[str, tuple[Params, ...]] = field(default_factory=dict)
    members: int = 12
    storage: str | BaseStorage | None = None
    objectives: tuple[str, ...] = ()
    max_ms: float | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        unknown = [name for name in self.objectives if name not in COSTS]
        if unknown:
            raise InputError(
                "E_INPUT_OBJECTIVE",
                f"objectives={self.objectives!r}: {unknown[0]!r} is no cost.",
                f"Give a tuple of {', '.join(COSTS)}; the score always counts.",
            )
        if self.max_ms is not None and not self.max_ms > 0:
            raise InputError(
                "E_INPUT_MAX_MS", f"max_ms={self.max_ms!r}, expected a number above 0."
            )

    @property
    def costs(self) -> tuple[str, ...]:
        """What counts beside the score; a limit makes its cost one."""
        limited = ("latency_ms",) if self.max_ms is not None else ()
        return tuple(dict.fromkeys((*limited, *self.objectives)))


HOLDOUT_ROWS = 10_000
"""Fewer rows are never judged by one hold-out."""

FEW_ROWS = 2_500
"""Up to here each row that is not learned from costs more than the time that more folds take."""

MANY_ROWS = 75_000
"""From here on one model of nearly all rows is better than three of two thirds in the same time."""


def folds_for(
    n_rows: int, n_columns: int, n_classes: int, seconds: float | None, workers: int
) -> int:
    """Return the number of folds that a table of this size can afford; 1 means a hold-out.

    More folds make better out-of-fold values and a stronger bag, as long as several candidates
    still fit into the budget: a boosted ensemble on one core handles about 100,000 cells a second,
    once for each of more than two classes.

    Parameters
    ----------
    n_rows, n_columns : int
    n_classes : int
        0 where the target is a number.
    seconds : float or None
        The budget; a minute is assumed where there is none.
    workers : int
    """
    times = n_classes if n_classes > 2 and n_rows > FEW_ROWS else 1
    cells_per_second = n_rows * max(n_columns, 1) * times / ((seconds or 60.0) * workers)
    if n_rows >= HOLDOUT_ROWS and cells_per_second > 15_000:
        return 1
    if cells_per_second > 6_000:
        return 1 if n_rows >= MANY_ROWS else 3
    if n_rows > FEW_ROWS or cells_per_second > 1_500:
        return 5
    return 8
