"""``automl predict``: a saved model, new rows, a file of predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from automl.cli.arguments import listed
from automl.cli.face import face_of, shared
from automl.cli.write import as_csv, check_out, write_file
from automl.errors import InputError

if TYPE_CHECKING:
    from automl.model.predictor import Predictor

LABEL = "prediction"
"""Name of the column with the prediction."""

PROBABILITY = "probability_"
"""What the name of a class is put behind."""

EXAMPLES = """\b
Examples:
  automl predict automl-runs/income-1/model new.csv --out predictions.csv
  automl predict model new.parquet --proba --keep id,name --out predictions.parquet
"""


@click.command("predict", short_help="Predict each row of a table.", epilog=EXAMPLES)
@click.argument("model")
@click.argument("data")
@click.option(
    "--out",
    metavar="FILE",
    help="Where to write: .csv, .tsv, .parquet, .arrow or .jsonl (default: CSV to stdout).",
)
@click.option("--proba", is_flag=True, help="Add the probability of each class.")
@click.option("--keep", multiple=True, metavar="COLUMNS", help="Columns of DATA to put in front.")
@click.option("--impute", is_flag=True, help="Take a column that DATA lacks as missing everywhere.")
@click.option("--trust", multiple=True, metavar="TYPE", help="A type that the model may build.")
@shared
@click.pass_context
def command(
    context: click.Context,
    model: str,
    data: str,
    out: str | None,
    proba: bool,
    keep: tuple[str, ...],
    impute: bool,
    trust: tuple[str, ...],
) -> None:
    """Predict each row of the table DATA with the folder MODEL, in the order of the rows.

    The column `prediction` has the label or the number. In CSV a string that a spreadsheet would
    take for a formula gets an apostrophe in front; the other formats are exact.
    """
    face = face_of(context)
    if out is not None:
        check_out(out)

    import automl

    predictor = automl.load(model, trusted=trust)
    columns = _predict(predictor, data, proba=proba, keep=listed(keep), impute=impute)
    n_rows = len(columns[LABEL])
    if out is not None:
        write_file(columns, out)
    warnings = face.say_warnings()
    document: dict[str, Any] = {
        "model": model,
        "data": data,
        "n_rows": n_rows,
        "columns": list(columns),
        "warnings": warnings,
    }
    if out is not None:
        face.show(f"{n_rows} predictions are in {out}.", {**document, "out": out})
    elif face.as_json:
        face.show("", {**document, "predictions": columns})
    else:
        click.echo(as_csv(columns), nl=False)


def _predict(
    predictor: Predictor, data: str, *, proba: bool, keep: tuple[str, ...], impute: bool
) -> dict[str, Any]:
    from automl.data.source import open_source

    on_missing = "impute" if impute else "error"
    table = open_source(data, predictor.catalog.readers)
    columns = _kept(table, keep)
    if not proba:
        return {**columns, LABEL: predictor.predict(table, on_missing=on_missing)}
    values = predictor.predict_proba(table, on_missing=on_missing)
    labels = predictor.classes_
    columns[LABEL] = labels[predictor.task.decide(values)]
    for label, column in zip(labels, values.T, strict=True):
        columns[f"{PROBABILITY}{label}"] = column
    return columns


def _kept(table: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Take columns of the input as they are.

    Raises
    ------
    InputError
        ``E_INPUT_KEEP`` for a name that the table has not, or that is ours.
    """
    if not names:
        return {}
    import narwhals as nw

    frame = nw.from_native(table, eager_only=True)
    missing = [name for name in names if name not in frame.columns]
    if missing:
        there = ", ".join(frame.columns)
        message = f"--keep {missing[0]!r} is no column."
        raise InputError("E_INPUT_KEEP", message, f"Columns: {there}.")
    if any(name == LABEL or name.startswith(PROBABILITY) for name in names):
        raise InputError(
            "E_INPUT_KEEP", f"--keep: {LABEL!r} and {PROBABILITY!r}... are columns of ours."
        )
    return {name: frame.get_column(name).to_list() for name in names}
