"""The pipeline built from a candidate: preparation and estimator, from a table to values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.chains import after, initial_traits
from automl.candidate.matrix import as_numbers, count_levels, side_by_side, stack
from automl.data.folds import crossfit
from automl.data.table import Kind
from automl.plugin.context import Context, PrepareContext
from automl.plugin.contributions import Validation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from automl.candidate.recipe import Candidate, Step
    from automl.data.schema import Feature, Schema
    from automl.data.table import Table
    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Algorithm, Preprocessor, Report, Task

CROSSFIT_FOLDS = 5
"""Inner folds for steps that read the target (the default of scikit-learn's TargetEncoder)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What does not change within a run.

    Parameters
    ----------
    task : Task
    n_classes : int
        0 where the target is a number.
    metric : str
    seed : int
    threads : int
    """

    task: Task
    n_classes: int
    metric: str
    seed: int
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedStep:
    """A fitted transformer with the step that it came from."""

    name: str
    params: Mapping[str, Any]
    transformer: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedChain:
    """The fitted steps of one kind, in order."""

    kind: Kind
    steps: tuple[FittedStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """Fitted chains: from a table to the matrix that an estimator sees.

    Parameters
    ----------
    chains : tuple of FittedChain
    sparse : bool
        Whether the matrix is CSR.
    categories : tuple of int
        Columns that hold category codes.
    n_levels : tuple of int
        Levels of each of them.
    names : tuple of str
        A readable name for each column.
    """

    chains: tuple[FittedChain, ...]
    sparse: bool
    categories: tuple[int, ...]
    n_levels: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for preparations that do the same with the same fitted transformers."""
        return tuple(
            (chain.kind, *(id(step.transformer) for step in chain.steps)) for chain in self.chains
        )

    def transform(self, table: Table) -> Any:
        """Return the matrix, an ndarray or a csr_matrix of shape (n_rows, n_columns)."""
        blocks = []
        for chain in self.chains:
            block: Any = table.block(chain.kind)
            for step in chain.steps:
                block = step.transformer.transform(block)
            blocks.append(as_numbers(block, codes=not chain.steps))
        return side_by_side(blocks, sparse=self.sparse, n_rows=table.n_rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A preparation with the matrix of the rows that it was fitted on.

    Steps that read the target gave these rows values from transformers fitted without them.
    """

    preparation: Preparation
    X: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A fitted candidate.

    Parameters
    ----------
    candidate : Candidate
    task : Task
    n_classes : int
    preparation : Preparation
    estimator : object or None
        None for a constant answer.
    present : tuple of int
        Class codes that training had, in order: what the estimator calls 0, 1, ...
    constant : tuple of float, default=()
        The answer for any row where there is no estimator: a probability for each class, or one
        number.
    """

    candidate: Candidate
    task: Task
    n_classes: int
    preparation: Preparation
    estimator: Any
    present: tuple[int, ...]
    constant: tuple[float, ...] = ()

    def values(self, table: Table) -> NDArray[np.float64]:
        """Return what the candidate says of each row: (n_rows, n_classes), or (n_rows,)."""
        if self.estimator is None:
            return self._same(table.n_rows)
        return self.values_of(self.preparation.transform(table))

    def values_of(self, X: Any) -> NDArray[np.float64]:
        """Return the values of rows that are prepared already."""
        if self.estimator is None:
            return self._same(X.shape[0])
        n_present = len(self.present)
        values = np.asarray(self.task.values(self.estimator, X, n_present), dtype=np.float64)
        expected = (X.shape[0], n_present) if self.n_classes else (X.shape[0],)
        if values.shape != expected:
            raise ValueError(f"values of shape {values.shape}, expected {expected}")
        return self._spread(values) if self.n_classes else values

    def _same(self, n_rows: int) -> NDArray[np.float64]:
        row = np.array(self.constant)
        return np.tile(row, (n_rows, 1)) if self.n_classes else np.full(n_rows, row[0])

    def _spread(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if values.shape[1] == self.n_classes:
            return values
        wide = np.zeros((values.shape[0], self.n_classes))
        wide[:, list(self.present)] = values
        return wide


def fit_preparation(
    candidate: Candidate,
    table: Table,
    y: NDArray[Any],
    schema: Schema,
    catalog: Catalog,
    setting: Setting,
) -> Prepared:
    """Fit the chains of a candidate on training rows.

    Parameters
    ----------
    candidate : Candidate
    table : Table
        Training rows.
    y : ndarray of shape (n_rows,)
        Their encoded target.
    schema : Schema
    catalog : Catalog
        Where the steps are found.
    setting : Setting
    """
    chains, blocks = [], []
    categories: list[int] = []
    n_levels: list[int] = []
    names: list[str] = []
    for kind_name, steps in candidate.preparation.items():
        kind = Kind(kind_name)
        features = schema.of(kind)
        if not features:
            continue
        fitted, block, traits = _fit_chain(kind, steps, table, y, features, catalog, setting)
        chain = FittedChain(kind=kind, steps=fitted)
        block = as_numbers(block, codes=not chain.steps)
        if "category" in traits or (kind is Kind.STRING and not steps):
            start = len(names)
            categories += range(start, start + block.shape[1])
            n_levels += count_levels(block)
        names += _column_names(kind, features, block.shape[1])
        chains.append(chain)
        blocks.append(block)
    sparse = any(not isinstance(block, np.ndarray) for block in blocks)
    preparation = Preparation(
        chains=tuple(chains),
        sparse=sparse,
        categories=tuple(categories),
        n_levels=tuple(n_levels),
        names=tuple(names),
    )
    X = side_by_side(blocks, sparse=sparse, n_rows=table.n_rows)
    return Prepared(preparation=preparation, X=X)


def fit_pipeline(
    candidate: Candidate,
    prepared: Prepared,
    y: NDArray[Any],
    weight: NDArray[np.float64] | None,
    validation: Validation | None,
    algorithm: Algorithm,
    setting: Setting,
    report: Report,
) -> Pipeline:
    """Fit a candidate's estimator on prepared rows.

    Parameters
    ----------
    candidate : Candidate
    prepared : Prepared
    y : ndarray of shape (n_rows,)
    weight : ndarray of shape (n_rows,) or None
        Given to algorithms that declare weights.
    validation : Validation or None
        Prepared rows for early stopping, for algorithms that learn in rounds.
    algorithm : Algorithm
    setting : Setting
    report : Report
    """
    present: tuple[int, ...] = ()
    if setting.n_classes:
        found, y = np.unique(y, return_inverse=True)
        present = tuple(int(code) for code in found)
    if len(present) == 1:
        alone = np.eye(setting.n_classes)[present[0]]
        return constant_pipeline(candidate, setting.task, setting.n_classes, alone)
    estimator = algorithm.build(
        dict(candidate.params), context_of(prepared.preparation, prepared.X, setting, len(present))
    )
    given = weight if algorithm.weights else None
    if algorithm.fit is not None:
        validation = validation and _recode(validation, present)
        algorithm.fit(estimator, prepared.X, y, given, validation, report)
    elif given is not None:
        estimator.fit(prepared.X, y, sample_weight=given)
    else:
        estimator.fit(prepared.X, y)
    return Pipeline(
        candidate=candidate,
        task=setting.task,
        n_classes=setting.n_classes,
        preparation=prepared.preparation,
        estimator=estimator,
        present=present,
    )


def constant_pipeline(
    candidate: Candidate, task: Task, n_classes: int, answer: NDArray[np.float64]
) -> Pipeline:
    """Return a pipeline that gives every row the same answer.

    Parameters
    ----------
    candidate : Candidate
    task : Task
    n_classes : int
    answer : ndarray of shape (n_classes,) or ()
    """
    nothing = Preparation(chains=(), sparse=False, categories=(), n_levels=(), names=())
    return Pipeline(
        candidate=candidate,
        task=task,
        n_classes=n_classes,
        preparation=nothing,
        estimator=None,
        present=(),
        constant=tuple(float(number) for number in np.atleast_1d(answer)),
    )


def context_of(preparation: Preparation, X: Any, setting: Setting, n_classes: int) -> Context:
    """Return what an algorithm is told about a prepared matrix."""
    return Context(
        task=setting.task.like or setting.task.name,
        n_classes=n_classes,
        n_rows=X.shape[0],
        n_columns=X.shape[1],
        categories=preparation.categories,
        n_levels=preparation.n_levels,
        names=preparation.names,
        sparse=preparation.sparse,
        seed=setting.seed,
        threads=setting.threads,
        metric=setting.metric,
    )


def _fit_chain(
    kind: Kind,
    steps: tuple[Step, ...],
    table: Table,
    y: NDArray[Any],
    features: tuple[Feature, ...],
    catalog: Catalog,
    setting: Setting,
) -> tuple[tuple[FittedStep, ...], Any, frozenset[str]]:
    context = PrepareContext(
        task=setting.task.like or setting.task.name,
        n_classes=setting.n_classes,
        n_rows=table.n_rows,
        features=features,
        seed=setting.seed,
    )
    block: Any = table.block(kind)
    traits = initial_traits(kind)
    fitted = []
    for step in steps:
        preprocessor = catalog.get("preprocessor", step.name)
        transformer, block = _fit_step(preprocessor, step, block, y, context)
        fitted.append(FittedStep(name=step.name, params=step.params, transformer=transformer))
        traits = after(traits, preprocessor)
    return tuple(fitted), block, traits


def _fit_step(
    preprocessor: Preprocessor,
    step: Step,
    block: Any,
    y: NDArray[Any],
    context: PrepareContext,
) -> tuple[Any, Any]:
    transformer = preprocessor.build(dict(step.params), context)
    if (preprocessor.crossfits or not preprocessor.supervised) and hasattr(
        transformer, "fit_transform"
    ):
        return transformer, transformer.fit_transform(block, y)
    transformer.fit(block, y)
    if not preprocessor.supervised:
        return transformer, transformer.transform(block)
    parts = []
    folds = crossfit(block.shape[0], CROSSFIT_FOLDS, context.seed)
    for fold in folds:
        inner = preprocessor.build(dict(step.params), context)
        rows = fold.train if len(fold.train) else fold.test
        inner.fit(block[rows], y[rows])
        parts.append(inner.transform(block[fold.test]))
    order = np.argsort(np.concatenate([fold.test for fold in folds]))
    stacked = stack(parts)
    return transformer, stacked[order]


def _column_names(kind: Kind, features: tuple[Feature, ...], width: int) -> list[str]:
    if len(features) == width:
        return [feature.name for feature in features]
    return [f"{kind.value}{number}" for number in range(width)]


def _recode(validation: Validation, present: tuple[int, ...]) -> Validation | None:
    """Speak of the classes that training had; rows of others cannot be judged."""
    if not present:
        return validation
    known = np.isin(validation.y, present)
    if not known.any():
        return None
    weight = None if validation.weight is None else validation.weight[known]
    y = np.searchsorted(present, validation.y[known])
    X = validation.X if known.all() else validation.X[np.flatnonzero(known)]
    return Validation(X=X, y=y, weight=weight)
