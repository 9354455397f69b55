"""The trees of many members, walked down together for one row after the other."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin.tables import Trees, Walker, spread_sets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from automl.plugin.contributions import Algorithm

    Matrix = NDArray[np.float64]

logger = logging.getLogger("automl.model.evaluator")

MOST_SPLITS = 400_000
"""Trees with more splits in all are not handed over a second time: they take memory twice."""

ZERO = 1e-34
"""A walk, or a learner, may take cells nearer to zero for zero (as `Algorithm.walk` says)."""

ROWS = 16
"""Rows at the borders of splits by which a walk is checked."""


class Evaluator:
    """The sums of all trees of some tables.

    Parameters
    ----------
    tables : sequence of (Trees, ndarray of int)
        Each with the cells that its columns are.
    algorithms : iterable of Algorithm
        Asked for a walk through their trees.

    Attributes
    ----------
    n_outputs : int
        Of all tables, in their order.
    """

    def __init__(
        self, tables: Sequence[tuple[Trees, NDArray[Any]]], algorithms: Iterable[Algorithm]
    ) -> None:
        # Small tables first: all that fit go through the quickest walk, the others through ours.
        order = sorted(range(len(tables)), key=lambda number: len(tables[number][0].feature))
        splits = np.cumsum([len(tables[number][0].feature) for number in order])
        n_light = int(np.searchsorted(splits, MOST_SPLITS, side="right"))
        groups = [order[:n_light], order[n_light:]]
        self._walks: list[tuple[Callable[[Matrix], Any], int, int]] = []
        start = 0
        for group, light in zip(groups, (True, False), strict=True):
            if group:
                joined = _join([tables[number] for number in group])
                walk = _quickest(joined, algorithms) if light else _ours(joined)
                self._walks.append((walk, start, start + len(joined.sizes)))
                start += len(joined.sizes)
        self._leaves = start
        self._sum_up(tables, order)

    def _sum_up(self, tables: Sequence[tuple[Trees, NDArray[Any]]], order: Sequence[int]) -> None:
        """Note which leaf of which tree adds what to which output."""
        firsts = np.cumsum([0, *(len(table.base) for table, _ in tables)])
        self.n_outputs = int(firsts[-1])
        self._base = np.concatenate([table.base for table, _ in tables])
        trees, places, outputs, values = [], [], [], []
        n_trees = n_values = 0
        for number in order:
            table, _ = tables[number]
            for column in range(table.leaf.shape[1]):
                trees.append(n_trees + np.arange(len(table.sizes)))
                places.append(n_values + table.first_leaves)
                outputs.append(firsts[number] + table.output + column)
                values.append(table.leaf[:, column])
                n_values += len(table.leaf)
            n_trees += len(table.sizes)
        self._tree, self._place = np.concatenate(trees), np.concatenate(places)
        self._output, self._value = np.concatenate(outputs), np.concatenate(values)
        self._each_once = np.array_equal(self._tree, np.arange(n_trees))

    def __call__(self, cells: Matrix) -> Matrix:
        """Return the sums of each row, of shape (n_rows, n_outputs), before any link.

        Parameters
        ----------
        cells : ndarray of shape (n_rows, n_cells), dtype=float64
        """
        sums = np.empty((len(cells), self.n_outputs))
        leaves = np.empty(self._leaves, dtype=np.int64)
        for row, mine in zip(cells, sums, strict=True):
            for walk, start, end in self._walks:
                leaves[start:end] = walk(row)
            at = self._place + (leaves if self._each_once else leaves.take(self._tree))
            mine[:] = np.bincount(self._output, self._value.take(at), self.n_outputs)
        sums += self._base
        return sums


def _join(tables: Sequence[tuple[Trees, NDArray[Any]]]) -> Trees:
    """Return one table of all splits, whose leaves say nothing."""
    several = [table for table, _ in tables]
    sizes = np.concatenate([table.sizes for table in several])
    coded = any(table.set_of is not None for table in several)
    return Trees(
        sizes=sizes,
        feature=np.concatenate([columns[table.feature] for table, columns in tables]),
        threshold=np.concatenate([table.threshold for table in several]),
        left=np.concatenate([table.left for table in several]),
        right=np.concatenate([table.right for table in several]),
        missing_left=np.concatenate([table.missing_left for table in several]),
        leaf=np.zeros((int(sizes.sum()) + len(sizes), 1)),
        output=np.zeros(len(sizes), dtype=np.int64),
        base=np.zeros(1),
        set_of=_sets_of(several) if coded else None,
        sets=tuple(one for table in several for one in table.sets),
    )


def _sets_of(tables: Sequence[Trees]) -> NDArray[Any]:
    starts = np.cumsum([0, *(len(table.sets) for table in tables)]).tolist()
    none = [np.full(len(table.feature), -1) for table in tables]
    return np.concatenate(
        [
            nothing
            if table.set_of is None
            else np.where(table.set_of < 0, -1, table.set_of + start)
            for table, nothing, start in zip(tables, none, starts, strict=False)
        ]
    )


def _ours(trees: Trees) -> Callable[[Matrix], Any]:
    walk = Walker(trees)
    return lambda row: walk(row[None])[0]


def _quickest(trees: Trees, algorithms: Iterable[Algorithm]) -> Callable[[Matrix], Any]:
    """Return a walk that an algorithm offers, where it goes the same ways as ours; else ours."""
    rows = border_rows(trees, np.zeros((1, int(trees.feature.max(initial=0)) + 1)), ROWS)
    ways = trees.walk(rows)
    for algorithm in algorithms:
        if algorithm.walk is None:
            continue
        try:
            walk = algorithm.walk(trees)
            same = all(
                np.array_equal(walk(row), expected)
                for row, expected in zip(rows, ways, strict=True)
            )
        except Exception:
            logger.warning("the walk of %r failed", algorithm.name, exc_info=True)
            continue
        if same:
            return walk
        logger.warning("the walk of %r goes other ways", algorithm.name)
    return _ours(trees)


def border_rows(
    trees: Trees, rows: Matrix, n_rows: int, *, missing: bool = True, share: float = 0.5
) -> Matrix:
    """Return rows many of whose cells lie at the borders of splits: always the same ones.

    Parameters
    ----------
    trees : Trees
    rows : ndarray of shape (n, n_columns)
        Rows to start from.
    n_rows : int
    missing : bool, default=True
        Whether cells may be NaN.
    share : float, default=0.5
        Of the cells.
    """
    rng = np.random.default_rng(0)
    found = np.array(rows[np.arange(n_rows) % len(rows)], dtype=np.float64)
    highest = _highest_codes(trees)
    for column in np.unique(trees.feature).tolist():
        mine = trees.feature == column
        if column in highest:
            cells = np.arange(highest[column] + 3, dtype=np.float64)
        else:
            at = rng.choice(trees.threshold[mine], n_rows)
            sides = rng.choice([-np.inf, np.inf], n_rows)
            with np.errstate(over="ignore", under="ignore"):
                near = np.nextafter(at.astype(np.float32), sides.astype(np.float32))
                cells = np.concatenate([at, at, np.nextafter(at, sides), near.astype(np.float64)])
        picked = rng.choice(cells, n_rows)
        picked[np.abs(picked) < ZERO] = 0.0
        if missing:
            picked[rng.random(n_rows) < 0.1] = np.nan
        replaced = rng.random(n_rows) < share
        found[replaced, column] = picked[replaced]
    return found


def _highest_codes(trees: Trees) -> dict[int, int]:
    """Return the highest code in a set, for each column that is split by code."""
    if trees.set_of is None:
        return {}
    of_set, codes = spread_sets(trees.sets)
    highest = np.zeros(len(trees.sets), dtype=np.int64)
    np.maximum.at(highest, of_set, codes)
    coded = np.flatnonzero(trees.set_of >= 0)
    found = np.zeros(int(trees.feature.max(initial=0)) + 1, dtype=np.int64)
    columns = trees.feature[coded]
    np.maximum.at(found, columns, highest[trees.set_of[coded]])
    return {column: int(found[column]) for column in np.unique(columns).tolist()}
