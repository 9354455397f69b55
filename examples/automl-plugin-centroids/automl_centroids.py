"""Nearest centroids: an algorithm, with a metric and a preprocessor of its own."""

import numpy as np

from automl.plugin import Algorithm, Float, Metric, Preprocessor, hookimpl


class Centroids:
    def __init__(self, sharpness=1.0):
        self.sharpness = sharpness

    def fit(self, X, y):
        self.means_ = np.stack([X[y == k].mean(axis=0) for k in np.unique(y)])
        return self

    def predict_proba(self, X):
        away = self.sharpness * ((X[:, None, :] - self.means_) ** 2).mean(axis=2)
        near = np.exp(away.min(axis=1, keepdims=True) - away)
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
    return float(min(hit[y == k].sum() / weight[y == k].sum() for k in np.unique(y)))


CENTROIDS = Algorithm(
    name="centroids",
    tasks=frozenset({"binary", "multiclass"}),
    build=lambda params, context: Centroids(**params),
    space={"sharpness": Float(0.1, 100.0, log=True)},
    starts=({"sharpness": 1.0}, {"sharpness": 10.0}),
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
