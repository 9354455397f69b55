"""What is tried: each algorithm's own starts, published defaults, and draws from its space."""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from automl.candidate.space import OF, PREPARE, AlgorithmSpace, algorithm_space
from automl.data.schema import Feature, Schema
from automl.data.table import Kind
from automl.plugin.catalog import Catalog
from automl.plugin.context import Context
from automl.plugin.contributions import Algorithm
from benchmarks.portfolio.records import Configuration

LITERATURE = Path(__file__).with_name("literature.toml")

USUAL = 0.5
"""Share of draws that keep the preparation of the algorithm's first start for a kind."""


def configurations(
    catalog: Catalog, algorithms: tuple[str, ...], n_draws: int
) -> list[Configuration]:
    """Return what is tried, in this order.

    All starts come before all else. Algorithms alternate as in `automl.search.schedule`: the n-th
    configuration of one has its turn at ``n * sqrt(cost) / promise``.

    Parameters
    ----------
    catalog : Catalog
    algorithms : tuple of str
    n_draws : int
        Draws from the space of each algorithm that has one.
    """
    with LITERATURE.open("rb") as file:
        published = tomllib.load(file)
    turns: list[tuple[bool, float, str, Configuration]] = []
    seen: set[str] = set()
    for name in algorithms:
        algorithm = catalog.algorithms[name].known()
        pace = math.sqrt(algorithm.cost) / algorithm.promise
        further = _alternate(
            _published(algorithm, published.get(name, [])), draws(algorithm, catalog, n_draws)
        )
        for later, found in ((False, own_starts(algorithm)), (True, further)):
            new = [one for one in found if one.key not in seen]
            seen |= {one.key for one in new}
            turns += [(later, place * pace, name, one) for place, one in enumerate(new, start=1)]
    return [one for *_, one in sorted(turns, key=lambda turn: turn[:3])]


def own_starts(algorithm: Algorithm) -> Iterator[Configuration]:
    """Yield what the algorithm itself tries first."""
    for number, start in enumerate(algorithm.starts):
        yield Configuration(algorithm=algorithm.name, start=start, origin=f"start {number}")


def draws(algorithm: Algorithm, catalog: Catalog, n_draws: int) -> Iterator[Configuration]:
    """Yield draws from an algorithm's space; each parameter has a random stream of its own.

    So a range that is added or removed, here or by another plugin, moves no other parameter.
    """
    space = _whole_space(algorithm, catalog)
    if space is None or not space.distributions():
        return
    for number in range(n_draws):
        drawn = _draw(space, f"{algorithm.name}/{number}")
        prepare = {
            name.removeprefix(PREPARE): value
            for name, value in drawn.items()
            if name.startswith(PREPARE)
        }
        # Parameters of steps stay as they come: a table without the step could not tell whose
        # they are.
        start: dict[str, Any] = {
            name: value
            for name, value in drawn.items()
            if not name.startswith(PREPARE) and name.partition(OF)[0] not in space.steps
        }
        if prepare:
            start["prepare"] = prepare
        yield Configuration(algorithm=algorithm.name, start=start, origin=f"draw {number}")


def _whole_space(algorithm: Algorithm, catalog: Catalog) -> AlgorithmSpace | None:
    """Return the space on a table that has columns of every kind."""
    schema = Schema(features=tuple(Feature(name=kind.value, kind=kind) for kind in Kind))
    task = min(algorithm.tasks)
    context = Context(
        task=task, n_classes=0 if task == "regression" else 2, n_rows=3_000, n_columns=len(Kind)
    )
    return algorithm_space(algorithm, schema, catalog, context)


def _draw(space: AlgorithmSpace, name: str) -> dict[str, Any]:
    usual = space.starts[0].get("prepare", {})

    def suggest(parameter: str, distribution: Any) -> Any:
        digest = hashlib.sha256(f"{name}/{parameter}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        if parameter.startswith(PREPARE) and rng.random() < USUAL:
            chain = usual.get(parameter.removeprefix(PREPARE), distribution.choices[0])
            return chain if chain in distribution.choices else distribution.choices[0]
        return _value(distribution, rng)

    return space.draw(suggest)


def _value(distribution: Any, rng: np.random.Generator) -> Any:
    """Draw evenly from one of Optuna's distributions; numbers are rounded to four digits."""
    if hasattr(distribution, "choices"):
        return distribution.choices[int(rng.integers(len(distribution.choices)))]
    low, high, step = distribution.low, distribution.high, distribution.step
    if distribution.log:
        drawn = math.exp(rng.uniform(math.log(low), math.log(high)))
    else:
        drawn = rng.uniform(low, high)
    if step:
        drawn = low + step * round((drawn - low) / step)
    whole = isinstance(low, int)
    return min(max(round(drawn) if whole else float(f"{drawn:.4g}"), low), high)


def _published(algorithm: Algorithm, entries: list[dict[str, Any]]) -> Iterator[Configuration]:
    """Yield what others found; what they do not say is as in the algorithm's first start."""
    for entry in entries:
        start = {**algorithm.starts[0], **entry["start"]}
        origin = f"published: {entry['source']}"
        yield Configuration(algorithm=algorithm.name, start=start, origin=origin)


def _alternate(
    one: Iterator[Configuration], other: Iterator[Configuration]
) -> Iterator[Configuration]:
    queues = [one, other]
    while queues:
        queue = queues.pop(0)
        found = next(queue, None)
        if found is not None:
            yield found
            queues.append(queue)
