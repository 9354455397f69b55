"""Steps for text: n-grams as they are, folded into few dimensions, or judged by a linear model."""

from __future__ import annotations

from string import ascii_uppercase, digits
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np

from automl.plugin.formulas import Draft, Formula, Product
from automl.plugin.wording import Shape
from automl_prepare.codes import targets_of
from automl_prepare.ngrams import FEW, Ngrams, joined
from automl_prepare.tokens import MAX_CHARS, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    _Terms = tuple[NDArray[np.intp], Matrix]

SHAPE = ("length", "words", "word length", "capitals", "digits", "exclamations", "questions")
"""What is told of the shape of a text."""

CROSSFIT_FOLDS = 5

KEPT_ROWS = 5_000
"""Texts of so many rows at most stay split up for who asks about them next."""


def shape_of(texts: Iterable[str | None]) -> Matrix:
    """Return length, words, letters a word, shares of A-Z and 0-9, and marks of each text."""
    known = [text[:MAX_CHARS] if text else "" for text in texts]
    length = np.array([len(text) for text in known], dtype=np.intp)
    signs = np.frombuffer("".join(known).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    ends = np.cumsum(length)

    def count(which: NDArray[np.bool_]) -> Matrix:
        passed = np.concatenate([[0], np.cumsum(which)])
        return np.asarray(passed[ends] - passed[ends - length], dtype=np.float64)

    words = np.array([len(text.split()) for text in known], dtype=np.float64)
    whole = np.maximum(length, 1)
    return np.column_stack(
        [
            length,
            words,
            length / np.maximum(words, 1),
            count((signs >= ord("A")) & (signs <= ord("Z"))) / whole,
            count((signs >= ord("0")) & (signs <= ord("9"))) / whole,
            count(signs == ord("!")),
            count(signs == ord("?")),
        ]
    )


def shape_of_one(text: str | None) -> list[float]:
    """Return what `shape_of` does, for one text."""
    known = text[:MAX_CHARS] if text else ""
    length, words, count = len(known), len(known.split()), known.count
    whole = max(length, 1)
    return [
        length,
        words,
        length / max(words, 1),
        sum(map(count, ascii_uppercase)) / whole,
        sum(map(count, digits)) / whole,
        count("!"),
        count("?"),
    ]


def fold(X: Any, dims: int, seed: int, rounds: int = 3) -> NDArray[np.float32]:
    """Return the leading right singular vectors of a CSR matrix, of shape (n_columns, <= dims).

    Randomised subspace iteration (N. Halko et al., "Finding structure with randomness", 2011).
    """
    X = X.astype(np.float32)
    dims = min(dims, *X.shape)
    if not dims:
        return np.zeros((X.shape[1], 0), dtype=np.float32)
    rng = np.random.default_rng(seed)
    basis = X @ rng.standard_normal((X.shape[1], dims + 10), dtype=np.float32)
    for _ in range(rounds):
        basis = X.T @ np.linalg.qr(basis)[0]
        basis = X @ np.linalg.qr(basis)[0]
    _, _, right = np.linalg.svd((X.T @ np.linalg.qr(basis)[0]).T, full_matrices=False)
    return np.ascontiguousarray(right[:dims].T)


def ridge(
    X: Any, Y: Matrix, alpha: float, *, tolerance: float = 1e-2, rounds: int = 100
) -> tuple[Matrix, Matrix]:
    """Return weights of shape (n_columns, n_targets) and intercepts of a ridge regression.

    Conjugate gradients on the normal equations of the centered columns, all targets at once (M.
    Hestenes and E. Stiefel, 1952).
    """
    center, level = np.asarray(X.mean(axis=0)).reshape(1, -1), Y.mean(axis=0, keepdims=True)

    def curve(W: Matrix) -> Matrix:
        return np.asarray(X.T @ (X @ W) - X.shape[0] * center.T @ (center @ W) + alpha * W)

    left = np.asarray(X.T @ (Y - level))
    weights, step = np.zeros_like(left), left
    size = (left**2).sum(axis=0)
    enough = tolerance**2 * size
    for _ in range(rounds):
        if not (size > enough).any():
            break
        bent = curve(step)
        along = size / np.maximum((step * bent).sum(axis=0), np.finfo(float).tiny)
        weights = weights + along * step
        left = left - along * bent
        before, size = size, (left**2).sum(axis=0)
        step = left + size / np.maximum(before, np.finfo(float).tiny) * step
    return weights, level - center @ weights


_READ: dict[int, tuple[list[Any], list[Tokens]]] = {}
"""Arrays of texts by their id, and what was read of them, as long as they live."""


def _tokens_of(X: NDArray[Any]) -> list[Tokens]:
    """Return the tokens of each column; members of a blend are asked about the same array."""
    texts = X.T.tolist()
    if len(X) > KEPT_ROWS:
        return [Tokens(column) for column in texts]
    before, tokens = _READ.get(id(X), (None, []))
    if before != texts:
        tokens = [Tokens(column) for column in texts]
        if before is None:
            finalize(X, _READ.pop, id(X), None).atexit = False
        _READ[id(X)] = texts, tokens
    return tokens


class TextNgrams:
    """TF-IDF of words, pairs of words and pieces of words, column by column, as a CSR matrix.

    Parameters
    ----------
    max_terms : int
        Words and pairs kept for a column, and as many pieces.
    min_rows : int, default=2
        Training rows that a term has to occur in.
    """

    def __init__(self, max_terms: int, *, min_rows: int = 2) -> None:
        self.max_terms = max_terms
        self.min_rows = min_rows

    columns: list[Ngrams]

    def fit(self, X: NDArray[Any], y: Any = None) -> TextNgrams:
        """Learn the terms."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: NDArray[Any], y: Any = None) -> Any:
        """Learn the terms and return the matrix; reads the texts once."""
        from scipy.sparse import hstack

        self.columns = [
            Ngrams(self.max_terms, self.max_terms, self.min_rows) for _ in range(X.shape[1])
        ]
        parts = [ngrams.fit_transform(X[:, j]) for j, ngrams in enumerate(self.columns)]
        return parts[0] if len(parts) == 1 else hstack(parts, format="csr")

    def transform(self, X: NDArray[Any]) -> Any:
        """Return the matrix."""
        from scipy.sparse import hstack

        if len(X) <= FEW:
            return joined(self.rows(X), [ngrams.n_terms for ngrams in self.columns])
        columns = zip(self.columns, _tokens_of(X), strict=True)
        parts = [ngrams.transform(tokens) for ngrams, tokens in columns]
        return parts[0] if len(parts) == 1 else hstack(parts, format="csr")

    def rows(self, X: NDArray[Any]) -> list[list[_Terms]]:
        """Return for each row and column of texts its terms, as `Ngrams.terms` gives them."""
        return [
            [ngrams.terms(text) for ngrams, text in zip(self.columns, texts, strict=True)]
            for texts in X
        ]

    def formula(self) -> Formula:
        """Return what it computes."""
        draft = Draft(len(self.columns))
        return draft.formula(*self.draft(draft))

    def draft(self, draft: Draft) -> list[Any]:
        """Add the terms of each column of text to a formula."""
        return [draft.add(ngrams.formula(j)) for j, ngrams in enumerate(self.columns)]

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        return [(j,) for j, ngrams in enumerate(self.columns) for _ in range(ngrams.n_terms)]


class TextSvd:
    """TF-IDF folded into few dimensions, and the shape of the text.

    Parameters
    ----------
    ngrams : TextNgrams
    dims : int
        Dimensions for a column.
    seed : int
    """

    def __init__(self, ngrams: TextNgrams, dims: int, seed: int) -> None:
        self.ngrams = ngrams
        self.dims = dims
        self.seed = seed

    folds: list[NDArray[np.float32]]

    def fit(self, X: NDArray[Any], y: Any = None) -> TextSvd:
        """Learn the terms and the dimensions."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: NDArray[Any], y: Any = None) -> Matrix:
        """Learn and return the columns; reads the texts once."""
        terms = self.ngrams.fit_transform(X, y)
        self.folds = [fold(part, self.dims, self.seed) for part in self.split(terms)]
        return self.columns(X, terms)

    def transform(self, X: NDArray[Any]) -> Matrix:
        """Return for each column of text its dimensions, then its shape."""
        if len(X) <= FEW:
            return np.array([self.row(*one) for one in zip(X, self.ngrams.rows(X), strict=True)])
        return self.columns(X, self.ngrams.transform(X))

    def split(self, terms: Any) -> list[Any]:
        """Return the terms of each column of text."""
        ends = np.cumsum([ngrams.n_terms for ngrams in self.ngrams.columns])
        if len(ends) == 1:
            return [terms]
        return [terms[:, start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def columns(self, X: NDArray[Any], terms: Any) -> Matrix:
        """Return the columns of rows whose terms are known."""
        blocks: list[NDArray[Any]] = []
        for j, part in enumerate(self.split(terms)):
            blocks += [part @ self.folds[j], shape_of(X[:, j])]
        return np.concatenate(blocks, axis=1, dtype=np.float64)

    def row(self, texts: NDArray[Any], terms: list[_Terms]) -> Matrix:
        """Return the columns of one row whose terms are known."""
        blocks: list[Any] = []
        for text, (columns, data), right in zip(texts, terms, self.folds, strict=True):
            blocks += [
                (data[:, None] * right.take(columns, axis=0)).sum(axis=0),
                shape_of_one(text),
            ]
        return np.concatenate(blocks, dtype=np.float64)

    def formula(self) -> Formula:
        """Return what it computes."""
        draft = Draft(len(self.folds))
        return draft.formula(*self.draft(draft, self.ngrams.draft(draft)))

    def draft(self, draft: Draft, terms: list[Any]) -> list[Any]:
        """Add dimensions and shape of texts whose terms were added to a formula."""
        out = []
        for j, right in enumerate(self.folds):
            weights, base = right.astype(np.float64), np.zeros(right.shape[1])
            out.append(draft.add(Product(columns=terms[j], weights=weights, base=base)))
            out.append(draft.add(Shape(column=j, max_chars=MAX_CHARS)))
        return out

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        width = [right.shape[1] + len(SHAPE) for right in self.folds]
        return [(j,) for j in range(n_in) for _ in range(width[j])]


class TextScore:
    """What a ridge regression on all terms says, and the shape of the text; dimensions on wish.

    `fit_transform` gives training rows what models fitted without them say; the terms, which do not
    read the target, are learned once.

    Parameters
    ----------
    svd : TextSvd
        Gives terms, dimensions (none with ``dims=0``) and shape.
    n_classes : int
        0 where the target is a number.
    alpha : float, default=1.0
        Strength of the ridge penalty.
    max_classes : int, default=10
        Classes that get a column; the most frequent ones.
    """

    def __init__(
        self, svd: TextSvd, n_classes: int, *, alpha: float = 1.0, max_classes: int = 10
    ) -> None:
        self.svd = svd
        self.n_classes = n_classes
        self.alpha = alpha
        self.max_classes = max_classes

    weights: Matrix
    intercept: Matrix

    def fit(self, X: NDArray[Any], y: NDArray[Any]) -> TextScore:
        """Learn the terms and the model."""
        terms = self._learn(X)
        self.weights, self.intercept = ridge(
            terms, targets_of(y, self.n_classes, self.max_classes), self.alpha
        )
        return self

    def fit_transform(self, X: NDArray[Any], y: NDArray[Any]) -> Matrix:
        """Learn all and return for each row what a model fitted without it says."""
        terms = self._learn(X)
        targets = targets_of(y, self.n_classes, self.max_classes)
        self.weights, self.intercept = ridge(terms, targets, self.alpha)
        said = np.empty(targets.shape)
        part = np.random.default_rng(self.svd.seed).permutation(len(y)) % CROSSFIT_FOLDS
        for k in range(CROSSFIT_FOLDS):
            train, test = np.flatnonzero(part != k), np.flatnonzero(part == k)
            if len(train) and len(test):
                weights, intercept = ridge(terms[train], targets[train], self.alpha)
                said[test] = terms[test] @ weights + intercept
            elif len(test):
                said[test] = self.intercept
        return np.column_stack([said, self.svd.columns(X, terms)])

    def transform(self, X: NDArray[Any]) -> Matrix:
        """Return the model's values, then dimensions and shape of each column of text."""
        if len(X) <= FEW:
            return np.array(
                [self._row(*one) for one in zip(X, self.svd.ngrams.rows(X), strict=True)]
            )
        terms = self.svd.ngrams.transform(X)
        said = terms @ self.weights + self.intercept
        return np.column_stack([said, self.svd.columns(X, terms)])

    def formula(self) -> Formula:
        """Return what it computes."""
        draft = Draft(len(self.svd.folds))
        terms = self.svd.ngrams.draft(draft)
        base, every = self.intercept.reshape(-1), np.concatenate(terms)
        said = draft.add(Product(columns=every, weights=self.weights, base=base))
        return draft.formula(said, *self.svd.draft(draft, terms))

    def _row(self, texts: NDArray[Any], terms: list[_Terms]) -> Matrix:
        starts = np.cumsum([0, *(ngrams.n_terms for ngrams in self.svd.ngrams.columns)]).tolist()
        said = self.intercept.reshape(-1)
        for (columns, data), start in zip(terms, starts, strict=False):
            said = said + data @ self.weights.take(columns + start, axis=0)
        return np.concatenate([said, self.svd.row(texts, terms)])

    def _learn(self, X: NDArray[Any]) -> Any:
        terms = self.svd.ngrams.fit_transform(X)
        self.svd.folds = [fold(p, self.svd.dims, self.svd.seed) for p in self.svd.split(terms)]
        return terms

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        return [tuple(range(n_in))] * self.weights.shape[1] + self.svd.lineage(n_in)
