"""Exporter: one ONNX file with preparation, blend and labels, for onnxruntime.

The graph is made of the plain tables of the model (`automl.plugin.plain`), no converter takes part.
All is computed in float64; only the sums that the operator for trees hands over are float32, which
`automl_onnx.trees` says how to live with.

What a cell *means* is read outside: strings that say numbers, spellings of missing cells, formats
of dates. The folder has a script for that, and `load` does it the same way. Inside are the levels
of categories, unseen ones, infinite and missing numbers, scales, all steps, all members, the blend,
bounds, and the weights of classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automl.plugin import Exporter, FittedModel, Opened, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

TOLERANCE = 1e-5
"""What a model's tables may differ from its learners by: some add up their trees in float32."""


def export(model: FittedModel, folder: Path) -> None:
    """Write the folder."""
    from automl_onnx.folder import write

    write(model, folder)


def load(folder: Path) -> Opened:
    """Open the folder with onnxruntime."""
    from automl_onnx.folder import opened

    return opened(folder)


def refuses(model: FittedModel) -> list[str]:
    """Say what of a model is no table or formula, or nothing that ONNX can hold."""
    from automl_onnx.folder import refused

    return refused(model)


ONNX = Exporter(
    name="onnx",
    export=export,
    load=load,
    refuses=refuses,
    tolerance=TOLERANCE,
    requires=("onnx", "onnxruntime"),
    description="an ONNX file with preparation, blend and labels, for onnxruntime",
)


@hookimpl
def automl_exporters() -> tuple[Exporter, ...]:
    """Return the exporter."""
    return (ONNX,)
