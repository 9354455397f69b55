"""Texts split up into words, and words into pieces, each distinct one once."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    _Numbered = tuple[list[str], NDArray[np.int64], NDArray[np.int64]]

TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+|[^\w\s]+")
"""A Chinese or Japanese sign, a word, or a run of other signs."""

MAX_CHARS = 20_000
"""Of a longer text only the beginning is read."""

MAX_DISTINCT = 50_000
"""Distinct words whose pieces are numbered; terms are chosen among those of the most frequent."""

PIECES = (3, 5)
"""Length of the pieces, the spaces around a word included."""


def words_repeat(texts: Iterable[str | None]) -> bool:
    """Tell whether any word occurs in two texts."""
    seen: set[str] = set()
    for text in texts:
        found = TOKEN.findall((text or "")[:MAX_CHARS].lower())
        words = {word for word in found if word.isalnum()}
        if not seen.isdisjoint(words):
            return True
        seen |= words
    return False


def pieces_of(word: str) -> list[str]:
    """Return the pieces of a word, as often as they are in it."""
    padded = f" {word} "
    size = len(padded)
    low, high = PIECES
    if size <= low:
        return [padded]
    return [padded[i : i + n] for n in range(low, min(high, size) + 1) for i in range(size - n + 1)]


class Tokens:
    """Texts as numbers of their distinct words, in one array."""

    def __init__(self, texts: Iterable[str | None]) -> None:
        number: dict[str, int] = {}
        flat: list[int] = []
        lengths: list[int] = []
        # Titles and names come again and again.
        seen: dict[str | None, list[int]] = {None: []}
        for text in texts:
            numbers = seen.get(text)
            if numbers is None and text is not None:
                words = TOKEN.findall(text[:MAX_CHARS].lower())
                numbers = seen[text] = [number.setdefault(word, len(number)) for word in words]
            flat += numbers or ()
            lengths.append(len(numbers or ()))
        self.words = list(number)
        self.flat = np.array(flat, dtype=np.int64)
        self.rows = np.repeat(np.arange(len(lengths)), lengths)
        self.n_rows = len(lengths)

    def pairs(self, known: NDArray[np.int64], base: int) -> tuple[Any, NDArray[np.int64]]:
        """Return rows and numbers of neighbouring words, both known."""
        of = known[self.flat] if len(self.words) else self.flat
        first, second = of[:-1], of[1:]
        good = (first >= 0) & (second >= 0) & (self.rows[:-1] == self.rows[1:])
        return self.rows[:-1][good], first[good] * base + second[good]

    def pieces(self, index: dict[str, int]) -> Any:
        """Return how often each word holds each piece of an index, as a CSR matrix."""
        from scipy.sparse import csr_matrix

        shape = (len(self.words), len(index))
        if len(self.words) > MAX_DISTINCT:  # too many to number what is in them
            found = [
                [at for p in pieces_of(w) if (at := index.get(p, -1)) >= 0] for w in self.words
            ]
            columns = np.array([at for each in found for at in each], dtype=np.int64)
            ends = np.cumsum([0, *map(len, found)])
        else:
            names, flat, of = self._numbered
            known = np.array([index.get(name, -1) for name in names], dtype=np.int64)
            there = known[flat] >= 0
            columns = known[flat[there]]
            ends = np.cumsum([0, *np.bincount(of[there], minlength=len(self.words)).tolist()])
        return csr_matrix((np.ones(len(columns)), columns, ends), shape=shape)

    def spread(self, count: NDArray[np.int64]) -> tuple[list[str], NDArray[np.float64]]:
        """Return pieces of the most frequent words, and in how many rows these words are."""
        chosen = top(count, MAX_DISTINCT, 1)
        every = len(chosen) == len(self.words)
        names, flat, of = self._numbered if every else _number([self.words[i] for i in chosen])
        once = np.unique(of * len(names) + flat)  # none where there is no name
        word, piece = np.divmod(once, max(1, len(names)))
        weights = np.bincount(piece, count[chosen][word], minlength=len(names))
        return names, weights.astype(np.float64)

    @cached_property
    def _numbered(self) -> _Numbered:
        return _number(self.words)


def _number(words: Sequence[str]) -> _Numbered:
    """Return the distinct pieces of words, the number of each one that is there, and its word."""
    number: dict[str, int] = {}
    found = [[number.setdefault(piece, len(number)) for piece in pieces_of(word)] for word in words]
    flat = np.array([at for each in found for at in each], dtype=np.int64)
    lengths = np.array([len(each) for each in found], dtype=np.int64)
    return list(number), flat, np.repeat(np.arange(len(found)), lengths)


def top(counts: NDArray[Any], limit: int, least: int) -> NDArray[np.intp]:
    """Return the most frequent terms, in their own order."""
    there = np.flatnonzero(counts >= least)
    if len(there) > limit:
        there = there[np.argsort(-counts[there], kind="stable")[:limit]]
    return np.sort(there)
