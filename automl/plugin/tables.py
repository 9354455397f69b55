"""What an estimator has learned, as plain tables that anyone can read, draw and evaluate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

Link = Literal["none", "logistic", "softmax"]
"""How outputs become values: as they are, ``(1 - p, p)`` of one output, shares of several."""

_MOST_CELLS = 1_000_000
"""Leaves looked at in one go, so that memory does not grow with the rows."""

_ROUNDED_TO_INFINITY = 2.0**128 - 2.0**103
"""From here on a float64 becomes infinite as a float32 (IEEE 754, ties to even)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trees:
    """Decision trees whose leaves are added up.

    Splits and leaves of all trees stand one after the other, tree by tree. Within a tree split 0
    is the root; a tree without splits is its leaf 0.

    Parameters
    ----------
    sizes : ndarray of shape (n_trees,), dtype=int
        Splits of each tree; it has one leaf more.
    feature : ndarray of shape (n_splits,), dtype=int
        The column that a split looks at.
    threshold : ndarray of shape (n_splits,), dtype=float64
        A cell goes left where ``cell <= threshold`` as float64; see `rounded` for learners that
        compare float32.
    left, right : ndarray of shape (n_splits,), dtype=int
        Number of a split of the same tree, larger than that of the split itself, or ``-1 - number``
        of a leaf of the same tree.
    missing_left : ndarray of shape (n_splits,), dtype=bool
        Whether NaN goes left.
    leaf : ndarray of shape (n_leaves, width), dtype=float64
        What a leaf adds: to ``width`` outputs in a row.
    output : ndarray of shape (n_trees,), dtype=int
        The first output that the leaves of a tree add to.
    base : ndarray of shape (n_outputs,), dtype=float64
        What the sums start from.
    link : {"none", "logistic", "softmax"}, default="none"
    set_of : ndarray of shape (n_splits,), dtype=int, or None, default=None
        For a split of category codes the number of a set in ``sets``, else -1; the cell goes left
        where its code is in the set. Codes are whole numbers from 0 up. None: numbers only.
    sets : tuple of ndarray of int, default=()

    Raises
    ------
    ValueError
        The arrays do not describe trees.
    """

    sizes: NDArray[Any]
    feature: NDArray[Any]
    threshold: Matrix
    left: NDArray[Any]
    right: NDArray[Any]
    missing_left: NDArray[np.bool_]
    leaf: Matrix
    output: NDArray[Any]
    base: Matrix
    link: Link = "none"
    set_of: NDArray[Any] | None = None
    sets: tuple[NDArray[Any], ...] = ()

    def __post_init__(self) -> None:
        n_splits, n_trees = int(self.sizes.sum()), len(self.sizes)
        per_split = (self.feature, self.threshold, self.left, self.right, self.missing_left)
        if any(one.shape != (n_splits,) for one in per_split):
            raise ValueError("one number for each split is expected")
        if self.leaf.ndim != 2 or len(self.leaf) != n_splits + n_trees:
            raise ValueError("a tree has one leaf more than splits")
        if self.output.shape != (n_trees,):
            raise ValueError("one output for each tree is expected")
        if n_trees and self.output.max() + self.leaf.shape[1] > len(self.base):
            raise ValueError("a leaf adds to more outputs than there are")
        number = np.arange(n_splits) - np.repeat(self.first_splits, self.sizes)
        size = np.repeat(self.sizes, self.sizes)
        for child in (self.left, self.right):
            inner = child >= 0
            if ((child >= size) | (child < -1 - size) | (inner & (child <= number))).any():
                raise ValueError("a child is a later split, or a leaf, of the same tree")
        if self.set_of is not None and self.set_of.max(initial=-1) >= len(self.sets):
            raise ValueError("a split names a set that is not there")

    @property
    def first_splits(self) -> NDArray[np.int64]:
        """Where the splits of each tree begin, of shape (n_trees,)."""
        first: NDArray[np.int64] = np.cumsum(self.sizes, dtype=np.int64) - self.sizes
        return first

    @property
    def first_leaves(self) -> NDArray[np.int64]:
        """Where the leaves of each tree begin, of shape (n_trees,)."""
        return self.first_splits + np.arange(len(self.sizes))

    @classmethod
    def of_nodes(
        cls,
        starts: NDArray[Any],
        nodes: dict[str, NDArray[Any]],
        *,
        output: NDArray[Any],
        base: Matrix,
        link: Link = "none",
        sets: dict[int, NDArray[Any]] | None = None,
    ) -> Trees:
        """Return trees whose splits and leaves share one numbering, as most libraries keep them.

        Parameters
        ----------
        starts : ndarray of shape (n_trees,), dtype=int
            Where the nodes of each tree begin; the first one is its root.
        nodes : dict of str to ndarray of shape (n_nodes, ...)
            ``feature``, ``threshold``, ``missing_left`` and ``value`` as above, and the children
            ``left`` and ``right``: numbers of nodes within the tree, negative where it is a leaf.
        output, base, link
            As above.
        sets : dict of int to ndarray of int, or None, default=None
            The codes that go left, by the number of the node over all trees.
        """
        inner = nodes["left"] >= 0
        n_nodes = np.diff(np.append(starts, len(inner)))
        sizes = np.add.reduceat(inner, starts, dtype=np.int64) if len(starts) else np.zeros(0, int)
        split = np.cumsum(inner) - 1 - np.repeat(np.cumsum(sizes) - sizes, n_nodes)
        leaves = np.cumsum(n_nodes - sizes) - (n_nodes - sizes)
        number = np.where(inner, split, np.repeat(leaves, n_nodes) - np.cumsum(~inner))
        start = np.repeat(starts, n_nodes)[inner]
        value = np.asarray(nodes["value"], dtype=np.float64).reshape(len(inner), -1)
        set_of = None
        if sets:
            set_of = np.full(len(inner), -1, dtype=np.int32)
            set_of[list(sets)] = np.arange(len(sets))
            set_of = set_of[inner]
        return cls(
            sizes=sizes,
            feature=nodes["feature"][inner].astype(np.int32),
            threshold=nodes["threshold"][inner].astype(np.float64),
            left=number[nodes["left"][inner] + start].astype(np.int32),
            right=number[nodes["right"][inner] + start].astype(np.int32),
            missing_left=nodes["missing_left"][inner].astype(bool),
            leaf=value[~inner],
            output=output,
            base=base,
            link=link,
            set_of=set_of,
            sets=tuple(sets.values()) if sets else (),
        )

    def walk(self, X: Matrix) -> NDArray[np.int64]:
        """Return the leaf that each row reaches in each tree, of shape (n_rows, n_trees).

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_columns), dtype=float64
        """
        return Walker(self)(X)

    def outputs(self, X: Matrix) -> Matrix:
        """Return the sums for each row, of shape (n_rows, n_outputs), before the link."""
        return Walker(self).outputs(X)

    def values(self, X: Matrix) -> Matrix:
        """Return probabilities (n_rows, n_classes) where there is a link, else the sums."""
        return linked(self.outputs(X), self.link)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coefficients:
    """Weighted sums of columns.

    Parameters
    ----------
    weights : ndarray of shape (n_columns, n_outputs), dtype=float64
    base : ndarray of shape (n_outputs,), dtype=float64
        What the sums start from.
    link : {"none", "logistic", "softmax"}, default="none"
    low, high : float, default=-inf, inf
        Outputs beyond are cut.
    """

    weights: Matrix
    base: Matrix
    link: Link = "none"
    low: float = -np.inf
    high: float = np.inf

    def outputs(self, X: Any) -> Matrix:
        """Return the sums for each row, of shape (n_rows, n_outputs), before the link."""
        return np.clip(np.asarray(X @ self.weights) + self.base, self.low, self.high)

    def values(self, X: Any) -> Matrix:
        """Return probabilities (n_rows, n_classes) where there is a link, else the sums."""
        return linked(self.outputs(X), self.link)


