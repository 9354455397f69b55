"""From outcomes to a blend, and what is done to its values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.model.blend import MAX_ROWS, average, blend
from automl.model.bounds import Bounds, bound_folds, choose_share
from automl.model.judge import Judge, spread_rows
from automl.model.tuning import Temper, Weighing, said_of, tune
from automl.search.outcome import Evaluation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from automl.search.outcome import Outcome
    from automl.search.question import Question
    from automl.search.shared import RunData


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """A blend, and what is done to its values.

    Parameters
    ----------
    chosen : tuple of (Evaluation, float)
        Its members and their weights, the heaviest first.
    held : ndarray of shape (n_covered, n_classes) or (n_covered,)
        Out-of-fold values, each as it is where its fold took no part in what was tuned.
    bounds : Bounds or None, default=None
    tuned : Temper, Weighing or None, default=None
    lines : tuple of str, default=()
        What a person has to know about it.
    """

    chosen: tuple[tuple[Evaluation, float], ...]
    held: NDArray[Any]
    bounds: Bounds | None = None
    tuned: Temper | Weighing | None = None
    lines: tuple[str, ...] = ()

    @property
    def sample(self) -> NDArray[Any]:
        """What is said of the run's sample rows."""
        mixed = average([one.sample for one, _ in self.chosen], self._weights)
        if self.bounds is not None:
            return self.bounds(mixed)
        return mixed if self.tuned is None else self.tuned.values(mixed)

    @property
    def facts(self) -> dict[str, Any]:
        """What a predictor has to know about it, as plain data."""
        facts: dict[str, Any] = {}
        if self.bounds is not None:
            facts["bounds"] = self.bounds.to_json()
        if self.tuned is not None:
            facts["tuned"] = asdict(self.tuned)
        return facts

    @property
    def _weights(self) -> NDArray[np.float64]:
        return np.array([weight for _, weight in self.chosen])


def judge_of(question: Question, data: RunData) -> Judge:
    """Return the metric bound to the rows that have out-of-fold values."""
    truth = data.truth(data.plan.covered)
    return Judge(
        metric=question.metric,
        decide=question.task.decide,
        y=truth.y,
        weight=truth.weight,
        columns=truth.columns,
    )


def mix(
    outcomes: Sequence[Outcome],
    question: Question,
    data: RunData,
    members: int,
    seed: int,
    remaining: Callable[[], float],
    weights: Mapping[str, float] | None = None,
) -> Mix:
    """Return the blend of the best candidates.

    Where the metric reads labels, those that lie on a threshold decide: the score jumps, and a
    candidate whose probabilities are good may look bad because of where they are cut. So the
    candidates are also blended by the task's own metric, and of the two blends, each with its
    classes weighed, the one is taken whose labels are better.

    Parameters
    ----------
    outcomes : sequence of Outcome
        The first is the baseline.
    question : Question
    data : RunData
    members : int
        Distinct candidates in the blend at most.
    seed : int
    remaining : callable () -> float
        Seconds left for it.
    weights : mapping of str to float or None, default=None
        The blend where it is known: a weight for the key of each candidate in it.
    """
    judge = judge_of(question, data)
    scored = [outcome for outcome in outcomes if isinstance(outcome, Evaluation)]
    scores = [one.cv_score for one in scored]
    if weights is None:
        found = _blended(scored, scores, judge, members, seed, remaining)
    else:
        found = _weighed(scored, weights)
    mixed = average([one.values for one, _ in found], np.array([weight for _, weight in found]))
    if mixed.ndim == 1:
        share = choose_share(mixed, data.y, data.plan, judge, seed=seed, deadline=remaining)
        held = bound_folds(mixed, data.y, data.plan, share)
        return Mix(chosen=found, held=held, bounds=Bounds.of(data.y, share))
    best = _tuned(found, mixed, question, data, seed, remaining)
    soft = _soft(question, judge) if weights is None else None
    if soft is None or len(scored) < 2 or remaining() <= 0:
        return best
    rows = spread_rows(judge.y, MAX_ROWS, seed)
    part = soft if rows is None else soft.of(rows)
    scores = [part(one.values if rows is None else one.values[rows]) for one in scored]
    found = _blended(scored, scores, soft, members, seed, remaining)
    mixed = average([one.values for one, _ in found], np.array([weight for _, weight in found]))
    other = _tuned(found, mixed, question, data, seed, remaining)
    return other if judge.gain(other.held) > judge.gain(best.held) else best


def _blended(
    scored: Sequence[Evaluation],
    scores: Sequence[float],
    judge: Judge,
    members: int,
    seed: int,
    remaining: Callable[[], float],
) -> tuple[tuple[Evaluation, float], ...]:
    """Blend what is better than the constant answer, which comes first; else that answer."""
    sign = 1 if judge.metric.greater_is_better else -1
    better = [
        place for place in range(1, len(scored)) if not sign * scores[place] <= sign * scores[0]
    ] or [0]
    weights = blend(
        [scored[place].values for place in better],
        judge,
        scores=[scores[place] for place in better],
        max_members=members,
        seed=seed,
        deadline=remaining,
    )
    found = [(scored[place], float(w)) for place, w in zip(better, weights, strict=True) if w > 0]
    return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0].number)))


def _weighed(
    scored: Sequence[Evaluation], weights: Mapping[str, float]
) -> tuple[tuple[Evaluation, float], ...]:
    """Return the candidates that have a weight, those of others shared among them.

    Without any it is the constant answer, which comes first.
    """
    known = [(one, weights[one.candidate.key]) for one in scored if one.candidate.key in weights]
    known = known or [(scored[0], 1.0)]
    total = sum(weight for _, weight in known)
    found = [(one, weight / total) for one, weight in known]
    return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0].number)))


def _tuned(
    found: tuple[tuple[Evaluation, float], ...],
    mixed: NDArray[Any],
    question: Question,
    data: RunData,
    seed: int,
    remaining: Callable[[], float],
) -> Mix:
    """Temper probabilities, or weigh classes, where that is better."""
    judge = judge_of(question, data)
    if found[0][0].number == 0:  # the constant answer is what all are compared with
        return Mix(chosen=found, held=mixed)
    tuned, held = tune(mixed, data.plan, judge, question.task, seed=seed, deadline=remaining)
    if tuned is None:
        return Mix(chosen=found, held=mixed)
    classes = question.encoded.classes
    names = [] if classes is None else classes.tolist()
    said = said_of(tuned, names, judge.metric.name, judge(mixed), judge(held))
    return Mix(chosen=found, held=held, tuned=tuned, lines=(said,))


def _soft(question: Question, judge: Judge) -> Judge | None:
    """Return the judge by the task's own metric, where it reads what the labels are made of."""
    metric = question.catalog.metrics.get(question.task.metric)
    if judge.metric.reads != "labels" or not question.task.weighable or metric is None:
        return None
    if metric.reads != "values" or metric.columns:
        return None
    return replace(judge, metric=metric)
