"""What each column contributes to what a blend says, against rows of a background."""

from __future__ import annotations

import logging
from math import lcm
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from automl.explain.columns import UserColumns
from automl.explain.known import Known, known, n_leaves, read, wide
from automl.explain.sampled import Sampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automl.candidate.pipeline import Pipeline
    from automl.data.schema import Schema
    from automl.data.table import Table
    from automl.plugin.catalog import Catalog

    Matrix = NDArray[np.float64]

logger = logging.getLogger("automl.explain")

MOST_PAIRS = 16_000_000
"""Leaves times background rows of all trees that are kept as paths; larger ones are sampled."""

MOST_ROWS = 128
"""Rows that are explained at once."""

MOST_NUMBERS = 16_000_000
"""Numbers of one kind that are kept for rows explained at once."""

STRANGE = 1e-3
"""A rest of this share of a row's contributions is said: a member does not always say the same."""

ROUNDING = 1e-6
"""What is no more than this share of the value is rounding, whatever the contributions are."""


class Finish(Protocol):
    """What is done to the average of the members; all of shape (n, n_values)."""

    def finished(self, averages: Matrix) -> Matrix:
        """Return the values."""
        ...

    def slopes(self, before: Matrix, after: Matrix) -> Matrix:
        """Return how a change of averages goes through, (n, n_values, n_values), without a rest."""
        ...


