"""Which tables are raced, from `suites.toml` or from a folder with a catalogue."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.rows import PRIMARY
from benchmarks.tables import Table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".parquet": pd.read_parquet,
    ".csv": pd.read_csv,
}


class SuiteError(Exception):
    """A suite or a table that is not there."""


def suite(name: str, only: list[str]) -> tuple[list[Table], int | None]:
    """Return the tables of a suite, the smallest first, and its number of folds if it fixes it."""
    if name.startswith("folder:"):
        return _chosen(_catalogue(Path(name.removeprefix("folder:"))), only), None
    with (HERE / "suites.toml").open("rb") as file:
        suites = tomllib.load(file)
    if name not in suites:
        raise SuiteError(f"no suite {name!r}; there are {', '.join(suites)} and folder:PATH")
    entry = suites[name]
    if "openml" in entry:
        from benchmarks.openml_suite import tables

        return _chosen(tables(entry["openml"]), only), entry.get("folds")
    return _chosen([_entry(one) for one in entry["tables"]], only), entry.get("folds")


def _chosen(tables: list[Table], only: list[str]) -> list[Table]:
    known = {table.name for table in tables}
    if unknown := set(only) - known:
        raise SuiteError(
            f"no table {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}"
        )
    chosen = [table for table in tables if not only or table.name in only]
    return sorted(chosen, key=lambda table: (table.n_rows, table.name))


def _catalogue(folder: Path) -> list[Table]:
    """Read `catalog.csv`: name, task, target, n_rows, file, and kind, group, time where there are.

    Rows of another kind than tabular are left out.
    """
    path = folder / "catalog.csv"
    if not path.exists():
        raise SuiteError(f"{folder} has no catalog.csv")
    with path.open(newline="", encoding="utf-8") as file:
        entries = [one for one in csv.DictReader(file) if one.get("kind", "tabular") == "tabular"]
    return [_entry({**one, "from": str(folder / one["file"])}) for one in entries]


def _entry(entry: dict[str, Any]) -> Table:
    if entry["task"] not in PRIMARY:
        raise SuiteError(f"table {entry['name']}: task is one of {', '.join(PRIMARY)}")
    return Table(
        name=entry["name"],
        task=entry["task"],
        target=entry["target"],
        load=partial(_load, entry["from"]),
        n_rows=int(entry["n_rows"]),
        group=entry.get("group") or "",
        time=entry.get("time") or "",
    )


def _load(place: str) -> pd.DataFrame:
    if place.startswith("sklearn:"):
        from sklearn import datasets

        made: pd.DataFrame = getattr(datasets, place.removeprefix("sklearn:"))(as_frame=True).frame
        return made
    path = ROOT / place  # an absolute place stays as it is
    return READERS[path.suffix](path)
