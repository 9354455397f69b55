"""``automl refit``: a saved model's recipe on other rows, kept only if it is no worse."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from automl.cli.face import ANSWER_IS_NO, DONE, INTERRUPTED, face_of, shared
from automl.cli.fit import SAVING, SAVING_SECONDS
from automl.cli.folders import check_model

if TYPE_CHECKING:
    from automl.model.refit import Refit

EXAMPLES = """\b
Examples:
  automl refit automl-runs/income-1/model june.csv --out june-model
  automl refit model all.parquet --check latest.parquet --budget 300 --out model
"""


@click.command("refit", short_help="Fit a model's recipe on other rows.", epilog=EXAMPLES)
@click.argument("model")
@click.argument("data")
@click.option(
    "--out", required=True, metavar="FOLDER", help="Folder of the new model; may be MODEL itself."
)
@click.option("--check", metavar="TABLE", help="Rows to judge by (default: held out of DATA).")
@click.option("--target", metavar="COLUMN", help="Column with the truth; default: the model's.")
@click.option("--budget", type=float, metavar="SECONDS", help="Seconds to spend (default: no end).")
@click.option("--seed", type=int, help="Seed for everything random (default: the run's).")
@click.option("--jobs", type=int, help="Cores to use (default: all that this process may use).")
@click.option("--group", metavar="COLUMN", help="Column of the groups, if called otherwise now.")
@click.option("--time", metavar="COLUMN", help="Column of the time, if called otherwise now.")
@click.option("--weight", metavar="COLUMN", help="Column of the weights, if called otherwise now.")
@click.option("--trust", multiple=True, metavar="TYPE", help="A type that the model may build.")
@shared
@click.pass_context
def command(
    context: click.Context, /, model: str, data: str, trust: tuple[str, ...], **given: Any
) -> int:
    """Fit the recipe of the folder MODEL on the table DATA, without a search.

    Both models are judged by rows that the new one has not seen: those of --check, else a part of
    DATA. The new one is written to --out if it is no worse; else nothing is written, and the exit
    code is 3.
    """
    face = face_of(context)
    import automl
    from automl.search.budget import Clock
    from automl.search.interrupts import Interrupts

    budget = given["budget"]
    clock = Clock(budget)
    check_model(given["out"])
    predictor = automl.load(model, trusted=trust)
    if budget is not None:
        # Loading counts, and so does writing the new one.
        saving = min(SAVING * budget, SAVING_SECONDS)
        budget = max(clock.left - saving, 0.5 * budget)
    with ExitStack() as around:
        interrupts = around.enter_context(Interrupts())
        found = predictor.refit(
            data,
            given["target"],
            check=given["check"],
            columns=automl.Columns(**{role: given[role] for role in ("group", "time", "weight")}),
            budget=budget,
            seed=given["seed"],
            n_jobs=given["jobs"],
        )
        if found.kept == "new":
            found.predictor.save(given["out"])
    document = {
        "model": model,
        "data": data,
        "kept": found.kept,
        "out": given["out"] if found.kept == "new" else None,
        "why": found.why,
        "metric": found.metric,
        "comparison": None if found.comparison is None else asdict(found.comparison),
        "lines": found.lines,
        "findings": [asdict(one) for one in found.findings],
        "seconds": round(found.seconds, 3),
        "warnings": face.say_warnings(),
    }
    face.show(_text(found, given["out"]), document)
    if interrupts.came:
        return INTERRUPTED
    return DONE if found.kept == "new" else ANSWER_IS_NO


def _text(found: Refit, out: str) -> str:
    end = f"The model is in {out}." if found.kept == "new" else "Nothing is written."
    data = [f"In the data: {one.message} [{one.code}]" for one in found.findings if one.warn]
    return "\n".join([f"The {found.kept} model is kept: {found.why}", *found.lines, *data, end])
