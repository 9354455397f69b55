"""Words, pairs of words and pieces of words, counted and weighted by TF-IDF."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np

from automl.plugin.wording import Terms
from automl_prepare.tokens import MAX_CHARS, PIECES, TOKEN, Tokens, pieces_of, top

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    _Found = tuple[NDArray[np.intp], NDArray[np.float64]]

FEW = 16
"""So many texts are counted one by one, which is quicker than to set up matrices."""

MOST_SEEN = 1_000
"""Words whose pieces are kept for the next texts."""


def pack(terms: Sequence[str]) -> NDArray[np.uint8]:
    """Return strings without line breaks as one array, which files hold well."""
    return np.frombuffer("\n".join(terms).encode("utf-8", "surrogatepass"), dtype=np.uint8).copy()


def unpack(packed: NDArray[np.uint8]) -> list[str]:
    """Return the strings that `pack` was given."""
    text = packed.tobytes().decode("utf-8", "surrogatepass")
    return text.split("\n") if text else []


def _frequency(rows: Any, terms: Any, n_terms: int) -> NDArray[np.int64]:
    """Return in how many rows each term occurs."""
    once = np.unique(rows * n_terms + terms)
    return np.bincount(once % n_terms, minlength=n_terms)


class Ngrams:
    """TF-IDF of one text column: words and pairs of words, then pieces of words.

    Counts enter by 1 + log(count); each of the two parts has length 1 in each row. The terms in
    most training rows are kept.

    Parameters
    ----------
    max_words, max_pieces : int
        Terms to keep; with 0 that part is left out.
    min_rows : int
        Rows that a term has to occur in.
    """

    def __init__(self, max_words: int, max_pieces: int, min_rows: int) -> None:
        self.max_words = max_words
        self.max_pieces = max_pieces
        self.min_rows = min_rows

    words: NDArray[np.uint8]
    n_words: int
    word_column: NDArray[np.int64]
    pair_keys: NDArray[np.int64]
    pair_column: NDArray[np.int64]
    pieces: NDArray[np.uint8]
    idf: list[NDArray[np.float64]]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def fit_transform(self, texts: Iterable[str | None]) -> Any:
        """Learn the terms and return the CSR matrix of these texts."""
        tokens = Tokens(texts)
        count = _frequency(tokens.rows, tokens.flat, max(1, len(tokens.words)))
        self._learn_words(tokens, count[: len(tokens.words)])
        self._learn_pieces(tokens, count[: len(tokens.words)])
        parts = self._parts(tokens)
        self.idf = [
            1.0
            + np.log((1.0 + tokens.n_rows) / (1.0 + np.bincount(m.indices, minlength=m.shape[1])))
            for m in parts
        ]
        return _weighed(parts, self.idf)

    def transform(self, tokens: Tokens) -> Any:
        """Return the CSR matrix of shape (n_texts, n_terms) of texts that are split up."""
        return _weighed(self._parts(tokens), self.idf)

    @property
    def n_terms(self) -> int:
        """Number of columns."""
        return sum(len(idf) for idf in self.idf)

    def formula(self, column: int) -> Terms:
        """Return what it computes of a column of texts."""
        return Terms(
            column=column,
            words=self.words,
            pieces=self.pieces,
            word_column=self.word_column,
            pair_keys=self.pair_keys,
            pair_column=self.pair_column,
            word_idf=self.idf[0],
            piece_idf=self.idf[1],
            pattern=TOKEN.pattern,
            max_chars=MAX_CHARS,
            lengths=PIECES,
        )

    def _learn_words(self, tokens: Tokens, count: NDArray[np.int64]) -> None:
        frequent = top(count, 4 * self.max_words, self.min_rows)
        known = np.full(len(tokens.words), -1, dtype=np.int64)
        known[frequent] = np.arange(len(frequent))
        base = max(1, len(frequent))
        rows, keys = tokens.pairs(known, base)
        pair_keys, pair = np.unique(keys, return_inverse=True)
        pair_count = _frequency(rows, pair.reshape(-1), max(1, len(pair_keys)))[: len(pair_keys)]
        kept = top(np.concatenate([count[frequent], pair_count]), self.max_words, self.min_rows)
        columns = np.full(len(frequent) + len(pair_keys), -1, dtype=np.int64)
        columns[kept] = np.arange(len(kept))
        self.words = pack([tokens.words[i] for i in frequent])
        self.n_words = len(kept)
        self.word_column, pair_column = np.split(columns, [len(frequent)])
        self.pair_keys = pair_keys[pair_column >= 0]
        self.pair_column = pair_column[pair_column >= 0]

    def _learn_pieces(self, tokens: Tokens, count: NDArray[np.int64]) -> None:
        names, weight = tokens.spread(count) if self.max_pieces else ([], np.zeros(0))
        # The sum over words is at least the number of rows, and near enough to choose by.
        kept = top(weight, self.max_pieces, self.min_rows)
        self.pieces = pack([names[i] for i in kept])

    def terms(self, text: str | None) -> _Found:
        """Return the columns of the terms of a text, each once, and what stands there."""
        if "_counted" not in vars(self):  # made anew after loading
            self._counted = _counted(self)
        return self._counted(text)

    def _indices(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return the numbers of words and of pieces, made anew after loading."""
        if "_index" not in vars(self):
            words = {term: i for i, term in enumerate(unpack(self.words))}
            self._index = words, {term: i for i, term in enumerate(unpack(self.pieces))}
        return self._index

    def _parts(self, tokens: Tokens) -> list[Any]:
        from scipy.sparse import csr_matrix

        word_index, piece_index = self._indices()
        known = np.array([word_index.get(word, -1) for word in tokens.words], dtype=np.int64)
        parts = [self._count_words(tokens, known)]
        if not piece_index:
            return [*parts, csr_matrix((tokens.n_rows, 0))]
        shape = (tokens.n_rows, len(tokens.words))
        words = csr_matrix((np.ones(len(tokens.flat)), (tokens.rows, tokens.flat)), shape=shape)
        return [*parts, words @ tokens.pieces(piece_index)]

    def _count_words(self, tokens: Tokens, known: NDArray[np.int64]) -> Any:
        from scipy.sparse import csr_matrix

        base = max(1, len(self.word_column))
        of = np.where(known >= 0, self.word_column[known] if len(self.word_column) else -1, -1)
        single = of[tokens.flat] if len(of) else tokens.flat
        rows, keys = tokens.pairs(known, base)
        at = np.searchsorted(self.pair_keys, keys)
        at[at == len(self.pair_keys)] = 0
        hit = self.pair_keys[at] == keys if len(self.pair_keys) else np.zeros(len(keys), dtype=bool)
        columns = np.concatenate([single[single >= 0], self.pair_column[at[hit]]])
        rows = np.concatenate([tokens.rows[single >= 0], rows[hit]])
        shape = (tokens.n_rows, self.n_words)
        return csr_matrix((np.ones(len(columns)), (rows, columns)), shape=shape)


