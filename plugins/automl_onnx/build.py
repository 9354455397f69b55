"""A whole model as one graph: from tensors of cells to probabilities and labels, or numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import Coefficients, Formula, Trees
from automl_onnx.graph import (
    DOUBLE,
    GONE,
    IR,
    ML,
    OPSET,
    OPSET_ML,
    STRING,
    Block,
    Cells,
    Codes,
    Column,
    Graph,
    Rows,
    Text,
)
from automl_onnx.operations import write
from automl_onnx.trees import Placed, sums_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from automl.plugin.plain import Plain, PlainMember
    from automl_onnx.inputs import Input

    Matrix = NDArray[np.float64]

WIDEST = 1e30
"""Numbers are cut here, as where they were learned from."""

SMALLEST = 1e-12
"""No probability counts as smaller where all are raised to a power, or weighed."""


def build(model: Plain, inputs: Sequence[Input], facts: Mapping[str, str]) -> Any:
    """Return a model as an ONNX model.

    Parameters
    ----------
    model : Plain
    inputs : sequence of Input
        A tensor for each column.
    facts : mapping of str to str
        Kept with the model for its readers.

    Returns
    -------
    onnx.ModelProto
    """
    graph = Graph({one.name for one in inputs})
    total = _total(model, inputs, graph)
    finished = _finished(model, total, graph)
    return _model(model, inputs, finished, graph, facts)


def _total(model: Plain, inputs: Sequence[Input], graph: Graph) -> str:
    """Return the sum of what all members say, of shape (n_rows, n_values)."""
    cells = Cells(graph)
    blocks = _blocks(model, inputs, graph)
    made: list[list[Column]] = []
    for chain in model.chains:
        columns = blocks[chain.kind]
        for formula in chain.formulas:
            columns = write(formula, columns, cells)
        made.append(columns)
    said = _Said(cells, model.n_classes)
    if not model.members:
        return _same(model, next(columns[0] for columns in blocks.values() if columns), cells)
    for member in model.members:
        said.add(member, [column for number in member.chains for column in made[number]])
    return said.total(np.atleast_1d(np.asarray(model.constant, dtype=np.float64)))


def _same(model: Plain, any_column: Column, cells: Cells) -> str:
    """Return the constant for each row."""
    graph = cells.graph
    rows = graph.op("Cast", graph.op("IsNaN", cells.take([any_column])), to=DOUBLE)
    constant = np.atleast_2d(np.asarray(model.constant, dtype=np.float64))
    nothing = graph.op("MatMul", rows, graph.numbers(np.zeros_like(constant)))
    return graph.op("Add", nothing, graph.numbers(constant))


def _blocks(model: Plain, inputs: Sequence[Input], graph: Graph) -> dict[str, list[Column]]:
    """Return the columns of each kind, and of the table."""
    # A column may be there as two kinds, as a text and a string say.
    named = {(one.column, one.kind + one.part): one.name for one in inputs}
    found: dict[str, list[Column]] = {}
    for kind in ("number", "date"):
        features = [one for one in model.schema.features if one.kind == kind]
        names = [named[one.name, kind] for one in features]
        found[kind] = []
        if names:
            x = graph.op("Concat", *names, axis=1) if len(names) > 1 else names[0]
            scales = np.array([one.scale for one in features])
            x = graph.where(graph.op("IsInf", x), float("nan"), x)
            if (scales != 1.0).any():
                x = graph.op("Div", x, graph.numbers(scales))
            block = Block(graph.clip(x, -WIDEST, WIDEST), len(names))
            found[kind] = [Column(block, place) for place in range(len(names))]
    for kind in ("category", "string"):
        found[kind] = []
        for feature in (one for one in model.schema.features if one.kind == kind):
            codes = graph.op(
                "LabelEncoder",
                named[feature.name, kind],
                domain=ML,
                keys_strings=["", *feature.levels],
                values_int64s=np.arange(1, len(feature.levels) + 2).tolist(),
                default_int64=0,
            )
            flat = graph.op("Squeeze", codes, graph.constant(np.array([1])))
            found[kind].append(Column(Codes(flat, len(feature.levels) + 2)))
    texts = [one.name for one in model.schema.features if one.kind == "text"]
    tensors = [
        [named.get((name, f"text{part}"), "") for part in ("words", "pieces", "shape")]
        for name in texts
    ]
    found["text"] = [Column(Text(*each)) for each in tensors if any(each)]
    found["table"] = [*found["number"], *found["date"], *found["category"], *found["string"]]
    return found


@dataclass(frozen=True, slots=True)
class _Group:
    """Outputs that become values by the same link, and what each value weighs in the total.

    Parameters
    ----------
    link : str
    width : int
        Outputs of a member.
    outputs : list of int
        Which of all outputs.
    weights : list of ndarray of shape (width, n_values)
    """

    link: str
    width: int
    outputs: list[int] = field(default_factory=list)
    weights: list[Matrix] = field(default_factory=list)


class _Said:
    """What the members say, put together by what has to be done to it.

    Parameters
    ----------
    cells : Cells
    n_classes : int
        0 where a number is predicted.
    """

    def __init__(self, cells: Cells, n_classes: int) -> None:
        self.cells = cells
        self.classes = n_classes > 0
        self.n_values = n_values = max(1, n_classes)
        self.trees: list[tuple[Trees, list[Column], list[int], float]] = []
        self.sums: list[tuple[Coefficients, list[Column]]] = []
        self.formulas: list[str] = []
        # Trees without a link add to the total itself.
        self.n_sums = n_values
        self.groups: dict[tuple[type, str, int], _Group] = {}
        self.n_outputs = 0

    def add(self, member: PlainMember, columns: list[Column]) -> None:
        """Take in a member and the columns of its matrix."""
        learned, share = member.learned, member.share
        weights = np.zeros((max(1, len(member.present)), self.n_values))
        places = np.array(member.present or (0,))
        weights[np.arange(len(places)), places] = share
        if isinstance(learned, Formula):
            columns = write(learned, columns, self.cells)
            self.formulas.append(self.cells.weighted(columns, weights, np.zeros(self.n_values)))
        elif isinstance(learned, Trees):
            if learned.link == "none":
                self.trees.append((learned, columns, places.tolist(), share))
                return
            outputs = list(range(self.n_sums, self.n_sums + len(learned.base)))
            self.n_sums += len(outputs)
            self.trees.append((learned, columns, outputs, 1.0))
            self._group(Trees, learned.link, outputs, weights)
        else:
            outputs = list(range(self.n_outputs, self.n_outputs + len(learned.base)))
            self.n_outputs += len(outputs)
            self.sums.append((learned, columns))
            self._group(Coefficients, learned.link, outputs, weights)

    def _group(self, kind: type, link: str, outputs: list[int], weights: Matrix) -> None:
        key = (kind, link, len(outputs))
        group = self.groups.setdefault(key, _Group(link, len(outputs)))
        group.outputs.extend(outputs)
        group.weights.append(weights)

    def total(self, constant: Matrix) -> str:
        """Return the sum of all, of shape (n_rows, n_values)."""
        graph = self.cells.graph
        parts = list(self.formulas)
        sums: dict[type, Block] = {}
        if self.trees:
            sums[Trees] = Block(self._trees(), self.n_sums)
            direct = [Column(sums[Trees], place) for place in range(self.n_values)]
            if any(table.link == "none" for table, *_ in self.trees):
                parts.append(self.cells.take(direct))
        if self.sums:
            sums[Coefficients] = Block(self._sums(), self.n_outputs)
        for (kind, _, _), group in self.groups.items():
            columns = [Column(sums[kind], place) for place in group.outputs]
            said, added = self._linked(group, self.cells.take(columns))
            parts.append(said)
            constant = constant + added
        total = parts[0]
        for part in parts[1:]:
            total = graph.op("Add", total, part)
        return graph.op("Add", total, graph.numbers(constant)) if constant.any() else total

    def _linked(self, group: _Group, outputs: str) -> tuple[str, Matrix]:
        """Return what the outputs of a group add to the total, and what is added to that."""
        graph = self.cells.graph
        nothing = np.zeros(self.n_values)
        if group.link == "logistic":
            half = graph.numbers(0.5)
            second = graph.op("Tanh", graph.op("Mul", outputs, half))
            second = graph.op("Mul", graph.op("Add", second, graph.numbers(1.0)), half)
            rising = np.stack([weights[1] - weights[0] for weights in group.weights])
            added = np.sum([weights[0] for weights in group.weights], axis=0)
            return graph.op("MatMul", second, graph.numbers(rising)), added
        if group.link == "softmax":
            n_members = len(group.weights)
            apart = graph.constant(np.array([-1, n_members, group.width]))
            shares = graph.op("Softmax", graph.op("Reshape", outputs, apart), axis=2)
            outputs = graph.op(
                "Reshape", shares, graph.constant(np.array([-1, n_members * group.width]))
            )
        weights = graph.numbers(np.concatenate(group.weights))
        return graph.op("MatMul", outputs, weights), nothing

    def _trees(self) -> str:
        """Return the sums of all trees, which are walked down by one operator."""
        looked: list[Column] = []
        coded: list[Column] = []
        for table, columns, _, _ in self.trees:
            by_set = table.set_of >= 0 if table.set_of is not None else np.zeros(0, dtype=bool)
            sets = np.unique(table.feature[by_set]) if by_set.any() else ()
            rest = table.feature[~by_set] if by_set.any() else table.feature
            looked += [columns[number] for number in np.unique(rest).tolist()]
            coded += [columns[number] for number in sets]
        looked = self.cells.ordered(looked)
        coded = self.cells.ordered(coded)
        place = {column: number for number, column in enumerate(looked)}
        code = {column: number for number, column in enumerate(coded, start=len(looked))}
        tensors = [self.cells.take(looked)] if looked else []
        tensors += [self._coded(coded)] if coded else []
        if not tensors:
            tensors = [self.cells.take([self.trees[0][1][0]])]
        graph = self.cells.graph
        X = tensors[0] if len(tensors) == 1 else graph.op("Concat", *tensors, axis=1)
        placed = [
            Placed(
                trees=table,
                cells=np.array([place.get(column, 0) for column in columns]),
                codes=np.array([code.get(column, 0) for column in columns]),
                sums=np.array(outputs),
                share=share,
            )
            for table, columns, outputs, share in self.trees
        ]
        # Probabilities, and what becomes some, are so small that float32 holds them well.
        return sums_of(placed, self.n_sums, X, graph, exact=not self.classes)

    def _coded(self, columns: list[Column]) -> str:
        """Return columns of codes in which what is missing has a number."""
        swapped: dict[Any, Any] = {}
        found = []
        for column in columns:
            source = column.source
            if isinstance(source, Rows) and isinstance(source.table, np.ndarray):
                if source not in swapped:
                    table = np.where(np.isnan(source.table), GONE, source.table)
                    swapped[source] = Rows(source.codes, table)
                found.append(Column(swapped[source], column.place))
            else:
                graph = self.cells.graph
                x = self.cells.take([column])
                found.append(Column(Block(graph.where(graph.op("IsNaN", x), GONE, x), 1)))
        return self.cells.take(found)

    def _sums(self) -> str:
        """Return the weighted sums of all members that are such."""
        looked: dict[Column, int] = {}
        for table, columns in self.sums:
            for number in np.flatnonzero(table.weights.any(axis=1)).tolist():
                looked.setdefault(columns[number], len(looked))
        if not looked:
            looked[self.sums[0][1][0]] = 0
        weights = np.zeros((len(looked), self.n_outputs))
        start = 0
        for table, columns in self.sums:
            end = start + len(table.base)
            used = np.flatnonzero(table.weights.any(axis=1))
            rows = np.array([looked[columns[number]] for number in used.tolist()], dtype=np.int64)
            np.add.at(weights[:, start:end], rows, table.weights[used])
            start = end
        base = np.concatenate([table.base for table, _ in self.sums])
        low, high = (
            np.concatenate(
                [np.full(len(table.base), getattr(table, end)) for table, _ in self.sums]
            )
            for end in ("low", "high")
        )
        return self.cells.graph.clip(self.cells.weighted(list(looked), weights, base), low, high)


def _finished(model: Plain, total: str, graph: Graph) -> str:
    """Hold numbers within bounds, raise probabilities to a power."""
    if model.bounds is not None and model.bounds["margin"] is not None:
        low, high, margin = (float(model.bounds[name] or 0.0) for name in ("low", "high", "margin"))
        inside = graph.clip(total, low, high)
        if not margin:
            return inside
        beyond = graph.op("Div", graph.op("Sub", total, inside), graph.numbers(margin))
        more = graph.op("Mul", graph.op("Tanh", beyond), graph.numbers(margin))
        return graph.op("Add", inside, more)
    if model.power is not None:
        raised = graph.clip(total, SMALLEST, np.inf)
        raised = graph.op("Pow", raised, graph.numbers(model.power))
        return _divided(raised, graph)
    return total


def _divided(x: str, graph: Graph) -> str:
    whole = graph.op("ReduceSum", x, graph.constant(np.array([1])), keepdims=1)
    return graph.op("Div", x, whole)


def _model(
    model: Plain, inputs: Sequence[Input], finished: str, graph: Graph, facts: Mapping[str, str]
) -> Any:
    from onnx import helper

    outputs = []
    if model.labels is None:
        flat = graph.constant(np.array([-1]))
        graph.op("Reshape", finished, flat, name="value")
        outputs.append(helper.make_tensor_value_info("value", DOUBLE, ["n"]))
    else:
        weighed = finished
        if model.weights is not None:
            weighed = graph.clip(finished, SMALLEST, np.inf)
            weighed = graph.op("Mul", weighed, graph.numbers(np.array(model.weights)))
        code = graph.op("ArgMax", weighed, axis=1, keepdims=0)
        labels = np.array(model.labels)
        if labels.dtype.kind not in "bif" or not _one_type(model.labels):
            labels = np.array([str(label) for label in model.labels], dtype=object)
        graph.op("Gather", graph.constant(labels), code, axis=0, name="label")
        graph.op("Identity", finished, name="probabilities")
        kind = helper.np_dtype_to_tensor_dtype(labels.dtype) if labels.dtype != object else STRING
        outputs.append(helper.make_tensor_value_info("label", kind, ["n"]))
        shape: list[str | int] = ["n", len(model.labels)]
        outputs.append(helper.make_tensor_value_info("probabilities", DOUBLE, shape))
    proto = helper.make_graph(
        graph.nodes,
        "predictor",
        [
            helper.make_tensor_value_info(
                one.name, STRING if one.text else DOUBLE, ["n", one.width]
            )
            for one in inputs
        ],
        outputs,
        graph.initializers(),
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, OPSET_ML)]
    made = helper.make_model(proto, opset_imports=opsets, ir_version=IR, producer_name="automl")
    helper.set_model_props(made, dict(facts))
    return made


def _one_type(labels: Sequence[Any]) -> bool:
    return len({type(label) for label in labels}) == 1
