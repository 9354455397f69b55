"""A graph of ONNX operators in the making, and tables of cells in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin.formulas import Sparse

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

OPSET, OPSET_ML, IR = 17, 3, 8
"""Versions of the operators and of the file: what onnxruntime understands from 1.12 on."""

ML = "ai.onnx.ml"

GONE = -1e9
"""What stands for a missing code where a split looks for it in a set: less than any code."""

DOUBLE, FLOAT, INT64, STRING = 11, 1, 7, 8
"""Types of tensors, as onnx.TensorProto numbers them."""


class Graph:
    """Operators and constants, in the order in which they are computed.

    Parameters
    ----------
    taken : collection of str
        Names that are the inputs'.
    """

    def __init__(self, taken: Collection[str]) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[tuple[Any, ...], tuple[str, NDArray[Any]]] = {}
        self._prefix = "/"
        while any(name.startswith(self._prefix) for name in taken):
            self._prefix += "/"

    def inner(self) -> Graph:
        """Return a graph for an operator that computes one: it may read what is here by name."""
        found = Graph(())
        found._prefix = f"{self._prefix}{len(self.nodes)}/"
        return found

    def name_of(self, what: str) -> str:
        """Return a name that nothing else has; ``what`` is given once."""
        return f"{self._prefix}{what}"

    def initializers(self) -> list[Any]:
        """Return the constants that are read here."""
        from onnx.numpy_helper import from_array

        used = {name for node in self.nodes for name in node.input}
        return [
            from_array(values, name) for name, values in self.constants.values() if name in used
        ]

    def op(
        self, kind: str, *inputs: str, domain: str = "", name: str = "", **attributes: Any
    ) -> str:
        """Add an operator with one output, and return the output's name."""
        from onnx.helper import make_node

        name = name or f"{self._prefix}{kind}_{len(self.nodes)}"
        self.nodes.append(make_node(kind, inputs, [name], name=name, domain=domain, **attributes))
        return name

    def constant(self, values: NDArray[Any] | Sequence[Any] | float) -> str:
        """Return the name of a constant; equal ones are kept once."""
        array = np.ascontiguousarray(values)
        array = array if np.ndim(values) else array.reshape(())
        content = tuple(array.reshape(-1)) if array.dtype.kind in "OU" else array.tobytes()
        key = (array.dtype.str, array.shape, content)
        if key not in self.constants:
            self.constants[key] = (f"{self._prefix}{len(self.constants)}", array)
        return self.constants[key][0]

    def numbers(self, values: NDArray[Any] | Sequence[Any] | float) -> str:
        """Return the name of a constant of float64."""
        return self.constant(np.asarray(values, dtype=np.float64))

    # Comparisons are false for NaN, which therefore stays; ONNX leaves open what Clip, Min and Max
    # do with it.

    def where(self, condition: str, yes: str | float, no: str | float) -> str:
        """Return cells of one of two tensors or numbers."""
        named = [self.numbers(one) if isinstance(one, float) else one for one in (yes, no)]
        return self.op("Where", condition, *named)

    def clip(self, x: str, low: NDArray[Any] | float, high: NDArray[Any] | float) -> str:
        """Return cells within limits; NaN stays."""
        for compare, limit in (("Less", low), ("Greater", high)):
            if np.isfinite(limit).any():
                bound = self.numbers(limit)
                x = self.where(self.op(compare, x, bound), bound, x)
        return x


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Columns that are there: a tensor of shape (n_rows, width), float64."""

    name: str
    width: int


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """A column of codes: a tensor of shape (n_rows,), int64, of slots 0 (unseen), 1 (missing)...

    Parameters
    ----------
    name : str
    n_slots : int
    """

    name: str
    n_slots: int


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Columns that a table holds for each code, made where they are needed.

    Parameters
    ----------
    codes : Codes
    table : ndarray of shape (n_slots, width) or Sparse
        Slots beyond are unseen.
    """

    codes: Codes
    table: Matrix | Sparse

    def dense(self, columns: NDArray[Any]) -> Matrix:
        """Return some columns of the table, of shape (codes.n_slots, len(columns))."""
        if isinstance(self.table, Sparse):
            place = np.full(self.table.n_columns, -1)
            place[columns] = np.arange(len(columns))
            found = np.zeros((self.table.shape[0], len(columns)))
            at = place[self.table.indices]
            found[_row_of(self.table)[at >= 0], at[at >= 0]] = self.table.data[at >= 0]
            return self._all_slots(found[:, place[columns]])
        return self._all_slots(self.table[:, columns])

    def weighted(self, columns: NDArray[Any], weights: Matrix) -> Matrix:
        """Return sums of columns for each slot, of shape (codes.n_slots, n_sums)."""
        if not isinstance(self.table, Sparse):
            return self._all_slots(self.table[:, columns] @ weights)
        wide = np.zeros((self.table.n_columns, weights.shape[1]))
        np.add.at(wide, columns, weights)
        found = np.zeros((self.table.shape[0], weights.shape[1]))
        np.add.at(found, _row_of(self.table), self.table.data[:, None] * wide[self.table.indices])
        return self._all_slots(found)

    def _all_slots(self, table: Matrix) -> Matrix:
        slots = np.arange(self.codes.n_slots)
        return np.ascontiguousarray(table[np.where(slots < len(table), slots, 0)])


