"""A neural network: trained by scikit-learn's MLP, kept as plain arrays."""

from __future__ import annotations

import json
from dataclasses import replace
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
    Patience,
    Report,
    Saved,
    Validation,
    counted_inside,
    hookimpl,
)
from automl.plugin.formulas import Apply, Clip, Draft, Formula, Product, Softmax

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Layers = list[tuple[NDArray[np.float64], NDArray[np.float64]]]

_MAX_EPOCHS = 200
# Standardised cells beyond this are pulled in, so that one wild cell cannot saturate the net.
_REACH = 5.0

_DEFAULT = {"width": 128, "layers": 2, "learning_rate_init": 2e-3, "alpha": 1e-4}


class Network:
    """A multi-layer perceptron with rectified units.

    Parameters
    ----------
    params : dict
        Parameters of scikit-learn's MLP.
    regression : bool
    epochs : int, default=50
        Epochs to learn where no validation rows are given.
    """

    def __init__(self, *, params: dict[str, Any], regression: bool, epochs: int = 50) -> None:
        self.params = params
        self.regression = regression
        self.epochs = self.learned_ = epochs
        self.center_, self.spread_ = 0.0, 1.0
        self.bounds_ = (-np.inf, np.inf)
        self.layers_: Layers = []

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor."""
        return {"params": self.params, "regression": self.regression, "epochs": self.epochs}

    def fit(
        self, X: Any, y: NDArray[Any], sample_weight: NDArray[np.float64] | None = None
    ) -> Network:
        """Learn a fixed number of epochs."""
        learn(self, X, y, sample_weight, None, lambda round_, score=None: False)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return a probability for each row and class."""
        scores = self._scores(X)
        if scores.shape[1] == 1:
            scores = np.hstack((np.zeros_like(scores), scores))
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares: NDArray[np.float64] = e / e.sum(axis=1, keepdims=True)
        return shares

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class, or the number, for each row."""
        if self.regression:
            return np.clip(self._scores(X)[:, 0] * self.spread_ + self.center_, *self.bounds_)
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    def _scores(self, X: Any) -> NDArray[np.float64]:
        values = np.clip(X, -_REACH, _REACH)
        for depth, (weight, bias) in enumerate(self.layers_):
            values = (np.maximum(values, 0.0) if depth else values) @ weight + bias
        return np.asarray(values)


def learn(
    estimator: Network,
    X: Any,
    y: NDArray[Any],
    weight: NDArray[np.float64] | None,
    validation: Validation | None,
    report: Report,
) -> None:
    """Learn epoch by epoch; keep the best one on the validation rows."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    more: dict[str, Any] = {}
    net = (MLPRegressor if estimator.regression else MLPClassifier)(**estimator.params)
    if estimator.regression:
        low, high = float(np.min(y)), float(np.max(y))
        estimator.bounds_ = (1.1 * low - 0.1 * high, 1.1 * high - 0.1 * low)
        estimator.center_, estimator.spread_ = float(np.mean(y)), float(np.std(y)) or 1.0
        y = (y - estimator.center_) / estimator.spread_
    else:
        more["classes"] = np.arange(int(y.max()) + 1)
    inputs = np.clip(X, -_REACH, _REACH).astype(np.float32)
    patience = Patience(report, floor=10)
    best: Layers = []
    for epoch in range(1, (estimator.epochs if validation is None else _MAX_EPOCHS) + 1):
        net.partial_fit(inputs, y, sample_weight=weight, **more)
        estimator.layers_ = list(zip(net.coefs_, net.intercepts_, strict=True))
        done = patience(epoch, None if validation is None else _score(estimator, validation))
        if patience.best_round == epoch:
            best = [(w.astype(np.float64), b.astype(np.float64)) for w, b in estimator.layers_]
        if done:
            break
    estimator.layers_ = best or estimator.layers_
    estimator.learned_ = patience.best_round


