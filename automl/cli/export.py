"""``automl export``: a saved model in another form, kept only if it says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from automl.cli.face import face_of, shared

if TYPE_CHECKING:
    from automl.model.export import Exported

EXAMPLES = """\b
Examples:
  automl export automl-runs/income-1/model --to docker --out income-image
  automl plugins
"""


@click.command("export", short_help="Write a model in another form.", epilog=EXAMPLES)
@click.argument("model")
@click.option("--to", required=True, metavar="NAME", help="An exporter; `automl plugins` has all.")
@click.option("--out", required=True, metavar="DIR", help="Where to write: a new or empty folder.")
@click.option("--trust", multiple=True, metavar="TYPE", help="A type that the model may build.")
@shared
@click.pass_context
def command(context: click.Context, model: str, to: str, out: str, trust: tuple[str, ...]) -> None:
    """Write the folder MODEL in another form, with an exporter that a plugin gives.

    What was written is opened as its user will and asked about the sample rows of the model and
    1,000 rows that are hard to read. Where it says something else than the model, the rows are
    named and nothing is kept.
    """
    face = face_of(context)
    import automl

    predictor = automl.load(model, trusted=trust)
    exported = predictor.export(to, out)
    warnings = face.say_warnings()
    document: dict[str, Any] = {
        "model": model,
        "out": out,
        "exporter": exported.exporter,
        "giver": str(exported.giver),
        "files": list(exported.files),
        "rows": exported.n_rows,
        "largest_difference": exported.largest_difference,
        "warnings": warnings,
    }
    exporter = predictor.catalog.exporters.get(to)
    face.show(_text(exported, out, refits=exporter is not None and exporter.refits), document)


def _text(exported: Exported, out: str, *, refits: bool) -> str:
    said = "It says what the model says"
    if refits:
        said = "It learns again: what it learned from rows made for it says what automl's own says"
    return (
        f"{out} has {len(exported.files)} files by {exported.exporter} ({exported.giver}). {said} "
        f"of {exported.n_rows} rows (largest difference: {exported.largest_difference:.3g})."
    )
