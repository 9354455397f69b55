"""``automl leaderboard``: what a run has tried."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from automl.cli.face import face_of, shared
from automl.cli.folders import LEADERBOARD, RESULT, found_run
from automl.cli.tables import failures
from automl.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = """\b
Example:
  automl leaderboard income-1
"""


@click.command("leaderboard", short_help="Show what a run has tried.", epilog=EXAMPLES)
@click.argument("run")
@shared
@click.pass_context
def command(context: click.Context, run: str) -> None:
    """Show what RUN has tried, best first.

    RUN is a name below automl-runs/ or a folder. The scores are those that the search chose by.
    """
    from automl.search.leaderboard import Leaderboard, Row

    folder = found_run(run)
    rows = _read(folder / LEADERBOARD)
    result = _read(folder / RESULT) if (folder / RESULT).exists() else {}
    document = {
        "metric": result.get("metric", "?"),
        "greater_is_better": result.get("greater_is_better", True),
        "rows": rows,
    }
    try:
        board = Leaderboard(**{**document, "rows": tuple(Row(**row) for row in rows)})
    except TypeError as error:
        raise InputError("E_INPUT_RUN", f"{folder / LEADERBOARD} holds no leaderboard.") from error
    face_of(context).show("\n".join([repr(board), *failures(rows)]), document)


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            "E_INPUT_RUN", f"{file} is not there: the run has not come to its end."
        ) from error
    except (OSError, ValueError) as error:
        raise InputError("E_INPUT_RUN", f"{file} cannot be read: {error}.") from error
