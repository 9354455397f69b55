"""Fitting and judging one fold of a candidate; the same code in a worker and in the caller."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from automl import files
from automl.candidate.pipeline import Setting, fit_pipeline, fit_preparation
from automl.candidate.session import made_here
from automl.candidate.storage import STRUCTURE, save_pipeline
from automl.plugin.contributions import Validation
from automl.plugin.discovery import discover
from automl.search.budget import Clock, timed
from automl.search.outcome import FoldFailure, FoldResult, Reason
from automl.search.rungs import some_rows
from automl.search.scoring import score_values
from automl.search.shared import open_run
from automl.search.worker import crash_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from automl.candidate.pipeline import Pipeline, Prepared
    from automl.candidate.recipe import Candidate
    from automl.data.folds import Fold
    from automl.search.shared import RunSpec

CACHE_BYTES = 1 << 28
"""Prepared matrices that one worker keeps."""

PROBABILITY_TOLERANCE = 1e-3
"""How far probabilities of one row may be from adding up to 1."""

TIMED = 5
"""Single rows by which a latency is measured, after one that does not count."""

TIMED_SECONDS = 0.005
"""No further row is timed after so many seconds."""

PROBED = 20
"""Rows that are predicted once more, the last one first."""

WATCHED = 4
"""Where a candidate is fitted on a part of the rows, rounds are counted by one held-out row for so
many of these at most."""

FEW = 100
"""Fewer held-out rows only judge: the best of many rounds on so few rows would look too good."""

APART = 0.05
"""How far the two values of a row may be apart, as a share of the range of all values: half
precision on a GPU is far below, rows in another order are far above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldJob:
    """One fold of a candidate, to be fitted.

    Parameters
    ----------
    number : int
        Number of the trial.
    candidate : Candidate
    fold : int
    seconds : float or None
        After so many, an algorithm that learns in rounds has to stop with what it has.
    """

    number: int
    candidate: Candidate
    fold: int
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A fold's matrices."""

    prepared: Prepared
    X_test: Any
    saved: list[Path]

    def twin(self, member: Path) -> Path | None:
        """Return where the preparation is saved already; else it will be in ``member``."""
        found = next((place for place in self.saved if (place / STRUCTURE).exists()), None)
        self.saved.append(member)
        return found

    @property
    def n_bytes(self) -> int:
        return _n_bytes(self.prepared.X) + _n_bytes(self.X_test)


