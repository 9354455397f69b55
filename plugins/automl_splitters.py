"""Ways to hold rows out: in folds, once, by group and forward in time.

All of them are deterministic by seed, return sorted row numbers, and give fewer folds than asked
for where the data allows no more. Folds are dealt like cards: rows are put in an order (by class,
or by the size of a number) and each block of ``n_folds`` neighbours gives one row to each fold. So
every class, however rare, is spread as far as it goes, and folds of a regression see the whole
range of the target. Stratified folds vary less than plain ones (R. Kohavi, "A study of cross-
validation and bootstrap", IJCAI 1995); for numbers the gain is small but so is the cost.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.errors import DataError
from automl.plugin import SplitRequest, Splitter, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Rows = "NDArray[np.intp]"
Split = "tuple[NDArray[np.intp], NDArray[np.intp]]"

FULL_HOLDOUT = 10_000
"""Rows that are enough to judge on; a hold-out takes 20 % until it has them, then at least 10 %."""

FORWARD_START = 0.5
"""Share of the rows that forward folds start from."""


def _refuse(message: str, remedy: str = "") -> DataError:
    return DataError("E_DATA_SPLIT", message, remedy)


def _n_rows(request: SplitRequest) -> int:
    n = len(request.y)
    if n < 2:
        raise _refuse(f"{n} row(s) cannot be split into training and test rows.")
    return n


def _deal(key: NDArray[Any] | None, n: int, n_folds: int, rng: np.random.Generator) -> Any:
    """Return a fold for each row; neighbours in the order of ``key`` are in different ones."""
    order = rng.permutation(n)
    if key is not None:
        order = order[np.argsort(key[order], kind="stable")]
    n_blocks = -(-n // n_folds)
    hands = rng.permuted(np.tile(np.arange(n_folds), (n_blocks, 1)), axis=1)
    if key is not None and key.dtype.kind != "f":
        # The same order in each block: a class of m rows then has m // n_folds or one more in each.
        hands = np.tile(rng.permutation(n_folds), (n_blocks, 1))
    fold = np.empty(n, dtype=np.intp)
    fold[order] = hands.reshape(-1)[:n]
    return fold


def _pairs(fold: NDArray[np.intp], folds: range) -> Iterator[Any]:
    for k in folds:
        yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


def _folds(request: SplitRequest, key: NDArray[Any] | None) -> list[Any]:
    n = _n_rows(request)
    n_folds = max(2, min(request.n_folds, n))
    splits: list[Any] = []
    for repeat in range(request.repeats):
        rng = np.random.default_rng((request.seed, repeat))
        splits += _pairs(_deal(key, n, n_folds, rng), range(n_folds))
    return splits


def _once(request: SplitRequest, key: NDArray[Any] | None) -> list[Any]:
    n = _n_rows(request)
    share = float(np.clip(FULL_HOLDOUT / n, 0.1, 0.2))
    n_hands = min(round(1 / share), n)
    splits: list[Any] = []
    for repeat in range(request.repeats):
        rng = np.random.default_rng((request.seed, repeat))
        fold = _deal(key, n, n_hands, rng)
        if key is not None and key.dtype.kind != "f":
            single = np.bincount(key)[key] == 1
            if not single.all():
                fold[single] = n_hands
                if not (fold == 0).any():
                    fold[np.flatnonzero(~single)[-1]] = 0
        splits += _pairs(fold, range(1))
    return splits


def _as_classes(y: NDArray[Any]) -> NDArray[np.int64]:
    return np.unique(y, return_inverse=True)[1].reshape(-1).astype(np.int64)


def stratified(request: SplitRequest) -> list[Any]:
    """K folds with the classes spread evenly; a class with fewer rows is in as many folds."""
    return _folds(request, _as_classes(request.y))


def k_fold(request: SplitRequest) -> list[Any]:
    """K folds; the numbers of a regression are spread evenly."""
    return _folds(request, request.y if request.y.dtype.kind == "f" else None)


def stratified_holdout(request: SplitRequest) -> list[Any]:
    """One test set of 10 to 20 %, spread evenly over the classes; a single row is trained on."""
    return _once(request, _as_classes(request.y))


def holdout(request: SplitRequest) -> list[Any]:
    """One test set of 10 to 20 %; the numbers of a regression are spread evenly."""
    return _once(request, request.y if request.y.dtype.kind == "f" else None)


def _group_folds(request: SplitRequest, classes: NDArray[np.int64]) -> list[Any]:
    """Give each group, the largest first, to the fold that has the least of what it brings."""
    _n_rows(request)
    if request.groups is None:
        raise _refuse(
            "Rows cannot be split by group:", "name the group column in Columns(group=...)."
        )
    group = _as_classes(request.groups)
    n_groups, n_classes = int(group.max()) + 1, int(classes.max()) + 1
    if n_groups < 2:
        raise _refuse("The group column has one value only, so no group can be held out.")
    brings = np.zeros((n_groups, n_classes))
    np.add.at(brings, (group, classes), 1.0)
    sizes = brings.sum(axis=1)
    cost = brings / brings.sum(axis=0) ** 2
    n_folds = max(2, min(request.n_folds, n_groups))
    splits: list[Any] = []
    for repeat in range(request.repeats):
        rng = np.random.default_rng((request.seed, repeat))
        order = rng.permutation(n_groups)
        held, rows = np.zeros((n_folds, n_classes)), np.zeros(n_folds)
        home = np.empty(n_groups, dtype=np.intp)
        for g in order[np.argsort(-sizes[order], kind="stable")]:
            # The second term only decides between equals: an empty fold is filled first.
            fold = int(np.argmin(held @ cost[g] + 1e-12 * rows))
            home[g] = fold
            held[fold] += brings[g]
            rows[fold] += sizes[g]
        splits += _pairs(home[group], range(n_folds))
    return splits


def group(request: SplitRequest) -> list[Any]:
    """K folds of about equal size; all rows of a group are in one of them."""
    return _group_folds(request, np.zeros(len(request.y), dtype=np.int64))


def stratified_group(request: SplitRequest) -> list[Any]:
    """K folds with the classes spread as evenly as whole groups allow."""
    return _group_folds(request, _as_classes(request.y))


def forward(request: SplitRequest) -> list[Any]:
    """Windows forward in time: the first half trains, the rest is tested window after window.

    All training rows are earlier than all test rows; rows of one moment stay together, rows without
    a time count as the earliest. Where groups are given too, a training row whose group is tested
    is left out. Repeating would change nothing, so it is not done.
    """
    n = _n_rows(request)
    if request.time is None:
        raise _refuse("Rows cannot be split by time:", "name the time column in Columns(time=...).")
    time = np.where(np.isnan(request.time), -np.inf, request.time)
    moments, first = np.unique(np.sort(time), return_index=True)
    if len(moments) < 2:
        raise _refuse("The time column has one value only, so no later rows can be held out.")
    n_folds = max(1, min(request.n_folds, len(moments) - 1))
    wanted = n * np.linspace(FORWARD_START, 1.0, n_folds + 1)[:-1]
    starts = np.searchsorted(first, wanted)
    # Each window needs a moment of its own, and the first window one before it.
    starts = np.maximum(starts, np.arange(1, n_folds + 1))
    starts = np.minimum(starts, len(moments) - n_folds + np.arange(n_folds))
    starts = np.maximum.accumulate(starts - np.arange(n_folds)) + np.arange(n_folds)
    edges = [*moments[starts].tolist(), np.inf]
    splits: list[Any] = []
    for low, high in pairwise(edges):
        train = np.flatnonzero(time < low)
        test = np.flatnonzero((time >= low) & ((time < high) | (high == np.inf)))
        if request.groups is not None:
            train = train[~np.isin(request.groups[train], request.groups[test])]
        if len(train):
            splits.append((train, test))
    if not splits:
        raise _refuse(
            "Every group is there at all times, so nothing can be split by group and time at once.",
            "Name only one of the two in Columns(group=..., time=...).",
        )
    return splits


SPLITTERS = (stratified, k_fold, stratified_holdout, holdout, group, stratified_group, forward)


@hookimpl
def automl_splitters() -> tuple[Splitter, ...]:
    """Return all ways to hold rows out."""
    return tuple(Splitter(name=split.__name__, split=split) for split in SPLITTERS)
