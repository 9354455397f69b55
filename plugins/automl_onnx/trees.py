"""Trees as the attributes of one TreeEnsembleRegressor, which decides in float64 as they do.

The operator compares ``cell <= threshold`` in the type of its input and adds leaves in that type;
only the sums come out as float32. So the middle of each tree's leaves is taken out and added in
float64 behind it, and where numbers are predicted leaves are summed up in two parts.

It knows no sets of codes. A split by a set is a search among the borders of the set's runs of
codes. Both subtrees are then reached from several nodes, and onnxruntime wants the second child of
a node to be that node's own; an exit there passes a node that always goes to the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automl_onnx.graph import DOUBLE, GONE, ML

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automl.plugin import Trees
    from automl_onnx.graph import Graph

    Matrix = NDArray[np.float64]
    Whole = NDArray[np.int64]

LEFT, RIGHT, IDLE = -1, -2, -3
"""Children of the nodes that look for a code: the subtrees of the split, and a leaf of nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Trees among the cells and sums of a graph.

    Parameters
    ----------
    trees : Trees
    cells : ndarray of shape (n_columns,), dtype=int
        Which cell each column is.
    codes : ndarray of shape (n_columns,), dtype=int
        Which cell it is with `GONE` for what is missing; read where splits look into sets.
    sums : ndarray of shape (n_outputs,), dtype=int
        Which sum each output is added to.
    share : float, default=1.0
        Factor of all that is added.
    """

    trees: Trees
    cells: NDArray[Any]
    codes: NDArray[Any]
    sums: NDArray[Any]
    share: float = 1.0


def sums_of(
    placed: Sequence[Placed], n_sums: int, X: str, graph: Graph, *, exact: bool = False
) -> str:
    """Add trees to a graph, and return a tensor of their sums, of shape (n_rows, n_sums).

    Parameters
    ----------
    placed : sequence of Placed
    n_sums : int
    X : str
        The tensor of cells.
    graph : Graph
    exact : bool, default=False
        Whether sums have to be as good as float64: large ones of opposite signs may be left to add.
    """
    from onnx.numpy_helper import from_array

    attributes, base = ensemble(placed, n_sums)
    added = graph.numbers(base)
    if not len(attributes["nodes_nodeids"]):
        zeros = graph.numbers(np.zeros((1, n_sums)))
        first = graph.op("Gather", X, graph.constant(np.zeros(1, dtype=np.int64)), axis=1)
        # The shape is that of the rows, and no cell counts.
        shaped = graph.op("Cast", graph.op("IsNaN", first), to=DOUBLE)
        return graph.op("Add", graph.op("MatMul", shaped, zeros), added)
    if exact:
        attributes = _in_halves(attributes, n_sums)
    written: dict[str, Any] = {"n_targets": n_sums * (1 + exact)}
    for name, values in attributes.items():
        if values.dtype.kind == "f":
            written[f"{name}_as_tensor"] = from_array(values)
        else:
            written[name] = values.tolist()
    sums = graph.op("TreeEnsembleRegressor", X, domain=ML, **written)
    sums = graph.op("Cast", sums, to=DOUBLE)
    if exact:
        halves = (graph.constant(np.arange(n_sums) + first) for first in (0, n_sums))
        sums = graph.op("Add", *(graph.op("Gather", sums, half, axis=1) for half in halves))
    return graph.op("Add", sums, added)


def _in_halves(attributes: dict[str, Any], n_sums: int) -> dict[str, Any]:
    """Return leaves in two parts, for sums of their own: float32 holds those of the first exactly.

    They are multiples of a power of two of which all together are less than 2**24.
    """
    weight, sums, tree = (attributes[f"target_{name}"] for name in ("weights", "ids", "treeids"))
    highest = np.zeros((int(tree.max()) + 1, n_sums))
    np.maximum.at(highest, (tree, sums), np.abs(weight))
    most = highest.sum(axis=0)
    step = 2.0 ** (np.ceil(np.log2(np.where(most > 0, most, 1.0))) - 23)
    first = np.round(weight / step[sums]) * step[sums]
    return attributes | {
        "target_weights": np.concatenate([first, weight - first]),
        "target_ids": np.concatenate([sums, sums + n_sums]),
        "target_treeids": np.tile(tree, 2),
        "target_nodeids": np.tile(attributes["target_nodeids"], 2),
    }


def searches_of(points: Sequence[Matrix], starts: NDArray[Any]) -> Trees:
    """Return a tree for each column whose leaves count the points up to its cell.

    Parameters
    ----------
    points : sequence of ndarray of shape (n_points,)
        Of each column, rising.
    starts : ndarray of shape (n_columns,)
        What each column counts from.
    """
    from automl.plugin import Trees

    searches = [_balanced(len(one)) for one in points]
    return Trees(
        sizes=np.array([len(one) for one in points]),
        feature=np.repeat(np.arange(len(points)), [len(one) for one in points]),
        threshold=np.concatenate(
            [
                np.nextafter(one[at], -np.inf)
                for one, (at, _, _) in zip(points, searches, strict=True)
            ]
        ),
        left=np.concatenate([left for _, left, _ in searches]),
        right=np.concatenate([right for _, _, right in searches]),
        missing_left=np.zeros(sum(len(one) for one in points), dtype=bool),
        leaf=np.concatenate([np.arange(len(one) + 1.0) for one in points])[:, None],
        output=np.arange(len(points)),
        base=np.asarray(starts, dtype=np.float64),
    )


def _balanced(n_points: int) -> tuple[Whole, Whole, Whole]:
    """Return which point each split compares, and its children; a leaf is named by its count."""
    at = np.zeros(n_points, dtype=np.int64)
    left, right = at.copy(), at.copy()
    used = 0

    def build(low: int, high: int) -> int:
        nonlocal used
        if low == high:
            return -1 - low
        here, middle = used, (low + high) // 2
        used += 1
        at[here] = middle
        left[here] = build(low, middle)
        right[here] = build(middle + 1, high)
        return here

    build(0, n_points)
    return at, left, right


def ensemble(placed: Sequence[Placed], n_sums: int) -> tuple[dict[str, Any], Matrix]:
    """Return the attributes of the operator, and what is added to its sums.

    Parameters
    ----------
    placed : sequence of Placed
    n_sums : int

    Returns
    -------
    attributes : dict of str to ndarray
        Numbers of nodes count within a tree.
    base : ndarray of shape (n_sums,)
    """
    base = np.zeros(n_sums)
    found = []
    n_trees = 0
    for one in placed:
        found.append(_nodes(one, n_trees, base))
        n_trees += len(one.trees.sizes)
    whole = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    # A tree that is only a leaf adds nothing by now, and onnxruntime takes it for another's.
    bare = np.concatenate([one.trees.sizes == 0 for one in placed])
    order = np.lexsort((whole["nodes_nodeids"], whole["nodes_treeids"]))
    keep = {"n": order[~bare[whole["nodes_treeids"][order]]]}
    keep["t"] = np.flatnonzero(~bare[whole["target_treeids"]])
    return {name: values[keep[name[0]]] for name, values in whole.items()}, base


def _nodes(placed: Placed, first_tree: int, base: Matrix) -> dict[str, NDArray[Any]]:
    trees = placed.trees
    sizes, n_trees = trees.sizes.astype(np.int64), len(trees.sizes)
    tree_of = np.repeat(np.arange(n_trees), sizes)
    number = np.arange(len(tree_of)) - trees.first_splits[tree_of]
    size = sizes[tree_of]

    def child(which: NDArray[Any]) -> Whole:
        return np.where(which >= 0, which, size - 1 - which).astype(np.int64)

    leaf_tree = np.repeat(np.arange(n_trees), sizes + 1)
    leaf_number = np.arange(len(leaf_tree)) - trees.first_leaves[leaf_tree] + sizes[leaf_tree]
    splits = {
        "tree": tree_of,
        "node": number,
        "feature": placed.cells[trees.feature],
        "value": trees.threshold,
        "true": child(trees.left),
        "false": child(trees.right),
        "missing": trees.missing_left,
    }
    more, idle = _of_sets(placed, splits, tree_of)
    leaves = _leaves(placed, leaf_tree, leaf_number, base)
    inner = {name: np.concatenate([splits[name], more[name]]) for name in splits}
    idle_tree, idle_node = (np.array(one, dtype=np.int64) for one in idle)
    ends_tree = np.concatenate([leaves["tree"], idle_tree])
    ends_node = np.concatenate([leaves["node"], idle_node])
    nothing = np.zeros(len(ends_tree), dtype=np.int64)
    width = leaves["sum"].shape[1]
    return {
        "nodes_treeids": np.concatenate([inner["tree"], ends_tree]) + first_tree,
        "nodes_nodeids": np.concatenate([inner["node"], ends_node]),
        "nodes_modes": np.repeat(["BRANCH_LEQ", "LEAF"], [len(inner["tree"]), len(ends_tree)]),
        "nodes_featureids": np.concatenate([inner["feature"], nothing]),
        "nodes_values": np.concatenate([inner["value"], nothing.astype(np.float64)]),
        "nodes_truenodeids": np.concatenate([inner["true"], nothing]),
        "nodes_falsenodeids": np.concatenate([inner["false"], nothing]),
        "nodes_missing_value_tracks_true": np.concatenate([inner["missing"], nothing]),
        "target_treeids": np.concatenate([np.repeat(leaves["tree"], width), idle_tree])
        + first_tree,
        "target_nodeids": np.concatenate([np.repeat(leaves["node"], width), idle_node]),
        "target_ids": np.append(leaves["sum"].reshape(-1), np.full(len(idle_tree), placed.sums[0])),
        "target_weights": np.append(leaves["weight"].reshape(-1), np.zeros(len(idle_tree))),
    }


def _leaves(
    placed: Placed, tree: NDArray[Any], number: NDArray[Any], base: Matrix
) -> dict[str, NDArray[Any]]:
    """Return the leaves, each less the middle of its tree, which goes into the base."""
    trees = placed.trees
    leaf = trees.leaf * placed.share
    width = leaf.shape[1]
    starts = trees.first_leaves
    middle = np.zeros((len(starts), width))
    if len(starts):
        low, high = np.minimum.reduceat(leaf, starts), np.maximum.reduceat(leaf, starts)
        middle = low / 2.0 + high / 2.0
    sums = np.asarray(placed.sums)[trees.output[:, None] + np.arange(width)]
    np.add.at(base, np.asarray(placed.sums), trees.base * placed.share)
    np.add.at(base, sums, middle)
    return {
        "tree": tree,
        "node": number,
        "sum": sums[tree],
        "weight": leaf - middle[tree],
    }


def _of_sets(
    placed: Placed, splits: dict[str, NDArray[Any]], tree_of: NDArray[Any]
) -> tuple[dict[str, NDArray[Any]], tuple[list[int], list[int]]]:
    """Turn splits by sets into searches; return the nodes to add, and their leaves of nothing."""
    trees = placed.trees
    added: dict[str, list[NDArray[Any]]] = {name: [] for name in splits}
    idle: tuple[list[int], list[int]] = ([], [])
    of = trees.set_of
    by_set = np.flatnonzero(of >= 0).tolist() if of is not None else []
    free = (2 * trees.sizes.astype(np.int64) + 1).tolist()
    searches: dict[tuple[int, bool], tuple[Matrix, Whole, Whole]] = {}
    for split in by_set:
        tree = int(tree_of[split])
        key = (int(of[split]), bool(trees.missing_left[split]))  # type: ignore[index]  # by_set is not empty
        if key not in searches:
            searches[key] = _search(trees.sets[key[0]], missing_left=key[1])
        value, true, false = searches[key]
        n, n_idle = len(value), int((false == IDLE).sum())
        names = np.concatenate([[splits["node"][split]], free[tree] + np.arange(n - 1)])
        free[tree] += n - 1 + n_idle
        leaves = free[tree] - n_idle + np.arange(n_idle)
        ends = {LEFT: splits["true"][split], RIGHT: splits["false"][split]}
        children = [_named(child, names, ends, leaves) for child in (true, false)]
        idle[0].extend([tree] * n_idle)
        idle[1].extend(leaves.tolist())
        for name, values in zip(("value", "true", "false"), (value, *children), strict=True):
            splits[name][split] = values[0]
            added[name].append(values[1:])
        splits["feature"][split] = placed.codes[trees.feature[split]]
        added["feature"].append(np.full(n - 1, splits["feature"][split]))
        added["node"].append(names[1:n])
        added["tree"].append(np.full(n - 1, tree))
        added["missing"].append(np.zeros(n - 1, dtype=bool))
    return {
        name: np.concatenate(parts) if parts else splits[name][:0] for name, parts in added.items()
    }, idle


def _named(child: Whole, names: Whole, ends: dict[int, Any], idle: Whole) -> Whole:
    found = names[np.maximum(child, 0)]
    for end, name in ends.items():
        found = np.where(child == end, name, found)
    found[child == IDLE] = idle[: (child == IDLE).sum()]
    return np.asarray(found, dtype=np.int64)


def _search(codes: NDArray[Any], *, missing_left: bool) -> tuple[Matrix, Whole, Whole]:
    """Return thresholds and children of nodes that look for a code in a set, the root first."""
    member = np.unique(codes).astype(np.float64)
    begins = member[np.diff(member, prepend=-np.inf) > 1] - 0.5
    ends = member[np.diff(member, append=np.inf) > 1] + 0.5
    borders = np.stack([begins, ends], axis=1).reshape(-1)
    sides = np.where(np.arange(len(borders) + 1) % 2 == 0, RIGHT, LEFT)
    if missing_left:
        borders, sides = np.append(GONE / 2, borders), np.append(LEFT, sides)
    if not len(borders):
        # Nothing goes left, but onnxruntime wants every node to be within reach.
        borders, sides = np.array([-np.inf]), np.array([LEFT, RIGHT])
    value: list[float] = []
    true: list[int] = []
    false: list[int] = []

    def node(threshold: float) -> int:
        value.append(threshold)
        true.append(0)
        false.append(0)
        return len(value) - 1

    def build(low: int, high: int) -> int:
        """Search among borders from ``low`` up to ``high``."""
        middle = (low + high) // 2
        here = node(float(borders[middle]))
        true[here] = int(sides[low]) if low == middle else build(low, middle)
        if middle + 1 < high:
            false[here] = build(middle + 1, high)
        else:
            false[here] = passing = node(np.inf)
            true[passing], false[passing] = int(sides[high]), IDLE
        return here

    build(0, len(borders))
    return np.array(value), np.array(true), np.array(false)