def _weighed(parts: list[Any], idf: list[NDArray[np.float64]]) -> Any:
    """Return the parts side by side, rows of each weighted by IDF and of length 1."""
    from scipy.sparse import hstack

    for part, mine in zip(parts, idf, strict=True):
        rows = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
        data = (1.0 + np.log(part.data)) * mine[part.indices]
        length = np.sqrt(np.bincount(rows, weights=data**2, minlength=part.shape[0]))
        part.data = data / length[rows]
    return hstack(parts, format="csr")


class _Counted:
    """What the terms of one text come to, by the order in which many are summed up."""

    def __init__(self, ngrams: Ngrams) -> None:
        self._words = {term: i for i, term in enumerate(unpack(ngrams.words))}
        self._pieces = {term: i for i, term in enumerate(unpack(ngrams.pieces))}
        self._start = ngrams.n_words
        self._column = ngrams.word_column.tolist()
        self._pair = dict(zip(ngrams.pair_keys.tolist(), ngrams.pair_column.tolist(), strict=True))
        self._idf = np.concatenate(ngrams.idf)
        self._seen: dict[str, tuple[int, ...]] = {}
        self._last: dict[str, _Found] = {}

    def __call__(self, text: str | None) -> _Found:
        """Return columns and what stands there; the last texts are not counted again."""
        shown = text[:MAX_CHARS] if text else ""
        found = self._last.get(shown)
        if found is None:
            found = self._weighed(*self._counts(TOKEN.findall(shown.lower())))
            if len(self._last) >= FEW:
                self._last.clear()
            self._last[shown] = found
        return found

    def _weighed(self, words: dict[int, int], pieces: dict[int, int]) -> _Found:
        columns = np.array([*words, *pieces], dtype=np.intp)
        counts = np.array([*words.values(), *pieces.values()], dtype=np.float64)
        part = np.repeat([0, 1], [len(words), len(pieces)])
        data = (1.0 + np.log(counts)) * self._idf.take(columns)
        length = np.sqrt(np.bincount(part, data**2, 2))
        return columns, data / length.take(part)

    def _counts(self, tokens: list[str]) -> tuple[dict[int, int], dict[int, int]]:
        """Return counts by column: of words and pairs, and of pieces."""
        known = [self._words.get(token, -1) for token in tokens]
        columns = [self._column[number] for number in known if number >= 0]
        base, pair = max(1, len(self._column)), self._pair.get
        columns += [
            pair(first * base + second, -1)
            for first, second in pairwise(known)
            if first >= 0 and second >= 0
        ]
        words = Counter(columns)
        words.pop(-1, None)
        pieces = Counter(chain.from_iterable(map(self._pieces_of, tokens)))
        return dict(sorted(words.items())), dict(reversed(pieces.items()))

    def _pieces_of(self, word: str) -> tuple[int, ...]:
        """Return the columns of the pieces of a word."""
        found = self._seen.get(word)
        if found is None:
            get = self._pieces.get
            found = tuple(
                self._start + at for piece in pieces_of(word) if (at := get(piece, -1)) >= 0
            )
            if len(self._seen) >= MOST_SEEN:
                self._seen.clear()
            self._seen[word] = found
        return found


