"""Operations on texts, for formulas of steps that read them: terms by TF-IDF, and the shape.

What comes into such a formula are strings, or None where a text is missing; these operations make
numbers of them, which the operations of `automl.plugin.formulas` go on with.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms:
    """TF-IDF of a text: words and pairs of words, then pieces of words.

    A text is cut at ``max_chars``, put in small letters, and taken apart by ``pattern``. A word
    that is in ``words`` has the number of its place there; two such words in a row are a pair,
    whose key is the first one's number times the length of ``words`` plus the second one's. Pieces
    are the parts of a word with a blank before and behind it, of ``lengths[0]`` to ``lengths[1]``
    letters, or the whole where it is not longer than the former. A cell is ``(1 + log(count))``
    times the term's ``idf``; words with pairs, and pieces, are each divided by the length of their
    row.

    Parameters
    ----------
    column : int
        Of texts.
    words, pieces : ndarray of uint8
        Strings with line breaks between them, as UTF-8 (``surrogatepass``).
    word_column : ndarray of shape (n_words,), dtype=int
        The column of each word; negative where it has none.
    pair_keys, pair_column : ndarray of shape (n_pairs,), dtype=int
        Keys, sorted, and their columns.
    word_idf, piece_idf : ndarray of shape (n_columns,), dtype=float64
    pattern : str
    max_chars : int
    lengths : tuple of (int, int)
    """

    column: int
    words: NDArray[np.uint8]
    pieces: NDArray[np.uint8]
    word_column: NDArray[Any]
    pair_keys: NDArray[Any]
    pair_column: NDArray[Any]
    word_idf: Matrix
    piece_idf: Matrix
    pattern: str
    max_chars: int
    lengths: tuple[int, int]

    @property
    def width(self) -> int:
        """Columns that it makes."""
        return len(self.word_idf) + len(self.piece_idf)

    def of(self, texts: NDArray[Any]) -> Matrix:
        """Return them, of shape (n_rows, width)."""
        words = {word: number for number, word in enumerate(_unpacked(self.words))}
        pieces = {piece: number for number, piece in enumerate(_unpacked(self.pieces))}
        pairs = dict(zip(self.pair_keys.tolist(), self.pair_column.tolist(), strict=True))
        columns, token = self.word_column.tolist(), re.compile(self.pattern)
        n, made = len(self.word_idf), np.zeros((len(texts), self.width))
        for row, text in zip(made, texts[:, self.column], strict=True):
            found = token.findall((text or "")[: self.max_chars].lower())
            known = [words.get(word, -1) for word in found]
            terms = [columns[number] for number in known if number >= 0]
            terms += [
                pairs.get(first * len(columns) + second, -1)
                for first, second in pairwise(known)
                if first >= 0 and second >= 0
            ]
            parts = [pieces.get(part, -1) for word in found for part in self._parts(word)]
            _weigh(row[:n], terms, self.word_idf)
            _weigh(row[n:], parts, self.piece_idf)
        return made

    def _parts(self, word: str) -> list[str]:
        padded = f" {word} "
        low, high = self.lengths
        if len(padded) <= low:
            return [padded]
        sizes = range(low, min(high, len(padded)) + 1)
        return [padded[at : at + n] for n in sizes for at in range(len(padded) - n + 1)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """Length, words, letters a word, shares of A-Z and 0-9, number of ``!`` and of ``?``.

    Parameters
    ----------
    column : int
        Of texts.
    max_chars : int
        Of a longer text only the beginning is looked at.
    """

    column: int
    max_chars: int

    @property
    def width(self) -> int:
        """Columns that it makes."""
        return 7

    def of(self, texts: NDArray[Any]) -> Matrix:
        """Return them, of shape (n_rows, width)."""
        return np.array(
            [_shape((text or "")[: self.max_chars]) for text in texts[:, self.column]],
            dtype=np.float64,
        ).reshape(-1, 7)


def _shape(text: str) -> tuple[float, ...]:
    length, words = len(text), len(text.split())
    capitals = sum("A" <= sign <= "Z" for sign in text)
    digits = sum("0" <= sign <= "9" for sign in text)
    each, whole = max(words, 1), max(length, 1)
    counts = (text.count("!"), text.count("?"))
    return (length, words, length / each, capitals / whole, digits / whole, *counts)


def _unpacked(packed: NDArray[np.uint8]) -> list[str]:
    text = packed.tobytes().decode("utf-8", "surrogatepass")
    return text.split("\n") if text else []


def _weigh(row: Matrix, terms: list[int], idf: Matrix) -> None:
    """Write the weights of terms that are columns into a row."""
    counted = Counter(terms)
    counted.pop(-1, None)
    if counted:
        columns = np.fromiter(counted, dtype=np.int64)
        counts = np.fromiter(counted.values(), dtype=np.float64)
        weights = (1.0 + np.log(counts)) * idf[columns]
        row[columns] = weights / np.sqrt((weights**2).sum())
