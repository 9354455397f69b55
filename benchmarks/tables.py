"""What is asked: a table, a target, and which rows are held back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

TEST_SHARE = 0.3

SMALL = 2_000
"""Below so many rows one split says little."""

SMALL_FOLDS = 3

TARGET = "target"
"""What the target is called where a feature is not called so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table and the question about it."""

    name: str
    task: str  # binary, multiclass or regression
    target: str
    load: Callable[[], pd.DataFrame]
    n_rows: int  # roughly; decides the order and the number of folds
    group: str = ""  # rows of one group stay on one side
    time: str = ""  # the test rows are the latest
    held: Callable[[int], NDArray[np.intp]] | None = None  # test rows of a fold, if fixed elsewhere
    folds: int = 0  # as many as there are, if fixed elsewhere

    def n_folds(self, asked: int | None) -> int:
        """Return how many folds are raced."""
        if self.time:
            return 1
        usual = self.folds or (SMALL_FOLDS if self.n_rows < SMALL else 1)
        return usual if asked is None else min(asked, self.folds or asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One fold of one table, ready to be handed over."""

    table: Table
    fold: int
    train: pd.DataFrame  # with the target, under `target`
    test: pd.DataFrame  # without it
    truth: NDArray[np.float64] | NDArray[np.int64]
    target: str
    n_classes: int
    n_dropped: int
    split: str

    @property
    def task(self) -> str:
        return self.table.task


def question(table: Table, fold: int) -> Question:
    """Split a table; classes become the integers from 0 in the order of their names."""
    frame = table.load()
    frame = frame[frame[table.target].notna()].reset_index(drop=True)
    rows = table.held(fold) if table.held else held_back(frame, table, fold)
    held = np.zeros(len(frame), dtype=bool)
    held[rows] = True
    features = frame.drop(columns=table.target)
    features.columns = features.columns.astype(str)
    target = TARGET if TARGET not in features.columns else f"{TARGET}_of_{table.name}"
    values, keep, n_classes = frame[table.target], np.ones(len(frame), dtype=bool), 0
    if table.task == "regression":
        truth = values.to_numpy(np.float64)
    else:
        words = values.astype(str)
        known = sorted(words[~held].unique(), key=_number_or_word)
        n_classes = len(known)
        codes = words.map({word: code for code, word in enumerate(known)})
        keep = codes.notna().to_numpy()
        truth = codes.fillna(-1).to_numpy(np.int64)
    train = features[~held].reset_index(drop=True)
    train[target] = truth[~held]
    return Question(
        table=table,
        fold=fold,
        train=train,
        test=features[held & keep].reset_index(drop=True),
        truth=truth[held & keep],
        target=target,
        n_classes=n_classes,
        n_dropped=int((held & ~keep).sum()),
        split=_hash(frame, held),
    )


def held_back(frame: pd.DataFrame, table: Table, fold: int) -> NDArray[np.intp]:
    """Draw 30 % of the rows: the latest, or whole groups, or of each class for itself.

    The seed is a hash of the table's name and the fold. A class of one row stays in training.
    """
    word = f"{table.name}/{fold}".encode()
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(word).digest()[:8], "big"))
    n_test = round(TEST_SHARE * len(frame))
    if table.time:
        return np.sort(np.argsort(frame[table.time].to_numpy(), kind="stable")[-n_test:])
    if table.group:
        codes, groups = pd.factorize(frame[table.group], sort=True)
        ranks = rng.permutation(len(groups))
        drawn = np.isin(codes, ranks[: max(1, round(TEST_SHARE * len(groups)))])
        return np.flatnonzero(drawn & (codes >= 0))
    if table.task == "regression":
        return np.sort(rng.permutation(len(frame))[:n_test])
    target = frame[table.target].astype(str)
    parts = []
    for label in sorted(target.unique()):
        rows = rng.permutation(np.flatnonzero(target == label))
        # Rounded at random, so that many small classes together still give 30 %.
        parts.append(rows[: min(len(rows) - 1, int(TEST_SHARE * len(rows) + rng.random()))])
    return np.sort(np.concatenate(parts))


def _number_or_word(word: str) -> tuple[float, str]:
    """Sort 2 before 10, and numbers before words."""
    try:
        return (float(word), word)
    except ValueError:
        return (float("inf"), word)


def _hash(frame: pd.DataFrame, held: NDArray[np.bool_]) -> str:
    """Name a split by its cells and by the rows that are held back."""
    rows = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    return hashlib.sha256(rows.tobytes() + held.tobytes()).hexdigest()[:12]
