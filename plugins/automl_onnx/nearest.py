"""Rows that are near, in a graph: a loop over rows, each of which is compared with all stored ones.

What is made for a row has the size of the stored rows, so that memory does not grow with a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from automl.plugin.nearest import ALIKE
from automl_onnx.graph import DOUBLE, FLOAT, Graph

if TYPE_CHECKING:
    from automl.plugin.nearest import Nearest


def write(operation: Nearest, X: str, graph: Graph) -> str:
    """Return a tensor of shape (n_rows, width), of what `Nearest.of` says.

    Parameters
    ----------
    operation : Nearest
    X : str
        The tensor of cells that it reads, of shape (n_rows, n_columns), float64.
    graph : Graph
    """
    from onnx import helper

    X = graph.op("Cast", graph.op("Cast", X, to=FLOAT), to=DOUBLE)
    stored = graph.op("Cast", graph.constant(operation.rows), to=DOUBLE)
    values = graph.op("Cast", graph.constant(operation.values), to=DOUBLE)
    inner = graph.inner()
    row = inner.name_of("row")
    count = _counts(operation, _distance(operation, row, stored, inner), inner)
    axis = inner.constant(np.array([0]))
    sums = inner.op("MatMul", inner.op("Unsqueeze", count, axis), values)
    whole = inner.op("ReduceSum", count, axis, keepdims=1)
    said = inner.op("Div", inner.op("Reshape", sums, inner.constant(np.array([-1]))), whole)
    body = helper.make_graph(
        inner.nodes,
        inner.name_of("nearest"),
        [helper.make_tensor_value_info(row, DOUBLE, [operation.rows.shape[1]])],
        [helper.make_tensor_value_info(said, DOUBLE, [operation.width])],
        inner.initializers(),
    )
    # The loop takes no empty batch: one row more goes in, and is left out behind it.
    more = graph.op("Concat", X, graph.numbers(np.zeros((1, operation.rows.shape[1]))), axis=0)
    found = graph.op("Scan", more, body=body, num_scan_inputs=1)
    first, last = graph.constant(np.array([0])), graph.constant(np.array([-1]))
    return graph.op("Slice", found, first, last, first)


def _distance(operation: Nearest, row: str, stored: str, graph: Graph) -> str:
    """Return the distances of one row, of shape (n_stored,)."""
    apart = graph.op("Sub", row, stored)
    sizes = graph.op("Abs", apart) if operation.p == 1 else graph.op("Mul", apart, apart)
    sums = graph.op("ReduceSum", sizes, graph.constant(np.array([1])), keepdims=0)
    distance = sums if operation.p == 1 else graph.op("Sqrt", sums)
    return graph.clip(distance, operation.floor, np.inf)


def _last(distance: str, k: int, graph: Graph) -> str:
    """Return the distance of the k-th nearest, of shape (1,)."""
    from onnx.helper import make_node

    made = [graph.name_of("nearest"), graph.name_of("places")]
    given = [distance, graph.constant(np.array([k]))]
    graph.nodes.append(make_node("TopK", given, made, axis=0, largest=0, sorted=1))
    return graph.op("Gather", made[0], graph.constant(np.array([k - 1])), axis=0)


def _counts(operation: Nearest, distance: str, graph: Graph) -> str:
    """Return what each stored row counts, up to a factor; see `automl.plugin.nearest.counts`."""
    last = _last(distance, operation.k, graph)
    nearer = graph.op("Less", distance, graph.op("Mul", last, graph.numbers(1.0 - ALIKE)))
    up_to = graph.op("LessOrEqual", distance, graph.op("Mul", last, graph.numbers(1.0 + ALIKE)))
    inside = graph.op("Cast", nearer, to=DOUBLE)
    equal = graph.op("Sub", graph.op("Cast", up_to, to=DOUBLE), inside)
    axis = graph.constant(np.array([0]))
    n_inside, n_equal = (graph.op("ReduceSum", one, axis, keepdims=1) for one in (inside, equal))
    left = graph.op("Sub", graph.numbers(float(operation.k)), n_inside)
    share = graph.op("Mul", equal, graph.op("Div", left, n_equal))
    count = graph.op("Add", inside, share)
    if not operation.weighted:
        return count
    return graph.op("Mul", count, graph.op("Div", last, distance))
