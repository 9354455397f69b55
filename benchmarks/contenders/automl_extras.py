"""automl with all learners that it can use: what `pluggable-automl[all,torch]` brings."""

from __future__ import annotations

from benchmarks.contenders.automl import IMPORTS, PACKAGE, fit, load, predict, save

__all__ = ["IMPORTS", "PACKAGE", "REQUIREMENTS", "VARIANTS", "fit", "load", "predict", "save"]

REQUIREMENTS = ("pluggable-automl[all,torch]",)
VARIANTS = {
    "automl-extras": {},
    "automl-extras-without-catboost": {"without": ["catboost"]},
    "automl-extras-without-torch_mlp": {"without": ["torch_mlp"]},
}
