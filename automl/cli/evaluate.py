"""``automl evaluate``: how good a saved model is on rows with a known target."""

from __future__ import annotations

import click

from automl.cli.arguments import listed
from automl.cli.face import face_of, shared
from automl.cli.tables import number, text_table

EXAMPLES = """\b
Examples:
  automl evaluate automl-runs/income-1/model test.csv
  automl evaluate model test.csv --metrics accuracy,log_loss --json
"""


@click.command("evaluate", short_help="Score a model on rows with a known target.", epilog=EXAMPLES)
@click.argument("model")
@click.argument("data")
@click.option("--metrics", multiple=True, metavar="NAMES", help="Default: the run's.")
@click.option("--target", metavar="COLUMN", help="Column with the truth; default: the run's.")
@click.option("--trust", multiple=True, metavar="TYPE", help="A type that the model may build.")
@shared
@click.pass_context
def command(
    context: click.Context,
    model: str,
    data: str,
    metrics: tuple[str, ...],
    target: str | None,
    trust: tuple[str, ...],
) -> None:
    """Score the predictions of the folder MODEL for the table DATA, which holds the target."""
    face = face_of(context)

    import automl
    from automl.model.report import report

    predictor = automl.load(model, trusted=trust)
    found = report(predictor, data, target, listed(metrics))
    warnings = face.say_warnings()
    document = {
        "model": model,
        "data": data,
        "n_rows": found.n_rows,
        "scores": found.scores,
        "lines": found.lines,
        "warnings": warnings,
    }
    rows = [(name, number(score)) for name, score in found.scores.items()]
    text = [text_table(("metric", "score"), rows), "", f"{found.n_rows} rows", *found.lines]
    face.show("\n".join(text), document)
