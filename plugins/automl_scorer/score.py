"""Predictions of a model that automl has learned, with NumPy alone.

>>> from score import predict, predict_proba
>>> predict({"age": 39, "city": "Oslo"})                        # one row
>>> predict([{"age": 39, "city": "Oslo"}, {"age": None, "city": "Rome"}])   # a dict for each row
>>> predict({"age": [39, None], "city": ["Oslo", "Rome"]})      # columns by name

or ``python score.py FILE.csv [--proba] [--out FILE]`` (``-`` reads standard input).

A missing cell is None, NaN or a word that says so ("", "NA", "null", ...); numbers and dates may be
strings; a level that training did not have counts as unseen. Columns that are not needed may be
there. ``model.json`` says how cells are read (by ``cells.py``) and what is computed (by
``computing.py``), ``model.npz`` holds the numbers. Nothing is written, and no other file is read.
"""

from __future__ import annotations

import argparse
import csv
import json
import runpy
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).resolve().parent

CELLS = runpy.run_path(str(FOLDER / "cells.py"))
COMPUTING = runpy.run_path(str(FOLDER / "computing.py"))
"""What the files beside this one define, wherever it is imported from."""

SMALLEST = 1e-12
"""No probability counts as smaller where all are raised to a power."""

Array = np.ndarray[Any, Any]

MOST_CELLS = 4_000_000
"""Cells that are made in one go, so that memory does not grow with the rows."""


def predict(rows: Any) -> Array:
    """Return a label, or a number, for each row.

    Parameters
    ----------
    rows : dict of columns by name, table of pandas or polars, list of dicts, or one dict of cells

    Returns
    -------
    ndarray of shape (n_rows,)

    Raises
    ------
    ValueError
        A column that the model needs is not there, or columns have unequal lengths.
    """
    return labels_of(values(rows))


def predict_proba(rows: Any) -> Array:
    """Return the probability of each class for each row, in the order of `classes`.

    Parameters
    ----------
    rows : dict of columns by name, table of pandas or polars, list of dicts, or one dict of cells

    Returns
    -------
    ndarray of shape (n_rows, n_classes)

    Raises
    ------
    ValueError
        As for `predict`; or a number is predicted, which has no classes.
    """
    if the_model()["labels"] is None:
        raise ValueError("a number is predicted, there are no probabilities: use predict()")
    return values(rows)


def classes() -> list[Any]:
    """Return the labels in the order of the probabilities; empty where a number is predicted."""
    return list(the_model()["labels"] or ())


def labels_of(said: Array) -> Array:
    """Return the labels that probabilities mean; numbers as they are."""
    model = the_model()
    if model["labels"] is None:
        return said
    labels = np.empty(len(model["labels"]), dtype=np.dtype(model["dtype"]))
    labels[:] = model["labels"]
    if model["weights"] is not None:
        said = np.clip(said, SMALLEST, None) * np.array(model["weights"])
        said = said / said.sum(axis=1, keepdims=True)
    chosen: Array = labels[said.argmax(axis=1)]
    return chosen


