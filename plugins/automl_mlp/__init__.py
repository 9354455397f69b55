"""A tabular network: members that share weights, learned by NumPy alone, kept as plain arrays.

The members are TabM's (Gorishniy, Kotelnikov and Babenko, arXiv 2410.24210), waves and much of the
rest RealMLP's (Holzmüller, Grinsztajn and Steinwart, arXiv 2407.04491).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from automl.plugin import (
    Algorithm,
    Choice,
    Code,
    Context,
    Float,
    Int,
    Params,
    Saved,
    counted_inside,
    hookimpl,
)
from automl_mlp.formula import formula
from automl_mlp.network import Network, load, memory_of, rounds_for, save

if TYPE_CHECKING:
    from collections.abc import Sequence

# TabM's defaults (its package: dropout 0.1, bins between quantiles, gradients cut at 1), with fewer
# members, narrower layers and twice the rate: a CPU learns it in seconds.
_DEFAULT = {
    "embedding": "steps",
    "members": 4,
    "layers": 2,
    "width": 128,
    "dropout": 0.1,
    "learning_rate": 4e-3,
    "weight_decay": 3e-4,
}

# RealMLP's dropout and decay (pytabkit, RealMLP_TD_Classifier); its rate of 0.04 is for weights
# that are divided by the root of what comes in.
_WAVES = {
    **_DEFAULT,
    "embedding": "waves",
    "dropout": 0.15,
    "learning_rate": 2.5e-3,
    "weight_decay": 2e-2,
}

_LARGE = {**_DEFAULT, "members": 8, "width": 256, "weight_decay": 2e-2}


def _build(params: Params, context: Context) -> Network:
    return Network(
        params={**_DEFAULT, **params, "seed": context.seed},
        regression=context.task == "regression",
        metric=context.metric,
        categories=context.categories,
        n_levels=context.n_levels,
        rounds=rounds_for(context.n_rows),
    )


def _memory(context: Context, params: Params) -> float:
    return memory_of(context, {**_DEFAULT, **params})


def code(estimators: Sequence[Network]) -> Code:
    """Return the call of our own class, with as many rounds as were worth it.

    It learns by NumPy, whatever the estimators learned by.
    """
    facts = estimators[0].get_params()
    facts["params"] = {name: facts["params"][name] for name in (*_DEFAULT, "seed")}
    own = Code.own(Network(**facts), "params", "regression", "metric", "categories", "n_levels")
    rounds = max(1, round(float(np.mean([one.learned_ for one in estimators]))))
    return replace(own, kwargs={**own.kwargs, "rounds": rounds})


ALGORITHM = Algorithm(
    name="mlp",
    tasks=frozenset({"binary", "multiclass", "regression"}),
    build=_build,
    accepts=frozenset({"number", "category", "missing", "unscaled"}),
    space={
        "embedding": Choice("steps", "waves", "none"),
        "members": Choice(1, 2, 4, 8, 16),
        "layers": Int(1, 3),
        "width": Choice(64, 128, 256),
        "dropout": Float(0.0, 0.5),
        "learning_rate": Float(5e-4, 1e-2, log=True),
        "weight_decay": Float(1e-5, 0.1, log=True),
    },
    starts=(_DEFAULT, {**_DEFAULT, "embedding": "none"}, _WAVES, _LARGE),
    fit=counted_inside(Network.learn, "rounds"),
    formula=formula,
    code=code,
    weights=True,
    memory=_memory,
    cost=1.5,
    growth=0.3,  # against boosted trees it was 0.0 from 500 to 2,500 rows, 0.6 to 27,000
    promise=0.8,
    max_rows=1_000_000,
    max_columns=2_000,
    saved=Saved(save=save, load=load),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give the network."""
    return [ALGORITHM]
