"""What a plugin can contribute: frozen values whose fields are the facts the engine decides by."""

from automl.plugin.asking import Encoded, Listener, Metric, Reader, SplitRequest, Splitter, Task
from automl.plugin.exporting import Exporter, FittedModel, Opened, Rows, givers_of
from automl.plugin.learning import (
    TRAITS,
    Algorithm,
    Params,
    Preprocessor,
    Report,
    Saved,
    Space,
    Validation,
)

Contribution = Algorithm | Preprocessor | Metric | Task | Splitter | Reader | Listener | Exporter
"""Anything a plugin can give."""

__all__ = [
    "TRAITS",
    "Algorithm",
    "Contribution",
    "Encoded",
    "Exporter",
    "FittedModel",
    "Listener",
    "Metric",
    "Opened",
    "Params",
    "Preprocessor",
    "Reader",
    "Report",
    "Rows",
    "Saved",
    "Space",
    "SplitRequest",
    "Splitter",
    "Task",
    "Validation",
    "givers_of",
]