def _row_of(table: Sparse) -> NDArray[Any]:
    return np.repeat(np.arange(table.shape[0]), np.diff(table.starts))


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A column of texts: the names of the tensors of its parts, empty where there is none."""

    words: str
    pieces: str
    shape: str


Source = Block | Codes | Rows | Text


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a source."""

    source: Source
    place: int = 0


@dataclass(slots=True, eq=False)
class Cells:
    """Makes tensors of columns, each once."""

    graph: Graph
    _made: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def take(self, columns: Sequence[Column]) -> str:
        """Return a tensor of shape (n_rows, len(columns)), float64, of columns in their order."""
        runs: list[tuple[Source, list[int]]] = []
        for column in columns:
            if not runs or runs[-1][0] is not column.source:
                runs.append((column.source, []))
            runs[-1][1].append(column.place)
        parts = [self._part(source, places) for source, places in runs]
        return parts[0] if len(parts) == 1 else self.graph.op("Concat", *parts, axis=1)

    def ordered(self, columns: Sequence[Column]) -> list[Column]:
        """Return columns, each once, those of one source beside each other."""
        seen = dict.fromkeys(columns)
        number: dict[Source, int] = {}
        for column in seen:
            number.setdefault(column.source, len(number))
        return sorted(seen, key=lambda one: (number[one.source], one.place))

    def weighted(self, columns: Sequence[Column], weights: Matrix, base: Matrix) -> str:
        """Return weighted sums of columns, of shape (n_rows, n_sums).

        What is known for each code is summed up beforehand, so that columns of indicators, of
        which there may be thousands, are never made.
        """
        by_source: dict[Source, list[int]] = {}
        for number, column in enumerate(columns):
            by_source.setdefault(column.source, []).append(number)
        tables: dict[Codes, Any] = {}
        rest: list[int] = []
        for source, numbers in by_source.items():
            if isinstance(source, Rows):
                places = np.array([columns[number].place for number in numbers])
                table = source.weighted(places, weights[numbers])
                tables[source.codes] = tables.get(source.codes, 0.0) + table
            else:
                rest += numbers
        parts = [
            self.graph.op("Gather", self.graph.numbers(table), codes.name, axis=0)
            for codes, table in tables.items()
        ]
        if rest:
            X = self.take([columns[number] for number in rest])
            parts.append(self.graph.op("MatMul", X, self.graph.numbers(weights[rest])))
        total = parts[0]
        for part in [*parts[1:], self.graph.numbers(base)]:
            total = self.graph.op("Add", total, part)
        return total

    def _part(self, source: Source, places: list[int]) -> str:
        key = (source, *places)
        if key not in self._made:
            self._made[key] = self._make(source, np.array(places, dtype=np.int64))
        return self._made[key]

    def _make(self, source: Source, places: NDArray[np.int64]) -> str:
        graph = self.graph
        if isinstance(source, Text):
            raise TypeError("texts are no numbers")
        if isinstance(source, Rows):
            table = graph.numbers(source.dense(places))
            return graph.op("Gather", table, source.codes.name, axis=0)
        if isinstance(source, Codes):
            slots = graph.op("Unsqueeze", source.name, graph.constant(np.array([1])))
            as_float = graph.op("Cast", slots, to=DOUBLE)
            return graph.op("Sub", as_float, graph.numbers(2.0))
        if np.array_equal(places, np.arange(source.width)):
            return source.name
        return graph.op("Gather", source.name, graph.constant(places), axis=1)
