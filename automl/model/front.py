"""Compromises between the score and what a prediction costs: a Pareto front of blends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from automl.model.assemble import assemble
from automl.model.trim import milliseconds
from automl.search.outcome import Evaluation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from automl.model.predictor import Predictor
    from automl.search.leaderboard import Leaderboard
    from automl.search.outcome import Outcome
    from automl.search.question import Question
    from automl.search.shared import RunData
    from automl.search.strategy import Strategy

T = TypeVar("T")

CAPS = 5
"""Limits of what a blend may cost, from the cheapest candidate to the best blend."""

SIZES = (1, 2, 4)
"""Candidates in a blend at most, each of which may cost its part of the limit."""

MEASURED = 8
"""Blends whose latency is measured; the others are beaten by what their parts took alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compromise:
    """A blend that no other one beats in the score and in every cost asked for.

    Parameters
    ----------
    predictor : Predictor
        Ready for single rows.
    cv_score : float
        The score that it was chosen by, in the metric's own direction.
    latency_ms : float
        Milliseconds that a single row, read already, takes on this machine at the median.
    n_bytes : int
        Size of its pipelines as files.
    """

    predictor: Predictor
    cv_score: float
    latency_ms: float
    n_bytes: int

    def __repr__(self) -> str:
        parts = " + ".join(part.candidate.algorithm for part in self.predictor.parts)
        return (
            f"{self.cv_score:.5g}  {self.latency_ms:.3g} ms a row  "
            f"{self.n_bytes / 1e6:.3g} MB  {parts}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The end of a run.

    Parameters
    ----------
    predictor : Predictor
    leaderboard : Leaderboard
        With the weights of the predictor.
    front : tuple of Compromise, default=()
        The best score first; empty where no cost was asked for.
    too_slow : bool, default=False
        Whether even the quickest blend takes longer than allowed; the predictor is that one.
    """

    predictor: Predictor
    leaderboard: Leaderboard
    front: tuple[Compromise, ...] = ()
    too_slow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A blend, and what its parts cost as the workers found."""

    predictor: Predictor
    leaderboard: Leaderboard
    gain: float
    costs: tuple[float, ...]


def finish(
    outcomes: Sequence[Outcome],
    question: Question,
    data: RunData,
    strategy: Strategy,
    seed: int,
    remaining: Callable[[], float],
) -> Finished:
    """Blend the best candidates; where costs count, find the compromises as well.

    Parameters
    ----------
    outcomes : sequence of Outcome
        The first is the baseline.
    question : Question
    data : RunData
    strategy : Strategy
        Its ``objectives``, ``max_ms`` and ``members``.
    seed : int
    remaining : callable () -> float
        Seconds left; at 0 no further compromise is looked for.
    """
    predictor, leaderboard = assemble(outcomes, question, data, strategy.members, seed, remaining)
    objectives = strategy.costs
    if not objectives:
        return Finished(predictor=predictor, leaderboard=leaderboard)
    sign = 1.0 if question.metric.greater_is_better else -1.0

    def made(among: Sequence[Outcome] | None, members: int) -> _Made:
        found, board = assemble(outcomes, question, data, members, seed, remaining, among=among)
        inside = [row for row in board if row.weight > 0]
        costs = tuple(sum(getattr(row, name) or 0.0 for row in inside) for name in objectives)
        gain = sign * float(found.info["cv_score"])
        return _Made(predictor=found, leaderboard=board, gain=gain, costs=costs)

    every = [made(None, strategy.members)]
    for among, members in _choices(outcomes, every[0].costs, objectives):
        if remaining() <= 0:
            break
        every.append(made(among, members))
    rows = data.sample
    timed: list[tuple[_Made, float]] = []
    for one in _few(_front(every, lambda each: (each.gain, *each.costs))):
        if timed and remaining() <= 0:
            break
        one.predictor.ready()
        timed.append((one, milliseconds(one.predictor, rows)))
    front = _front(timed, lambda pair: (pair[0].gain, *_measured(pair, objectives)))
    chosen, too_slow = _within(front, strategy.max_ms)
    return Finished(
        predictor=chosen.predictor,
        leaderboard=chosen.leaderboard,
        front=tuple(
            Compromise(
                predictor=one.predictor,
                cv_score=sign * one.gain,
                latency_ms=latency,
                n_bytes=_n_bytes(one),
            )
            for one, latency in front
        ),
        too_slow=too_slow,
    )


def _choices(
    outcomes: Sequence[Outcome], most: tuple[float, ...], objectives: Sequence[str]
) -> Iterator[tuple[list[Outcome], int]]:
    """Yield candidates that are cheap enough for a blend of so many under a limit, each once."""
    scored = [one for one in outcomes[1:] if isinstance(one, Evaluation)]
    seen = set()
    for name, whole in zip(objectives, most, strict=True):
        costs = {id(one): getattr(one, name) for one in scored}
        known = [cost for cost in costs.values() if cost]
        if not known or whole <= min(known):
            continue
        for cap in np.geomspace(min(known), whole, CAPS):
            for size in SIZES:
                cheap = [one for one in scored if (costs[id(one)] or np.inf) <= cap / size]
                key = (size, *(one.number for one in cheap))
                if len(cheap) >= size and key not in seen:
                    seen.add(key)
                    yield [outcomes[0], *cheap], size


def _front(found: Sequence[T], aims: Callable[[T], tuple[float, ...]]) -> list[T]:
    """Return what nothing else beats in all aims, of equal ones the first; the best gain first.

    The first aim is the larger the better, all others the smaller the better.
    """
    kept: list[T] = []
    for one in sorted(found, key=lambda each: (-aims(each)[0], *aims(each)[1:])):
        mine = aims(one)[1:]
        if not any(
            all(a <= b for a, b in zip(aims(other)[1:], mine, strict=True)) for other in kept
        ):
            kept.append(one)
    return kept


def _few(front: list[_Made]) -> list[_Made]:
    """Return at most `MEASURED` of a front, the best and the cheapest first."""
    places = np.unique(np.linspace(0, len(front) - 1, min(len(front), MEASURED)).astype(int))
    order = sorted(places.tolist(), key=lambda place: (0 < place < len(front) - 1, place))
    return [front[place] for place in order]


def _measured(pair: tuple[_Made, float], objectives: Sequence[str]) -> tuple[float, ...]:
    one, latency = pair
    return tuple(
        latency if name == "latency_ms" else cost
        for name, cost in zip(objectives, one.costs, strict=True)
    )


def _n_bytes(one: _Made) -> int:
    return sum(row.n_bytes or 0 for row in one.leaderboard if row.weight > 0)


def _within(front: list[tuple[_Made, float]], max_ms: float | None) -> tuple[_Made, bool]:
    """Return the best that answers in time, else the quickest."""
    if max_ms is None:
        return front[0][0], False
    quick = [one for one, latency in front if latency <= max_ms]
    return (quick[0], False) if quick else (min(front, key=lambda pair: pair[1])[0], True)