class Evaluator:
    """Fits folds of candidates on the data of one run.

    Parameters
    ----------
    spec : RunSpec
    """

    def __init__(self, spec: RunSpec) -> None:
        self._spec = spec
        self._catalog = discover(spec.plugins)
        self._data = open_run(spec.folder)
        self._setting = Setting(
            task=self._catalog.get("task", spec.task),
            n_classes=spec.n_classes,
            metric=spec.metric.name,
            seed=spec.seed,
            threads=spec.threads,
            device=spec.device,
        )
        self._cache: OrderedDict[tuple[int, str, int | None], _Ready] = OrderedDict()
        self._folds: dict[tuple[int, int | None], Fold] = {}

    def __call__(self, job: FoldJob) -> FoldResult | FoldFailure:
        """Fit and judge one fold; what a plugin raises becomes a value."""
        try:
            return self._evaluate(job)
        except _WrongError as error:
            return FoldFailure(reason=error.reason, message=str(error))
        except Exception as error:
            crash = crash_of(error)
            return FoldFailure(reason=crash.reason, message=crash.message, detail=crash.detail)

    def _evaluate(self, job: FoldJob) -> FoldResult | FoldFailure:
        clock = Clock(job.seconds)
        fold = self._fold(job)
        y_train, y_test = self._data.y[fold.train], self._data.y[fold.test]
        ready = self._ready(job, fold, y_train)
        if ready.prepared.extra == 0:
            steps = ", ".join(job.candidate.extra)
            raise _WrongError(Reason.PRUNED, f"No column comes out of {steps}: as without.")
        w_train, w_test = self._weights(fold)
        rounds = _Rounds(clock)
        # Rows in an order or in groups are not what a random part of the training rows stands for.
        plain = self._setting.task.splitters["plain"] == self._data.plan.splitter
        few = plain and len(y_test) < FEW
        pipeline = fit_pipeline(
            job.candidate,
            ready.prepared,
            y_train,
            w_train,
            _validation(ready.X_test, y_test, w_test, job.candidate.rows, few=few),
            self._catalog.get("algorithm", job.candidate.algorithm),
            self._setting,
            rounds,
        )
        values = self._values(pipeline, ready.X_test)
        self._check_order(pipeline, ready.X_test, values)
        truth, decide = self._data.truth(fold.test), self._setting.task.decide
        score = score_values(self._spec.metric, decide, truth, values)
        member = self._spec.members / f"{job.number:05d}-{job.fold}"
        digest = self._save(pipeline, member, ready)
        sample = pipeline.values(self._data.sample)
        return FoldResult(
            score=score,
            values=values.astype(np.float32),
            member=member,
            latency_ms=None if clock.up else self._latency(pipeline),
            seconds=clock.elapsed,
            sample=sample,
            rounds=rounds.last,
            complete=not rounds.stopped,
            digest=digest,
            n_bytes=files.size(member),
        )

    def _latency(self, pipeline: Pipeline) -> float:
        """Return the milliseconds of a single row, at the median of a few after the first."""
        n_rows = self._data.sample.n_rows
        taken = []
        for number in range(TIMED + 1):
            row = number % n_rows
            table = self._data.sample.take(slice(row, row + 1))
            taken.append(timed(partial(pipeline.values, table)))
            if sum(taken) > TIMED_SECONDS:
                break
        return 1e3 * median(taken[1:] or taken)

    def _save(self, pipeline: Pipeline, member: Path, ready: _Ready) -> str:
        durable = self._spec.durable
        folder = member.with_name(member.name + files.TEMPORARY) if durable else member
        try:
            folder.mkdir()
            # Here a class of the main module came by value, and cannot be looked up by name.
            portable, twin = not made_here(pipeline), ready.twin(member)
            save_pipeline(pipeline, folder, self._catalog, portable=portable, twin=twin)
            return files.seal(folder, member) if durable else ""
        except OSError as error:
            raise _WrongError(Reason.DISK, f"The model cannot be written: {error}") from error

    def _ready(self, job: FoldJob, fold: Fold, y_train: NDArray[Any]) -> _Ready:
        key = (job.fold, job.candidate.preparation_key, job.candidate.rows)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        # Room is made before: what comes is hardly larger than the largest that is there.
        sizes = [ready.n_bytes for ready in self._cache.values()]
        while sizes and sum(sizes) + max(sizes) > CACHE_BYTES:
            self._cache.popitem(last=False)
            del sizes[0]
        prepared = fit_preparation(
            job.candidate,
            self._data.table.take(fold.train),
            y_train,
            self._spec.schema,
            self._catalog,
            self._setting,
        )
        X_test = prepared.preparation.transform(self._data.table.take(fold.test))
        for X in (prepared.X, X_test):
            _freeze(X)
        self._cache[key] = _Ready(prepared=prepared, X_test=X_test, saved=[])
        return self._cache[key]

    def _fold(self, job: FoldJob) -> Fold:
        """Return the rows to fit on, as many as the candidate wants, and those to judge by."""
        key = (job.fold, job.candidate.rows)
        if key not in self._folds:
            fold = self._data.plan.folds[job.fold]
            rows = some_rows(self._data.y[fold.train], job.candidate.rows, self._spec.seed)
            self._folds[key] = fold if rows is None else replace(fold, train=fold.train[rows])
        return self._folds[key]

    def _weights(self, fold: Fold) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
        weight = self._data.weight
        return (None, None) if weight is None else (weight[fold.train], weight[fold.test])

    def _values(self, pipeline: Pipeline, X: Any) -> NDArray[np.float64]:
        try:
            with warnings.catch_warnings():
                # Else NumPy would quietly leave a part of them out.
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                values = pipeline.values_of(X)
        except ValueError as error:
            if "values of shape" not in str(error):
                raise
            raise _WrongError(Reason.SHAPE, str(error)) from error
        if not np.isfinite(values).all():
            raise _WrongError(Reason.NONFINITE, "Some values are not finite numbers.")
        if self._setting.n_classes:
            sums = values.sum(axis=1)
            if (values < 0).any() or np.abs(sums - 1).max(initial=0) > PROBABILITY_TOLERANCE:
                raise _WrongError(Reason.SHAPE, "Probabilities are negative or do not add up to 1.")
        return values

    def _check_order(self, pipeline: Pipeline, X: Any, values: NDArray[np.float64]) -> None:
        """Refuse values that do not belong to their rows: asked backwards, they have to agree."""
        rows = np.linspace(len(values) - 1, 0, min(len(values), PROBED)).astype(np.intp)
        again = self._values(pipeline, X[rows])
        with np.errstate(over="ignore", invalid="ignore"):
            far = APART * (values.max() - values.min()) + 1e-4 * np.abs(values).max()
            wrong = np.abs(again - values[rows]).max() > far
        if wrong:
            raise _WrongError(
                Reason.SHAPE, "The values of a row change with the rows beside it, or their order."
            )


def _validation(
    X: Any,
    y: NDArray[Any],
    weight: NDArray[np.float64] | None,
    rows: int | None,
    *,
    few: bool,
) -> Validation:
    """Return held-out rows to count rounds by; to few training rows all of them would be dear."""
    part = None if rows is None else some_rows(y, max(rows // WATCHED, FEW), 0)
    if part is None:
        return Validation(X=X, y=y, weight=weight, few=few)
    return Validation(
        X=X[part], y=y[part], weight=None if weight is None else weight[part], few=few
    )


class _Rounds:
    """Hears of each round and says when to stop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.last: int | None = None
        self.stopped = False

    def __call__(self, round_: int, score: float | None = None) -> bool:
        del score
        self.last = round_
        self.stopped = self._clock.up
        return self.stopped


class _WrongError(Exception):
    """A plugin gave something that is no value."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def _freeze(X: Any) -> None:
    """Shared matrices must not be written to by an estimator."""
    for array in (X,) if isinstance(X, np.ndarray) else (X.data, X.indices, X.indptr):
        if array.flags.owndata:
            array.flags.writeable = False


def _n_bytes(X: Any) -> int:
    arrays = (X,) if isinstance(X, np.ndarray) else (X.data, X.indices, X.indptr)
    return sum(int(array.nbytes) for array in arrays)
