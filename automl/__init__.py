"""Plugin-based AutoML: a table and a target in, a portable predictor out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from automl._version import __version__

if TYPE_CHECKING:
    from automl.data.columns import Columns
    from automl.engine import Result, fit
    from automl.estimator import AutoMLClassifier, AutoMLRegressor
    from automl.model.bundle import load
    from automl.model.importance import permutation_importance
    from automl.model.predictor import Predictor
    from automl.plugin.selection import Plugins
    from automl.search.budget import Budget
    from automl.search.strategy import Strategy

__all__ = [
    "AutoMLClassifier",
    "AutoMLRegressor",
    "Budget",
    "Columns",
    "Plugins",
    "Predictor",
    "Result",
    "Strategy",
    "__version__",
    "fit",
    "load",
    "permutation_importance",
]

_ROOMS = {
    "AutoMLClassifier": "automl.estimator",
    "AutoMLRegressor": "automl.estimator",
    "Budget": "automl.search.budget",
    "Columns": "automl.data.columns",
    "Plugins": "automl.plugin.selection",
    "Predictor": "automl.model.predictor",
    "Result": "automl.engine",
    "Strategy": "automl.search.strategy",
    "fit": "automl.engine",
    "load": "automl.model.bundle",
    "permutation_importance": "automl.model.importance",
}
"""Public names and where they live; imported at first use, so that ``import automl`` is quick."""


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'automl' has no attribute {name!r}")
    return getattr(import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
