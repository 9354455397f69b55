"""Which rule makes the best blend, by rows that nobody has seen.

```text
python -m benchmarks.blending rules     # how weights are chosen
python -m benchmarks.blending tuning    # what is tuned on the values of a blend
```

Both read what `benchmarks.portfolio collect` keeps: out-of-fold and unseen values of many
configurations on many tables. Choices on few rows are tried on a part of the out-of-fold rows; the
unseen rows are always all there.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from automl.data.folds import Fold, FoldPlan
from automl.model.blend import MAX_CANDIDATES, STEPS, Library, average, bags_of, blend
from automl.model.judge import Judge, bootstrap_error, spread_rows
from automl.model.tuning import tune
from automl.plugin.catalog import Catalog
from automl.plugin.discovery import discover
from benchmarks.portfolio.records import Asked, Record, read

CACHE = Path(__file__).resolve().parent / ".portfolio"

MEMBERS = 12
"""Members of a blend at most, as in a run."""

TUNED = ("log_loss", "accuracy", "balanced_accuracy", "f1_macro", "mcc")

FARTHEST = 0.3
"""A difference on one table counts as this much at most."""

SAME = 1e-6
"""Blends that are no further apart are as good."""

Array = NDArray[Any]
Weights = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Some configurations on one table, with the rows that a choice is made on.

    Parameters
    ----------
    asked : Asked
    values : list of ndarray
        Out-of-fold values of each.
    unseen : list of ndarray
    y, fold : ndarray
        Of the out-of-fold rows.
    """

    asked: Asked
    values: list[Array]
    unseen: list[Array]
    y: Array
    fold: Array

    def part(self, n_members: int, n_rows: int) -> Members | None:
        """Return the first members and a part of the rows; None where there are not as many."""
        if len(self.values) < n_members or 0 < len(self.y) < n_rows:
            return None
        rows = spread_rows(self.y, n_rows, 0) if n_rows else None
        rows = np.arange(len(self.y)) if rows is None else rows
        return Members(
            asked=self.asked,
            values=[one[rows] for one in self.values[:n_members]],
            unseen=self.unseen[:n_members],
            y=self.y[rows],
            fold=self.fold[rows],
        )

    def plan(self) -> FoldPlan:
        """Return the folds of these rows."""
        rows = np.arange(len(self.y))
        folds = tuple(
            Fold(train=rows[self.fold != number], test=rows[self.fold == number])
            for number in np.unique(self.fold)
        )
        return FoldPlan(splitter="cache", folds=folds, n_rows=len(rows))


def tables(folder: Path) -> Iterator[Members]:
    """Yield each table of a cache with all that was fitted on it, in an order of no meaning."""
    found: dict[str, list[Record]] = defaultdict(list)
    for record in read(folder):
        if not record.failure:
            found[record.asked.folder].append(record)
    for records in found.values():
        asked = records[0].asked
        mixed = sorted(
            records, key=lambda one: hashlib.sha256(f"{asked.table} {one.key}".encode()).digest()
        )
        yield Members(
            asked=asked,
            values=[one.values for one in mixed],
            unseen=[one.unseen for one in mixed],
            y=asked.y,
            fold=asked.fold,
        )


def _alone(members: Members, judge: Judge) -> list[int]:
    return sorted(range(len(members.values)), key=lambda i: -judge.gain(members.values[i]))


def _single(members: Members, judge: Judge) -> Weights:
    weights: Weights = np.eye(len(members.values))[_alone(members, judge)[0]]
    return weights


def _mean_of(n_best: int) -> Callable[[Members, Judge], Weights]:
    def weights(members: Members, judge: Judge) -> Weights:
        best = _alone(members, judge)[:n_best]
        return np.bincount(best, minlength=len(members.values)) / len(best)

    return weights


def _greedy(members: Members, judge: Judge) -> Weights:
    return Library.of(members.values, judge, 0).grow(STEPS, MAX_CANDIDATES, _forever).best()


def _careful(members: Members, judge: Judge) -> Weights:
    """Return the greedy blend where it beats the best member by more than a standard error."""
    mixed, single = _greedy(members, judge), _single(members, judge)
    one, other = average(members.values, mixed), average(members.values, single)
    ahead = judge.gain(one) - judge.gain(other)
    return mixed if ahead > bootstrap_error(one, other, judge, 0, _forever) else single


def _bagged(members: Members, judge: Judge) -> Weights:
    found = bags_of(Library.of(members.values, judge, 0), 0, _forever)
    weights: Weights = np.mean(found, axis=0)
    return weights


def _whole(members: Members, judge: Judge) -> Weights:
    """Return our weights before the lightest members are left out."""
    weights: Weights = (_greedy(members, judge) + _bagged(members, judge)) / 2
    return weights


def _ours(members: Members, judge: Judge) -> Weights:
    return blend(members.values, judge, max_members=MEMBERS)


def _forever() -> float:
    return float("inf")


RULES: dict[str, Callable[[Members, Judge], Weights]] = {
    "best single": _single,
    "greedy if better by a standard error": _careful,
    "greedy": _greedy,
    "mean of the best 3": _mean_of(3),
    "mean of the best 5": _mean_of(5),
    "bags alone": _bagged,
    "greedy and bags, all members": _whole,
    "greedy and bags (ours)": _ours,
}


