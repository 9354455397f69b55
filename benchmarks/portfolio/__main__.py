"""The command line: collect, learn, show."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

from benchmarks.suites import SuiteError, suite

CACHE = Path(__file__).resolve().parents[1] / ".portfolio"

FOLDER = click.option(
    "--cache",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=CACHE,
    help="Folder of what was collected (benchmarks/.portfolio).",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
def main() -> None:
    """Learn which configurations to try first, from tables of your own."""


@main.command()
@click.option("--suite", "name", default="smoke", help="Of suites.toml, or folder:PATH.")
@click.option("--only", default="", help="Names of tables, with commas.")
@click.option(
    "--algorithms", default="", help="Names, with commas; all of a default search if none."
)
@click.option("--rows", default=5_000, help="Rows of a table at most.")
@click.option("--folds", default=3)
@click.option("--draws", default=20, help="Random configurations of each algorithm.")
@click.option("--cap", default=20.0, help="CPU seconds for one configuration on one table.")
@click.option("--seconds", type=float, help="Stop after so many; it goes on when run again.")
@click.option(
    "--part", default="1/1", help="K/N: every N-th table from the K-th on, for N processes."
)
@FOLDER
def collect(  # noqa: PLR0913, PLR0917 - the options of a command
    name: str,
    only: str,
    algorithms: str,
    rows: int,
    folds: int,
    draws: int,
    cap: float,
    seconds: float | None,
    part: str,
    folder: Path,
) -> None:
    """Try configurations on tables and keep what they say; can be stopped at any moment."""
    from benchmarks.portfolio.collect import Plan
    from benchmarks.portfolio.collect import collect as go
    from benchmarks.portfolio.fitting import MachineError

    try:
        tables, _ = suite(name, _words(only))
    except SuiteError as error:
        raise click.ClickException(str(error)) from error
    first, step = (int(number) for number in part.split("/"))
    plan = Plan(
        tables=tables[first - 1 :: step],
        folder=folder,
        algorithms=tuple(_words(algorithms)),
        n_rows=rows,
        n_folds=folds,
        n_draws=draws,
        cap=cap,
        seconds=seconds,
    )
    # A polite end, so that the worker and its folder go, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        n_done = go(plan, lambda line: print(line, flush=True))
    except MachineError as error:
        raise click.ClickException(str(error)) from error
    print(f"{n_done} tried; the cache is {folder}")


@main.command()
@click.option("--without", multiple=True, help="Leave a table out (again for more).")
@click.option("--places", default=24, help="Length of the list at most.")
@click.option("--curves/--no-curves", default=True, help="Judge it, each table left out in turn.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of portfolio.json and report.md (learned, in the cache).",
)
@FOLDER
def learn(
    without: tuple[str, ...], places: int, curves: bool, out: Path | None, folder: Path
) -> None:
    """Select from what was collected, and say how good that is on tables left out."""
    from automl.plugin.discovery import discover
    from automl.plugin.selection import Plugins
    from benchmarks.portfolio import portfolio, report
    from benchmarks.portfolio.cases import open_cases
    from benchmarks.portfolio.select import Selector

    cases = open_cases(folder).without(without)
    if not cases.cases:
        raise click.ClickException(f"{folder} holds nothing to learn from; see collect")
    present = portfolio.present(discover(Plugins.of(None)))
    keys = Selector(cases).select(places)
    new = portfolio.learned(keys, cases)
    found = report.curves(cases, present, places) if curves and len(cases.cases) > 1 else None
    text = report.markdown(cases, present, new, keys, found)
    place = out or folder / "learned"
    portfolio.write(place / "portfolio.json", new, keys, cases)
    (place / "report.md").write_text(text, encoding="utf-8")
    print(text)
    print(f"Written to {place}")


@main.command()
@FOLDER
def show(folder: Path) -> None:
    """Say what was collected, table by table."""
    from benchmarks.portfolio.records import NOWHERE, read

    counts: dict[str, list[float]] = {}
    for record in read(folder):
        row = counts.setdefault(f"{record.asked.folder} ({record.asked.task})", [0, 0, 0, 0.0])
        kind = 0 if not record.failure else 2 if record.failure == NOWHERE else 1
        row[kind] += 1
        row[3] += record.seconds
    print(f"{'question':<52}{'tried':>8}{'failed':>8}{'not for it':>12}{'CPU s':>10}")
    for name, (good, bad, nowhere, taken) in sorted(counts.items()):
        print(f"{name:<52}{good:8.0f}{bad:8.0f}{nowhere:12.0f}{taken:10.1f}")


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


if __name__ == "__main__":
    main()
