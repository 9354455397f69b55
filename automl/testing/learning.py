"""The bench for algorithms: fits them on small problems exactly as the engine does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.pipeline import Prepared, Setting, fit_pipeline, fit_preparation
from automl.candidate.space import algorithm_space
from automl.plugin.context import Context
from automl.plugin.contributions import Validation
from automl.testing.checks import CheckFailedError
from automl.testing.problems import Problem, as_usual, copy_of, easy_problem, encoded_targets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from automl.candidate.pipeline import Pipeline
    from automl.candidate.recipe import Candidate
    from automl.candidate.space import AlgorithmSpace
    from automl.data.table import Table
    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Algorithm, Report, Task
    from automl.plugin.selection import Plugins


def go_on(round_: int, score: float | None = None) -> bool:
    """Never stop learning."""
    del round_, score
    return False


def stop_soon(round_: int, score: float | None = None) -> bool:
    """Stop after a few rounds, where only that it works is of interest."""
    del score
    return round_ >= 10


def stop_at_once(round_: int, score: float | None = None) -> bool:
    """Stop after the second round, where each one takes long."""
    del score
    return round_ >= 2


def stop_later(round_: int, score: float | None = None) -> bool:
    """Stop when learners differ enough."""
    del score
    return round_ >= 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A problem with the target of one task.

    Parameters
    ----------
    problem : Problem
    task : Task
    y, fresh_y : ndarray
        Encoded.
    n_classes : int
    """

    problem: Problem
    task: Task
    y: NDArray[Any]
    fresh_y: NDArray[Any]
    n_classes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How to fit, where it is not as usual.

    Parameters
    ----------
    params : mapping, default={}
    weight : ndarray or None, default=None
    report : Report
    validated : bool, default=True
        Whether validation rows are handed over.
    sparse : bool, default=False
        Whether chains that end in CSR are preferred as the engine would.
    seed, threads : int
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    weight: NDArray[np.float64] | None = None
    report: Report = go_on
    validated: bool = True
    sparse: bool = False
    seed: int = 0
    threads: int = 1


USUAL = Fit()


