"""``automl fit``: search, save, say what came of it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from automl.cli.arguments import (
    Arguments,
    from_file,
    listed,
    merged,
    numbers,
    pairs,
    value_of,
)
from automl.cli.face import ANSWER_IS_NO, DONE, INTERRUPTED, Face, as_json, face_of, shared
from automl.cli.folders import (
    ARGUMENTS,
    RESULT,
    check_model,
    found_run,
    gone_if_empty,
    keep_arguments,
    run_folder,
)

SAVING = 0.3
"""Share of the seconds that is kept for writing the model, at most."""

SAVING_SECONDS = 3.0
"""Seconds that are kept for it: what it needs takes most of them to import."""

EXAMPLES = """\b
Examples:
  automl fit train.csv income --budget 60
  automl fit train.csv income --only lightgbm,linear --trials 20 --seed 1
  automl fit train.parquet price --metric mae --ignore id --time sold_at --out model
  automl fit --config run.toml
  automl fit --resume income-1 --budget 600
"""


@click.command("fit", short_help="Search, save a model, say what came of it.", epilog=EXAMPLES)
@click.argument("data", required=False)
@click.argument("target", required=False)
@click.option("--task", help="What is asked; without it the target decides.")
@click.option("--metric", help="What the search optimises; `automl plugins` lists them.")
@click.option("--budget", type=float, metavar="SECONDS", help="Seconds to spend (default 60).")
@click.option("--trials", type=int, help="Candidates to try; alone, a run can be repeated.")
@click.option(
    "--memory", metavar="SIZE", help="Memory for all workers, such as 4GB (default: what is free)."
)
@click.option("--seed", type=int, help="Seed for everything random (default 0).")
@click.option("--jobs", type=int, help="Cores to use (default: all that this process may use).")
@click.option("--out", metavar="FOLDER", help="Folder of the model (default: RUN/model).")
@click.option("--run", metavar="NAME", help="Name of the run, below automl-runs/.")
@click.option(
    "--resume", metavar="RUN", help="Go on with a run, with its own arguments unless given anew."
)
@click.option(
    "--kind",
    multiple=True,
    metavar="COLUMN=KIND",
    help="number, category, string, text or date; also for the target.",
)
@click.option(
    "--ordered", multiple=True, metavar="COLUMN=LOW,...,HIGH", help="Levels of a column, in order."
)
@click.option("--ignore", multiple=True, metavar="COLUMN", help="Do not learn from it.")
@click.option("--sensitive", multiple=True, metavar="COLUMN", help="Keep it for reports by group.")
@click.option("--group", metavar="COLUMN", help="Keep rows of one group on one side of a split.")
@click.option("--time", metavar="COLUMN", help="Judge on later rows than were learned from.")
@click.option("--weight", metavar="COLUMN", help="Weight of each row.")
@click.option(
    "--monotonic",
    multiple=True,
    metavar="COLUMN=1|-1",
    help="Predictions must not fall (1) or not rise (-1) while it rises.",
)
@click.option("--max-ms", type=float, help="Milliseconds that a single row may take.")
@click.option("--device", help="Where to fit what can, such as cuda (default: cpu).")
@click.option("--only", multiple=True, metavar="PATTERN", help="Algorithms that may be tried.")
@click.option("--without", multiple=True, metavar="PATTERN", help="Plugins to leave out.")
@click.option("--config", metavar="FILE", help="TOML or YAML with the arguments of automl.fit.")
@shared
@click.pass_context
def command(context: click.Context, /, config: str | None, resume: str | None, **given: Any) -> int:
    """Learn to predict column TARGET of the table DATA.

    DATA is a CSV, Parquet, Arrow or JSON-lines file, or the URL of a database with its table. The
    model and the leaderboard are kept in automl-runs/<NAME>. What stands on the command line wins
    over what stands in the file of --config. With --resume a run that was killed, or has come to
    its end, goes on: what it has tried stands, and a new budget counts from now. The exit code
    is 3 where nothing is better than always giving the same answer.
    """
    from automl.search.budget import Clock

    face = face_of(context)
    words, known = _words(given), from_file(config) if config else {}
    folder = None
    if resume is not None:
        if given["run"]:
            raise click.UsageError("Give --run or --resume, not both.", context)
        folder = found_run(resume)
        own = from_file(str(folder / ARGUMENTS)) if (folder / ARGUMENTS).exists() else {}
        known = {**own, **known}
        if given["budget"] is not None or given["trials"] is not None:
            # A new budget is one of its own, not a second limit beside the first.
            before = known.pop("budget", None)
            if isinstance(before, dict) and before.get("memory") is not None:
                known["budget"] = {"memory": before["memory"]}
    arguments = merged(known, words)
    for name, value in {"DATA": arguments.source, "TARGET": arguments.target}.items():
        if not value:
            raise click.UsageError(f"Missing argument {name!r}.", context)
    return _fit(arguments, folder, Clock(arguments.limits["seconds"]), face)


def _words(given: dict[str, Any]) -> dict[str, Any]:
    """Translate the options into the words of `automl.fit`."""
    ordered = pairs(given["ordered"], "--ordered")
    return {
        "source": given["data"],
        "target": given["target"],
        "metric": given["metric"],
        "budget": {
            "seconds": given["budget"],
            "trials": given["trials"],
            "memory": given["memory"],
        },
        "seed": given["seed"],
        "n_jobs": given["jobs"],
        "columns": {
            "kinds": pairs(given["kind"], "--kind"),
            "ordered": {name: listed((levels,)) for name, levels in ordered.items()},
            "ignored": given["ignore"],
            "sensitive": given["sensitive"],
            "group": given["group"],
            "time": given["time"],
            "weight": given["weight"],
            "monotonic": numbers(given["monotonic"], "--monotonic"),
        },
        "plugins": {"only": listed(given["only"]), "without": listed(given["without"])},
        "strategy": {
            "task": given["task"],
            "device": given["device"],
            "max_ms": given["max_ms"],
        },
        "run": given["run"],
        "out": given["out"],
    }


def _fit(arguments: Arguments, resumed: Path | None, clock: Any, face: Face) -> int:
    import automl
    from automl.cli.summary import Summary
    from automl.search.interrupts import Interrupts

    columns = value_of(automl.Columns, arguments.columns, "columns")
    plugins = value_of(automl.Plugins, arguments.plugins, "plugins")
    strategy = value_of(automl.Strategy, arguments.strategy, "strategy")
    budget = automl.Budget(**arguments.limits)
    check_model(arguments.out)
    run = resumed or run_folder(arguments.run, arguments.target)
    face.log_folder = run
    model = Path(arguments.out) if arguments.out else run / "model"
    if budget.seconds is not None:
        saving = min(SAVING * budget.seconds, SAVING_SECONDS)
        budget = replace(budget, seconds=max(clock.left - saving, 0.5 * budget.seconds))
    with ExitStack() as around:
        interrupts = around.enter_context(Interrupts())
        if resumed is None:
            around.enter_context(gone_if_empty(run))
            keep_arguments(run, arguments)
        result = automl.fit(
            arguments.source,
            arguments.target,
            metric=arguments.metric,
            budget=budget,
            seed=arguments.seed,
            n_jobs=arguments.n_jobs,
            columns=columns,
            plugins=plugins,
            run=run,
            strategy=strategy,
        )
        result.predictor.save(model)
    summary = Summary.of(result, run=run, model=model, seconds=clock.elapsed)
    said = {finding.message for finding in result.findings}
    face.warned = [one for one in face.warned if one.message not in said]
    warnings = face.say_warnings()
    document = {**summary.document(), "warnings": warnings}
    (run / RESULT).write_text(as_json(document) + "\n", encoding="utf-8")
    face.show(summary.text(), document)
    if interrupts.came:
        return INTERRUPTED
    return DONE if summary.better else ANSWER_IS_NO
