"""Random trees, for what reads or walks any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from automl.plugin.tables import Trees

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBERS = np.array([0.0, -0.0, 0.5, -1.25, 3.0, 1e-30, 1e20, -1e300, 3.4028234663852886e38])


def random_trees(
    seed: int, *, n_trees: int = 20, n_columns: int = 6, n_coded: int = 2, most: int = 12
) -> Trees:
    """Return trees of any shape, some without a split.

    Parameters
    ----------
    seed : int
    n_trees, n_columns : int
    n_coded : int
        The last columns hold category codes.
    most : int
        Splits of a tree at most.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, most + 1, n_trees)
    children = [_grow(rng, size) for size in sizes.tolist()]
    n_splits = int(sizes.sum())
    feature = rng.integers(0, n_columns, n_splits)
    coded = feature >= n_columns - n_coded
    n_sets = int(coded.sum())
    return Trees(
        sizes=sizes,
        feature=feature,
        threshold=np.where(
            rng.random(n_splits) < 0.5, rng.normal(size=n_splits), rng.choice(NUMBERS, n_splits)
        ),
        left=np.concatenate([left for left, _ in children]).astype(np.int64),
        right=np.concatenate([right for _, right in children]).astype(np.int64),
        missing_left=rng.random(n_splits) < 0.5,
        leaf=rng.normal(size=(n_splits + n_trees, 1)),
        output=rng.integers(0, 2, n_trees),
        base=np.zeros(2),
        set_of=np.where(coded, np.cumsum(coded) - 1, -1) if n_sets else None,
        sets=tuple(np.flatnonzero(rng.random(rng.integers(1, 70)) < 0.4) for _ in range(n_sets)),
    )


def _grow(rng: np.random.Generator, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the children of a tree's splits: each takes a free place of one before it."""
    children = np.zeros((2, size), dtype=np.int64)
    free: list[tuple[int, int]] = []
    for split in range(size):
        if split:
            side, parent = free.pop(int(rng.integers(len(free))))
            children[side, parent] = split
        free += [(0, split), (1, split)]
    rng.shuffle(free)
    for leaf, (side, parent) in enumerate(free):
        children[side, parent] = -1 - leaf
    return children[0], children[1]