def judges(asked: Asked, y: Array, metric: str, catalog: Catalog) -> tuple[Judge, Judge]:
    """Return the judge of the out-of-fold rows and that of the unseen ones."""
    task = catalog.get("task", asked.task)
    known = Judge(metric=catalog.get("metric", metric), decide=task.decide, y=y)
    return known, Judge(metric=known.metric, decide=task.decide, y=asked.y_unseen)


def gaps_as_lines(
    found: dict[str, list[float]], sizes: dict[str, list[int]] | None = None
) -> list[str]:
    """Return how far each rule is from the best known and from the first rule, in percent."""
    first = np.array(next(iter(found.values())))
    more = "" if sizes is None else " members |"
    lines = [
        f"| rule | mean | ahead | better | worse | worst tenth |{more}",
        "|---|---|---|---|---|---|" + ("" if sizes is None else "---|"),
    ]
    for name, gaps in found.items():
        ahead = np.array(gaps) - first
        numbers = [np.clip(gaps, -FARTHEST, FARTHEST).mean()]
        numbers += [np.clip(ahead, -FARTHEST, FARTHEST).mean(), np.quantile(ahead, 0.1)]
        mean, gain, tenth = (f"{100 * number:+.2f}" for number in numbers)
        shares = f"{np.mean(ahead > SAME):.0%} | {np.mean(ahead < -SAME):.0%}"
        size = "" if sizes is None else f" {np.mean(sizes[name]):.1f} |"
        lines.append(f"| {name} | {mean} | {gain} | {shares} | {tenth} |{size}")
    return lines


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
def main() -> None:
    """Compare rules for blends."""


CACHED = click.option("--cache", type=click.Path(path_type=Path), default=CACHE)
ROWS = click.option("--rows", default=(200, 600, 0), multiple=True, help="0: all.")


@main.command()
@click.option("--members", default=(6, 12, 24, 48), multiple=True)
@ROWS
@CACHED
def rules(members: tuple[int, ...], rows: tuple[int, ...], cache: Path) -> None:
    """Compare how the weights of a blend are chosen.

    100 is what lies between the constant answer and the best single configuration that is known,
    all by the unseen rows: how far a rule is from that best one, and how far ahead of choosing the
    best single one by the rows that it sees.
    """
    catalog = discover()
    found: dict[tuple[int, int], dict[str, list[float]]] = {}
    sizes: dict[tuple[int, int], dict[str, list[int]]] = {}
    for table in tables(cache):
        for n_rows in rows:
            for n_members in members:
                part = table.part(n_members, n_rows)
                if part is None:
                    continue
                asked = part.asked
                judge, unseen = judges(asked, part.y, asked.metric, catalog)
                weights = {name: rule(part, judge) for name, rule in RULES.items()}
                gains = {n: unseen.gain(average(part.unseen, one)) for n, one in weights.items()}
                best = max(unseen.gain(one) for one in table.unseen)
                sign = 1 if asked.greater_is_better else -1
                reach = max(best - sign * asked.constant_unseen, 1e-9)
                into = found.setdefault((n_rows, n_members), {name: [] for name in RULES})
                of = sizes.setdefault((n_rows, n_members), {name: [] for name in RULES})
                for name, gain in gains.items():
                    into[name].append((gain - best) / reach)
                    of[name].append(int(np.count_nonzero(weights[name])))
    for (n_rows, n_members), gaps in sorted(found.items()):
        n_tables = len(next(iter(gaps.values())))
        where = f"{n_rows or 'all'} rows, {n_members} candidates, {n_tables} tables"
        lines = gaps_as_lines(gaps, sizes[n_rows, n_members])
        click.echo("\n".join([f"\n{where}\n", *lines]))


@main.command()
@click.option("--members", default=24)
@ROWS
@CACHED
def tuning(members: int, rows: tuple[int, ...], cache: Path) -> None:
    """Compare what is tuned on the values of a blend, in hundredths of the metric."""
    catalog = discover()
    found: dict[tuple[str, int], dict[str, list[float]]] = {}
    for table in tables(cache):
        asked = table.asked
        if not asked.n_classes:
            continue
        task = catalog.get("task", asked.task)
        for n_rows in rows:
            part = table.part(min(members, len(table.values)), n_rows)
            if part is None:
                continue
            soft = blend(
                part.values,
                judges(asked, part.y, asked.metric, catalog)[0],
                max_members=MEMBERS,
            )
            for metric in TUNED:
                judge, unseen = judges(asked, part.y, metric, catalog)
                hard = blend(part.values, judge, max_members=MEMBERS)
                into = found.setdefault((metric, n_rows), defaultdict(list))
                base = unseen.gain(average(part.unseen, hard))
                after, held = [], []
                for name, weights in (("by this metric", hard), ("by the task's own", soft)):
                    mixed = average(part.unseen, weights)
                    tuned, tried = tune(average(part.values, weights), part.plan(), judge, task)
                    held.append(judge.gain(tried))
                    after.append(unseen.gain(mixed if tuned is None else tuned(mixed)))
                    into[name].append(unseen.gain(mixed) - base)
                    into[f"{name}, tuned"].append(after[-1] - base)
                both = judge.metric.reads == "labels" and held[1] > held[0]
                into["ours"].append(after[both] - base)
    for (metric, n_rows), gaps in sorted(found.items()):
        n_tables = len(next(iter(gaps.values())))
        where = f"{metric}, {n_rows or 'all'} rows, {n_tables} tables"
        click.echo("\n".join([f"\n{where}\n", *gaps_as_lines(gaps)]))


if __name__ == "__main__":
    main()
