"""What a run says while it works, as frozen values. Every event carries ``elapsed`` seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened.

    Parameters
    ----------
    elapsed : float
        Seconds since the run started.
    """

    elapsed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """The data is read and the search begins; ``resumed`` outcomes stand from before."""

    target: str
    task: str
    metric: str
    n_rows: int
    n_columns: int
    n_folds: int
    workers: int
    seconds: float | None
    trials: int | None
    resumed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFound(Event):
    """Something was found in the data (see `automl.data.finding.Finding`)."""

    code: str
    message: str
    warn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStarted(Event):
    """A candidate's first fold is being fitted."""

    number: int
    algorithm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialFinished(Event):
    """A candidate has its outcome. ``score`` is None where ``status`` is not ``complete``."""

    number: int
    algorithm: str
    status: str
    score: float | None
    seconds: float
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Improved(Event):
    """The best single candidate so far changed."""

    number: int
    algorithm: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Blended(Event):
    """The blend of all candidates so far got better.

    Its score is of out-of-fold values, of 20,000 rows at most; the weights were chosen on them too.
    """

    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Event):
    """Something happened to the run that its owner should know."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage(Event):
    """A named part of the run begins: ``read``, ``search``, ``blend``, ``save``."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """The predictor stands."""

    score: float | None
    metric: str
    n_complete: int
    n_failed: int
    members: tuple[str, ...]
