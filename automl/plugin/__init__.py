"""What can be contributed, and by whom. Everything a plugin imports comes from here."""

from automl.plugin import formulas
from automl.plugin.code import LEVELS, Code
from automl.plugin.context import Context, PrepareContext
from automl.plugin.contributions import (
    Algorithm,
    Contribution,
    Encoded,
    Exporter,
    FittedModel,
    Listener,
    Metric,
    Opened,
    Params,
    Preprocessor,
    Reader,
    Report,
    Rows,
    Saved,
    SplitRequest,
    Splitter,
    Task,
    Validation,
    givers_of,
)
from automl.plugin.formulas import Formula
from automl.plugin.hookspecs import CONTRACT, hookimpl
from automl.plugin.rounds import Patience, counted_inside
from automl.plugin.space import Choice, Float, Int
from automl.plugin.tables import Coefficients, Link, Trees, Walker, rounded

__all__ = [
    "CONTRACT",
    "LEVELS",
    "Algorithm",
    "Choice",
    "Code",
    "Coefficients",
    "Context",
    "Contribution",
    "Encoded",
    "Exporter",
    "FittedModel",
    "Float",
    "Formula",
    "Int",
    "Link",
    "Listener",
    "Metric",
    "Opened",
    "Params",
    "Patience",
    "PrepareContext",
    "Preprocessor",
    "Reader",
    "Report",
    "Rows",
    "Saved",
    "SplitRequest",
    "Splitter",
    "Task",
    "Trees",
    "Validation",
    "Walker",
    "counted_inside",
    "formulas",
    "givers_of",
    "hookimpl",
    "rounded",
]
