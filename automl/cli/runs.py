"""``automl runs``: the runs that are there, and what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from automl.cli.face import face_of, shared
from automl.cli.folders import RUNS, found_run
from automl.cli.tables import number, text_table
from automl.errors import InputError

if TYPE_CHECKING:
    from automl.search.runs import RunInfo

EXAMPLES = """\b
Examples:
  automl runs
  automl runs income-1 --storage sqlite:///studies.db
"""

HEADER = ("run", "state", "target", "task", "score", "metric", "outcomes", "size", "last", "note")


@click.command("runs", short_help="List runs, and what became of each.", epilog=EXAMPLES)
@click.argument("folder", required=False)
@click.option(
    "--storage",
    metavar="URL",
    help="Copy the trials into an Optuna storage, such as sqlite:///studies.db.",
)
@shared
@click.pass_context
def command(context: click.Context, folder: str | None, storage: str | None) -> None:
    """List the runs in FOLDER (default: automl-runs), or the one run that it is.

    With --storage the trials of these runs are copied to where optuna-dashboard finds them, those
    that are not there yet.
    """
    from automl.search.runs import export_run, list_runs

    place = RUNS if folder is None else found_run(folder)
    found = list_runs(place) if place.is_dir() else []
    if folder is not None and not found:
        raise InputError("E_INPUT_RUN", f"There is no run in {place}.")
    rows = [_row(one) for one in found]
    text = text_table(HEADER, [_cells(row) for row in rows]) if rows else f"No runs in {place}."
    document: dict[str, Any] = {"runs": rows}
    if storage is not None:
        copied = sum(export_run(one.folder, storage) for one in found if one.state != "damaged")
        document["copied"] = copied
        text += f"\n{copied} trials copied to {storage.rpartition('@')[2]}."
    face_of(context).show(text, document)


def _row(one: RunInfo) -> dict[str, Any]:
    facts = one.facts
    return {
        "run": one.folder.name,
        "folder": one.folder,
        "state": one.state,
        "target": facts.get("target"),
        "task": facts.get("task"),
        "metric": facts.get("metric"),
        "score": facts.get("cv_score") if one.state == "finished" else facts.get("best"),
        "outcomes": facts.get("n_outcomes", 0),
        "complete": facts.get("n_complete", 0),
        "bytes": one.n_bytes,
        "begun": facts.get("begun"),
        "last": facts.get("last") or facts.get("begun"),
        "note": one.note,
    }


def _cells(row: dict[str, Any]) -> list[str]:
    shown = {
        **row,
        "score": number(row["score"]),
        "size": f"{row['bytes'] / 2**20:.1f} MB",
        "last": str(row["last"] or "-")[:16].replace("T", " "),
    }
    return [str("-" if shown[name] is None else shown[name]) for name in HEADER]
