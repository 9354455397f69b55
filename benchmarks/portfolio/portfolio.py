"""A portfolio: the starts of each algorithm with what they cost, and the order that follows."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from automl import files
from automl.plugin.catalog import Catalog
from benchmarks.portfolio.cases import Case, Cases
from benchmarks.portfolio.configurations import own_starts

UNIT = "lightgbm"
"""The algorithm whose mean cost is 1, where there is one."""

NEAR = 0.1
"""An error up to which an algorithm is near the best."""

MOST_PROMISE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One algorithm of a portfolio.

    Parameters
    ----------
    keys : tuple of str
        Its starts, in order.
    cost, promise : float
        As an algorithm declares them.
    """

    keys: tuple[str, ...]
    cost: float
    promise: float


Portfolio = Mapping[str, Line]
"""By the name of the algorithm."""


def order(portfolio: Portfolio) -> list[str]:
    """Return all starts as `automl.search.schedule` has their turns."""
    turns = [
        ((place * math.sqrt(line.cost) / line.promise, line.cost, name), key)
        for name, line in portfolio.items()
        for place, key in enumerate(line.keys, start=1)
    ]
    return [key for _, key in sorted(turns)]


def present(catalog: Catalog) -> dict[str, Line]:
    """Return what the installed algorithms say of themselves."""
    return {
        name: Line(
            keys=tuple(one.key for one in own_starts(algorithm)),
            cost=algorithm.cost,
            promise=algorithm.promise,
        )
        for name, algorithm in catalog.algorithms.items()
        if algorithm.default
    }


def learned(keys: Sequence[str], cases: Cases) -> dict[str, Line]:
    """Return the portfolio whose order comes nearest to a list.

    Costs are measured. With them an algorithm's promise follows from the places that it has in the
    list, since the schedule gives it every ``sqrt(cost) / promise``-th.

    Parameters
    ----------
    keys : sequence of str
        What `benchmarks.portfolio.select.Selector.select` returned.
    cases : Cases
    """
    names = dict.fromkeys(cases.configurations[key].algorithm for key in keys)
    own = {
        name: [key for key in keys if cases.configurations[key].algorithm == name] for name in names
    }
    costs = relative_costs(own, cases.cases)
    pace = {
        name: median((1 + keys.index(key)) / place for place, key in enumerate(found, start=1))
        for name, found in own.items()
    }
    raw = {name: math.sqrt(costs[name]) / pace[name] for name in own}
    top = max(raw.values(), default=1.0)
    return {
        name: Line(
            keys=tuple(found),
            cost=costs[name],
            promise=max(0.02, round(MOST_PROMISE * raw[name] / top, 3)),
        )
        for name, found in own.items()
    }


def relative_costs(keys: Mapping[str, Iterable[str]], cases: Sequence[Case]) -> dict[str, float]:
    """Return for each algorithm what its configurations cost, measured in those of `UNIT`.

    Tables count alike: the median over them of the ratio of mean seconds.
    """
    means = {name: [_mean_seconds(found, case) for case in cases] for name, found in keys.items()}
    unit = means.get(UNIT) or next(iter(means.values()), [])
    costs = {}
    for name, taken in means.items():
        ratios = [
            one / base
            for one, base in zip(taken, unit, strict=True)
            if math.isfinite(one) and math.isfinite(base) and base > 0
        ]
        costs[name] = max(float(f"{median(ratios):.2g}"), 0.01) if ratios else 1.0
    return costs


def near_best(keys: Mapping[str, Iterable[str]], cases: Sequence[Case]) -> dict[str, float]:
    """Return on which share of the tables one of an algorithm's configurations is near the best."""
    shares = {}
    for name, found in keys.items():
        kept = list(found)
        errors = [
            min(
                (case.error(case.entries[k].unseen) for k in kept if _there(case, k)),
                default=1.0,
            )
            for case in cases
        ]
        shares[name] = float(np.mean([error <= NEAR for error in errors]))
    return shares


def write(path: Path, portfolio: Portfolio, keys: Sequence[str], cases: Cases) -> None:
    """Write a portfolio as JSON: starts and costs by algorithm, and the list it was made of."""
    content: dict[str, Any] = {
        "algorithms": {
            name: {
                "cost": line.cost,
                "promise": line.promise,
                "starts": [
                    {
                        "start": dict(cases.configurations[key].start),
                        "origin": cases.configurations[key].origin,
                        "seconds": round(_mean_over([key], cases.cases), 3),
                    }
                    for key in line.keys
                ],
            }
            for name, line in portfolio.items()
        },
        "list": [asdict(cases.configurations[key]) for key in keys],
        "tables": sorted(case.table for case in cases.cases),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, json.dumps(content, indent=1).encode())


def _mean_over(keys: Sequence[str], cases: Sequence[Case]) -> float:
    taken = [one for case in cases if math.isfinite(one := _mean_seconds(keys, case))]
    return float(np.mean(taken)) if taken else 0.0


def _mean_seconds(keys: Iterable[str], case: Case) -> float:
    taken = [case.entries[key].seconds for key in keys if key in case.entries]
    return float(np.mean(taken)) if taken else float("nan")


def _there(case: Case, key: str) -> bool:
    return key in case.entries and case.entries[key].ok
