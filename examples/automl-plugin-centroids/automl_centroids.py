"""Nearest shrunken centroids: an algorithm, with a metric and a preprocessor of its own."""

import numpy as np

from automl.plugin import Algorithm, Float, Metric, Preprocessor, hookimpl

AUTOML_CONTRACT = 1


class Centroids:
    def __init__(self, shrink=0.0, sharpness=1.0):
        self.shrink = shrink
        self.sharpness = sharpness

    def fit(self, X, y, sample_weight=None):
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        counts = weight > 0
        X, weight = X[counts], weight[counts]
        self.classes_, code = np.unique(y[counts], return_inverse=True)
        mass = np.bincount(code, weights=weight)
        means = np.stack([weight * (code == k) @ X / mass[k] for k in range(len(mass))])
        middle = weight @ X / mass.sum()
        spread = np.sqrt(weight @ (X - means[code]) ** 2 / mass.sum())
        self.spread_ = np.where(spread > 0, spread, 1.0)
        apart = (means - middle) / self.spread_
        apart = np.sign(apart) * np.maximum(np.abs(apart) - self.shrink, 0.0)
        self.means_ = middle / self.spread_ + apart
        self.prior_ = mass / mass.sum()
        return self

    def predict_proba(self, X):
        away = ((X / self.spread_)[:, None, :] - self.means_) ** 2
        log = np.log(self.prior_) - 0.5 * self.sharpness * away.mean(axis=2)
        near = np.exp(log - log.max(axis=1, keepdims=True))
        return near / near.sum(axis=1, keepdims=True)


class Ranks:
    def fit(self, X, y=None):
        self.known_ = [np.sort(column[~np.isnan(column)]) for column in X.T]
        return self

    def transform(self, X):
        pairs = zip(self.known_, X.T, strict=True)
        ranks = [np.searchsorted(known, column) / max(len(known), 1) for known, column in pairs]
        return np.where(np.isnan(X), np.nan, np.stack(ranks, axis=1))


def worst_recall(y, given, weight):
    weight = np.ones(len(y)) if weight is None else weight
    hit = (y == given) * weight
    there = np.unique(y[weight > 0])
    return float(min(hit[y == k].sum() / weight[y == k].sum() for k in there))


CENTROIDS = Algorithm(
    name="centroids",
    tasks=frozenset({"binary", "multiclass"}),
    build=lambda params, context: Centroids(**params),
    space={"shrink": Float(0.0, 1.0), "sharpness": Float(0.1, 100.0, log=True)},
    starts=(
        {"shrink": 0.0, "sharpness": 5.0},
        {"shrink": 0.0, "sharpness": 5.0, "prepare": {"number": "impute > ranks"}},
        {"shrink": 0.2, "sharpness": 20.0},
    ),
    weights=True,
    cost=0.01,
    saved=("automl_centroids.Centroids",),
)
RANKS = Preprocessor(
    name="ranks",
    takes=frozenset({"number", "unscaled"}),
    emits=frozenset({"number"}),
    build=lambda params, context: Ranks(),
    priority=60,
    saved=("automl_centroids.Ranks",),
)
WORST_RECALL = Metric(
    name="worst_recall",
    tasks=frozenset({"binary", "multiclass"}),
    score=worst_recall,
    reads="labels",
    greater_is_better=True,
    best=1.0,
)


@hookimpl
def automl_algorithms():
    return [CENTROIDS]


@hookimpl
def automl_preprocessors():
    return [RANKS]


@hookimpl
def automl_metrics():
    return [WORST_RECALL]