class Game:
    """A blend whose rows are explained; what can be reckoned before is reckoned once.

    Parameters
    ----------
    members : sequence of (float, Pipeline)
        Each with its share in the blend.
    finish : Finish
    background : Table
        The rows that an explained row is compared with.
    schema : Schema
    catalog : Catalog
    seed : int, default=0
        Of what is sampled.

    Attributes
    ----------
    names : tuple of str
        The user's columns.
    base : ndarray of shape (n_values,)
        Mean of the values of the background.
    exact : float
        Share of the members whose contributions are reckoned, not sampled.
    n_background : int
    """

    def __init__(
        self,
        members: Sequence[tuple[float, Pipeline]],
        finish: Finish,
        background: Table,
        schema: Schema,
        catalog: Catalog,
        seed: int = 0,
    ) -> None:
        self._columns = UserColumns(schema)
        self._finish = finish
        self.names = self._columns.names
        self._known: list[Known] = []
        matrices = _Matrices(background)
        left = MOST_PAIRS
        self.n_background = background.n_rows
        asked = []
        self._constant: Any = 0.0
        tables = [(share, pipeline, read(pipeline, catalog)) for share, pipeline in members]
        # The smallest come first, so that as many as possible find place.
        for share, pipeline, learned in sorted(tables, key=lambda one: n_leaves(one[2])):
            if pipeline.estimator is None:
                self._constant = self._constant + share * wide(pipeline.values(background))
                continue
            pairs = n_leaves(learned) * background.n_rows
            X = matrices.of(pipeline)
            one = known(share, pipeline, learned, X, self._columns) if pairs <= left else None
            if one is None:
                asked.append((share, pipeline))
            else:
                left -= pairs
                self._known.append(one)
        self._sampled = _sampled(asked, self._columns, background, seed) if asked else None
        self.exact = max(0.0, 1.0 - sum(share for share, _ in asked))
        averages = self._constant + sum(one.share * one.values for one in self._known)
        self._averages = averages + (0.0 if self._sampled is None else self._sampled.values)
        self.base = finish.finished(self._averages).mean(axis=0)

    def contributions(self, table: Table, values: Matrix) -> Matrix:
        """Return what each column contributes to each value of each row.

        Parameters
        ----------
        table : Table
        values : ndarray of shape (n_rows, n_values)
            What the blend says of them.

        Returns
        -------
        ndarray of shape (n_rows, n_columns, n_values)
            With `base` they add up to ``values``.
        """
        found = np.zeros((table.n_rows, len(self.names), values.shape[1]))
        step = self._at_once(values.shape[1])
        for start in range(0, table.n_rows, step):
            rows = slice(start, start + step)
            found[rows] = _without_rest(self._of_rows(table.take(rows)), self.base, values[rows])
        return found

    def _at_once(self, n_values: int) -> int:
        """Return how many rows are looked at together, so that memory is bounded."""
        slopes = self.n_background * n_values**2
        leaves = sum(one.engine.n_leaves for one in self._known)
        sampled = 0 if self._sampled is None else self.n_background * len(self.names) * n_values
        return max(1, min(MOST_ROWS, MOST_NUMBERS // max(slopes, leaves, 4 * sampled, 1)))

    def _of_rows(self, rows: Table) -> Matrix:
        matrices = _Matrices(rows)
        ways = [one.ways(matrices.of(one.pipeline)) for one in self._known]
        outputs = [one.engine.outputs(mine) for one, mine in zip(self._known, ways, strict=True)]
        constant = self._constant[:1] if np.ndim(self._constant) else self._constant
        average: Any = constant + sum(
            one.share * one.said(out) for one, out in zip(self._known, outputs, strict=True)
        )
        sampled = None if self._sampled is None else self._sampled.ask(rows)
        if sampled is not None:
            average = average + sampled.mean(axis=0)
        shape = (rows.n_rows, *self._averages.shape)
        before = np.broadcast_to(self._averages, shape).reshape(-1, shape[2])
        after = np.broadcast_to(average, (shape[0], shape[2]))
        # By row, background row, value and average of the members. What the last share gains the
        # others lose: it need not be reckoned.
        slopes = self._finish.slopes(before, np.repeat(after, shape[1], axis=0)) / shape[1]
        n_values = slopes.shape[1]
        slopes = slopes[:, : max(n_values - 1, 1)].reshape(*shape[:2], -1, shape[2])
        total = np.zeros((shape[0], len(self.names), slopes.shape[2]))
        for one, mine, out in zip(self._known, ways, outputs, strict=True):
            weights = one.share * (slopes @ one.slopes(out))
            total += one.engine.contributions(mine, weights.transpose(0, 1, 3, 2))
        if self._sampled is not None and sampled is not None:
            total += self._sampled.contributions(rows, sampled, slopes.transpose(0, 1, 3, 2))
        if n_values == 1:
            return total
        return np.concatenate([total, -total.sum(axis=2, keepdims=True)], axis=2)


class _Matrices:
    """The prepared rows of a table, made once for pipelines that prepare alike."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._made: dict[Any, Any] = {}

    def of(self, pipeline: Pipeline) -> Any:
        """Return what the estimator of a pipeline sees."""
        key = pipeline.preparation.identity
        if key not in self._made:
            self._made[key] = pipeline.preparation.transform(self._table)
        return self._made[key]


class _Turns:
    """Members who answer in turns: at each one fold of every candidate, for all of its folds.

    They learned from much the same rows, so that asking one of them is nearly asking all.

    Parameters
    ----------
    members : sequence of (float, Pipeline)
    """

    def __init__(self, members: Sequence[tuple[float, Pipeline]]) -> None:
        parts: list[list[tuple[float, Pipeline]]] = []
        for share, pipeline in members:
            mine = [one for one in parts if one[0][1].candidate == pipeline.candidate]
            if mine:
                mine[0].append((share, pipeline))
            else:
                parts.append([(share, pipeline)])
        self.n_turns = lcm(*map(len, parts))
        self._at = [
            [(len(one) * one[turn % len(one)][0], one[turn % len(one)][1]) for one in parts]
            for turn in range(self.n_turns)
        ]

    def __call__(self, table: Table, turns: Sequence[int]) -> Matrix:
        """Return what is said of rows at some turns, (n_turns, n_rows, n_values)."""
        matrices = _Matrices(table)
        return np.array(
            [
                sum(share * wide(one.values_of(matrices.of(one))) for share, one in self._at[turn])
                for turn in turns
            ]
        )


def _sampled(
    members: Sequence[tuple[float, Pipeline]],
    columns: UserColumns,
    background: Table,
    seed: int,
) -> Sampled:
    used = columns.used_by(pipeline.preparation for _, pipeline in members)
    share = sum(share for share, _ in members)
    return Sampled(columns, background, _Turns(members), used, share, seed)


def _without_rest(contributions: Matrix, base: Matrix, value: Matrix) -> Matrix:
    """Return contributions that add up to a value, by shares of what each of them is.

    What is left over is rounding: tables add up in another order than the members do.
    """
    rest = (value - base)[..., None, :] - contributions.sum(axis=-2, keepdims=True)
    size = np.abs(contributions)
    total = size.sum(axis=-2, keepdims=True)
    allowed = STRANGE * total + ROUNDING * (np.abs(base) + np.abs(value))[..., None, :]
    if (np.abs(rest) > allowed).any():
        logger.warning("a member says something else when it is asked again")
    shares = np.where(total > 0.0, size / np.where(total > 0.0, total, 1.0), 0.0)
    found: Matrix = contributions + shares * rest
    return found
