"""Random forest and extra trees: grown by scikit-learn, kept as compact arrays.

scikit-learn's own trees take some 80 bytes a node in memory and on disk and several milliseconds
for one row; here a split takes 15 bytes, and all trees walk down together.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import (
    Algorithm,
    Choice,
    Code,
    Context,
    Float,
    Int,
    Params,
    Report,
    Saved,
    Trees,
    Validation,
    hookimpl,
    rounded,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_TREES_AT_ONCE = 10
_WALKERS_AT_ONCE = 100_000
# What a forest may take in memory and on disk.
_MOST_BYTES = 30_000_000
_SPLIT_BYTES = 17


class Forest:
    """Many randomised trees, averaged; for classes together with one vote for their frequencies.

    Parameters
    ----------
    params : dict
        Parameters of scikit-learn's forests.
    regression : bool
    extra : bool
        Whether thresholds are drawn at random.

    Attributes
    ----------
    roots_, feature_, threshold_, left_, right_, missing_left_, leaf_ : ndarray
        Splits of all trees; a child is the number of a split, or ``-1 - number`` of a leaf.
    prior_ : ndarray of shape (n_classes,)
        What that one vote says, so that no class is ever impossible.
    """

    ARRAYS = ("roots", "feature", "threshold", "left", "right", "missing_left", "leaf", "prior")

    def __init__(self, *, params: dict[str, Any], regression: bool, extra: bool) -> None:
        self.params = params
        self.regression = regression
        self.extra = extra
        self.roots_ = self.feature_ = self.left_ = self.right_ = np.zeros(0, dtype=np.int32)
        self.threshold_ = np.zeros(0, dtype=np.float32)
        self.missing_left_ = np.zeros(0, dtype=bool)
        self.leaf_ = np.zeros((0, 0), dtype=np.float32)
        self.prior_ = np.zeros(0)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor."""
        return {"params": self.params, "regression": self.regression, "extra": self.extra}

    def fit(
        self, X: Any, y: NDArray[Any], sample_weight: NDArray[np.float64] | None = None
    ) -> Forest:
        """Grow all trees."""
        learn(self, X, y, sample_weight, None, lambda round_, score=None: False)
        return self

    def keep(self, trees: list[Any]) -> None:
        """Take over the splits and leaves of scikit-learn's trees."""
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in self.ARRAYS[:-1]}
        splits = leaves = 0
        for tree in trees:
            inner = tree.children_left >= 0
            # A node's number among the splits, or -1 - its number among the leaves.
            number = np.where(inner, np.cumsum(inner) - 1 + splits, -leaves - np.cumsum(~inner))
            parts["roots"].append(number[:1])
            parts["feature"].append(tree.feature[inner])
            parts["threshold"].append(_rounded_down(tree.threshold[inner]))
            parts["left"].append(number[tree.children_left[inner]])
            parts["right"].append(number[tree.children_right[inner]])
            parts["missing_left"].append(tree.missing_go_to_left[inner].astype(bool))
            parts["leaf"].append(tree.value[~inner, 0, :].astype(np.float32))
            splits, leaves = splits + int(inner.sum()), leaves + int((~inner).sum())
        kinds = {"roots": np.int32, "feature": np.int32, "left": np.int32, "right": np.int32}
        for name, arrays in parts.items():
            whole = np.concatenate(arrays)
            setattr(self, f"{name}_", whole.astype(kinds.get(name, whole.dtype)))

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return a probability for each row and class."""
        n_trees = len(self.roots_)
        return (self._mean(X) * n_trees + self.prior_) / (n_trees + 1)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class, or the number, for each row."""
        if self.regression:
            return self._mean(X)[:, 0]
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    def _mean(self, X: Any) -> NDArray[np.float64]:
        X = np.ascontiguousarray(X, dtype=np.float32)
        step = max(1, _WALKERS_AT_ONCE // len(self.roots_))
        parts = [self._walk(X[start : start + step]) for start in range(0, len(X), step)]
        width = self.leaf_.shape[1]
        return np.concatenate(parts) if parts else np.zeros((0, width))

    def _walk(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        n_rows, n_columns = X.shape
        n_trees = len(self.roots_)
        cells = X.ravel()
        at = np.tile(self.roots_, n_rows)
        first = np.repeat(np.arange(n_rows) * n_columns, n_trees)
        walking = np.flatnonzero(at >= 0)
        while walking.size:
            node = at[walking]
            cell = cells[first[walking] + self.feature_[node]]
            left = cell <= self.threshold_[node]
            left |= np.isnan(cell) & self.missing_left_[node]
            child = np.where(left, self.left_[node], self.right_[node])
            at[walking] = child
            walking = walking[child >= 0]
        leaves = (-1 - at).reshape(n_rows, n_trees)
        total = np.zeros((n_rows, self.leaf_.shape[1]))
        for tree in range(n_trees):
            total += self.leaf_[leaves[:, tree]]
        return total / n_trees


def _rounded_down(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """The same decisions for float32 cells: ``x <= t`` holds for the next float32 below, too."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)


def learn(
    estimator: Forest,
    X: Any,
    y: NDArray[Any],
    weight: NDArray[np.float64] | None,
    validation: Validation | None,
    report: Report,
) -> None:
    """Grow trees a few at a time, until all stand or until told to stop."""
    from sklearn import ensemble

    name = "ExtraTrees" if estimator.extra else "RandomForest"
    kind = getattr(ensemble, name + ("Regressor" if estimator.regression else "Classifier"))
    params = dict(estimator.params)
    n_trees = params.pop("n_estimators")
    forest = kind(**params, n_estimators=0, warm_start=True)
    X = np.ascontiguousarray(X, dtype=np.float32)
    round_ = 0
    while round_ < n_trees:
        round_ = min(round_ + _TREES_AT_ONCE, n_trees)
        forest.set_params(n_estimators=round_)
        forest.fit(X, y, sample_weight=weight)
        if report(round_):
            break
        excess = _n_bytes(forest) / round_ * n_trees / _MOST_BYTES
        if round_ <= _TREES_AT_ONCE and excess > 1:
            # Too large in the end: start again with leaves that hold more rows.
            leaf = forest.min_samples_leaf
            larger = max(leaf + 1, int(0.8 * excess * leaf))
            forest = kind(**params | {"min_samples_leaf": larger}, n_estimators=0, warm_start=True)
            round_ = 0
    if not estimator.regression:
        counts = np.bincount(y, weights=weight)
        estimator.prior_ = counts / counts.sum()
    estimator.keep([tree.tree_ for tree in forest.estimators_])


def _n_bytes(forest: Any) -> int:
    trees = [tree.tree_ for tree in forest.estimators_]
    return sum(tree.n_leaves * (_SPLIT_BYTES + 4 * tree.value.shape[2]) for tree in trees)


def _build(params: Params, context: Context, *, extra: bool) -> Forest:
    regression = context.task == "regression"
    chosen = {"n_estimators": 100, "min_samples_leaf": 1, "max_features": "sqrt", **params}
    if chosen["max_features"] == "auto":
        chosen["max_features"] = 0.5 if regression else "sqrt"
    chosen |= {"random_state": context.seed, "n_jobs": context.threads}
    if not extra:
        chosen["bootstrap"] = True
    return Forest(params=chosen, regression=regression, extra=extra)


def _memory(context: Context, params: Params) -> float:
    """The first trees at full size, 64 bytes a node and 8 for each class; then a copy of X."""
    nodes = 2.0 * context.n_rows / int(params.get("min_samples_leaf", 1))
    trees = _TREES_AT_ONCE * nodes * (64 + 8 * max(context.n_classes, 1))
    return trees + 4.0 * context.n_rows * context.n_columns + 3 * _MOST_BYTES


def _build_random(params: Params, context: Context) -> Forest:
    return _build(params, context, extra=False)


def _build_extra(params: Params, context: Context) -> Forest:
    return _build(params, context, extra=True)


def trees(estimator: Forest) -> Trees:
    """Return what was learned as a table."""
    n_trees = len(estimator.roots_)
    # Each tree's splits and leaves stand together: they begin where those before them end.
    split, leaf = estimator.roots_ >= 0, -1 - estimator.roots_
    ends = np.append(estimator.roots_[split], len(estimator.feature_))
    sizes = np.zeros(n_trees, dtype=np.int64)
    sizes[split] = np.diff(ends)
    first_split = np.cumsum(sizes) - sizes
    first_leaf = first_split + np.arange(n_trees)
    assert (leaf[~split] == first_leaf[~split]).all()  # noqa: S101  # as `keep` wrote them
    splits, leaves = np.repeat(first_split, sizes), np.repeat(first_leaf, sizes)
    votes = n_trees + (not estimator.regression)
    base = np.zeros(1) if estimator.regression else estimator.prior_ / votes
    return Trees(
        sizes=sizes,
        feature=estimator.feature_,
        threshold=rounded(estimator.threshold_),
        left=np.where(estimator.left_ >= 0, estimator.left_ - splits, estimator.left_ + leaves),
        right=np.where(estimator.right_ >= 0, estimator.right_ - splits, estimator.right_ + leaves),
        missing_left=estimator.missing_left_,
        leaf=estimator.leaf_.astype(np.float64) / votes,
        output=np.zeros(n_trees, dtype=np.int64),
        base=base,
    )


def code(estimators: Sequence[Forest]) -> Code:
    """Return the call of scikit-learn's forest, for classes with one vote for their frequencies."""
    first = estimators[0]
    n_trees = max(1, round(float(np.mean([len(one.roots_) for one in estimators]))))
    name = ("ExtraTrees" if first.extra else "RandomForest") + (
        "Regressor" if first.regression else "Classifier"
    )
    kwargs = {**first.params, "n_estimators": n_trees, "n_jobs": -1}
    forest = Code(place=f"sklearn.ensemble:{name}", kwargs=kwargs)
    if first.regression:
        return forest
    prior = Code(place="sklearn.dummy:DummyClassifier", kwargs={"strategy": "prior"})
    votes = {"voting": "soft", "weights": [n_trees, 1]}
    return Code(
        place="sklearn.ensemble:VotingClassifier",
        kwargs={"estimators": [("forest", forest), ("prior", prior)], **votes},
    )


def _save(fitted: Forest, folder: Path) -> None:
    arrays = {name: getattr(fitted, f"{name}_") for name in Forest.ARRAYS}
    np.savez(folder / "forest.npz", allow_pickle=False, **arrays)
    (folder / "forest.json").write_text(json.dumps(fitted.get_params()), encoding="utf-8")


def _load(folder: Path) -> Forest:
    fitted = Forest(**json.loads((folder / "forest.json").read_text(encoding="utf-8")))
    # NumPy leaves a file open that it opened itself and cannot read.
    with (
        (folder / "forest.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as arrays,
    ):
        for name in Forest.ARRAYS:
            setattr(fitted, f"{name}_", arrays[name])
    return fitted


_TASKS = frozenset({"binary", "multiclass", "regression"})
_ACCEPTS = frozenset({"number", "missing", "unscaled"})
_SAVED = Saved(save=_save, load=_load)

RANDOM_FOREST = Algorithm(
    name="random_forest",
    tasks=_TASKS,
    build=_build_random,
    accepts=_ACCEPTS,
    space={
        "max_features": Choice("auto", 0.25, 0.75, 1.0),
        "max_samples": Float(0.5, 1.0),
        "min_samples_leaf": Int(1, 20, log=True),
    },
    starts=(
        {"max_features": "auto", "max_samples": 1.0, "min_samples_leaf": 1},
        {"max_features": "auto", "max_samples": 1.0, "min_samples_leaf": 8},
    ),
    fit=learn,
    weights=True,
    threads=True,
    imports=("sklearn.ensemble",),
    cost=2.0,
    growth=0.5,  # measured against boosted trees from 2,500 to 34,000 rows
    promise=0.5,
    max_rows=300_000,
    memory=_memory,
    trees=trees,
    code=code,
    saved=_SAVED,
)

EXTRA_TREES = Algorithm(
    name="extra_trees",
    tasks=_TASKS,
    build=_build_extra,
    accepts=_ACCEPTS,
    space={
        "max_features": Choice("auto", 0.25, 0.75, 1.0),
        "min_samples_leaf": Int(1, 20, log=True),
        "bootstrap": Choice(False, True),
    },
    starts=(
        {"max_features": 0.75, "min_samples_leaf": 1, "bootstrap": False},
        {"max_features": 1.0, "min_samples_leaf": 5, "bootstrap": False},
        {"max_features": "auto", "min_samples_leaf": 1, "bootstrap": False},
    ),
    fit=learn,
    weights=True,
    threads=True,
    imports=("sklearn.ensemble",),
    cost=1.0,
    growth=0.5,
    promise=0.6,
    max_rows=300_000,
    memory=_memory,
    trees=trees,
    code=code,
    saved=_SAVED,
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give both forests."""
    return [RANDOM_FOREST, EXTRA_TREES]
