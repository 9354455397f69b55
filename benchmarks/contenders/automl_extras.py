"""automl with everything that it can use: what `pip install pluggable-automl[all]` brings."""

from __future__ import annotations

from benchmarks.contenders.automl import IMPORTS, PACKAGE, fit, load, predict, save

__all__ = ["IMPORTS", "PACKAGE", "REQUIREMENTS", "VARIANTS", "fit", "load", "predict", "save"]

REQUIREMENTS = ("pluggable-automl[all]",)
VARIANTS = {
    "automl-extras": {},
    "automl-extras-without-catboost": {"without": ["catboost"]},
}
