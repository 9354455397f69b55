"""What holds for every metric."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin.guard import watch
from automl.testing.checks import CheckFailedError, Property, says
from automl.testing.comparing import fingerprint, freeze, thaw
from automl.testing.problems import easy_problem, encoded_targets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Metric, Task
    from automl.plugin.selection import Plugins

SECTION = "automl_metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A target of one task, and what could be said of it, in the form that the metric reads."""

    task: Task
    n_classes: int
    y: NDArray[Any]
    perfect: NDArray[Any]
    noisy: NDArray[Any]
    random: NDArray[Any]
    constant: NDArray[Any]


class ScoringBench:
    """What the checks of one metric share.

    Parameters
    ----------
    metric : Metric
    catalog : Catalog
    plugins : Plugins
    """

    def __init__(self, metric: Metric, catalog: Catalog, plugins: Plugins) -> None:
        self.metric = metric
        self.catalog = catalog
        self.plugins = plugins

    @cached_property
    def cases(self) -> list[Said]:
        """One for each installed task that the metric serves."""
        tasks = [task for task in self.catalog.tasks.values() if task.names & self.metric.tasks]
        found = (self._said(task) for task in tasks)
        return [said for said in found if said is not None]

    def score(self, y: NDArray[Any], given: NDArray[Any], weight: Any = None) -> float:
        """Return the metric's score of arrays that nobody else has."""
        return self.metric.score(y.copy(), given.copy(), weight)

    def _said(self, task: Task) -> Said | None:
        found = encoded_targets(task, easy_problem(n_rows=50, n_fresh=10).hidden)
        if found is None:
            return None
        encoded = found[1]
        n_classes = 0 if encoded.classes is None else len(encoded.classes)
        y = encoded.y
        rng = np.random.default_rng(0)
        constant = np.asarray(task.constant(y, None, n_classes), dtype=np.float64)
        values = np.eye(n_classes)[y] if n_classes else y.astype(np.float64)
        shuffled = values[rng.permutation(len(y))]
        mixed = 0.8 * values + 0.2 * shuffled
        rows = np.tile(constant, (len(y), 1)) if n_classes else np.full(len(y), constant)

        def form(given: NDArray[np.float64]) -> NDArray[Any]:
            return given if self.metric.reads == "values" else task.decide(given)

        return Said(
            task=task,
            n_classes=n_classes,
            y=y,
            perfect=form(values),
            noisy=form(mixed),
            random=form(shuffled),
            constant=form(rows),
        )


@says("At least one of the tasks that it names is installed.", SECTION)
def _an_installed_task_is_served(bench: ScoringBench) -> None:
    if not bench.cases:
        raise CheckFailedError(
            f"tasks={sorted(bench.metric.tasks)}, installed: {', '.join(bench.catalog.tasks)}.",
            "Name an installed task, or its `like`.",
        )


@says("Perfect, random and constant predictions have scores, and they are finite numbers.", SECTION)
def _scores_are_finite_numbers(bench: ScoringBench) -> None:
    for said in bench.cases:
        for what in ("perfect", "noisy", "random", "constant"):
            score: object = bench.score(said.y, getattr(said, what))
            if not isinstance(score, float | int | np.floating) or not np.isfinite(score):
                raise CheckFailedError(
                    f"{said.task.name}: a {what} prediction scores {score!r}.",
                    "Return a float; decide what it is where a share has no denominator.",
                )


@says(
    "A perfect prediction scores what `best` says.",
    SECTION,
    when=lambda bench: np.isfinite(bench.metric.best),
)
def _a_perfect_prediction_scores_best(bench: ScoringBench) -> None:
    for said in bench.cases:
        score = bench.score(said.y, said.perfect)
        if not np.isclose(score, bench.metric.best, atol=1e-6):
            raise CheckFailedError(
                f"{said.task.name}: a perfect prediction scores {score}, best={bench.metric.best}.",
                "Set `best` to the score of a perfect prediction.",
            )


@says(
    "A perfect prediction is better than a random one in the direction that it declares.", SECTION
)
def _the_direction_is_true(bench: ScoringBench) -> None:
    sign = 1 if bench.metric.greater_is_better else -1
    for said in bench.cases:
        perfect, random = bench.score(said.y, said.perfect), bench.score(said.y, said.random)
        if not sign * perfect > sign * random:
            raise CheckFailedError(
                f"{said.task.name}: a perfect prediction scores {perfect}, a random one {random}, "
                f"and greater_is_better={bench.metric.greater_is_better}.",
                "Turn greater_is_better round.",
            )


@says("Rows in another order have the same score.", SECTION)
def _the_order_of_rows_does_not_matter(bench: ScoringBench) -> None:
    for said in bench.cases:
        for given in (said.noisy, said.random):
            usual = bench.score(said.y, given)
            for seed in range(5):
                order = np.random.default_rng(seed).permutation(len(said.y))
                shuffled = bench.score(said.y[order], given[order])
                if not np.isclose(usual, shuffled):
                    raise CheckFailedError(
                        f"{said.task.name}: {usual} becomes {shuffled} when rows are shuffled.",
                        "Sum over rows; do not use their positions.",
                    )


@says("A row of weight 2 counts as if it were there twice.", SECTION)
def _a_weight_of_two_is_a_row_given_twice(bench: ScoringBench) -> None:
    for said in bench.cases:
        twice = np.arange(len(said.y)) % 3 == 0
        rows = np.sort(np.concatenate([np.arange(len(said.y)), np.flatnonzero(twice)]))
        weight = np.where(twice, 2.0, 1.0)
        by_weight = bench.score(said.y, said.random, weight)
        by_rows = bench.score(said.y[rows], said.random[rows])
        if not np.isclose(by_weight, by_rows, rtol=1e-6, atol=1e-9):
            raise CheckFailedError(
                f"{said.task.name}: weights of 2 give {by_weight}, doubled rows {by_rows}.",
                "Use `weight` in every sum and mean, also in the denominators.",
            )


@says("Scoring works on read-only arrays, prints nothing and leaves global state alone.", SECTION)
def _nothing_else_changes(bench: ScoringBench) -> None:
    for said in bench.cases:
        y, given, weight = said.y.copy(), said.noisy.copy(), np.ones(len(said.y))
        bench.metric.score(y, given, weight)
        before = [fingerprint(array) for array in (said.y, said.noisy, np.ones(len(said.y)))]
        y, given = said.y.copy(), said.noisy.copy()
        freeze([y, given, weight])
        try:
            with watch() as watched:
                bench.metric.score(y, given, weight)
        except ValueError as error:
            raise CheckFailedError(
                f"{said.task.name}: on read-only arrays it raised {error}.",
                "Copy arrays before changing them.",
            ) from error
        finally:
            thaw([y, given, weight])
        after = [fingerprint(array) for array in (y, given, weight)]
        if watched.changed or watched.printed or before != after:
            raise CheckFailedError(
                f"{said.task.name}: it prints, or changes what it was given or global state.",
                "Only compute and return.",
            )


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
