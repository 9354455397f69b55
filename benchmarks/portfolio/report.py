"""How good portfolios are on tables that they were not learned on, over CPU seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.portfolio.cases import WORST, Case, Cases
from benchmarks.portfolio.portfolio import Portfolio, learned, near_best, order
from benchmarks.portfolio.select import COVERAGE, Selector

SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""CPU seconds at which a portfolio is looked at."""

RANDOM_LISTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Errors over seconds.

    Parameters
    ----------
    tables : tuple of str
    errors : dict of str to ndarray of shape (n_tables, n_seconds)
        For each way of choosing; 0 is the best known blend or model, 1 the constant answer.
    """

    tables: tuple[str, ...]
    errors: dict[str, NDArray[np.float64]]


def curves(cases: Cases, present: Portfolio, places: int) -> Curves:
    """Return the errors of each way, each table left out of what was learned for it.

    Parameters
    ----------
    cases : Cases
    present : mapping
        The portfolio of the installed algorithms.
    places : int
        Length of a learned list at most.
    """
    selector = Selector(cases)
    rows: dict[str, list[list[float]]] = {}
    lists = [*random_lists(cases, places)]
    hand_made = [key for key in order(present) if key in cases.configurations]
    for case in cases.cases:
        keys = selector.select(places, [case.table])
        ways = {
            "present": hand_made,
            "learned": order(learned(keys, cases.without([case.table]))),
            "learned list": keys,
        }
        for name, keys in ways.items():
            rows.setdefault(name, []).append(curve(case, keys))
        drawn = [curve(case, keys) for keys in lists]
        if drawn:
            rows.setdefault("random", []).append(np.mean(drawn, axis=0).tolist())
    return Curves(
        tables=tuple(case.table for case in cases.cases),
        errors={name: np.array(found) for name, found in rows.items()},
    )


def curve(case: Case, keys: Sequence[str]) -> list[float]:
    """Return the error of the blend after so many seconds of a list."""
    errors: list[float] = []
    before = -1
    for limit in SECONDS:
        spent, done = 0.0, []
        for key in keys:
            entry = case.entries.get(key)
            spent += 0.0 if entry is None else entry.seconds
            if spent > limit:
                break
            if entry is not None and entry.ok:
                done.append(key)
        errors.append(errors[-1] if len(done) == before else case.blended(done))
        before = len(done)
    return errors


def random_lists(cases: Cases, places: int) -> Iterator[list[str]]:
    """Yield lists of draws that were tried nearly everywhere, the algorithms in turn."""
    own: dict[str, list[str]] = {}
    for key, configuration in sorted(cases.configurations.items()):
        known = len(cases.tried[key]) >= COVERAGE * len(cases.cases)
        if known and configuration.origin.startswith("draw"):
            own.setdefault(configuration.algorithm, []).append(key)
    for seed in range(RANDOM_LISTS if own else 0):
        rng = np.random.default_rng(seed)
        queues = [list(rng.permutation(found)) for _, found in sorted(own.items())]
        rng.shuffle(queues)
        found: list[str] = []
        while len(found) < places and any(queues):
            found += [queue.pop() for queue in queues if queue]
        yield found[:places]


def markdown(
    cases: Cases, present: Portfolio, new: Portfolio, keys: Sequence[str], found: Curves | None
) -> str:
    """Return the report.

    Parameters
    ----------
    cases : Cases
    present, new : mapping
        The portfolio of the installed algorithms, and the learned one.
    keys : sequence of str
        The list that the learned one was made of.
    found : Curves or None
    """
    parts = [
        "# A learned portfolio",
        (
            f"{len(cases.cases)} tables, {len(cases.configurations)} configurations, "
            f"{sum(len(case.entries) for case in cases.cases)} results. An error of 0 is the best "
            "that is known of a table's unseen rows, 1 the constant answer."
        ),
    ]
    if found is not None:
        parts += ["## Each table left out of what was learned for it", _means(found)]
        parts += ["## By table, mean over the seconds", _by_table(found)]
    parts += ["## The list", _list(cases, keys)]
    parts += ["## By algorithm", _algorithms(cases, present, new)]
    return "\n\n".join(parts) + "\n"


def _means(found: Curves) -> str:
    head = ["CPU seconds", *(f"{one:g}" for one in SECONDS), "mean"]
    lines = [
        [name, *(f"{one:.4f}" for one in errors.mean(axis=0)), f"{errors.mean():.4f}"]
        for name, errors in found.errors.items()
    ]
    gap = (found.errors["present"] - found.errors["learned"]).mean(axis=1)
    error = gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else float("nan")
    said = (
        f"Learned against present: {gap.mean():+.4f} better, standard error {error:.4f} over "
        f"tables; better on {int((gap > 0).sum())} of {len(gap)}."
    )
    return f"{_table(head, lines)}\n\n{said}"


def _by_table(found: Curves) -> str:
    names = list(found.errors)
    lines = [
        [table, *(f"{found.errors[name][row].mean():.4f}" for name in names)]
        for row, table in enumerate(found.tables)
    ]
    return _table(["table", *names], lines)


def _list(cases: Cases, keys: Sequence[str]) -> str:
    lines = []
    blended = [WORST]
    for place, key in enumerate(keys, start=1):
        one = cases.configurations[key]
        errors = [
            case.blended([k for k in keys[:place] if k in case.entries and case.entries[k].ok])
            for case in cases.cases
        ]
        blended.append(float(np.mean(errors)))
        taken = [case.entries[key].seconds for case in cases.cases if key in case.entries]
        lines.append(
            [
                str(place),
                one.algorithm,
                one.origin,
                f"{np.mean(taken):.2f}",
                f"{blended[-1]:.4f}",
                f"`{dict(one.start)}`",
            ]
        )
    head = ["", "algorithm", "from", "CPU s", "error of the blend so far", "start"]
    return _table(head, lines)


def _algorithms(cases: Cases, present: Portfolio, new: Portfolio) -> str:
    every: dict[str, list[str]] = {}
    for key, one in cases.configurations.items():
        every.setdefault(one.algorithm, []).append(key)
    near = near_best(every, cases.cases)
    lines = []
    for name in sorted({*present, *new}):
        old, line = present.get(name), new.get(name)
        lines.append(
            [
                name,
                "" if old is None else f"{old.cost:g}",
                "" if line is None else f"{line.cost:g}",
                "" if old is None else f"{old.promise:g}",
                "" if line is None else f"{line.promise:g}",
                f"{near.get(name, 0.0):.2f}",
                "0" if line is None else str(len(line.keys)),
            ]
        )
    head = ["algorithm", "cost", "learned", "promise", "learned", "near the best on", "places"]
    return _table(head, lines)


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
