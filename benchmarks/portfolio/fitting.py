"""Fitting all folds of a candidate in one worker of the engine, ended when it takes too long.

Only CPU seconds count, so that nothing depends on what else the machine does.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import psutil
from numpy.typing import NDArray

from automl.candidate.recipe import Candidate
from automl.search.evaluate import Evaluator, FoldJob
from automl.search.outcome import FoldFailure, Reason
from automl.search.shared import RunSpec
from automl.search.workers import Job, ProcessPool

HANDLER = "benchmarks.portfolio.fitting:Fitter"

START = 10.0
"""CPU seconds that a worker may take for its imports, beside the first candidate."""

POLL = 1.0

MEMORY = 4 << 30
"""Bytes of memory above which a candidate is ended."""


MACHINE = frozenset({Reason.EXCEPTION, Reason.IMPORT})
"""Crashes of the evaluator itself: what a candidate raises comes back as a value."""


class MachineError(Exception):
    """Nothing can be fitted here, whatever the candidate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A candidate to be fitted on all folds."""

    spec: RunSpec
    candidate: Candidate
    n_folds: int
    cap: float  # CPU seconds of all folds


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What came of it; a failure has no values."""

    values: tuple[NDArray[np.float32], ...] = ()  # for each fold its test rows
    unseen: NDArray[np.float64] | None = None  # mean over the folds
    seconds: float
    failure: str = ""


class Fitter:
    """What the worker runs: the engine's evaluator, for one question at a time."""

    def __init__(self, _: object) -> None:
        self._folder: Path | None = None
        self._evaluator: Evaluator | None = None
        self._n_done = 0

    def __call__(self, piece: Piece) -> Fitted:
        """Fit and judge every fold; a failure ends it."""
        start = time.process_time()
        if self._evaluator is None or self._folder != piece.spec.folder:
            self._evaluator, self._folder = Evaluator(piece.spec), piece.spec.folder
        values, said = [], []
        for fold in range(piece.n_folds):
            self._n_done += 1
            job = FoldJob(number=self._n_done, candidate=piece.candidate, fold=fold, seconds=None)
            result = self._evaluator(job)
            seconds = time.process_time() - start
            if isinstance(result, FoldFailure):
                failure = f"{result.reason.value}: {result.message}"
                return Fitted(seconds=seconds, failure=failure)
            shutil.rmtree(result.member, ignore_errors=True)
            values.append(result.values)
            said.append(result.sample)
            if seconds > piece.cap and fold + 1 < piece.n_folds:
                return Fitted(seconds=seconds, failure=_late(piece.cap))
        seconds = time.process_time() - start
        return Fitted(values=tuple(values), unseen=np.mean(said, axis=0), seconds=seconds)


class Bench:
    """One worker with one thread.

    Parameters
    ----------
    folder : Path
        Takes the worker's log.
    preload : tuple of str
        Modules that the worker imports first.
    cap : float
        CPU seconds that a candidate may take.
    """

    def __init__(self, folder: Path, preload: tuple[str, ...], cap: float) -> None:
        self._pool = ProcessPool(
            size=1, handler=HANDLER, argument=None, log_folder=folder, preload=preload
        )
        self._cap = cap
        self._n_jobs = 0

    def fit(self, spec: RunSpec, candidate: Candidate, n_folds: int) -> Fitted:
        """Return what came of a candidate.

        Raises
        ------
        MachineError
            If it is not the candidate's fault that nothing came of it.
        """
        self._n_jobs += 1
        before = _cpu_seconds()
        piece = Piece(spec=spec, candidate=candidate, n_folds=n_folds, cap=self._cap)
        self._pool.submit(Job(number=self._n_jobs, payload=piece, memory=MEMORY))
        late = False
        while True:
            ended = self._pool.wait(POLL)
            if ended:
                break
            now = _cpu_seconds()
            before = min(before, now)  # a worker that was replaced begins at 0
            if not late and now - before > self._cap + START:
                late = True
                self._pool.cancel(self._n_jobs)
        if ended[0].crash is None:
            found: Fitted = ended[0].result
            if found.failure.startswith(Reason.DISK.value):
                raise MachineError(found.failure)
            return found
        crash = ended[0].crash
        if crash.reason in MACHINE:
            raise MachineError(f"{crash.message}\n{crash.detail}")
        if late and crash.reason is Reason.INTERRUPTED:
            return Fitted(seconds=self._cap, failure=_late(self._cap))
        return Fitted(seconds=self._cap, failure=f"{crash.reason.value}: {crash.message}")

    def close(self) -> None:
        """End the worker."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _late(cap: float) -> str:
    return f"{Reason.TIMEOUT.value}: more than {cap:g} CPU seconds"


def _cpu_seconds() -> float:
    """Return what all child processes have taken so far."""
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total