_ALIKE: WeakValueDictionary[bytes, _Counted] = WeakValueDictionary()
"""Candidates of a fold have the same terms, which are counted once for all of them."""


def _counted(ngrams: Ngrams) -> _Counted:
    """Return what counts the terms, the same for equal ones."""
    parts: list[NDArray[Any]] = [ngrams.words, ngrams.pieces, ngrams.word_column]
    parts += [ngrams.pair_keys, ngrams.pair_column, *ngrams.idf]
    digest = sha256(b"".join(len(one).to_bytes(8, "big") + one.tobytes() for one in parts)).digest()
    found = _ALIKE.get(digest)
    if found is None:
        found = _ALIKE[digest] = _Counted(ngrams)
    return found


def joined(
    rows: Sequence[Sequence[tuple[NDArray[np.intp], NDArray[Any]]]], widths: Sequence[int]
) -> Any:
    """Return the CSR matrix of rows whose blocks are given by columns and what stands there."""
    from scipy.sparse import csr_matrix

    starts = np.cumsum([0, *widths])
    blocks = [
        (columns + start, data)
        for row in rows
        for start, (columns, data) in zip(starts.tolist(), row, strict=False)
    ]
    lengths = [sum(len(data) for _, data in row) for row in rows]
    columns = np.concatenate([np.zeros(0, dtype=np.intp), *(one for one, _ in blocks)])
    data = np.concatenate([np.zeros(0), *(one for _, one in blocks)])
    begins = np.cumsum([0, *lengths])
    return csr_matrix((data, columns, begins), shape=(len(rows), int(starts[-1])))
