"""A tabular network: members that share weights, learned by torch, kept as plain arrays."""

from __future__ import annotations

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
from automl_torch.encoding import EMBEDDING, MOST_FLAGS, N_BINS, STEP_WIDTH, width_of
from automl_torch.formula import formula
from automl_torch.network import CHUNK, ROUND, Network, batch_of, load, save

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


def _build(params: Params, context: Context) -> Network:
    return Network(
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
        rounds=max(40, 15 * context.n_rows // ROUND),
    )


def _memory(context: Context, params: Params) -> float:
    """Torch, rows as they are read, what is computed of some of them at once, and all weights."""
    chosen = {**_DEFAULT, **params}
    n_flags = sum(n if n <= MOST_FLAGS else EMBEDDING for n in context.n_levels)
    n_numbers = context.n_columns - len(context.categories)
    n_cells = n_numbers * (1 + width_of(chosen["embedding"], n_numbers)) + n_flags
    weights = (n_cells + (chosen["layers"] - 1) * chosen["width"]) * chosen["width"]
    weights += n_numbers * N_BINS * STEP_WIDTH
    rows = 24.0 * context.n_rows * (context.n_columns + n_flags)
    cells = batch_of(context.n_rows) * chosen["members"] * max(n_cells, chosen["width"])
    return float(_TORCH + rows + 32.0 * weights + 12.0 * (CHUNK + cells * chosen["layers"]))


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
    fit=counted_inside(Network.learn, "rounds"),
    weights=True,
    threads=True,
    devices=frozenset({"cpu", "cuda"}),
    memory=_memory,
    formula=formula,
    cost=15.0,
    promise=0.7,
    max_rows=1_000_000,
    max_columns=1_000,
    saved=Saved(save=save, load=load),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give the network."""
    return [ALGORITHM]
