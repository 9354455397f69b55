"""What a fitted step computes, as a plain list of operations on columns that anyone can evaluate.

A step over numbers says by `Preprocessor.formula` what it does, an estimator that is neither trees
nor weighted sums by `Algorithm.formula`: ``formula(fitted)`` returns a `Formula`, or None where
there is none (then nothing is lost but exports). Columns are counted: first those of the block that
comes in, then those that the operations make, one operation after the other. An operation reads
columns that are there already and makes new ones; `Formula.out` says which come out::

    draft = Draft(1)  # (x - 3) / 2 of the only column, cut at -10 and 10
    scaled = draft.add(Affine(columns=[0], center=[3.0], scale=[2.0]))  # arrays, in fact
    return draft.formula(draft.add(Clip(columns=scaled, low=-10.0, high=10.0)))

Cells are float64, NaN where missing, and all arithmetic is that of IEEE 754: NaN stays NaN unless
an operation says otherwise. What comes in are

- numbers as they are and dates as seconds since 1970, for a chain behind such columns;
- codes 0, 1, ... of levels, -1 where missing, -2 where training did not have the level;
- texts, which are read by `automl.plugin.wording` only;
- the numbers, dates, codes of categories and codes of strings, side by side in this order, for a
  step that takes the table;
- the matrix of an estimator.

A step over codes needs no formula where each column that comes out was made of one column: it is
read off for every code. `automl.plugin.plain` puts all that a model is together in these terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from automl.plugin.nearest import Nearest
from automl.plugin.wording import Shape, Terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Columns = NDArray[np.integer[Any]]

RESERVED = 2
"""Slots before the levels: 0 for what training did not have, 1 for a missing cell."""

Function = Literal[
    "abs", "cos", "exp", "expm1", "floor", "log", "log1p", "sign", "sin", "sqrt", "tanh", "maximum0"
]

FUNCTIONS: dict[str, Callable[[Matrix], Matrix]] = {
    **{name: getattr(np, name) for name in get_args(Function)[:-1]},
    "maximum0": lambda x: np.maximum(x, 0.0),
}
"""Functions of single cells, as NumPy computes them; ``maximum0`` is 0 below 0."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OfEach:
    """What makes one column of each column that it reads.

    Parameters
    ----------
    columns : ndarray of shape (width,), dtype=int
    """

    columns: Columns

    @property
    def width(self) -> int:
        """Columns that it makes."""
        return len(self.columns)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fill(OfEach):
    """Missing cells become a number of the column.

    Parameters
    ----------
    values : ndarray of shape (width,), dtype=float64
    """

    values: Matrix

    def of(self, cells: Matrix) -> Matrix:
        """Return them, of shape (n_rows, width)."""
        x = cells[:, self.columns]
        return np.where(np.isnan(x), self.values, x)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IsMissing(OfEach):
    """1 where a cell is missing, else 0."""

    def of(self, cells: Matrix) -> Matrix:
        """Return them, of shape (n_rows, width)."""
        return np.isnan(cells[:, self.columns]).astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Affine(OfEach):
    """``(cell - center) / scale``.

    Parameters
    ----------
    center, scale : ndarray of shape (width,), dtype=float64
    """

    center: Matrix
    scale: Matrix

    def of(self, cells: Matrix) -> Matrix:
        """Return them, of shape (n_rows, width)."""
        return np.asarray((cells[:, self.columns] - self.center) / self.scale)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip(OfEach):
    """Cells below ``low`` become it, and those above ``high`` that.

    Parameters
    ----------
    low, high : float
    """

    low: float
    high: float

    def of(self, cells: Matrix) -> Matrix:
        """Return them, of shape (n_rows, width)."""
        return np.clip(cells[:, self.columns], self.low, self.high)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Apply(OfEach):
    """A function of each cell.

    Parameters
    ----------
    function : str
        One of `FUNCTIONS`.
    """

    function: Function

    def of(self, cells: Matrix) -> Matrix:
        """Return them, of shape (n_rows, width)."""
        return FUNCTIONS[self.function](cells[:, self.columns])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Combine:
    """One operation of two cells; a quotient is NaN where it would be divided by zero.

    Parameters
    ----------
    how : {"sum", "difference", "product", "quotient"}
    first, second : ndarray of shape (width,), dtype=int
        Columns.
    """

    how: Literal["sum", "difference", "product", "quotient"]
    first: Columns
    second: Columns

    @property
    def width(self) -> int:
        """Columns that it makes."""
        return len(self.first)

    def of(self, cells: Matrix) -> Matrix:
        """Return them, of shape (n_rows, width)."""
        a, b = cells[:, self.first], cells[:, self.second]
        if self.how == "sum":
            return a + b
        if self.how == "difference":
            return a - b
        if self.how == "product":
            return a * b
        return np.divide(a, b, out=np.full_like(a, np.nan), where=b != 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Interpolate(OfEach):
    """Straight lines between points, as `numpy.interp` draws them: constant beyond the ends.

    NaN stays NaN, but becomes the only value where there is only one point.

    Parameters
    ----------
    points, values : tuple of ndarray of shape (n_points,), dtype=float64
        Of each column; points rise.
    """

    points: tuple[Matrix, ...]
    values: tuple[Matrix, ...]

    def of(self, cells: Matrix) -> Matrix:
        """Return them, of shape (n_rows, width)."""
        made = np.empty((len(cells), self.width))
        each = zip(self.columns, self.points, self.values, strict=True)
        for place, (column, points, values) in enumerate(each):
            made[:, place] = np.interp(cells[:, column], points, values)
        return made


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sparse:
    """A matrix of which most cells are 0: the arrays of a CSR matrix.

    Parameters
    ----------
    data : ndarray of shape (n_cells,), dtype=float64
    indices : ndarray of shape (n_cells,), dtype=int
    starts : ndarray of shape (n_rows + 1,), dtype=int
    n_columns : int
    """

    data: Matrix
    indices: Columns
    starts: Columns
    n_columns: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.starts) - 1, self.n_columns

    def __getitem__(self, rows: Columns) -> Matrix:
        """Return some rows, dense."""
        counts = np.diff(self.starts)[rows]
        before = np.cumsum(counts) - counts
        cells = np.arange(int(counts.sum())) + np.repeat(self.starts[rows] - before, counts)
        made = np.zeros((len(rows), self.n_columns))
        made[np.repeat(np.arange(len(rows)), counts), self.indices[cells]] = self.data[cells]
        return made


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lookup:
    """The row of a table that belongs to a code.

    Parameters
    ----------
    column : int
        Of codes.
    table : ndarray of shape (n_slots, width), dtype=float64, or Sparse
        The row of a code is ``code + 2``: row 0 is for what training did not have, and for codes
        beyond the table; row 1 for a missing cell (-1, or NaN).
    """

    column: int
    table: Matrix | Sparse

    @property
    def width(self) -> int:
        """Columns that it makes."""
        return int(self.table.shape[1])

    def of(self, cells: Matrix) -> Matrix:
        """Return them, of shape (n_rows, width)."""
        code = cells[:, self.column]
        slot = np.where(np.isnan(code), -1.0, code) + RESERVED
        slot = np.where((slot >= 0) & (slot < self.table.shape[0]), slot, 0.0)
        return self.table[slot.astype(np.int64)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Product:
    """Weighted sums of columns: a product of matrices.

    Parameters
    ----------
    columns : ndarray of shape (n_columns,), dtype=int
    weights : ndarray of shape (n_columns, width), dtype=float64
    base : ndarray of shape (width,), dtype=float64
        What the sums start from.
    """

    columns: Columns
    weights: Matrix
    base: Matrix

    @property
    def width(self) -> int:
        """Columns that it makes."""
        return int(self.weights.shape[1])

    def of(self, cells: Matrix) -> Matrix:
        """Return them, of shape (n_rows, width)."""
        return np.asarray(cells[:, self.columns] @ self.weights + self.base)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Softmax(OfEach):
    """Exponentials of columns, divided by their sum in the row."""

    def of(self, cells: Matrix) -> Matrix:
        """Return them, of shape (n_rows, width)."""
        x = cells[:, self.columns]
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return np.asarray(e / e.sum(axis=1, keepdims=True))


OfTexts = Terms | Shape
OfNumbers = Fill | IsMissing | Affine | Clip | Apply | Combine | Interpolate | Lookup
Operation = OfNumbers | Product | Softmax | Nearest | OfTexts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Formula:
    """What comes out of columns, as a list of operations.

    Parameters
    ----------
    n_in : int
        Columns that come in, which are number 0, 1, ...; of a block with more the first ones.
    operations : tuple of Operation
        Each makes columns with the next numbers, of those before it.
    out : ndarray of shape (n_out,), dtype=int
        Numbers of the columns that come out, in their order.

    Raises
    ------
    ValueError
        Something is read that is not there yet.
    """

    n_in: int
    operations: tuple[Operation, ...]
    out: Columns

    def __post_init__(self) -> None:
        n_columns = self.n_in
        for number, operation in enumerate(self.operations):
            reads = reads_of(operation)
            if reads.size and not (reads.min() >= 0 and reads.max() < n_columns):
                raise ValueError(f"operation {number} reads a column that is not there yet")
            n_columns += operation.width
        if self.out.size and not (self.out.min() >= 0 and self.out.max() < n_columns):
            raise ValueError("a column comes out that is not there")

    @property
    def starts(self) -> tuple[int, ...]:
        """The number of the first column that each operation makes; last, of all columns."""
        widths = [operation.width for operation in self.operations]
        return tuple((self.n_in + np.cumsum([0, *widths])).tolist())

    def outputs(self, X: NDArray[Any]) -> Matrix:
        """Return the columns that come out, of shape (n_rows, n_out).

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_in) or wider, of float64, int or (texts) object
        """
        starts = self.starts
        cells = np.full((len(X), starts[-1]), np.nan)
        if X.dtype != object:
            cells[:, : self.n_in] = X[:, : self.n_in]
        with np.errstate(all="ignore"):
            for operation, start in zip(self.operations, starts, strict=False):
                given = X if isinstance(operation, OfTexts) else cells
                cells[:, start : start + operation.width] = operation.of(given)
        return np.ascontiguousarray(cells[:, self.out])


class Draft:
    """A formula while it is written.

    Parameters
    ----------
    n_in : int
        Columns that come in.
    """

    def __init__(self, n_in: int) -> None:
        self.n_in = self.n_columns = n_in
        self.operations: list[Operation] = []

    def add(self, operation: Operation) -> Columns:
        """Return the numbers of the columns that an operation makes."""
        self.operations.append(operation)
        self.n_columns += operation.width
        return np.arange(self.n_columns - operation.width, self.n_columns)

    def formula(self, *out: Columns) -> Formula:
        """Return it; columns come out in the order given."""
        columns = np.concatenate([np.zeros(0, dtype=np.int64), *out])
        return Formula(n_in=self.n_in, operations=tuple(self.operations), out=columns)


def reads_of(operation: Operation) -> Columns:
    """Return the numbers of the columns that an operation reads."""
    if isinstance(operation, Combine):
        return np.concatenate([operation.first, operation.second])
    if isinstance(operation, Lookup | OfTexts):
        return np.array([operation.column])
    return operation.columns
