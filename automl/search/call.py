"""One call that fits: what it was given beside the data, and the workers that it sets up."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automl.errors import InputError, PluginWarning, RunWarning
from automl.events import Noted, RunStarted
from automl.search.budget import Clock
from automl.search.cores import cores
from automl.search.shared import RunSpec
from automl.search.workers import ProcessPool, SamePool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from automl.events import Event
    from automl.plugin.catalog import Catalog
    from automl.plugin.notify import Notifier
    from automl.plugin.selection import Plugins
    from automl.search.budget import Budget
    from automl.search.folder import RunFolder
    from automl.search.interrupts import Interrupts
    from automl.search.question import Question
    from automl.search.shared import RunData
    from automl.search.strategy import Strategy
    from automl.search.workers import Pool

EVALUATOR = "automl.search.evaluate:Evaluator"
"""What the workers run."""

CLOSING = 0.3
"""Seconds kept for what follows the blend."""

HASTE = 2.0
"""Seconds for the blend after an interrupt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What one call was given, beside the data.

    Parameters
    ----------
    budget : Budget
    seed : int
    workers : int
    plugins : Plugins
    strategy : Strategy
    clock : Clock
        Runs since the call.
    notifier : Notifier
    """

    budget: Budget
    seed: int
    workers: int
    plugins: Plugins
    strategy: Strategy
    clock: Clock
    notifier: Notifier

    def say(self, event: type[Event], **facts: Any) -> None:
        """Send an event, stamped with the time."""
        self.notifier.send(event(elapsed=self.clock.elapsed, **facts))

    def note(self, code: str, message: str) -> None:
        """Say what the owner of the run should know."""
        kind = PluginWarning if code.startswith("W_PLUGIN") else RunWarning
        warnings.warn(kind(code, message), stacklevel=4)
        self.say(Noted, code=code, message=message)

    def say_started(self, question: Question, data: RunData, resumed: int = 0) -> None:
        """Tell listeners what is about to be fitted."""
        self.say(
            RunStarted,
            target=question.given.target.name,
            task=question.task.name,
            metric=question.metric.name,
            n_rows=question.table.n_rows,
            n_columns=len(question.schema.learned),
            n_folds=len(data.plan.folds),
            workers=self.workers,
            seconds=self.budget.seconds,
            trials=self.budget.trials,
            resumed=resumed,
        )

    def pool(self, catalog: Catalog, folder: Path) -> Pool:
        """Return the workers, which begin to start."""
        if self.strategy.isolation == "none":
            return SamePool(EVALUATOR)
        preload = {name for algorithm in catalog.algorithms.values() for name in algorithm.imports}
        make = self.strategy.executor or ProcessPool
        return make(
            size=self.workers, handler=EVALUATOR, log_folder=folder, preload=tuple(sorted(preload))
        )

    def spec(self, question: Question, folder: RunFolder) -> RunSpec:
        """Return what each worker is told once."""
        return RunSpec(
            folder=folder.work,
            members=folder.members,
            durable=folder.history.kept,
            schema=question.schema,
            plugins=self.plugins,
            task=question.task.name,
            n_classes=question.n_classes,
            metric=question.metric,
            seed=self.seed,
            threads=1,
            device=self.strategy.device,
        )

    def patience(self, stop: Interrupts) -> Callable[[], float]:
        """Return the seconds that blending may take: few after an interrupt, none after two."""
        asked = stop.count
        haste = Clock(HASTE if asked else None)
        return lambda: 0.0 if stop.count > asked else min(self.clock.left - CLOSING, haste.left)


def workers_of(n_jobs: int | None) -> int:
    """Return how many workers a user asks for.

    Raises
    ------
    InputError
        ``E_INPUT_JOBS``.
    """
    if n_jobs is None:
        return cores()
    if n_jobs == 0 or n_jobs < -1:
        raise InputError("E_INPUT_JOBS", f"n_jobs={n_jobs!r}, expected 1 up, -1 for all, or None.")
    return min(n_jobs, cores()) if n_jobs > 0 else cores()
