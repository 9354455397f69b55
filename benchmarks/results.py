"""What came of it: rows in a CSV file, and a summary for people."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from questions import GREATER_IS_BETTER

OVERRUN = 1.1
"""A run is late when it takes longer than this many budgets, the start of Python included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the results; the first five fields are its key."""

    table: str
    split: int
    contender: str
    budget: str
    jobs: str
    task: str
    metric: str
    status: str
    score: float | str
    seconds: float | str
    n_train: int
    n_test: int
    n_dropped: int
    version: str
    message: str

    @property
    def key(self) -> tuple[str, ...]:
        """What makes this row the only one of its kind."""
        return (self.table, str(self.split), self.contender, self.budget, self.jobs)


def read_rows(path: Path) -> list[Row]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Row(**{field.name: entry[field.name] for field in fields(Row)})
            for entry in csv.DictReader(file)
        ]


def append(path: Path, row: Row) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(asdict(row))


def summary(rows: list[Row], budget: str) -> str:
    """Return the results of one budget as Markdown: a line per table, and the totals."""
    rows = [row for row in rows if row.budget in {"", budget}]
    limit = OVERRUN * float(budget)
    lines = [
        f"# automl with {budget} s against default LightGBM",
        "",
        f"Mean over the splits of the test score; late is what took longer than {limit:.0f} s.",
        "",
        "| table | metric | splits | automl | LightGBM | better | longest s |",
        "|---|---|--:|--:|--:|---|--:|",
    ]
    wins = races = failures = 0
    longest: list[float] = []
    for table in dict.fromkeys(row.table for row in rows):
        ours = [row for row in rows if row.table == table and row.contender == "automl"]
        theirs = [row for row in rows if row.table == table and row.contender == "lightgbm"]
        if not ours or not theirs:
            continue
        races += 1
        longest += (times := [float(row.seconds) for row in ours])
        failed = [row for row in (*ours, *theirs) if row.status != "ok"]
        failures += sum(row.status != "ok" for row in ours)
        metric = ours[0].metric
        if failed:
            verdict, mine, other = f"**{failed[0].contender} {failed[0].status}**", "", ""
        else:
            means = [np.mean([float(row.score) for row in side]) for side in (ours, theirs)]
            ahead = means[0] > means[1] if metric in GREATER_IS_BETTER else means[0] < means[1]
            wins += ahead
            verdict = "automl" if ahead else "LightGBM" if means[0] != means[1] else "none"
            mine, other = (f"{mean:.5g}" for mean in means)
        cells = (table, metric, len(ours), mine, other, verdict, f"{max(times):.1f}")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    late = sum(seconds > limit for seconds in longest)
    total = f"automl is better on **{wins} of {races}** tables; "
    total += f"{failures} of {len(longest)} runs failed"
    if longest:
        total += f", {late} were late; the longest took {max(longest):.1f} s"
    versions = sorted({row.version for row in rows if row.contender == "automl"})
    return "\n".join([*lines, "", f"{total}.", "", f"Versions: {', '.join(versions)}.", ""])
