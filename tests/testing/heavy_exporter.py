"""An exporter whose module imports a library at its top."""

from __future__ import annotations

import click

from automl.plugin import FittedModel


def export(model: FittedModel, folder) -> None:
    model.save(folder / "model")
    (folder / "README").write_text(f"click {click.__name__}\n", encoding="utf-8")
