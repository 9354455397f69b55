"""Trying configurations on tables and keeping what they said, so that it can go on at any time."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import automl
from automl.plugin.catalog import Catalog
from automl.plugin.discovery import discover
from automl.plugin.selection import Plugins
from benchmarks.portfolio.configurations import configurations
from benchmarks.portfolio.fitting import Bench
from benchmarks.portfolio.questions import Prepared, prepare
from benchmarks.portfolio.records import (
    NOWHERE,
    Configuration,
    Record,
    names_of,
    read_record,
    write_question,
    write_record,
)
from benchmarks.tables import Table

WAVE = 6
"""Configurations in a row on one table, so that they share what was prepared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to collect.

    Parameters
    ----------
    tables : list of Table
    folder : Path
        The cache.
    algorithms : tuple of str
        All of a default search where empty.
    n_rows : int, default=5000
        Rows of a table at most, the unseen ones included.
    n_folds : int, default=3
    n_draws : int, default=20
        Draws from the space of each algorithm.
    cap : float, default=20
        CPU seconds for a configuration on a table.
    seconds : float or None, default=None
        Wall seconds after which no further configuration is begun.
    """

    tables: list[Table]
    folder: Path
    algorithms: tuple[str, ...] = ()
    n_rows: int = 5_000
    n_folds: int = 3
    n_draws: int = 20
    cap: float = 20.0
    seconds: float | None = None


def collect(plan: Plan, say: Callable[[str], None]) -> int:
    """Try all configurations on all tables; return how many were tried now.

    Any prefix of the work is useful: a few configurations on every table, then the next few. What
    has a file is not tried again.

    Raises
    ------
    MachineError
        If nothing can be fitted here.
    """
    catalog = discover(Plugins.of(None))
    names = plan.algorithms or tuple(
        name for name, algorithm in catalog.algorithms.items() if algorithm.default
    )
    preload = tuple(sorted({one for name in names for one in catalog.algorithms[name].imports}))
    wanted = configurations(catalog, names, plan.n_draws)
    end = None if plan.seconds is None else time.monotonic() + plan.seconds
    n_done = 0
    plan.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="work-", dir=plan.folder) as place:
        work = Path(place)
        shelf = _Shelf(plan, catalog, work)
        with Bench(work, preload, plan.cap) as bench:
            for wave in _batches(wanted, WAVE):
                for table in plan.tables:
                    prepared = shelf.take(table, say)
                    if prepared is None:
                        continue
                    for configuration in wave:
                        if end is not None and time.monotonic() > end:
                            return n_done
                        n_done += _try(configuration, prepared, shelf, bench, say)
    return n_done


class _Shelf:
    """Questions that were prepared, and which files they have."""

    def __init__(self, plan: Plan, catalog: Catalog, work: Path) -> None:
        self.folder = plan.folder
        self._plan = plan
        self._catalog = catalog
        self._work = work
        self._prepared: dict[str, Prepared | None] = {}
        self.files: dict[str, dict[str, Path]] = {}
        """For each question the file of each configuration and of each candidate, by key."""

    def take(self, table: Table, say: Callable[[str], None]) -> Prepared | None:
        """Return a table's question, prepared once; None where it cannot be asked."""
        if table.name not in self._prepared:
            try:
                made = self._prepare(table)
            except automl.errors.AutoMLError as error:
                say(f"{table.name}: left out, {error}")
                self._prepared[table.name] = None
            else:
                self._prepared[table.name] = made
                write_question(self.folder, made.asked)
                found = self.files.setdefault(made.asked.folder, {})
                for file in (self.folder / made.asked.folder).glob("*-*-*.npz"):
                    found |= dict.fromkeys(names_of(file), file)
        return self._prepared[table.name]

    def _prepare(self, table: Table) -> Prepared:
        with warnings.catch_warnings():
            # What is odd about a table says nothing about configurations.
            warnings.simplefilter("ignore")
            return prepare(
                table,
                self._catalog,
                self._work / table.name,
                n_rows=self._plan.n_rows,
                n_folds=self._plan.n_folds,
            )


def _try(
    configuration: Configuration,
    prepared: Prepared,
    shelf: _Shelf,
    bench: Bench,
    say: Callable[[str], None],
) -> int:
    asked = prepared.asked
    files = shelf.files[asked.folder]
    if configuration.key in files:
        return 0
    candidate = prepared.candidate(configuration)
    key = "" if candidate is None else candidate.key
    record = Record(
        asked=asked,
        configuration=configuration,
        candidate={} if candidate is None else candidate.to_json(),
        seconds=0.0,
        failure=NOWHERE,
        version=automl.__version__,
    )
    if key in files:
        # Another configuration means the same here.
        twin = read_record(files[key], asked)
        record = replace(twin, configuration=configuration)
    elif candidate is not None:
        fitted = bench.fit(prepared.spec, candidate, asked.n_folds)
        record = replace(record, seconds=fitted.seconds, failure=fitted.failure)
        if fitted.unseen is not None:
            values = prepared.data.plan.gather(dict(enumerate(fitted.values)))
            unseen = fitted.unseen.astype("float32")
            record = replace(
                record,
                values=values,
                unseen=unseen,
                score=prepared.score(values, unseen=False),
                unseen_score=prepared.score(unseen, unseen=True),
            )
    file = write_record(shelf.folder, record, key)
    files |= dict.fromkeys((configuration.key, key) if key else (configuration.key,), file)
    say(
        f"{time.strftime('%H:%M:%S')} {asked.table:<24}{configuration.algorithm:<18}"
        f"{configuration.origin:<28.28}{record.seconds:7.2f} s{record.unseen_score:12.5f} "
        f"{record.failure[:60]}"
    )
    return 1


def _batches(found: Iterable[Configuration], size: int) -> Iterator[list[Configuration]]:
    every = list(found)
    for start in range(0, len(every), size):
        yield every[start : start + size]
