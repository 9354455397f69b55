"""The operations of formulas as operators of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin.formulas import (
    RESERVED,
    Affine,
    Apply,
    Clip,
    Combine,
    Fill,
    Formula,
    Interpolate,
    IsMissing,
    Lookup,
    Operation,
    Product,
    Softmax,
)
from automl.plugin.nearest import Nearest
from automl.plugin.wording import Shape, Terms
from automl_onnx import nearest, texts
from automl_onnx.graph import DOUBLE, INT64, Block, Cells, Codes, Column, Rows
from automl_onnx.trees import Placed, searches_of, sums_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


def lacking(formula: Formula) -> set[str]:
    """Return the names of operations that are not known here."""
    able = {*_WRITERS, Lookup, Product}
    return {type(one).__name__ for one in formula.operations if type(one) not in able}


def write(formula: Formula, given: Sequence[Column], cells: Cells) -> list[Column]:
    """Add what a formula computes, and return the columns that come out.

    Parameters
    ----------
    formula : Formula
    given : sequence of Column
        What comes in.
    cells : Cells
    """
    columns = list(given[: formula.n_in])
    for operation in formula.operations:
        columns += _write(operation, columns, cells)
    return [columns[number] for number in formula.out.tolist()]


def _write(operation: Operation, columns: list[Column], cells: Cells) -> list[Column]:
    if not operation.width:
        return []
    if isinstance(operation, Lookup):
        codes = _codes(columns[operation.column], operation.table.shape[0], cells)
        source: Any = Rows(codes, operation.table)
    elif isinstance(operation, Product):
        read = [columns[number] for number in operation.columns.tolist()]
        name = cells.weighted(read, operation.weights, operation.base)
        source = Block(name, operation.width)
    else:
        name = _WRITERS[type(operation)](operation, columns, cells)
        source = Block(name, operation.width)
    return [Column(source, place) for place in range(operation.width)]


def _codes(column: Column, n_slots: int, cells: Cells) -> Codes:
    """Return the codes that a column holds, of which those beyond the slots are unseen."""
    if isinstance(column.source, Codes):
        return column.source
    graph = cells.graph
    code = graph.op("Squeeze", cells.take([column]), graph.constant(np.array([1])))
    slot = graph.op("Add", code, graph.numbers(float(RESERVED)))
    slot = graph.where(graph.op("IsNaN", code), float(RESERVED - 1), slot)
    for compare, limit in (("Less", 0.0), ("GreaterOrEqual", float(n_slots))):
        slot = graph.where(graph.op(compare, slot, graph.numbers(limit)), 0.0, slot)
    return Codes(graph.op("Cast", slot, to=INT64), n_slots)


def _read(operation: Any, columns: list[Column], cells: Cells) -> str:
    return cells.take([columns[number] for number in operation.columns.tolist()])


def _fill(operation: Fill, columns: list[Column], cells: Cells) -> str:
    x, graph = _read(operation, columns, cells), cells.graph
    return graph.where(graph.op("IsNaN", x), graph.numbers(operation.values), x)


def _is_missing(operation: IsMissing, columns: list[Column], cells: Cells) -> str:
    x, graph = _read(operation, columns, cells), cells.graph
    return graph.op("Cast", graph.op("IsNaN", x), to=DOUBLE)


def _affine(operation: Affine, columns: list[Column], cells: Cells) -> str:
    x, graph = _read(operation, columns, cells), cells.graph
    less = graph.op("Sub", x, graph.numbers(operation.center))
    return graph.op("Div", less, graph.numbers(operation.scale))


def _clip(operation: Clip, columns: list[Column], cells: Cells) -> str:
    return cells.graph.clip(_read(operation, columns, cells), operation.low, operation.high)


def _apply(operation: Apply, columns: list[Column], cells: Cells) -> str:
    x, graph = _read(operation, columns, cells), cells.graph
    zero, one = graph.numbers(0.0), graph.numbers(1.0)
    if operation.function == "maximum0":
        return graph.where(graph.op("Less", x, zero), zero, x)
    if operation.function == "cos":  # 1 - 2 sin(x / 2)^2: older runtimes have no Cos of float64
        half = graph.op("Sin", graph.op("Mul", x, graph.numbers(0.5)))
        square = graph.op("Mul", graph.op("Mul", half, half), graph.numbers(2.0))
        return graph.op("Sub", one, square)
    if operation.function == "log1p":
        return graph.op("Log", graph.op("Add", x, one))
    if operation.function == "expm1":
        return graph.op("Sub", graph.op("Exp", x), one)
    return graph.op(operation.function.capitalize(), x)


def _combine(operation: Combine, columns: list[Column], cells: Cells) -> str:
    graph = cells.graph
    a, b = (
        cells.take([columns[number] for number in side.tolist()])
        for side in (operation.first, operation.second)
    )
    kind = {"sum": "Add", "difference": "Sub", "product": "Mul", "quotient": "Div"}
    made = graph.op(kind[operation.how], a, b)
    if operation.how != "quotient":
        return made
    return graph.where(graph.op("Equal", b, graph.numbers(0.0)), float("nan"), made)


def _interpolate(operation: Interpolate, columns: list[Column], cells: Cells) -> str:
    """Find the piece of each cell by a tree, and draw the line of the piece."""
    x, graph = _read(operation, columns, cells), cells.graph
    gone = graph.op("IsNaN", x)
    first = np.array([points[0] for points in operation.points])
    last = np.array([points[-1] for points in operation.points])
    inside = graph.where(gone, graph.numbers(first), graph.clip(x, first, last))
    sizes = np.array([max(1, len(points) - 1) for points in operation.points])
    searches = searches_of([points[1:-1] for points in operation.points], np.cumsum(sizes) - sizes)
    everywhere = np.arange(len(sizes))
    placed = Placed(trees=searches, cells=everywhere, codes=everywhere, sums=everywhere)
    piece = sums_of([placed], len(sizes), inside, graph)
    at = graph.op("Cast", piece, to=INT64)
    begin, value, slope = _pieces(operation)
    x0, y0, rise = (
        graph.op("Gather", graph.numbers(part), at, axis=0) for part in (begin, value, slope)
    )
    line = graph.op("Add", graph.op("Mul", rise, graph.op("Sub", inside, x0)), y0)
    several = np.array([len(points) > 1 for points in operation.points])
    stays = graph.op("And", gone, graph.constant(several))
    return graph.where(stays, float("nan"), line)


def _pieces(operation: Interpolate) -> tuple[Matrix, Matrix, Matrix]:
    """Return where each piece begins, its value there and its slope, of all columns."""
    begin, value, slope = [], [], []
    for x, y in zip(operation.points, operation.values, strict=True):
        begin.append(x[: max(1, len(x) - 1)])
        value.append(y[: max(1, len(y) - 1)])
        slope.append(np.diff(y) / np.diff(x) if len(x) > 1 else np.zeros(1))
    return np.concatenate(begin), np.concatenate(value), np.concatenate(slope)


def _softmax(operation: Softmax, columns: list[Column], cells: Cells) -> str:
    return cells.graph.op("Softmax", _read(operation, columns, cells), axis=1)


def _nearest(operation: Nearest, columns: list[Column], cells: Cells) -> str:
    return nearest.write(operation, _read(operation, columns, cells), cells.graph)


_WRITERS: dict[type, Callable[[Any, list[Column], Cells], str]] = {
    Fill: _fill,
    IsMissing: _is_missing,
    Affine: _affine,
    Clip: _clip,
    Apply: _apply,
    Combine: _combine,
    Interpolate: _interpolate,
    Softmax: _softmax,
    Nearest: _nearest,
    Terms: texts.terms,
    Shape: texts.shape,
}
