"""What holds for every task."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.errors import DataError
from automl.testing.checks import CheckFailedError, Property, says
from automl.testing.learning import LearningBench, case_of
from automl.testing.problems import easy_problem, encoded_targets, labels_of, raw_columns
from automl.testing.process import ask_elsewhere

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.data.target import Target
    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Algorithm, Encoded, Task
    from automl.plugin.selection import Plugins

SECTION = "automl_tasks"
SITUATIONS = ("plain", "large", "group", "time")

RUN_KINDS = ("number", "category", "date")
"""Columns of the table of a whole run."""

STRANGE = (
    np.array(["one", "two", "one", "four"], dtype=object),
    np.array([-1.5, 0.0, 2.0, 1e300]),
    np.array([7, 7, 7]),
    np.array([True, False, True]),
    np.array([3.0]),
)
"""Labels that a user may ask any task to take."""


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

    @property
    def serving(self) -> list[Algorithm]:
        """Installed algorithms that serve it, the cheapest of a default search first."""
        found = [a for a in self.catalog.algorithms.values() if a.tasks & self.task.names]
        return sorted(found, key=lambda one: (not one.default, one.cost, one.name))

    @property
    def equipped(self) -> bool:
        """Whether its metric and its splitter for any table are there."""
        plain = self.task.splitters.get("plain")
        return self.task.metric in self.catalog.metrics and plain in self.catalog.splitters


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


@says("A target that it cannot encode is refused by a DataError that names the target.", SECTION)
def _a_wrong_target_is_refused(bench: TaskBench) -> None:
    for labels in STRANGE:
        target = _asked_for(bench.task.name, labels)
        if bench.task.matches(target) <= 0:
            continue
        try:
            bench.task.encode(target)
        except DataError as error:
            if target.name not in str(error):
                raise CheckFailedError(
                    f"encode() of {labels.tolist()} says: {error}",
                    "Name the target: target.name.",
                ) from error
        except Exception as error:
            raise CheckFailedError(
                f"encode() of {labels.tolist()} raised {type(error).__name__}: {error}.",
                "Return 0 from matches(), or raise automl.errors.DataError(code, what, remedy).",
            ) from error


def _asked_for(forced: str, labels: NDArray[Any]) -> Target:
    from automl.data.target import Target

    numbers = None if labels.dtype.kind == "O" else labels.astype(np.float64)
    return Target(
        name="what is asked",
        labels=labels,
        numeric=labels.dtype.kind in "if",
        numbers=numbers,
        n_distinct=len(set(labels.tolist())),
        forced=forced,
    )


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


@says(
    "Where it says `weighable`, a class that is weighed far above the others is decided on.",
    SECTION,
    when=lambda bench: bench.task.weighable,
)
def _weights_of_classes_count(bench: TaskBench) -> None:
    y, n_classes = bench.given[1].y, bench.n_classes
    values = 0.5 * np.eye(n_classes)[y] + 0.5 / max(n_classes, 1)
    for code in range(n_classes):
        weighed = values * np.where(np.arange(n_classes) == code, 1e9, 1.0)
        decided = np.asarray(bench.task.decide(weighed / weighed.sum(axis=1, keepdims=True)))
        if (decided != code).any():
            raise CheckFailedError(
                f"Weighed by 1e9, class {code} is decided on in {int((decided == code).sum())} of "
                f"{len(y)} rows.",
                "Decide on the likeliest of what is given, or leave weighable=False.",
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
    if not bench.serving:
        raise CheckFailedError(
            f"No installed algorithm can do {' or '.join(sorted(bench.task.names))}.",
            "Say like='regression' (or another task), or contribute an algorithm.",
        )
    learning = LearningBench(bench.serving[0], bench.catalog, bench.plugins)
    case = case_of(bench.task, easy_problem())
    if case is not None:
        pipeline = learning.fit(case)
        _check_shape(pipeline.values(case.problem.fresh), case.problem.fresh.n_rows, bench)


@says("What it says of values is lines of text, with weights and for a single row too.", SECTION)
def _lines_are_text(bench: TaskBench) -> None:
    encoded = bench.given[1]
    y, n_classes = encoded.y, bench.n_classes
    constant = np.asarray(bench.task.constant(y, None, n_classes))
    for rows in (slice(None), slice(0, 1)):
        for weight in (None, np.linspace(0.0, 2.0, len(y))[::-1][rows]):
            same = np.broadcast_to(constant, (len(y[rows]), *constant.shape))
            lines = bench.task.lines(y[rows], same, weight, encoded.classes)
            if isinstance(lines, str) or not all(isinstance(line, str) for line in lines):
                raise CheckFailedError(
                    f"lines() returned {lines!r}.", "Return a sequence of str, one for each line."
                )


@says("A whole run fits, predicts, is saved, and says the same in a new process.", SECTION)
def _a_whole_run_holds(bench: TaskBench) -> None:
    from automl.engine import fit
    from automl.plugin.selection import Plugins
    from automl.search.budget import Budget
    from automl.search.strategy import Strategy

    if not bench.serving or not bench.equipped:
        return  # said by another check
    task, problem = bench.task, easy_problem()
    columns, labels = raw_columns(problem, RUN_KINDS), labels_of(task, problem)
    plugins = Plugins(only=(bench.serving[0].name,), without=("listener:*",), add=bench.plugins.add)
    predictor = fit(
        columns,
        labels,
        budget=Budget(trials=1),
        n_jobs=1,
        plugins=plugins,
        strategy=Strategy(task=task.name, isolation="none"),
    ).predictor
    said = predictor.predict(columns)
    if said.shape != labels.shape:
        raise CheckFailedError(
            f"{len(labels)} rows have predictions of shape {said.shape}.",
            "decide() has to return one entry a row.",
        )
    scores = predictor.evaluate(columns, labels)
    if not np.isfinite(scores[task.metric]):
        raise CheckFailedError(
            f"Its own predictions score {task.metric}={scores[task.metric]}.",
            "Keep values() where the metric is finite.",
        )
    again, rescored = ask_elsewhere(predictor, columns, labels, bench.plugins)
    if said.tolist() != again or not np.allclose(scores[task.metric], rescored[task.metric]):
        raise CheckFailedError(
            "A new process predicts or scores otherwise than this one.",
            "values() and decide() must depend on nothing but their arguments.",
        )


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
