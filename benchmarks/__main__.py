"""The command line: setup, run, report, overrun, ablation, compare."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from benchmarks.contenders import Contender, contenders
from benchmarks.environments import SetupError, set_up, time_again
from benchmarks.limits import LimitError, limits
from benchmarks.machine import ROOT, usable_cpus
from benchmarks.race import Plan, RaceError, race
from benchmarks.suites import SuiteError, suite

TROUBLE = (SetupError, LimitError, RaceError, SuiteError)

MORE = click.option(
    "--more",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with further contenders.",
)
USUAL = ("automl", "lightgbm", "constant")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Race automl and others on the same tables."""


@main.command()
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--automl",
    "checkout",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=ROOT,
    help="Checkout that contenders of this project are installed from (this one).",
)
@click.option(
    "--revision", default="", help="Its commit to install; the files as they lie if none."
)
@click.option("--imports", is_flag=True, help="Build nothing, only time the imports again.")
@MORE
def setup(
    names: tuple[str, ...], checkout: Path, revision: str, imports: bool, more: tuple[Path, ...]
) -> None:
    """Build the environments of contenders NAMES, anew if they are there; `all` is everyone."""
    known = contenders(*more)
    chosen = known if names == ("all",) else {name: _named(known, name) for name in names}
    failed = False
    for contender in {one.environment: one for one in chosen.values()}.values():
        try:
            said = time_again(contender) if imports else set_up(contender, checkout, revision)
        except SetupError as error:
            click.echo(f"{contender.environment}: {error}", err=True)
            failed = True
            continue
        click.echo(
            f"{contender.environment}: {said['version']}, {said.get('install_s', 0)} s, "
            f"{said.get('install_mb', 0)} MB, import {said.get('import_s', 0)} s"
        )
    sys.exit(1 if failed else 0)


@main.command()
@click.option("--suite", "suite_name", required=True, help="Of suites.toml, or folder:PATH.")
@click.option("--contenders", "names", default=",".join(USUAL), show_default=True, help="a,b,c")
@click.option("--budget", default="minute", show_default=True, help="Seconds, or of limits.toml.")
@click.option("--only", default="", help="Tables of the suite: a,b,c.")
@click.option("--folds", type=click.IntRange(min=1), help="Splits of each table.")
@click.option("--cores", type=click.IntRange(min=1), help="Of each job (all there are / --jobs).")
@click.option("--jobs", type=click.IntRange(min=1), default=1, help="Beside each other (1).")
@click.option("--again", is_flag=True, help="Run once more what did not end well.")
@MORE
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder of results.")
def run(  # noqa: PLR0913, PLR0917  an argument for each option
    suite_name: str,
    names: str,
    budget: str,
    only: str,
    folds: int | None,
    cores: int | None,
    jobs: int,
    again: bool,
    more: tuple[Path, ...],
    out: Path | None,
) -> None:
    """Race, go on with a race that was stopped, and write the report."""
    from benchmarks.report import write

    known = contenders(*more)
    try:
        tables, usual_folds = suite(suite_name, _split(only))
        plan = Plan(
            suite=_told(suite_name),
            tables=tables,
            contenders=[_named(known, name) for name in _split(names)],
            limits=limits(budget),
            folds=folds or usual_folds,
            cores=cores or max(1, len(usable_cpus()) // jobs),
            jobs=jobs,
            again=again,
        )
        name = _told(suite_name).removeprefix("folder:")
        place = out or ROOT / "benchmarks" / "results" / name
        race(plan, place)
    except TROUBLE as error:
        raise click.ClickException(str(error)) from error
    write(place)
    click.echo(f"{place}: rows.csv, header.json and the report")


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def report(folder: Path) -> None:
    """Write the report of a FOLDER of results."""
    from benchmarks.report import write

    for path in write(folder):
        click.echo(str(path))


@main.command()
@click.argument(
    "folders",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
def overrun(folders: tuple[Path, ...]) -> None:
    """Print how long contenders took beyond their budgets, in FOLDERS of results together."""
    from benchmarks.report import overrun_text

    click.echo(overrun_text(folders), nl=False)


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--contender", default="automl", show_default=True)
def ablation(folder: Path, contender: str) -> None:
    """Print what each part brings, of a FOLDER in which CONTENDER-no-PART raced too."""
    from benchmarks.ablation import ablation as found
    from benchmarks.ablation import text

    try:
        click.echo(text(found(folder, contender)), nl=False)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.argument("before", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("after", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--contender", default="automl", show_default=True)
@click.option("--other", help="Its name in AFTER, where it is another.")
def compare(before: Path, after: Path, contender: str, other: str | None) -> None:
    """Compare a contender in two folders; exit with 1 if AFTER is significantly worse."""
    from benchmarks.compare import compare as compare_folders

    try:
        found = compare_folders(before, after, contender, other)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(found.text())
    sys.exit(1 if found.worse else 0)


def _named(known: dict[str, Contender], name: str) -> Contender:
    if name not in known:
        raise click.ClickException(f"no contender {name!r}; there are {', '.join(known)}")
    return known[name]


def _told(suite_name: str) -> str:
    """Return the suite's name as results tell it: of a folder, its name without the way there."""
    if not suite_name.startswith("folder:"):
        return suite_name
    return "folder:" + Path(suite_name.removeprefix("folder:")).resolve().name


def _split(words: str) -> list[str]:
    return [word.strip() for word in words.split(",") if word.strip()]


if __name__ == "__main__":
    main()