class LearningBench:
    """What the checks of one algorithm share.

    Parameters
    ----------
    algorithm : Algorithm
    catalog : Catalog
    plugins : Plugins
        How the catalogue was found, to find it again in another process.
    """

    def __init__(self, algorithm: Algorithm, catalog: Catalog, plugins: Plugins) -> None:
        self.algorithm = algorithm.known()
        self.catalog = catalog
        self.plugins = plugins
        self._fitted: dict[str, Pipeline] = {}
        self._sound: dict[str, bool] = {}

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """One for each installed task that the algorithm says it can do."""
        return tuple(self.cases_on(self.problem()))

    def problem(self, n_rows: int = 120, n_fresh: int = 40) -> Problem:
        """Return an easy problem; with text only where no other column reaches the algorithm."""
        whole = easy_problem(n_rows, n_fresh)
        context = Context(task="", n_classes=0, n_rows=n_rows, n_columns=1)
        schema = as_usual(whole).schema
        plain = replace(self.algorithm, space={})
        reached = algorithm_space(plain, schema, self.catalog, context) is not None
        return as_usual(whole) if reached else whole

    def cases_on(self, problem: Problem) -> list[Case]:
        """Return the case of each task on another problem."""
        serving = [t for t in self.catalog.tasks.values() if t.names & self.algorithm.tasks]
        made = [case_of(task, problem) for task in serving]
        return [case for case in made if case is not None]

    def space(self, case: Case, *, sparse: bool = False) -> AlgorithmSpace:
        """Return what may be tried on a case; as a dense matrix where that is possible."""
        context = Context(
            task=case.task.like or case.task.name,
            n_classes=case.n_classes,
            n_rows=len(case.y),
            n_columns=len(case.problem.schema.features),
        )
        accepts = self.algorithm.accepts
        dense = replace(self.algorithm, accepts=accepts - {"sparse"} or accepts)
        schema = case.problem.schema
        found = None if sparse else algorithm_space(dense, schema, self.catalog, context)
        found = found or algorithm_space(self.algorithm, schema, self.catalog, context)
        if found is None:
            kinds = sorted({feature.kind.value for feature in case.problem.schema.features})
            raise CheckFailedError(
                f"No chain of installed preprocessors leads from {', '.join(kinds)} columns to "
                f"accepts={sorted(self.algorithm.accepts)}.",
                "Accept 'number', or bring a preprocessor that emits what you accept.",
            )
        return found

    def prepare(self, case: Case, how: Fit = USUAL, table: Table | None = None) -> Prepared:
        """Return the matrix that the estimator will see."""
        return fit_preparation(
            self._candidate(case, how),
            copy_of(case.problem.table if table is None else table),
            case.y,
            case.problem.schema,
            self.catalog,
            setting_of(case, how),
        )

    def fit(self, case: Case, how: Fit = USUAL, prepared: Prepared | None = None) -> Pipeline:
        """Return a fitted pipeline."""
        prepared = prepared or self.prepare(case, how)
        validation = None
        if how.validated:
            half = slice(0, len(case.fresh_y) // 2)
            fresh = prepared.preparation.transform(copy_of(case.problem.fresh.take(half)))
            if not isinstance(prepared.X, np.ndarray) and isinstance(fresh, np.ndarray):
                fresh = type(prepared.X)(fresh)
            validation = Validation(X=fresh, y=case.fresh_y[half])
        return fit_pipeline(
            self._candidate(case, how),
            prepared,
            case.y,
            how.weight,
            validation,
            self.algorithm,
            setting_of(case, how),
            how.report,
        )

    def fitted(self, case: Case) -> Pipeline:
        """Return the pipeline of the first start on an easy case, fitted once."""
        if case.task.name not in self._fitted:
            self._fitted[case.task.name] = self.fit(case)
        return self._fitted[case.task.name]

    def ask(self, pipeline: Pipeline, table: Table) -> NDArray[np.float64]:
        """Return the values of a table, which is kept from what an estimator may do to it."""
        return pipeline.values(copy_of(table))

    def judge(self, values: NDArray[np.float64], case: Case, of: str) -> None:
        """Raise where values are wrong, unless those of an easy case are: that is said once."""
        if case.task.name not in self._sound:
            usual = next(one for one in self.cases if one.task.name == case.task.name)
            try:
                check_values(self.ask(self.fitted(usual), usual.problem.fresh), usual, "")
            except CheckFailedError:
                self._sound[case.task.name] = False
            else:
                self._sound[case.task.name] = True
        if self._sound[case.task.name]:
            check_values(values, case, of)

    def _candidate(self, case: Case, how: Fit) -> Candidate:
        first = self.space(case, sparse=how.sparse).start_candidates()[0]
        return replace(first, params={**first.params, **how.params})


def case_of(task: Task, problem: Problem) -> Case | None:
    """Return the case of a task on a problem; None where no target of ours fits the task."""
    found = encoded_targets(task, np.concatenate([problem.hidden, problem.fresh_hidden]))
    if found is None:
        return None
    encoded = found[1]
    n = len(problem.hidden)
    return Case(
        problem=problem,
        task=task,
        y=encoded.y[:n],
        fresh_y=encoded.y[n:],
        n_classes=0 if encoded.classes is None else len(encoded.classes),
    )


def setting_of(case: Case, how: Fit = USUAL) -> Setting:
    """Return what the engine would say of the run."""
    return Setting(
        task=case.task,
        n_classes=case.n_classes,
        metric=case.task.metric,
        seed=how.seed,
        threads=how.threads,
    )


def check_values(values: NDArray[np.float64], case: Case, of: str) -> None:
    """Raise where values are not finite numbers of the right shape."""
    of = f"{case.task.name}, {of}"
    n_rows = case.problem.fresh.n_rows
    shape = (n_rows, case.n_classes) if case.n_classes else (n_rows,)
    if values.shape != shape:
        raise CheckFailedError(
            f"{of}: values of shape {values.shape}, expected {shape}.",
            "Return one value for each row (and class) from predict or predict_proba.",
        )
    if not np.isfinite(values).all():
        raise CheckFailedError(
            f"{of}: {np.count_nonzero(~np.isfinite(values))} values are not finite numbers.",
            "Guard divisions and logarithms, or narrow the space.",
        )
    if case.n_classes and ((values < 0).any() or np.abs(values.sum(axis=1) - 1).max() > 1e-3):
        raise CheckFailedError(
            f"{of}: probabilities are negative or do not add up to 1.",
            "Normalise what predict_proba returns.",
        )
