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
    perfect: Any
    noisy: Any
    random: Any
    constant: Any
    columns: dict[str, NDArray[Any]]


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

    def score(self, said: Said, given: Any, weight: Any = None, rows: Any = None) -> float:
        """Return the metric's score of rows (all, where None) in arrays that nobody else has."""
        rows = np.arange(len(said.y)) if rows is None else rows
        columns = {name: cells[rows] for name, cells in said.columns.items()}
        picked = tuple(one[rows] for one in _arrays(given))
        return self.call(said.y[rows], picked, weight, columns)

    def call(self, y: Any, given: tuple[Any, ...], weight: Any, columns: dict[str, Any]) -> float:
        """Call the metric as the engine does."""
        extra = (columns,) if self.metric.columns else ()
        shown = given if self.metric.reads == "both" else given[0]
        return self.metric.score(y, shown, weight, *extra)

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

        def form(given: NDArray[np.float64]) -> Any:
            if self.metric.reads == "both":
                return given, task.decide(given)
            return given if self.metric.reads == "values" else task.decide(given)

        return Said(
            task=task,
            n_classes=n_classes,
            y=y,
            perfect=form(values),
            noisy=form(mixed),
            random=form(shuffled),
            constant=form(rows),
            # Positive and repeating: amounts as well as groups.
            columns={name: rng.integers(1, 5, len(y)) * 25.0 for name in self.metric.columns},
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
            score: object = bench.score(said, getattr(said, what))
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
        score = bench.score(said, said.perfect)
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
        perfect, random = bench.score(said, said.perfect), bench.score(said, said.random)
        if not sign * perfect > sign * random:
            raise CheckFailedError(
                f"{said.task.name}: a perfect prediction scores {perfect}, a random one {random}, "
                f"and greater_is_better={bench.metric.greater_is_better}.",
                "Turn greater_is_better round.",
            )


@says(
    "No prediction scores better than `best`.",
    SECTION,
    when=lambda bench: np.isfinite(bench.metric.best),
)
def _nothing_is_better_than_best(bench: ScoringBench) -> None:
    for said in bench.cases:
        # Whether the declared direction is true is asked elsewhere.
        better = bench.score(said, said.perfect) >= bench.score(said, said.random)
        sign = 1 if better else -1
        for what in ("noisy", "random", "constant"):
            score = bench.score(said, getattr(said, what))
            if sign * (score - bench.metric.best) > 1e-6 * max(1.0, abs(bench.metric.best)):
                raise CheckFailedError(
                    f"{said.task.name}: a {what} prediction scores {score}, best="
                    f"{bench.metric.best}.",
                    "Set `best` to the best score there is, or to infinity where there is none.",
                )


@says("Weights ten times as large change nothing, and weights of 1 are as none.", SECTION)
def _only_the_proportions_of_weights_count(bench: ScoringBench) -> None:
    for said in bench.cases:
        weight = 1.0 + np.arange(len(said.y)) % 3
        for one, other in ((weight, 10 * weight), (None, np.ones(len(said.y)))):
            first, second = (bench.score(said, said.random, given) for given in (one, other))
            if not np.isclose(first, second, rtol=1e-6, atol=1e-9):
                raise CheckFailedError(
                    f"{said.task.name}: {first} becomes {second} with weights of another size.",
                    "Divide by the sum of the weights.",
                )


@says("Rows in another order have the same score.", SECTION)
def _the_order_of_rows_does_not_matter(bench: ScoringBench) -> None:
    for said in bench.cases:
        for given in (said.noisy, said.random):
            usual = bench.score(said, given)
            for seed in range(5):
                order = np.random.default_rng(seed).permutation(len(said.y))
                shuffled = bench.score(said, given, rows=order)
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
        by_weight = bench.score(said, said.random, weight)
        by_rows = bench.score(said, said.random, rows=rows)
        if not np.isclose(by_weight, by_rows, rtol=1e-6, atol=1e-9):
            raise CheckFailedError(
                f"{said.task.name}: weights of 2 give {by_weight}, doubled rows {by_rows}.",
                "Use `weight` in every sum and mean, also in the denominators.",
            )


@says(
    "Where it declares `true_class_only`, the probability of the true class is all that it reads.",
    SECTION,
    when=lambda bench: bench.metric.true_class_only,
)
def _only_the_true_class_is_read(bench: ScoringBench) -> None:
    for said in bench.cases:
        if not said.n_classes:
            continue
        weight = 1.0 + np.arange(len(said.y)) % 3
        alone = said.noisy[np.arange(len(said.y)), said.y][:, None]
        whole = bench.score(said, said.noisy, weight)
        narrow = bench.call(np.zeros_like(said.y), (alone,), weight, said.columns)
        if not np.isclose(whole, narrow, rtol=1e-6, atol=1e-9):
            raise CheckFailedError(
                f"{said.task.name}: {whole} becomes {narrow} where only the true class is given.",
                "Read nothing else of the values, or leave true_class_only=False.",
            )


@says("Scoring works on read-only arrays, prints nothing and leaves global state alone.", SECTION)
def _nothing_else_changes(bench: ScoringBench) -> None:
    for said in bench.cases:
        weight = np.ones(len(said.y))
        bench.score(said, said.noisy, weight)
        given = tuple(one.copy() for one in _arrays(said.noisy))
        columns = {name: cells.copy() for name, cells in said.columns.items()}
        y = said.y.copy()
        arrays = [y, *given, weight, *columns.values()]
        before = [fingerprint(array) for array in arrays]
        freeze(arrays)
        try:
            with watch() as watched:
                bench.call(y, given, weight, columns)
        except ValueError as error:
            raise CheckFailedError(
                f"{said.task.name}: on read-only arrays it raised {error}.",
                "Copy arrays before changing them.",
            ) from error
        finally:
            thaw(arrays)
        after = [fingerprint(array) for array in arrays]
        if watched.changed or watched.printed or before != after:
            raise CheckFailedError(
                f"{said.task.name}: it prints, or changes what it was given or global state.",
                "Only compute and return.",
            )


def _arrays(given: Any) -> tuple[NDArray[Any], ...]:
    """Return what a metric reads as a tuple, also where it is one array."""
    return given if isinstance(given, tuple) else (given,)


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
