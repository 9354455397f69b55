"""The preparation of a candidate: fitted chains, from a table to the matrix of an estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.chains import after, initial_traits
from automl.candidate.lineage import column_names, sources_of, through
from automl.candidate.matrix import as_numbers, count_levels, side_by_side, stack
from automl.data.folds import crossfit
from automl.data.table import Kind, Table
from automl.plugin.context import PrepareContext
from automl.plugin.learning import KINDS, TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from automl.candidate.lineage import Lineage, Sources
    from automl.candidate.recipe import Candidate, Step
    from automl.data.schema import Schema
    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Preprocessor, Task
    from automl.plugin.formulas import Formula

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
    device : str, default="cpu"
        What the user wants algorithms to use that can.
    """

    task: Task
    n_classes: int
    metric: str
    seed: int
    threads: int
    device: str = "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedStep:
    """A fitted transformer with the step that it came from."""

    name: str
    params: Mapping[str, Any]
    transformer: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedChain:
    """Fitted steps in order, behind the columns of one kind, or (None) behind the whole table."""

    kind: Kind | None
    steps: tuple[FittedStep, ...]

    def by_code(self, counts: Sequence[int]) -> tuple[Formula | None, tuple[FittedStep, ...]]:
        """Return what the first steps make of codes, read off for each, and the steps left.

        Parameters
        ----------
        counts : sequence of int
            Levels of each column of codes.
        """
        from automl.candidate.flat import formula_of

        return formula_of(self, counts)


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
    lineage : tuple of tuple of str, default=()
        For each column the user's columns that it was made of.
    monotonic : tuple of int, default=()
        For each column 1 where predictions must not fall while it rises, -1 where they must not
        rise, 0 where they are free; empty where all are.
    """

    chains: tuple[FittedChain, ...]
    sparse: bool
    categories: tuple[int, ...]
    n_levels: tuple[int, ...]
    names: tuple[str, ...]
    lineage: Lineage = ()
    monotonic: tuple[int, ...] = ()

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
            block = given_to(chain.kind, table)
            for step in chain.steps:
                block = step.transformer.transform(block)
            blocks.append(as_numbers(block, codes=not chain.steps))
        return side_by_side(blocks, sparse=self.sparse, n_rows=table.n_rows)


def given_to(kind: Kind | None, table: Table) -> Any:
    """Return what the first step of a chain is given: the block of a kind, or the table."""
    return table if kind is None else table.block(kind)


def rows_of(block: Any, rows: NDArray[np.intp] | slice) -> Any:
    """Return some rows of what a step is given."""
    return block.take(rows) if isinstance(block, Table) else block[rows]


def prepare_context(
    kind: Kind | None, table: Table, schema: Schema, setting: Setting
) -> PrepareContext:
    """Return what the steps of a chain are built for."""
    return PrepareContext(
        task=setting.task.like or setting.task.name,
        n_classes=setting.n_classes,
        n_rows=table.n_rows,
        features=schema.features if kind is None else schema.of(kind),
        seed=setting.seed,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A preparation with the matrix of the rows that it was fitted on.

    Steps that read the target gave these rows values from transformers fitted without them.
    """

    preparation: Preparation
    X: Any
    extra: int | None = None
    """Columns that steps made which read the whole table; None where there is no such step."""


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
    made: list[_Made] = []
    for name, steps in candidate.preparation.items():
        kind = Kind(name) if name in KINDS else None
        context = prepare_context(kind, table, schema, setting)
        if context.features:
            made.append(_fit_chain(kind, steps, table, y, context, catalog))
    blocks = [one.block for one in made]
    starts = np.cumsum([0, *(block.shape[1] for block in blocks)]).tolist()
    native = [(start, one.block) for start, one in zip(starts, made, strict=False) if one.codes]
    monotonic = tuple(sign for one in made for sign in one.monotonic)
    sparse = any(not isinstance(block, np.ndarray) for block in blocks)
    preparation = Preparation(
        chains=tuple(one.chain for one in made),
        sparse=sparse,
        categories=tuple(
            column for start, block in native for column in range(start, start + block.shape[1])
        ),
        n_levels=tuple(count for _, block in native for count in count_levels(block)),
        names=tuple(name for one in made for name in one.names),
        lineage=tuple(sources for one in made for sources in one.lineage),
        monotonic=monotonic if any(monotonic) else (),
    )
    X = side_by_side(blocks, sparse=sparse, n_rows=table.n_rows)
    extra = [one.block.shape[1] for one in made if one.chain.kind is None]
    return Prepared(preparation=preparation, X=X, extra=sum(extra) if extra else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A fitted chain with what it made of the rows that it was fitted on."""

    chain: FittedChain
    block: Any
    codes: bool
    names: list[str]
    lineage: Lineage
    monotonic: tuple[int, ...]


def _fit_chain(
    kind: Kind | None,
    steps: tuple[Step, ...],
    table: Table,
    y: NDArray[Any],
    context: PrepareContext,
    catalog: Catalog,
) -> _Made:
    features = context.features
    block = given_to(kind, table)
    traits = frozenset({TABLE}) if kind is None else initial_traits(kind)
    sources: tuple[Sources, ...] = tuple((j,) for j in range(len(features)))
    fitted = []
    for step in steps:
        preprocessor = catalog.get("preprocessor", step.name)
        width = len(features) if isinstance(block, Table) else block.shape[1]
        transformer, block = _fit_step(preprocessor, step, block, y, context)
        fitted.append(FittedStep(name=step.name, params=step.params, transformer=transformer))
        traits = after(traits, preprocessor)
        sources = through(sources, sources_of(transformer, width, block.shape[1]))
    names = [feature.name for feature in features]
    signs = tuple(feature.monotonic for feature in features)
    return _Made(
        chain=FittedChain(kind=kind, steps=tuple(fitted)),
        block=as_numbers(block, codes=not steps),
        codes="category" in traits or (kind is Kind.STRING and not steps),
        names=column_names(kind.value if kind else steps[0].name, sources, names),
        lineage=tuple(tuple(names[j] for j in line) for line in sources),
        # What a step makes of a number need not rise with it.
        monotonic=(0,) * len(sources) if steps else signs,
    )


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
    folds = crossfit(len(y), CROSSFIT_FOLDS, context.seed)
    for fold in folds:
        inner = preprocessor.build(dict(step.params), context)
        rows = fold.train if len(fold.train) else fold.test
        inner.fit(rows_of(block, rows), y[rows])
        parts.append(inner.transform(rows_of(block, fold.test)))
    order = np.argsort(np.concatenate([fold.test for fold in folds]))
    stacked = stack(parts)
    return transformer, stacked[order]
