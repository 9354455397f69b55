"""Texts in a graph: their words and pieces come in as strings, are counted there, and weighed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl_onnx.graph import DOUBLE, Text

if TYPE_CHECKING:
    from automl.plugin.wording import Shape, Terms
    from automl_onnx.graph import Cells, Column, Graph


def terms(operation: Terms, columns: list[Column], cells: Cells) -> str:
    """Return a tensor of the weights of words and pairs of words, then of pieces of words."""
    graph, text = cells.graph, _text(columns[operation.column])
    words, pieces = unpacked(operation.words), unpacked(operation.pieces)
    columns_of = operation.word_column.tolist()
    alone = [(word, at) for word, at in zip(words, columns_of, strict=True) if at >= 0]
    pairs = [divmod(int(key), len(words)) for key in operation.pair_keys.tolist()]
    found = [
        _counted(
            text.words,
            [[word for word, _ in alone], [words[at] for pair in pairs for at in pair]],
            [*(at for _, at in alone), *operation.pair_column.tolist()],
            graph,
        ),
        _counted(text.pieces, [pieces], list(range(len(pieces))), graph),
    ]
    weighed = [
        _weighed(count, idf, graph)
        for count, idf in zip(found, (operation.word_idf, operation.piece_idf), strict=True)
        if len(idf)
    ]
    return weighed[0] if len(weighed) == 1 else graph.op("Concat", *weighed, axis=1)


def shape(operation: Shape, columns: list[Column], cells: Cells) -> str:
    """Return the tensor of the shape of texts."""
    del cells
    return _text(columns[operation.column]).shape


def _text(column: Column) -> Text:
    if not isinstance(column.source, Text):
        raise TypeError("an operation over texts reads what is none")
    return column.source


def unpacked(packed: Any) -> list[str]:
    """Return the strings that are kept in one array."""
    text = packed.tobytes().decode("utf-8", "surrogatepass")
    return text.split("\n") if text else []


def _counted(tokens: str, pools: list[list[str]], places: list[int], graph: Graph) -> str:
    """Return how often terms come in a row, by their places; each pool has longer ones."""
    if not places:
        return ""
    while not pools[-1]:
        pools = pools[:-1]
    starts = np.cumsum([0, *(len(pool) for pool in pools)])[:-1].tolist()
    # It takes no empty batch: one row more goes in, and is left out behind it.
    first, last = graph.constant(np.array([0])), graph.constant(np.array([-1]))
    width = graph.op("Shape", tokens, start=1)
    shape = graph.op("Concat", graph.constant(np.array([1])), width, axis=0)
    blank = graph.op("Expand", graph.constant(np.array([[""]], dtype=object)), shape)
    count = graph.op(
        "TfIdfVectorizer",
        graph.op("Concat", tokens, blank, axis=0),
        mode="TF",
        min_gram_length=1,
        max_gram_length=len(pools),
        max_skip_count=0,
        pool_strings=[term for pool in pools for term in pool],
        ngram_counts=starts,
        ngram_indexes=places,
    )
    return graph.op("Slice", count, first, last, first)


def _weighed(count: str, idf: Any, graph: Graph) -> str:
    """Return ``(1 + log(count)) * idf``, divided by the length of the row."""
    count = graph.op("Cast", count, to=DOUBLE)
    one, zero = graph.numbers(1.0), graph.numbers(0.0)
    there = graph.op("Greater", count, zero)
    rising = graph.op("Add", graph.op("Log", graph.where(there, count, one)), one)
    weights = graph.where(there, graph.op("Mul", rising, graph.numbers(idf)), zero)
    squares = graph.op("Mul", weights, weights)
    axis = graph.constant(np.array([1]))
    length = graph.op("Sqrt", graph.op("ReduceSum", squares, axis, keepdims=1))
    length = graph.where(graph.op("Greater", length, zero), length, one)
    return graph.op("Div", weights, length)