def linked(outputs: Matrix, link: Link) -> Matrix:
    """Return what outputs mean.

    Parameters
    ----------
    outputs : ndarray of shape (n_rows, n_outputs)
    link : {"none", "logistic", "softmax"}
    """
    if link == "logistic":
        second = 0.5 * (1.0 + np.tanh(0.5 * outputs))
        return np.concatenate((1.0 - second, second), axis=1)
    if link == "softmax":
        e = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        shares: Matrix = e / e.sum(axis=1, keepdims=True)
        return shares
    return outputs


def rounded(threshold: NDArray[Any], *, strict: bool = False) -> Matrix:
    """Return thresholds that decide for float64 cells what a learner decides for float32.

    ``cell <= rounded(t)`` holds exactly where ``float32(cell) <= t`` does.

    Parameters
    ----------
    threshold : ndarray of shape (n_splits,)
    strict : bool, default=False
        Whether the learner compares ``float32(cell) < t``.
    """
    wanted = np.asarray(threshold, dtype=np.float64)
    down, up = np.float32(-np.inf), np.float32(np.inf)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        last = wanted.astype(np.float32)  # the largest float32 that goes left
        beyond = last >= wanted if strict else last > wanted
        last = np.where(beyond, np.nextafter(last, down), last)
        after = np.nextafter(last, up).astype(np.float64)
        before = last.astype(np.float64)
        middle = (before + after) / 2.0
    middle = np.where(np.isneginf(before), -_ROUNDED_TO_INFINITY, middle)
    middle = np.where(np.isposinf(after) & np.isfinite(before), _ROUNDED_TO_INFINITY, middle)
    # A cell in the middle between two float32 becomes the even one.
    even = (last.view(np.int32) & 1) == 0
    return np.where(even, middle, np.nextafter(middle, -np.inf))


