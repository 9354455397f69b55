"""From outcomes to the predictor and the leaderboard."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automl._version import __version__
from automl.candidate.pipeline import constant_pipeline
from automl.candidate.recipe import Candidate
from automl.candidate.storage import save_pipeline
from automl.data.profile import profile
from automl.errors import RunError
from automl.model.blend import average, blend
from automl.model.bounds import Bounds, bound_folds, choose_share
from automl.model.judge import Judge
from automl.model.member import Member, Part
from automl.model.predictor import Predictor
from automl.model.report import lines_of
from automl.model.tuning import said_of, tune
from automl.search.leaderboard import Leaderboard, Row
from automl.search.outcome import Evaluation, Failure, Reason
from automl.search.records import damaged, intact
from automl.search.scoring import score_values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from automl.search.outcome import Outcome
    from automl.search.question import Question
    from automl.search.shared import RunData

BASELINE = "baseline"
"""What the constant answer is called on the leaderboard; it is the task's, not an algorithm's."""

NOT_TRIED = frozenset({Reason.CONSTRAINT})
"""Reasons that are shown as skipped."""


def baseline(question: Question, data: RunData, folder: Path) -> Evaluation:
    """Judge the constant answer on every fold; it needs no column and no library.

    Parameters
    ----------
    question : Question
    data : RunData
    folder : Path
        Takes the folder of the fitted constant.
    """
    candidate = Candidate(algorithm=BASELINE)
    answers, scores, values = [], [], []
    for fold in data.plan.folds:
        weight = None if data.weight is None else data.weight[fold.train]
        answer = question.task.constant(data.y[fold.train], weight, question.n_classes)
        same = np.broadcast_to(answer, (len(fold.test), *answer.shape))
        truth, decide = data.truth(fold.test), question.task.decide
        scores.append(score_values(question.metric, decide, truth, same))
        answers.append(answer)
        values.append(same)
    answer = np.mean(answers, axis=0)
    pipeline = constant_pipeline(candidate, question.task, question.n_classes, answer)
    member = folder / "00000-0"
    member.mkdir()
    save_pipeline(pipeline, member, question.catalog)
    gathered = data.plan.gather(values)
    return Evaluation(
        number=0,
        candidate=candidate,
        cv_score=_judge(question, data)(gathered),
        fold_scores=tuple(scores),
        values=gathered,
        members=(member,),
        sample=np.broadcast_to(answer, (data.sample.n_rows, *answer.shape)),
        seconds=0.0,
    )


def assemble(
    outcomes: Sequence[Outcome],
    question: Question,
    data: RunData,
    members: int,
    seed: int,
    remaining: Callable[[], float],
) -> tuple[Predictor, Leaderboard]:
    """Blend the best candidates into the predictor and rank all of them.

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

    Raises
    ------
    RunError
        E_RUN_FOLDER where what was fitted is not there any more.
    """
    judge = _judge(question, data)
    while True:
        found = _worth_blending(outcomes, question)
        weights = _weights(found, judge, members, seed, remaining)
        chosen = [(e, w) for e, w in zip(found, weights, strict=True) if w > 0]
        broken = {id(e): damaged(e) for e, _ in chosen if not intact(e)}
        if not broken:
            break
        if id(outcomes[0]) in broken:
            raise RunError(
                "E_RUN_FOLDER",
                "The folder of the run is gone, and all models with it.",
                "Learn again, and leave the folder alone.",
            )
        outcomes = [broken.get(id(outcome), outcome) for outcome in outcomes]
    parts = tuple(
        Part(
            candidate=evaluation.candidate,
            weight=float(weight),
            cv_score=evaluation.cv_score,
            members=tuple(Member.read(folder) for folder in evaluation.members),
        )
        for evaluation, weight in sorted(chosen, key=lambda pair: (-pair[1], pair[0].number))
    )
    mixed = average([evaluation.values for evaluation in found], weights)
    sample = sum(w * e.sample for e, w in chosen)
    settle = _settle_numbers if mixed.ndim == 1 else _settle_classes
    settled = settle(mixed, sample, question, data, seed, remaining)
    info = {
        "cv_score": judge(settled.held),
        "baseline_score": next(o.cv_score for o in outcomes if isinstance(o, Evaluation)),
        "weight": question.columns.weight,
        "n_rows": question.table.n_rows,
        "n_folds": len(data.plan.folds),
        "splitter": data.plan.splitter,
        "split": data.plan.digest,
        "seed": seed,
        "n_tried": len(outcomes),
        "automl": __version__,
        "profile": profile(question.schema, question.table),
        "sample": {
            "rows": question.sample_rows(),
            "values": settled.sample.tolist(),
        },
        "lines": (
            *lines_of(question.task, judge.y, settled.held, judge.weight, question.encoded.classes),
            *settled.lines,
        ),
        **settled.facts,
    }
    predictor = Predictor(
        schema=question.schema,
        task=question.task,
        metric=question.metric,
        target=question.given.target.name,
        classes=question.encoded.classes,
        parts=parts,
        catalog=question.catalog,
        info=info,
    )
    return predictor, _leaderboard(
        outcomes, dict(zip(map(id, found), weights, strict=True)), question
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settled:
    """What is done to the values of a blend, and what comes of it.

    Parameters
    ----------
    held : ndarray
        Out-of-fold values, each as it is where its fold took no part in what was chosen.
    sample : ndarray
        Values of the sample rows.
    facts : dict
        What the predictor has to know.
    lines : tuple of str, default=()
        What a person has to know.
    """

    held: NDArray[Any]
    sample: NDArray[Any]
    facts: dict[str, Any]
    lines: tuple[str, ...] = ()


def _settle_numbers(
    mixed: NDArray[Any],
    sample: NDArray[Any],
    question: Question,
    data: RunData,
    seed: int,
    remaining: Callable[[], float],
) -> _Settled:
    """Keep numbers within bounds."""
    judge = _judge(question, data)
    share = choose_share(mixed, data.y, data.plan, judge, seed=seed, deadline=remaining)
    bounds = Bounds.of(data.y, share)
    held = bound_folds(mixed, data.y, data.plan, share)
    return _Settled(held=held, sample=bounds(sample), facts={"bounds": bounds.to_json()})


def _settle_classes(
    mixed: NDArray[Any],
    sample: NDArray[Any],
    question: Question,
    data: RunData,
    seed: int,
    remaining: Callable[[], float],
) -> _Settled:
    """Temper probabilities, or weigh classes, where that is better."""
    judge = _judge(question, data)
    tuned, held = tune(mixed, data.plan, judge, question.task, seed=seed, deadline=remaining)
    if tuned is None:
        return _Settled(held=mixed, sample=sample, facts={})
    classes = question.encoded.classes
    names = [] if classes is None else classes.tolist()
    said = said_of(tuned, names, judge.metric.name, judge(mixed), judge(held))
    facts = {"tuned": asdict(tuned)}
    return _Settled(held=held, sample=tuned.values(sample), facts=facts, lines=(said,))


def _worth_blending(outcomes: Sequence[Outcome], question: Question) -> list[Evaluation]:
    """Return what is better than the constant answer, or that answer itself."""
    scored = [outcome for outcome in outcomes if isinstance(outcome, Evaluation)]
    sign = 1 if question.metric.greater_is_better else -1
    floor = sign * scored[0].cv_score
    better = [one for one in scored[1:] if not sign * one.cv_score <= floor]
    return better or scored[:1]


def _weights(
    found: list[Evaluation],
    judge: Judge,
    members: int,
    seed: int,
    remaining: Callable[[], float],
) -> NDArray[np.float64]:
    values = [evaluation.values for evaluation in found]
    scores = [evaluation.cv_score for evaluation in found]
    return blend(values, judge, scores=scores, max_members=members, seed=seed, deadline=remaining)


def _judge(question: Question, data: RunData) -> Judge:
    """Return the metric bound to the rows that have out-of-fold values."""
    truth = data.truth(data.plan.covered)
    return Judge(
        metric=question.metric,
        decide=question.task.decide,
        y=truth.y,
        weight=truth.weight,
        columns=truth.columns,
    )


def _leaderboard(
    outcomes: Sequence[Outcome], weights: dict[int, float], question: Question
) -> Leaderboard:
    """Best first, then what has no score."""
    sign = -1 if question.metric.greater_is_better else 1

    def place(outcome: Outcome) -> tuple[float, int]:
        score = outcome.cv_score if isinstance(outcome, Evaluation) else math.nan
        return (sign * score if math.isfinite(score) else math.inf, outcome.number)

    rows = []
    for rank, outcome in enumerate(sorted(outcomes, key=place), start=1):
        scored = isinstance(outcome, Evaluation)
        content = outcome.candidate.to_json()
        rows.append(
            Row(
                rank=rank if scored else None,
                number=outcome.number,
                algorithm=outcome.candidate.algorithm,
                status=_status(outcome),
                cv_score=outcome.cv_score if isinstance(outcome, Evaluation) else None,
                weight=weights.get(id(outcome), 0.0),
                seconds=outcome.seconds,
                giver=_giver(outcome, question),
                params=content["params"],
                preparation=content["preparation"],
                message=outcome.message if isinstance(outcome, Failure) else "",
            )
        )
    return Leaderboard(
        metric=question.metric.name,
        greater_is_better=question.metric.greater_is_better,
        rows=tuple(rows),
    )


def _status(outcome: Outcome) -> str:
    if isinstance(outcome, Evaluation):
        return "complete"
    if outcome.reason is Reason.PRUNED:
        return "pruned"
    return "skipped" if outcome.reason in NOT_TRIED else f"failed ({outcome.reason.value})"


def _giver(outcome: Outcome, question: Question) -> str:
    givers = question.catalog.givers
    name = outcome.candidate.algorithm
    found = givers.get(("algorithm", name)) or givers.get(("task", question.task.name))
    return str(found or "")
