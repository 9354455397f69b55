"""A predictor made ready for single rows: shared preparation, one evaluator for all trees."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.flat import RESERVED
from automl.data.table import Kind
from automl.model.cells import Cells, block_of, key_of, matrix_of
from automl.model.evaluator import Evaluator, border_rows
from automl.model.flat_numbers import FlatNumbers, lines_of
from automl.plugin.tables import Coefficients, Link, Trees, linked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automl.candidate.pipeline import Pipeline
    from automl.candidate.preparation import FittedChain, Preparation
    from automl.data.schema import Schema
    from automl.data.table import Table
    from automl.model.flat_numbers import Line
    from automl.plugin.catalog import Catalog

    Matrix = NDArray[np.float64]
    Learned = Trees | Coefficients
    Key = tuple[Any, ...]

logger = logging.getLogger("automl.model.compiled")

RELATIVE, ABSOLUTE = 1e-5, 1e-6
"""Values of a table may differ from the estimator's own by this share of their size, and of the
largest one: many learners add up their trees in float32."""

MANY = 4_096
"""So many weights BLAS takes in one thread for certain; where threads share the sums of one row out
they wait for each other for longer than these take. Where there are more only those of cells that
are not zero are looked at: most are of indicators and terms."""

ROWS = 64
"""Rows by which a table is compared with its estimator."""

CODED = (Kind.CATEGORY, Kind.STRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """Members whose outputs mean the same, answered together.

    Parameters
    ----------
    outputs : ndarray of shape (n_members, n_outputs)
        Which of all outputs are theirs.
    shares : ndarray of shape (n_members,)
    link : {"none", "logistic", "softmax"}
    pipeline : Pipeline
        One of them: the task, and the classes that training had.
    """

    outputs: NDArray[np.int64]
    shares: Matrix
    link: Link
    pipeline: Pipeline

    def __call__(self, outputs: Matrix) -> Matrix:
        """Return their part of the blend from the outputs of all members."""
        mine = outputs[:, self.outputs]
        n_rows, n_members, width = mine.shape
        values = _said(self.pipeline, self.link, mine.reshape(-1, width))
        values = values.reshape(n_rows, n_members, *values.shape[1:])
        return np.asarray(np.tensordot(values, self.shares, (1, 0)))


class Compiled:
    """What a blend says of a few rows.

    Members whose algorithms declare ``trees`` or ``coefficients`` are answered from these tables,
    all others by their own estimators.

    Parameters
    ----------
    members : sequence of (float, Pipeline)
        Each with its share in the blend.
    schema : Schema
    catalog : Catalog
    rows : Table
        Rows by which each table is compared with its estimator.
    """

    def __init__(
        self,
        members: Sequence[tuple[float, Pipeline]],
        schema: Schema,
        catalog: Catalog,
        rows: Table,
    ) -> None:
        self._constant: Any = 0.0
        self._asked: list[tuple[float, Pipeline]] = []
        blocks: dict[Key, Any] = {}
        tables: list[_Tabled] = []
        for share, pipeline in members:
            if pipeline.estimator is None:
                self._constant = self._constant + share * pipeline.values(rows.take(slice(1)))[0]
                continue
            tabled = _tabled(share, pipeline, catalog, rows, blocks)
            if tabled is None:
                self._asked.append((share, pipeline))
            else:
                tables.append(tabled)
        self.n_tables = len(tables)
        # Outputs of trees come first.
        tables.sort(key=lambda one: not isinstance(one.learned, Trees))
        self._lay_out(tables, schema, catalog, rows, blocks)

    def _lay_out(
        self,
        tables: list[_Tabled],
        schema: Schema,
        catalog: Catalog,
        rows: Table,
        blocks: dict[Key, Any],
    ) -> None:
        """Give each column that a member looks at its place among the cells."""
        n_levels: dict[Kind | None, Any] = {
            kind: np.array([len(one.levels) + RESERVED for one in schema.of(kind)], dtype=np.int64)
            for kind in CODED
        }
        wanted: dict[Key, tuple[FittedChain, Any]] = {}
        preparations = [(one.pipeline.preparation, one.columns) for one in tables]
        dense = {p.preparation.identity: p.preparation for _, p in self._asked}
        for each in dense.values():
            if not each.sparse:
                width = sum(block_of(chain, rows, blocks).shape[1] for chain in each.chains)
                preparations.append((each, np.arange(width)))
        spots = [_spots(one, columns, rows, blocks) for one, columns in preparations]
        for mine in spots:
            for chain, inside, _ in mine:
                _, before = wanted.get(key_of(chain), (chain, inside))
                wanted[key_of(chain)] = (chain, np.union1d(before, inside))
        chains = {key: chain for key, (chain, _) in wanted.items()}
        lines = {key: _lines(chain, catalog, rows, blocks) for key, chain in chains.items()}
        known = {key: mine for key, mine in lines.items() if mine is not None}
        self._cells = Cells(n_levels, wanted, known)
        places = []
        for (_, columns), mine in zip(preparations, spots, strict=True):
            place = np.zeros(int(columns.max(initial=-1)) + 1, dtype=np.intp)
            for chain, inside, which in mine:
                key = key_of(chain)
                place[which] = self._cells.place[key] + np.searchsorted(wanted[key][1], inside)
            places.append(place)
        self._places = {
            one.identity: place
            for (one, _), place in zip(
                preparations[len(tables) :], places[len(tables) :], strict=True
            )
        }
        trees, sums = [], []
        for one, place in zip(tables, places, strict=False):
            if isinstance(one.learned, Trees):
                trees.append((one.learned, place))
            else:
                sums.append((one.learned, one.columns, place[one.columns]))
        self._trees = Evaluator(trees, catalog.algorithms.values()) if trees else None
        self._sums = _Sums(sums) if sums else None
        self._answers = _grouped(tables)

    @property
    def asks(self) -> bool:
        """Whether some members are asked by their own estimators."""
        return bool(self._asked)

    def __call__(self, table: Table) -> Matrix:
        """Return the values of the blend, of shape (n_rows, n_classes) or (n_rows,)."""
        blocks: dict[Key, Any] = {}
        total: Any = self._constant
        cells = self._cells(table, blocks)
        if self._answers:
            parts = [way(cells) for way in (self._trees, self._sums) if way is not None]
            outputs = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
            for answers in self._answers:
                total = total + answers(outputs)
        matrices: dict[Key, Any] = {}
        for share, pipeline in self._asked:
            key = pipeline.preparation.identity
            if key not in matrices:
                place = self._places.get(key)
                matrices[key] = (
                    matrix_of(pipeline.preparation, table, blocks)
                    if place is None
                    else cells.take(place, axis=1)
                )
            total = total + share * pipeline.values_of(matrices[key])
        return np.asarray(total)


class _Sums:
    """The weighted sums of all members that are such.

    Parameters
    ----------
    tables : sequence of (Coefficients, ndarray of int, ndarray of int)
        Each with the columns that count, and the cells that they are.
    """

    def __init__(self, tables: Sequence[tuple[Coefficients, NDArray[Any], NDArray[Any]]]) -> None:
        several = [table for table, _, _ in tables]
        widths = [len(table.base) for table in several]
        self._columns = np.unique(np.concatenate([cells for _, _, cells in tables]))
        self._base = np.concatenate([table.base for table in several])
        self._low = np.repeat([table.low for table in several], widths)
        self._high = np.repeat([table.high for table in several], widths)
        self._weights = np.zeros((len(self._columns), len(self._base)))
        start = 0
        for table, columns, cells in tables:
            end = start + len(table.base)
            self._weights[np.searchsorted(self._columns, cells), start:end] = table.weights[columns]
            start = end

    def __call__(self, cells: Matrix) -> Matrix:
        """Return the sums of each row, of shape (n_rows, n_outputs), before any link."""
        mine = cells.take(self._columns, axis=1)
        if self._weights.size < MANY:
            sums = mine @ self._weights
        else:
            sums = np.empty((len(mine), len(self._base)))
            for row, out in zip(mine, sums, strict=True):
                at = np.flatnonzero(row)
                np.einsum("i,ij->j", row.take(at), self._weights.take(at, axis=0), out=out)
        return np.asarray(np.clip(sums + self._base, self._low, self._high))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tabled:
    """A member with its table, and the columns that this looks at."""

    share: float
    pipeline: Pipeline
    learned: Learned
    columns: NDArray[np.intp]


def _tabled(
    share: float, pipeline: Pipeline, catalog: Catalog, rows: Table, blocks: dict[Key, Any]
) -> _Tabled | None:
    """Return a member by its table; None where it has none, or one that says something else."""
    algorithm = catalog.get("algorithm", pipeline.candidate.algorithm)
    declared = algorithm.trees or algorithm.coefficients
    if declared is None:
        return None
    try:
        learned: Learned | None = declared(pipeline.estimator)
        if learned is None:
            return None
        X = matrix_of(pipeline.preparation, rows, blocks)
        if isinstance(learned, Trees):
            columns = np.unique(learned.feature).astype(np.intp)
            if isinstance(X, np.ndarray):
                X = border_rows(learned, X, ROWS, missing="missing" in algorithm.accepts)
        else:
            columns = np.flatnonzero(learned.weights.any(axis=1))
        dense = X if isinstance(X, np.ndarray) else X.toarray()
        values = _said(pipeline, learned.link, learned.outputs(dense))
        same = alike(values, pipeline.values_of(X))
    except Exception:
        logger.warning("the table of %r failed", algorithm.name, exc_info=True)
        return None
    if not same:
        logger.warning("the table of %r says something else than the estimator", algorithm.name)
        return None
    return _Tabled(share=share, pipeline=pipeline, learned=learned, columns=columns)


def alike(values: Matrix, expected: Matrix) -> bool:
    """Whether values agree but for rounding."""
    if values.shape != expected.shape:
        return False
    close = RELATIVE * np.abs(expected) + ABSOLUTE * np.abs(expected).max(initial=0.0)
    return bool((np.abs(values - expected) <= close).all())


def _said(pipeline: Pipeline, link: Link, outputs: Matrix) -> Matrix:
    """Return what the task makes of the outputs of a learner, a row for each."""
    answers = linked(outputs, link)
    return pipeline.values_by(answers if pipeline.n_classes else answers[:, 0])


def _spots(
    preparation: Preparation, columns: NDArray[np.intp], rows: Table, blocks: dict[Key, Any]
) -> list[tuple[FittedChain, NDArray[np.intp], NDArray[np.intp]]]:
    """Return chains with the columns of theirs that count, and of the whole matrix."""
    found = []
    start = 0
    for chain in preparation.chains:
        end = start + block_of(chain, rows, blocks).shape[1]
        which = columns[(columns >= start) & (columns < end)]
        if len(which):
            found.append((chain, which - start, which))
        start = end
    return found


def _lines(
    chain: FittedChain, catalog: Catalog, rows: Table, blocks: dict[Key, Any]
) -> list[Line] | None:
    """Return what a chain makes of numbers, if it says so and does so."""
    if chain.kind is not Kind.NUMBER or not chain.steps:
        return None
    try:
        formulas = []
        for step in chain.steps:
            declared = catalog.get("preprocessor", step.name).formula
            formula = declared(step.transformer) if declared else None
            if formula is None:
                return None
            formulas.append(formula)
        numbers = rows.block(Kind.NUMBER)
        lines = lines_of(formulas, numbers.shape[1])
        if lines is None:
            return None
        same = np.array_equal(
            FlatNumbers(lines)(numbers), block_of(chain, rows, blocks), equal_nan=True
        )
    except Exception:
        logger.warning("what is said of steps over numbers cannot be read", exc_info=True)
        return None
    return lines if same else None


def _grouped(tables: Sequence[_Tabled]) -> list[_Answers]:
    """Return members together whose outputs are read alike; outputs stand in the tables' order."""
    groups: dict[Key, list[tuple[int, _Tabled]]] = {}
    start = 0
    for one in tables:
        width = len(one.learned.base)
        key = (one.learned.link, width, one.pipeline.present)
        groups.setdefault(key, []).append((start, one))
        start += width
    return [
        _Answers(
            outputs=np.array([start + np.arange(key[1]) for start, _ in group]),
            shares=np.array([one.share for _, one in group]),
            link=key[0],
            pipeline=group[0][1].pipeline,
        )
        for key, group in groups.items()
    ]
