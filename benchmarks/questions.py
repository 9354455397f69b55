"""What is asked: tables, targets and splits, and how an answer is scored."""

from __future__ import annotations

import csv
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

METRICS = {"binary": "auc", "multiclass": "log_loss", "regression": "rmse"}
GREATER_IS_BETTER = {"auc"}

TEST_SHARE = 0.3
SMALL = 2_000
"""Below so many rows one split says little: three are raced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One table, one target, one split."""

    table: str
    path: Path
    task: str
    target: str
    split: int


def questions(folder: Path, only: list[str]) -> Iterator[Question]:
    """Return the tabular tables of a catalogue, smallest first, each with its splits."""
    with (folder / "catalog.csv").open(newline="", encoding="utf-8") as file:
        entries = [entry for entry in csv.DictReader(file) if entry["kind"] == "tabular"]
    known = {entry["name"] for entry in entries}
    if unknown := set(only) - known:
        sys.exit(
            f"No table named {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}."
        )
    for entry in sorted(entries, key=lambda entry: int(entry["n_rows"])):
        if only and entry["name"] not in only:
            continue
        for split in range(3 if int(entry["n_rows"]) < SMALL else 1):
            yield Question(
                table=entry["name"],
                path=folder / entry["file"],
                task=entry["task"],
                target=entry["target"],
                split=split,
            )


def test_rows(target: pd.Series, question: Question) -> np.ndarray:
    """Draw 30 % of the rows, of each class for itself; a class of one row stays in training."""
    word = f"{question.table}/{question.split}".encode()
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(word).digest()[:8], "big"))
    if question.task == "regression":
        return np.sort(rng.permutation(len(target))[: round(TEST_SHARE * len(target))])
    drawn = []
    for label in sorted(target.unique(), key=str):
        rows = rng.permutation(np.flatnonzero(target == label))
        # Rounded at random, so that many small classes together still give 30 %.
        drawn.append(rows[: min(len(rows) - 1, int(TEST_SHARE * len(rows) + rng.random()))])
    return np.sort(np.concatenate(drawn))
