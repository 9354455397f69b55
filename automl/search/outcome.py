"""What came of a candidate: an evaluation or a failure, never an exception."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from automl.candidate.recipe import Candidate


class Reason(StrEnum):
    """Why a candidate has no score. ``CONSTRAINT`` and ``PRUNED`` are not failures."""

    EXCEPTION = "exception"
    NONFINITE = "nonfinite"
    SHAPE = "shape"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    KILLED = "killed"
    CONSTRAINT = "constraint"
    DISK = "disk"
    INTERRUPTED = "interrupted"
    IMPORT = "import"
    PRUNED = "pruned"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldResult:
    """One fold of a candidate, fitted and judged.

    Parameters
    ----------
    score : float
        In the metric's own direction.
    values : ndarray of shape (n_test, n_classes) or (n_test,)
        Float32 values for the fold's test rows.
    member : Path
        Folder of the fitted pipeline.
    seconds : float
        Wall seconds of fit and predict.
    sample : ndarray
        Values of the run's sample rows, which a saved model has to give again.
    rounds : int or None, default=None
        Rounds learned, where the algorithm learns in rounds.
    complete : bool, default=True
        False where a deadline stopped learning.
    digest : str, default=""
        Hash of the folder, in a run that is kept.
    latency_ms : float or None, default=None
        Milliseconds that a single row takes, at the median of a few; None where time was short.
    n_bytes : int, default=0
        Size of the folder.
    """

    score: float
    values: NDArray[np.float32]
    member: Path
    seconds: float
    sample: NDArray[np.float64]
    rounds: int | None = None
    complete: bool = True
    digest: str = ""
    latency_ms: float | None = None
    n_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldFailure:
    """One fold of a candidate that gave nothing to judge.

    Parameters
    ----------
    reason : Reason
    message : str
        The first cause, in one line.
    detail : str, default=""
        The traceback, where there is one.
    """

    reason: Reason
    message: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A candidate that has no score.

    Parameters
    ----------
    number : int
        Number of the trial.
    candidate : Candidate
    reason : Reason
    message : str
        The first cause, in one line.
    seconds : float
    detail : str, default=""
        The traceback, where there is one.
    """

    number: int
    candidate: Candidate
    reason: Reason
    message: str
    seconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A candidate with a score from every fold, or from those that were done in time.

    Parameters
    ----------
    number : int
        Number of the trial.
    candidate : Candidate
    cv_score : float
        The metric over all out-of-fold values, in its own direction; used for choosing.
    fold_scores : tuple of float
    values : ndarray of shape (n_covered, n_classes) or (n_covered,)
        Out-of-fold values of the rows that the plan covers, in row order.
    members : tuple of Path
        Folder of the fitted pipeline of each fold.
    sample : ndarray
        Values of the run's sample rows, averaged over the folds.
    seconds : float
        Seconds of all folds together.
    digests : tuple of str, default=()
        Hash of each member's folder; empty where the run is not kept.
    rounds : tuple of int or None, default=()
        Rounds learned in each fold.
    latency_ms : float or None, default=None
        Milliseconds that the pipelines of all folds take for a single row, one after the other.
    n_bytes : int or None, default=None
        Size of their folders.
    n_missing : int, default=0
        Folds that were not done in time. For their rows ``values`` are those of the best
        complete candidate, so that this one is no better and no worse there.
    """

    number: int
    candidate: Candidate
    cv_score: float
    fold_scores: tuple[float, ...]
    values: NDArray[np.float32]
    members: tuple[Path, ...]
    sample: NDArray[np.float64]
    seconds: float
    digests: tuple[str, ...] = ()
    rounds: tuple[int | None, ...] = ()
    latency_ms: float | None = None
    n_bytes: int | None = None
    n_missing: int = 0


Outcome = Evaluation | Failure