def formula(estimator: Network) -> Formula:
    """Return what the network computes."""
    draft = Draft(len(estimator.layers_[0][0]))
    made: Any = draft.add(Clip(columns=np.arange(draft.n_in), low=-_REACH, high=_REACH))
    for depth, (weight, bias) in enumerate(estimator.layers_):
        if depth:
            made = draft.add(Apply(columns=made, function="maximum0"))
        made = draft.add(Product(columns=made, weights=weight, base=bias))
    if estimator.regression:
        spread, center = np.array([[estimator.spread_]]), np.array([estimator.center_])
        made = draft.add(Product(columns=made, weights=spread, base=center))
        low, high = estimator.bounds_
        return draft.formula(draft.add(Clip(columns=made, low=float(low), high=float(high))))
    if len(made) == 1:
        both = Product(columns=made, weights=np.array([[0.0, 1.0]]), base=np.zeros(2))
        made = draft.add(both)
    return draft.formula(draft.add(Softmax(columns=made)))


def _score(estimator: Network, validation: Validation) -> float:
    y = validation.y
    if estimator.regression:
        error = estimator.predict(validation.X) - y
        return -float(np.sqrt(np.average(error**2, weights=validation.weight)))
    truth = estimator.predict_proba(validation.X)[np.arange(len(y)), y]
    return float(np.average(np.log(np.maximum(truth, 1e-15)), weights=validation.weight))


def _build(params: Params, context: Context) -> Network:
    chosen = {**_DEFAULT, **params}
    batch = int(min(256, max(16, context.n_rows // 32)))
    return Network(
        params={
            "hidden_layer_sizes": [chosen.pop("width")] * chosen.pop("layers"),
            "batch_size": min(batch, context.n_rows),
            "random_state": context.seed,
            **chosen,
        },
        regression=context.task == "regression",
    )


def code(estimators: Sequence[Network]) -> Code:
    """Return the call of our own class around scikit-learn's network."""
    own = Code.own(estimators[0], "params", "regression")
    epochs = max(1, round(float(np.mean([one.learned_ for one in estimators]))))
    return replace(own, kwargs={**own.kwargs, "epochs": epochs})


def _save(fitted: Network, folder: Path) -> None:
    arrays = {f"weight{i}": weight for i, (weight, _) in enumerate(fitted.layers_)}
    arrays |= {f"bias{i}": bias for i, (_, bias) in enumerate(fitted.layers_)}
    np.savez(folder / "network.npz", allow_pickle=False, **arrays)
    data = fitted.get_params() | {
        "n_layers": len(fitted.layers_),
        "learned": fitted.learned_,
        "center": fitted.center_,
        "spread": fitted.spread_,
        "bounds": list(fitted.bounds_) if fitted.regression else None,
    }
    (folder / "network.json").write_text(json.dumps(data), encoding="utf-8")


def _load(folder: Path) -> Network:
    data = json.loads((folder / "network.json").read_text(encoding="utf-8"))
    fitted = Network(**{name: data[name] for name in ("params", "regression", "epochs")})
    fitted.learned_ = data.get("learned", fitted.epochs)  # a model of 0.1 may lack it
    fitted.center_, fitted.spread_ = data["center"], data["spread"]
    if data["bounds"] is not None:
        fitted.bounds_ = tuple(data["bounds"])
    # NumPy leaves a file open that it opened itself and cannot read.
    with (
        (folder / "network.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as arrays,
    ):
        fitted.layers_ = [
            (arrays[f"weight{i}"], arrays[f"bias{i}"]) for i in range(data["n_layers"])
        ]
    return fitted


ALGORITHM = Algorithm(
    name="mlp",
    tasks=frozenset({"binary", "multiclass", "regression"}),
    build=_build,
    space={
        "width": Choice(32, 64, 128, 256),
        "layers": Int(1, 3),
        "learning_rate_init": Float(5e-4, 1e-2, log=True),
        "alpha": Float(1e-6, 1.0, log=True),
    },
    starts=(
        {**_DEFAULT, "width": 256, "layers": 1, "alpha": 1e-2},
        _DEFAULT,
        {**_DEFAULT, "width": 64, "layers": 3},
    ),
    fit=counted_inside(learn, "epochs"),
    formula=formula,
    code=code,
    weights=True,
    imports=("sklearn.neural_network",),
    cost=1.5,
    promise=0.6,
    max_rows=300_000,
    max_columns=2_000,
    saved=Saved(save=_save, load=_load),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give the network."""
    return [ALGORITHM]
