"""The network of `automl_mlp`, larger and learned by torch: what a GPU is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automl.plugin import (
    Algorithm,
    Choice,
    Context,
    Float,
    Int,
    Params,
    Saved,
    counted_inside,
    hookimpl,
)
from automl_mlp import code
from automl_mlp.formula import formula
from automl_mlp.network import Network, load, memory_of, rounds_for, save

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from automl.plugin import Report, Validation

# TabM's defaults (arXiv 2410.24210 and its package: dropout 0.1, bins between quantiles, gradients
# cut at 1), with fewer members, narrower layers and twice the rate: a CPU learns it in seconds.
_DEFAULT = {
    "embedding": "steps",
    "members": 8,
    "layers": 2,
    "width": 128,
    "dropout": 0.1,
    "learning_rate": 4e-3,
    "weight_decay": 3e-4,
}

# RealMLP's tuned defaults (arXiv 2407.04491; pytabkit, RealMLP_TD_Classifier): layers, dropout,
# decay; its rate of 0.04 is for weights that are divided by the root of what comes in.
_WAVES = {
    "embedding": "waves",
    "members": 8,
    "layers": 3,
    "width": 256,
    "dropout": 0.15,
    "learning_rate": 2.5e-3,
    "weight_decay": 2e-2,
}

# TabM's own members, layers and rate.
_LARGE = {**_DEFAULT, "members": 32, "layers": 3, "learning_rate": 2e-3}

# What importing torch takes.
_TORCH = 3.5e8


class TorchNetwork(Network):
    """The network, learned by torch."""

    def learn(
        self,
        X: Any,
        y: NDArray[Any],
        weight: NDArray[np.float64] | None,
        validation: Validation | None,
        report: Report,
    ) -> None:
        """Learn until the validation score has not improved for long, or until told to stop."""
        from automl_torch.training import train

        train(self, X, y, weight, validation, report)


def _build(params: Params, context: Context) -> TorchNetwork:
    return TorchNetwork(
        params={
            **_DEFAULT,
            **params,
            "threads": context.threads,
            "seed": context.seed,
            "device": context.device,
        },
        regression=context.task == "regression",
        metric=context.metric,
        categories=context.categories,
        n_levels=context.n_levels,
        rounds=rounds_for(context.n_rows),
    )


def _memory(context: Context, params: Params) -> float:
    return _TORCH + memory_of(context, {**_DEFAULT, **params})


ALGORITHM = Algorithm(
    name="torch_mlp",
    tasks=frozenset({"binary", "multiclass", "regression"}),
    build=_build,
    accepts=frozenset({"number", "category", "missing", "unscaled"}),
    space={
        "embedding": Choice("steps", "waves", "none"),
        "members": Choice(4, 8, 16, 32),
        "layers": Int(1, 4),
        "width": Choice(64, 128, 256),
        "dropout": Float(0.0, 0.5),
        "learning_rate": Float(3e-4, 1e-2, log=True),
        "weight_decay": Float(1e-5, 0.1, log=True),
    },
    starts=(_DEFAULT, _WAVES, _LARGE),
    fit_requires=("torch",),
    fit=counted_inside(TorchNetwork.learn, "rounds"),
    weights=True,
    threads=True,
    devices=frozenset({"cpu", "cuda"}),
    memory=_memory,
    formula=formula,
    code=code,
    cost=15.0,
    promise=0.3,  # beside `mlp`, which is the same network in half of the time of a CPU
    max_rows=1_000_000,
    max_columns=1_000,
    saved=Saved(save=save, load=load),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give the network."""
    return [ALGORITHM]
