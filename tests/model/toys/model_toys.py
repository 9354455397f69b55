"""A plugin with every way of saving, small enough to be read at a glance."""

import json

import numpy as np

from automl.plugin import Algorithm, Preprocessor, Saved, hookimpl


class Filled:
    """Numbers with the mean where they are missing."""

    def fit(self, X, y):
        self.means_ = np.nan_to_num(np.nanmean(X, axis=0))
        return self

    def transform(self, X):
        return np.where(np.isnan(X), self.means_, X)


class Indicators:
    """One column a level."""

    def fit(self, X, y):
        self.widths_ = X.max(axis=0, initial=0) + 1
        return self

    def transform(self, X):
        blocks = [X[:, [j]] == np.arange(width) for j, width in enumerate(self.widths_)]
        return np.concatenate(blocks, axis=1).astype(float)


class LeastSquares:
    """Least squares, squeezed into probabilities where there are classes."""

    def __init__(self, n_classes, shrink=1.0):
        self.n_classes = n_classes
        self.shrink = shrink

    def fit(self, X, y):
        targets = np.eye(self.n_classes)[y] if self.n_classes else y[:, None]
        wide = np.column_stack([X, np.ones(len(X))])
        left = wide.T @ wide + self.shrink * np.eye(wide.shape[1])
        self.weights_ = np.linalg.solve(left, wide.T @ targets)
        if self.n_classes:
            self.classes_ = np.arange(self.n_classes)
        return self

    def _raw(self, X):
        return np.column_stack([X, np.ones(len(X))]) @ self.weights_

    def predict(self, X):
        raw = self._raw(X)
        return raw.argmax(axis=1) if self.n_classes else raw[:, 0]

    def predict_proba(self, X):
        raw = np.clip(self._raw(X), 0.01, None)
        return raw / raw.sum(axis=1, keepdims=True)


def _save(model, folder):
    np.save(folder / "weights.npy", model.weights_)
    facts = {"n_classes": model.n_classes, "shrink": model.shrink}
    (folder / "facts.json").write_text(json.dumps(facts))


def _load(folder):
    model = LeastSquares(**json.loads((folder / "facts.json").read_text()))
    model.weights_ = np.load(folder / "weights.npy")
    if model.n_classes:
        model.classes_ = np.arange(model.n_classes)
    return model


def _forget(folder):
    model = _load(folder)
    model.weights_ = model.weights_ * 0.5 + 0.1
    return model


def _build(params, context):
    return LeastSquares(context.n_classes, **params)


def _sklearn(params, context):
    from sklearn.linear_model import LogisticRegression, Ridge

    return LogisticRegression(max_iter=1000, **params) if context.n_classes else Ridge(**params)


def _algorithm(name, build, saved):
    tasks = frozenset({"binary", "multiclass", "regression"})
    return Algorithm(name=name, tasks=tasks, build=build, saved=saved, default=False)


@hookimpl
def automl_algorithms():
    own = ("model_toys.LeastSquares",)
    return [
        _algorithm("toy_pair", _build, Saved(save=_save, load=_load)),
        _algorithm("toy_forgetful", _build, Saved(save=_save, load=_forget)),
        _algorithm("toy_declared", _build, own),
        _algorithm("toy_undeclared", _build, ()),
        _algorithm("toy_closed", _build, None),
        _algorithm("toy_sklearn", _sklearn, ()),
    ]


@hookimpl
def automl_preprocessors():
    return [
        Preprocessor(
            name="toy_fill",
            takes=frozenset({"number"}),
            emits=frozenset({"number"}),
            removes=frozenset({"missing"}),
            build=lambda params, context: Filled(),
            priority=99,
            saved=("model_toys.Filled",),
        ),
        Preprocessor(
            name="toy_indicators",
            takes=frozenset({"category"}),
            emits=frozenset({"number"}),
            removes=frozenset({"missing"}),
            build=lambda params, context: Indicators(),
            priority=99,
            saved=("model_toys.Indicators",),
        ),
    ]
