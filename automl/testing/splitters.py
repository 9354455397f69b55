"""What holds for every splitter."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from automl.plugin.contributions import SplitRequest
from automl.plugin.guard import watch
from automl.testing.checks import CheckFailedError, Property, says
from automl.testing.comparing import fingerprint

if TYPE_CHECKING:
    from automl.testing.plain import Bench

SECTION = "automl_splitters"
N_ROWS = 60


def _requests() -> dict[str, SplitRequest]:
    rng = np.random.default_rng(0)
    rows = np.arange(N_ROWS)
    numbers = SplitRequest(
        y=rng.normal(size=N_ROWS),
        n_folds=3,
        groups=(rows // 4).astype(np.int64),
        time=rng.permutation(rows).astype(np.float64),
        seed=1,
    )
    rare = np.where(rows == 7, 2, rows % 2).astype(np.int64)
    return {
        "numbers": numbers,
        "classes": replace(numbers, y=(rows % 3).astype(np.int64)),
        "a class of one row": replace(numbers, y=rare),
        "repeats": replace(numbers, repeats=2),
    }


@says("No row is a training row and a test row of one fold, and neither set is empty.", SECTION)
def _training_and_test_rows_are_apart(bench: Bench) -> None:
    for what, request in _requests().items():
        for train, test in bench.contribution.split(request):
            if set(train.tolist()) & set(test.tolist()) or not len(train) or not len(test):
                raise CheckFailedError(
                    f"{what}: a fold has {len(train)} training and {len(test)} test rows, "
                    f"{len(np.intersect1d(train, test))} of them in both.",
                    "Take test rows out of the training rows.",
                )


@says("Rows are sorted whole numbers, each there once, and none beyond the table.", SECTION)
def _rows_are_sorted_numbers(bench: Bench) -> None:
    for what, request in _requests().items():
        folds = list(bench.contribution.split(request))
        if not folds:
            raise CheckFailedError(f"{what}: no fold at all.", "Return at least one fold.")
        for rows in (rows for fold in folds for rows in fold):
            plain = isinstance(rows, np.ndarray) and np.issubdtype(rows.dtype, np.integer)
            if not plain or (np.diff(rows) <= 0).any() or rows[0] < 0 or rows[-1] >= N_ROWS:
                raise CheckFailedError(
                    f"{what}: rows {rows!r:.80} are not sorted row numbers.",
                    "Return np.flatnonzero(mask), or np.sort(rows).",
                )


@says("Within one repeat no row is a test row twice.", SECTION)
def _test_sets_do_not_overlap(bench: Bench) -> None:
    for what, request in _requests().items():
        if request.repeats == 1:
            tests = [set(test.tolist()) for _, test in bench.contribution.split(request)]
            if any(one & two for one, two in combinations(tests, 2)):
                raise CheckFailedError(f"{what}: test sets overlap.", "Give each row one fold.")


@says(
    "Asked twice it gives the same folds, and leaves global state and the request alone.", SECTION
)
def _one_seed_gives_one_plan(bench: Bench) -> None:
    for what, request in _requests().items():
        before = fingerprint(request.y)
        with watch() as watched:
            plans = [bench.contribution.split(request) for _ in range(2)]
        said = [[(a.tolist(), b.tolist()) for a, b in plan] for plan in plans]
        if said[0] != said[1]:
            raise CheckFailedError(
                f"{what}: two calls give other folds.", "Use np.random.default_rng(request.seed)."
            )
        if watched.changed or watched.printed or before != fingerprint(request.y):
            raise CheckFailedError(
                f"{what}: it changes {watched.changed or 'the request'}, or prints.",
                "Only compute and return.",
            )


@says("There are no more folds than asked for.", SECTION)
def _no_more_folds_than_asked(bench: Bench) -> None:
    for what, request in _requests().items():
        found = len(list(bench.contribution.split(request)))
        if found > request.n_folds * request.repeats:
            raise CheckFailedError(
                f"{what}: {found} folds, asked for {request.n_folds} in each of {request.repeats} "
                "repeats.",
                "Give at most n_folds folds for each repeat.",
            )


@says("Six rows are split into training and test rows as well.", SECTION)
def _few_rows_are_split(bench: Bench) -> None:
    rows = np.arange(6)
    few = SplitRequest(
        y=(rows % 2).astype(np.int64),
        n_folds=2,
        groups=(rows // 2).astype(np.int64),
        time=rows.astype(np.float64),
        seed=0,
    )
    folds = list(bench.contribution.split(few))
    if not folds or not all(len(train) and len(test) for train, test in folds):
        raise CheckFailedError(
            f"Six rows: {[(len(train), len(test)) for train, test in folds]} training and test "
            "rows.",
            "Give at least one fold with rows on both sides.",
        )


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