def values(rows: Any) -> Array:
    """Return probabilities of shape (n_rows, n_classes), or numbers of shape (n_rows,)."""
    model = the_model()
    columns = CELLS["columns_of"](rows, model["names"])
    n_rows = len(next(iter(columns.values())))
    step = max(1, MOST_CELLS // model["widest"])
    parts = [
        said_of(model, {name: cells[start : start + step] for name, cells in columns.items()})
        for start in range(0, n_rows, step)
    ]
    n_classes = len(model["labels"] or ())
    return np.concatenate(parts) if parts else np.zeros((0, n_classes) if n_classes else (0,))


def said_of(model: dict[str, Any], columns: dict[str, list[Any]]) -> Array:
    """Add up what the members say of some rows."""
    blocks = CELLS["blocks_of"](model["features"], columns)
    made = []
    for chain in model["chains"]:
        block = blocks[chain["kind"]]
        for formula in chain["formulas"]:
            block = COMPUTING["computed"](formula, block)
        made.append(block)
    n_rows, n_classes = len(next(iter(columns.values()))), len(model["labels"] or ())
    total: Array = np.tile(np.array(model["constant"]), (n_rows, 1) if n_classes else (n_rows,))
    for member in model["members"]:
        mine = [made[number] for number in member["chains"]]
        X = np.concatenate([np.zeros((n_rows, 0)), *mine], axis=1)
        said = COMPUTING["said"](member["learned"], X)
        if n_classes:
            total[:, member["present"]] += member["share"] * said
        else:
            total += member["share"] * said[:, 0]
    if model["bounds"] is not None:
        total = bounded(total, **model["bounds"])
    elif model["power"] is not None:
        total = np.clip(total, SMALLEST, None) ** model["power"]
        total /= total.sum(axis=1, keepdims=True)
    return total


def bounded(x: Any, low: float, high: float, margin: float | None) -> Any:
    """Hold numbers within bounds: beyond them they approach the margin."""
    if margin is None:
        return x
    inside = np.clip(x, low, high)
    return inside + margin * np.tanh((x - inside) / margin) if margin else inside


@cache
def the_model() -> dict[str, Any]:
    """Return what the files of the model say, read once."""
    text = (FOLDER / "model.json").read_text(encoding="utf-8")
    with (FOLDER / "model.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        model: dict[str, Any] = COMPUTING["with_arrays"](json.loads(text), dict(arrays))
    model["names"] = list(dict.fromkeys(feature["name"] for feature in model["features"]))
    return model


def main(words: list[str] | None = None) -> int:
    """Predict the rows of a CSV file, and write a CSV file."""
    parser = argparse.ArgumentParser(description="Predict the rows of a CSV file with a header.")
    parser.add_argument("file", help="the CSV file; - reads standard input")
    parser.add_argument("--proba", action="store_true", help="add the probability of each class")
    parser.add_argument("--out", help="the file to write; standard output without it")
    parser.add_argument("--delimiter", default=",", help="between cells (a comma)")
    given = parser.parse_args(words)
    try:
        with open_text(given.file, "r", sys.stdin) as stream:
            columns = read(stream, given.delimiter)
        said = predict_proba(columns) if given.proba else values(columns)
        with open_text(given.out or "-", "w", sys.stdout) as stream:
            write(stream, said, proba=given.proba)
    except (OSError, ValueError, csv.Error) as error:
        parser.exit(2, f"error: {error}\n")
    return 0


@contextmanager
def open_text(name: str, mode: str, standard: Any) -> Iterator[Any]:
    """Open a file, or take a standard stream."""
    if name == "-":
        yield standard
    else:
        with Path(name).open(
            mode, encoding="utf-8-sig" if mode == "r" else "utf-8", newline=""
        ) as file:
            yield file


def read(stream: Any, delimiter: str) -> dict[str, list[str]]:
    """Return the columns of a CSV file, all cells as strings."""
    csv.field_size_limit(2**31 - 1)
    lines = [line for line in csv.reader(stream, delimiter=delimiter) if line]
    if not lines:
        raise ValueError("the file is empty")
    header, *rows = lines
    wrong = [number for number, row in enumerate(rows, start=2) if len(row) != len(header)]
    if wrong:
        raise ValueError(f"line {wrong[0]} has not {len(header)} cells, as the header has")
    return {name: [row[place] for row in rows] for place, name in enumerate(header)}


def write(stream: Any, said: Array, *, proba: bool) -> None:
    """Write a line for each row."""
    writer = csv.writer(stream, lineterminator="\n")
    names = [f"probability_{label}" for label in classes()] if proba else []
    writer.writerow(["prediction", *names])
    for label, row in zip(labels_of(said).tolist(), said.tolist(), strict=True):
        writer.writerow([label, *(row if proba else ())])


if __name__ == "__main__":
    raise SystemExit(main())
