"""What holds for every task."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.testing.checks import CheckFailedError, Property, says
from automl.testing.learning import LearningBench, case_of
from automl.testing.problems import easy_problem, encoded_targets

if TYPE_CHECKING:
    from automl.data.target import Target
    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Encoded, Task
    from automl.plugin.selection import Plugins

SECTION = "automl_tasks"
SITUATIONS = ("plain", "large", "group", "time")


class TaskBench:
    """What the checks of one task share.

    Parameters
    ----------
    task : Task
    catalog : Catalog
    plugins : Plugins
    """

    def __init__(self, task: Task, catalog: Catalog, plugins: Plugins) -> None:
        self.task = task
        self.catalog = catalog
        self.plugins = plugins

    @cached_property
    def given(self) -> tuple[Target, Encoded]:
        """A target that the task takes, and what it makes of it."""
        found = encoded_targets(self.task, easy_problem().hidden)
        if found is None:
            raise CheckFailedError(
                "matches() takes no target of ours: words of two or three kinds, numbers, counts, "
                "zeros and ones, each with target.forced set to its name.",
                "Return 1 or more where target.forced is the name of the task.",
            )
        return found

    @property
    def n_classes(self) -> int:
        """Number of classes of that target."""
        classes = self.given[1].classes
        return 0 if classes is None else len(classes)


@says(
    "It takes a target when the user asks for the task, and no target that is another's.", SECTION
)
def _a_target_is_taken(bench: TaskBench) -> None:
    target, _ = bench.given
    from dataclasses import replace

    score = bench.task.matches(target)
    if isinstance(score, bool) or not isinstance(score, int):
        raise CheckFailedError(f"matches() returned {score!r}.", "Return an int.")
    if bench.task.matches(replace(target, forced="another_task")) > 0:
        raise CheckFailedError(
            "matches() takes a target for which the user asked for another task.",
            "Return 0 where target.forced is another task's name.",
        )


@says("Codes lead back to the labels, numbers are finite, and both have one entry a row.", SECTION)
def _the_code_of_a_target_is_right(bench: TaskBench) -> None:
    target, encoded = bench.given
    if encoded.y.shape != target.labels.shape:
        raise CheckFailedError(
            f"y has shape {encoded.y.shape} for {len(target.labels)} rows.", "Keep every row."
        )
    if encoded.classes is None:
        if encoded.y.dtype != np.float64 or not np.isfinite(encoded.y).all():
            raise CheckFailedError(
                f"y is {encoded.y.dtype} and not all finite.", "Return finite float64 numbers."
            )
        return
    if encoded.y.dtype != np.int64:
        raise CheckFailedError(f"y is {encoded.y.dtype}.", "Return int64 codes.")
    back = encoded.classes[encoded.y]
    if back.tolist() != target.labels.tolist():
        raise CheckFailedError("classes[y] is not what was given.", "Encode by np.unique.")
    if sorted(encoded.classes.tolist()) != encoded.classes.tolist():
        raise CheckFailedError(f"classes={encoded.classes} are not sorted.", "Sort them.")


@says("The best constant has the shape of one value, is finite, and listens to weights.", SECTION)
def _the_constant_is_right(bench: TaskBench) -> None:
    y, n_classes = bench.given[1].y, bench.n_classes
    shape = (n_classes,) if n_classes else ()
    for weight in (None, np.ones(len(y))):
        constant = np.asarray(bench.task.constant(y, weight, n_classes))
        if constant.shape != shape or not np.isfinite(constant).all():
            raise CheckFailedError(
                f"constant() returned {constant} (shape {constant.shape}, expected {shape}).",
                "Return one finite value: (n_classes,) probabilities, or a number.",
            )
    heavy = np.where(y == y.max(), 1000.0, 1.0)
    pulled = np.asarray(bench.task.constant(y, heavy, n_classes))
    if not np.any(pulled != constant):
        raise CheckFailedError(
            "constant() is the same whatever the weights are.", "Use `weight` where it is given."
        )


@says(
    "decide() gives one class code or number a row, and the right one for perfect values.", SECTION
)
def _decisions_are_right(bench: TaskBench) -> None:
    y, n_classes = bench.given[1].y, bench.n_classes
    values = np.eye(n_classes)[y] if n_classes else y
    decided = np.asarray(bench.task.decide(values))
    if decided.shape != y.shape or not np.isfinite(decided.astype(float)).all():
        raise CheckFailedError(
            f"decide() gave shape {decided.shape} for {len(y)} rows.", "Return one entry a row."
        )
    if n_classes and not np.array_equal(decided, y):
        raise CheckFailedError(
            "decide() gives other classes for perfect probabilities.", "Return the likeliest code."
        )


@says("The default metric and a splitter for each situation are installed.", SECTION)
def _its_metric_and_splitters_are_there(bench: TaskBench) -> None:
    task, catalog = bench.task, bench.catalog
    metric = catalog.metrics.get(task.metric)
    if metric is None or not metric.tasks & task.names:
        raise CheckFailedError(
            f"metric={task.metric!r} is not installed, or does not serve {sorted(task.names)}.",
            "Name a metric that serves the task, or contribute one.",
        )
    for situation in SITUATIONS:
        if task.splitters.get(situation) not in catalog.splitters:
            raise CheckFailedError(
                f"splitters[{situation!r}] is {task.splitters.get(situation)!r}; installed: "
                f"{', '.join(catalog.splitters)}.",
                "Name an installed splitter for 'plain', 'large', 'group' and 'time'.",
            )


@says("At least one installed algorithm serves it, and its values have the right shape.", SECTION)
def _an_algorithm_can_do_it(bench: TaskBench) -> None:
    serving = [a for a in bench.catalog.algorithms.values() if a.tasks & bench.task.names]
    if not serving:
        raise CheckFailedError(
            f"No installed algorithm can do {' or '.join(sorted(bench.task.names))}.",
            "Say like='regression' (or another task), or contribute an algorithm.",
        )
    cheapest = min(serving, key=lambda one: (one.cost, one.name))
    learning = LearningBench(cheapest, bench.catalog, bench.plugins)
    case = case_of(bench.task, easy_problem())
    if case is not None:
        pipeline = learning.fit(case)
        _check_shape(pipeline.values(case.problem.fresh), case.problem.fresh.n_rows, bench)


def _check_shape(values: Any, n_rows: int, bench: TaskBench) -> None:
    if not np.isfinite(values).all():
        raise CheckFailedError("values() are not finite.", f"See values of {bench.task.name}.")
    decided = np.asarray(bench.task.decide(values))
    if decided.shape != (n_rows,):
        raise CheckFailedError(
            f"decide(values) has shape {decided.shape}, expected {(n_rows,)}.",
            "Return one entry a row.",
        )


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