def spread_sets(
    sets: Sequence[NDArray[Any]],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the codes of all sets one after the other: of which set each is, and the code.

    Parameters
    ----------
    sets : sequence of ndarray of int
    """
    lengths = np.fromiter(map(len, sets), dtype=np.int64, count=len(sets))
    codes = np.concatenate(sets) if len(sets) else np.zeros(0)
    return np.repeat(np.arange(len(sets)), lengths), codes.astype(np.int64)


class Walker:
    """What asks trees, made once: it walks down all of them together.

    Parameters
    ----------
    trees : Trees
    """

    def __init__(self, trees: Trees) -> None:
        self.trees = trees
        self.first_leaves = trees.first_leaves
        self.by_output = [
            (int(first), np.flatnonzero(trees.output == first)) for first in np.unique(trees.output)
        ]
        first = np.repeat(trees.first_splits, trees.sizes)
        self.roots = np.where(trees.sizes > 0, trees.first_splits, -1)
        # A child that is a split counts over all trees, a leaf within its own.
        self.children = np.stack(
            [np.where(child >= 0, child + first, child) for child in (trees.right, trees.left)]
        ).astype(np.int64)
        self.feature = trees.feature.astype(np.int64)
        self.threshold = trees.threshold
        self.missing_left = trees.missing_left
        known = trees.set_of is not None and len(trees.sets) > 0
        self.set_of = trees.set_of.astype(np.int64) if known else None  # type: ignore[union-attr]  # it is known
        of_set, codes = spread_sets(trees.sets)
        # The last column stands for all higher codes, and for what is no code.
        self.inside = np.zeros((len(trees.sets), int(codes.max(initial=-1)) + 2), dtype=bool)
        self.inside[of_set, codes] = True

    def values(self, X: Matrix) -> Matrix:
        """Return what `Trees.values` does."""
        return linked(self.outputs(X), self.trees.link)

    def outputs(self, X: Matrix) -> Matrix:
        """Return what `Trees.outputs` does."""
        leaf = self.trees.leaf
        width = leaf.shape[1]
        sums = np.tile(self.trees.base, (len(X), 1))
        step = max(1, _MOST_CELLS // max(1, len(self.roots) * width))
        for start in range(0, len(X), step):
            rows = slice(start, start + step)
            added = leaf[self(X[rows]) + self.first_leaves]
            for first, mine in self.by_output:
                own = added if len(mine) == len(self.roots) else added[:, mine]
                sums[rows, first : first + width] += own.sum(axis=1)
        return sums

    def __call__(self, X: Matrix) -> NDArray[np.int64]:
        """Return the leaf of each row in each tree, of shape (n_rows, n_trees)."""
        at = np.tile(self.roots, len(X))
        rows = np.repeat(np.arange(len(X)), len(self.roots))
        walking = np.flatnonzero(at >= 0)
        while walking.size:
            split = at[walking]
            left = self.goes_left(split, X[rows[walking], self.feature[split]])
            child = self.children[left.astype(np.int8), split]
            at[walking] = child
            walking = walking[child >= 0]
        return (-1 - at).reshape(len(X), len(self.roots))

    def goes_left(self, split: NDArray[np.int64], cell: Matrix) -> NDArray[np.bool_]:
        """Return whether cells go left at splits.

        Parameters
        ----------
        split : ndarray of shape (n,), dtype=int
            Numbers over all trees.
        cell : ndarray of shape (n,), dtype=float64
            Of the columns that the splits look at.
        """
        left = cell <= self.threshold[split]
        if self.set_of is not None:
            left = self._by_code(split, cell, left)
        return np.where(np.isnan(cell), self.missing_left[split], left)

    def _by_code(
        self, split: NDArray[np.int64], cell: Matrix, left: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        of = self.set_of[split]  # type: ignore[index]  # the caller has looked
        other = self.inside.shape[1] - 1
        code = np.where((cell >= 0) & (cell < other), cell, other).astype(np.int64)
        found: NDArray[np.bool_] = np.where(of >= 0, self.inside[of, code], left)
        return found
