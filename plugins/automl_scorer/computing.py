"""What is computed from matrices of numbers: operations on columns, decision trees, weighted sums.

Missing cells are NaN. The numbers of columns count those that come in first, then those that the
operations make, one after the other.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

Array = np.ndarray[Any, Any]

FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "abs": np.abs,
    "cos": np.cos,
    "exp": np.exp,
    "expm1": np.expm1,
    "floor": np.floor,
    "log": np.log,
    "log1p": np.log1p,
    "maximum0": lambda x: np.maximum(x, 0.0),
    "sign": np.sign,
    "sin": np.sin,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
}


def with_arrays(said: Any, arrays: dict[str, Array]) -> Any:
    """Return what was written down, with the arrays in the places of their names (``"@12"``)."""
    if isinstance(said, dict):
        if set(said) == {"@"}:
            return arrays[said["@"]]
        return {name: with_arrays(value, arrays) for name, value in said.items()}
    return [with_arrays(value, arrays) for value in said] if isinstance(said, list) else said


def computed(formula: dict[str, Any], X: Array) -> Array:
    """Return the columns that come out of a formula."""
    n_in, n_columns = formula["n_in"], formula["n_columns"]
    cells = np.full((len(X), n_columns), np.nan)
    if X.dtype != object:
        cells[:, :n_in] = X[:, :n_in]
    end = n_in
    with np.errstate(all="ignore"):
        for operation in formula["operations"]:
            given = X if operation["is"] in OF_TEXTS else cells
            made = OPERATIONS[operation["is"]](given, **operation["with"])
            start, end = end, end + made.shape[1]
            cells[:, start:end] = made
    return np.ascontiguousarray(cells[:, formula["out"]])


def fill(cells: Array, columns: Array, values: Array) -> Array:
    """Put a number of the column where a cell is missing."""
    x = cells[:, columns]
    return np.where(np.isnan(x), values, x)


def is_missing(cells: Array, columns: Array) -> Array:
    """Return 1 where a cell is missing, else 0."""
    return np.isnan(cells[:, columns]).astype(np.float64)


def affine(cells: Array, columns: Array, center: Array, scale: Array) -> Array:
    """Subtract a number of the column, and divide by another."""
    return np.asarray((cells[:, columns] - center) / scale)


def clip(cells: Array, columns: Array, low: float, high: float) -> Array:
    """Cut cells at two ends."""
    return np.clip(cells[:, columns], low, high)


def apply(cells: Array, columns: Array, function: str) -> Array:
    """Apply a function to each cell."""
    return np.asarray(FUNCTIONS[function](cells[:, columns]))


def combine(cells: Array, how: str, first: Array, second: Array) -> Array:
    """Reckon with two cells; what would be divided by zero is missing."""
    a, b = cells[:, first], cells[:, second]
    if how == "quotient":
        return np.divide(a, b, out=np.full_like(a, np.nan), where=b != 0)
    return np.asarray(a + b if how == "sum" else a - b if how == "difference" else a * b)


def interpolate(cells: Array, columns: Array, points: list[Array], values: list[Array]) -> Array:
    """Draw straight lines between points."""
    each = zip(columns, points, values, strict=True)
    made = [np.interp(cells[:, column], x, y) for column, x, y in each]
    return np.column_stack(made) if made else np.empty((len(cells), 0))


def lookup(cells: Array, column: int, table: Any) -> Array:
    """Return the row of a code: row 0 is for what is not known, row 1 for a missing cell."""
    sparse = isinstance(table, dict)
    n_rows = len(table["starts"]) - 1 if sparse else len(table)
    code = cells[:, column]
    slot = np.where(np.isnan(code), -1.0, code) + 2
    slots = np.where((slot >= 0) & (slot < n_rows), slot, 0.0).astype(np.int64)
    return rows_of(slots, **table) if sparse else table[slots]


def rows_of(rows: Array, data: Array, indices: Array, starts: Array, n_columns: int) -> Array:
    """Return rows of a matrix of which only cells other than 0 are kept."""
    counts = np.diff(starts)[rows]
    before = np.cumsum(counts) - counts
    cells = np.arange(int(counts.sum())) + np.repeat(starts[rows] - before, counts)
    made = np.zeros((len(rows), n_columns))
    made[np.repeat(np.arange(len(rows)), counts), indices[cells]] = data[cells]
    return made


def product(cells: Array, columns: Array, weights: Array, base: Array) -> Array:
    """Return weighted sums of columns."""
    return np.asarray(cells[:, columns] @ weights + base)


def softmax(cells: Array, columns: Array) -> Array:
    """Return exponentials as shares of their sum in the row."""
    x = cells[:, columns]
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


ALIKE = 1e-6
"""Distances that differ by less than this share of themselves are equal."""

MOST_PAIRS = 1_000_000
"""Distances that are reckoned in one go."""


def nearest(cells: Array, columns: Array, rows: Array, values: Array, **said: Any) -> Array:
    """Return the means of what is known of the nearest of the stored rows."""
    X = cells[:, columns].astype(np.float32).astype(np.float64)
    stored, known = rows.T.astype(np.float64), values.astype(np.float64)
    made = np.empty((len(X), values.shape[1]))
    step = max(1, MOST_PAIRS // len(rows))
    for start in range(0, len(X), step):
        part = slice(start, start + step)
        apart = np.zeros((len(X[part]), len(rows)))
        for cell, other in zip(X[part].T, stored, strict=True):
            apart += np.abs(cell[:, None] - other) ** said["p"]
        distance = apart if said["p"] == 1 else np.sqrt(apart)
        made[part] = counts(distance, said["k"], said["floor"], weighted=said["weighted"]) @ known
    return made


def counts(distance: Array, k: int, floor: float, *, weighted: bool) -> Array:
    """Return what each row counts: those as far as the k-th share what is left of ``k``."""
    distance = np.maximum(distance, floor)
    last = np.partition(distance, k - 1, axis=1)[:, k - 1 : k]
    nearer = distance < last * (1.0 - ALIKE)
    equal = (distance <= last * (1.0 + ALIKE)) & ~nearer
    left = k - nearer.sum(axis=1, keepdims=True)
    count = nearer + equal * (left / equal.sum(axis=1, keepdims=True))
    if weighted:
        count = count * (last / distance)
    return np.asarray(count / count.sum(axis=1, keepdims=True))


def terms(texts: Array, column: int, **said: Any) -> Array:
    """Return TF-IDF of words and pairs of words, then of pieces of words, each of length 1."""
    number, piece_number = numbered(said["words"].tobytes()), numbered(said["pieces"].tobytes())
    columns, pairs = (
        said["word_column"].tolist(),
        pairs_of(said["pair_keys"].astype(np.int64).tobytes()),
    )
    token, n = re.compile(said["pattern"]), len(said["word_idf"])
    made = np.zeros((len(texts), n + len(said["piece_idf"])))
    pieces: dict[str, list[int]] = {}  # words come again and again
    for row, text in zip(made, texts[:, column], strict=True):
        found = token.findall((text or "")[: said["max_chars"]].lower())
        known = [number.get(word, -1) for word in found]
        whole = [columns[word] for word in known if word >= 0]
        keys = [a * len(columns) + b for a, b in pairwise(known) if a >= 0 and b >= 0]
        whole += [int(said["pair_column"][pairs[key]]) for key in keys if key in pairs]
        for word in {word for word in found if word not in pieces}:
            parts = [piece_number.get(part, -1) for part in parts_of(word, *said["lengths"])]
            pieces[word] = [part for part in parts if part >= 0]
        weigh(row[:n], whole, said["word_idf"])
        weigh(row[n:], [part for word in found for part in pieces[word]], said["piece_idf"])
    return made


@lru_cache(maxsize=64)
def numbered(packed: bytes) -> dict[str, int]:
    """Return the place of each of the strings that were kept in one array."""
    text = packed.decode("utf-8", "surrogatepass")
    return {word: place for place, word in enumerate(text.split("\n") if text else [])}


@lru_cache(maxsize=64)
def pairs_of(keys: bytes) -> dict[int, int]:
    """Return the place of each key."""
    return {key: place for place, key in enumerate(np.frombuffer(keys, dtype=np.int64).tolist())}


def parts_of(word: str, low: int, high: int) -> list[str]:
    """Return the pieces of a word."""
    padded = f" {word} "
    if len(padded) <= low:
        return [padded]
    sizes = range(low, min(high, len(padded)) + 1)
    return [padded[at : at + n] for n in sizes for at in range(len(padded) - n + 1)]


def weigh(row: Array, found: list[int], idf: Array) -> None:
    """Write the weights of terms that are columns into a row."""
    counted = Counter(found)
    counted.pop(-1, None)
    if counted:
        columns = np.fromiter(counted, dtype=np.int64)
        weights = (1.0 + np.log(np.array(list(counted.values()), dtype=float))) * idf[columns]
        row[columns] = weights / np.sqrt((weights**2).sum())


def shape(texts: Array, column: int, max_chars: int) -> Array:
    """Return length, words, letters a word, shares of capitals and digits, ``!`` and ``?``."""
    told = [shape_of((text or "")[:max_chars]) for text in texts[:, column]]
    return np.array(told, dtype=np.float64).reshape(-1, 7)


def shape_of(text: str) -> tuple[float, ...]:
    """Return what is told of one text."""
    length, words = len(text), len(text.split())
    capitals = sum("A" <= sign <= "Z" for sign in text)
    digits = sum("0" <= sign <= "9" for sign in text)
    each, whole = max(words, 1), max(length, 1)
    counts = (text.count("!"), text.count("?"))
    return (length, words, length / each, capitals / whole, digits / whole, *counts)


OF_TEXTS = {"Terms", "Shape"}
"""Operations that read texts, and not the columns of numbers."""

OPERATIONS: dict[str, Callable[..., Array]] = {
    "Fill": fill,
    "IsMissing": is_missing,
    "Affine": affine,
    "Clip": clip,
    "Apply": apply,
    "Combine": combine,
    "Interpolate": interpolate,
    "Lookup": lookup,
    "Product": product,
    "Softmax": softmax,
    "Nearest": nearest,
    "Terms": terms,
    "Shape": shape,
}


# What members of the blend have learned


def said(learned: dict[str, Any], X: Array) -> Array:
    """Return what a member says of rows of its matrix, a column for each class or one number."""
    table = learned["with"]
    if learned["is"] == "Formula":
        return computed(table, X)
    if learned["is"] == "Coefficients":
        sums = np.clip(X @ table["weights"] + table["base"], table["low"], table["high"])
    else:
        sums = tree_sums(X, table)
    return linked(sums, table["link"])


def linked(sums: Array, link: str) -> Array:
    """Return what sums mean: probabilities of two classes, of several, or the sums themselves."""
    if link == "logistic":
        second = 0.5 * (1.0 + np.tanh(0.5 * sums))
        return np.concatenate((1.0 - second, second), axis=1)
    return softmax(sums, np.arange(sums.shape[1])) if link == "softmax" else sums


def tree_sums(X: Array, trees: dict[str, Any]) -> Array:
    """Add up the leaves that each row reaches."""
    n_trees, width = len(trees["sizes"]), trees["leaf"].shape[1]
    sums = np.tile(trees["base"], (len(X), 1))
    first_leaf = np.cumsum(trees["sizes"]) - trees["sizes"] + np.arange(n_trees)
    step = max(1, 1_000_000 // max(1, n_trees * width))
    for start in range(0, len(X), step):
        rows = slice(start, start + step)
        leaves = trees["leaf"][leaves_of(X[rows], trees) + first_leaf]
        for output in np.unique(trees["output"]).tolist():
            mine = leaves[:, trees["output"] == output]
            sums[rows, output : output + width] += mine.sum(axis=1)
    return sums


def leaves_of(X: Array, trees: dict[str, Any]) -> Array:
    """Walk down all trees together; return the leaf of each row in each tree."""
    sizes = trees["sizes"]
    first = np.cumsum(sizes) - sizes
    at = np.tile(np.where(sizes > 0, first, -1), len(X))
    rows = np.repeat(np.arange(len(X)), len(sizes))
    base = np.repeat(first, sizes)
    walking = np.flatnonzero(at >= 0)
    while walking.size:
        split = at[walking]
        cell = X[rows[walking], trees["feature"][split]]
        left = cell <= trees["threshold"][split]
        if trees["set_of"] is not None:
            left = in_set(split, cell, left, trees)
        left = np.where(np.isnan(cell), trees["missing_left"][split], left)
        child = np.where(left, trees["left"][split], trees["right"][split])
        at[walking] = np.where(child >= 0, child + base[split], child)
        walking = walking[child >= 0]
    return (-1 - at).reshape(len(X), len(sizes))


def in_set(split: Array, cell: Array, left: Array, trees: dict[str, Any]) -> Array:
    """Send codes left where they are in the set of their split."""
    inside = trees["inside"]
    other = inside.shape[1] - 1  # stands for all higher codes, and for what is no code
    code = np.where((cell >= 0) & (cell < other), cell, other).astype(np.int64)
    which = trees["set_of"][split]
    return np.where(which >= 0, inside[which, code], left)
