"""From outcomes to the predictor and the leaderboard."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from automl._version import __version__
from automl.candidate.pipeline import constant_pipeline
from automl.candidate.recipe import Candidate
from automl.candidate.storage import save_pipeline
from automl.errors import RunError
from automl.model.member import Member, Part
from automl.model.mix import judge_of, mix
from automl.model.predictor import Predictor
from automl.model.report import lines_of
from automl.search.leaderboard import Leaderboard, Row
from automl.search.outcome import Evaluation, Failure, Reason
from automl.search.records import damaged, intact
from automl.search.rungs import best_of_each
from automl.search.scoring import score_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

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
    gathered = data.plan.gather(dict(enumerate(values)))
    return Evaluation(
        number=0,
        candidate=candidate,
        cv_score=judge_of(question, data)(gathered),
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
    weights: Mapping[str, float] | None = None,
    among: Sequence[Outcome] | None = None,
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
    weights : mapping of str to float or None, default=None
        As for `automl.model.mix.mix`.
    among : sequence of Outcome or None, default=None
        Those of the outcomes that may be in the blend, the baseline first; all where None.

    Raises
    ------
    RunError
        E_RUN_FOLDER where what was fitted is not there any more.
    """
    greater = question.metric.greater_is_better
    while True:
        known = best_of_each(among or outcomes, greater_is_better=greater)
        mixed = mix(known, question, data, members, seed, remaining, weights)
        broken = {id(e): damaged(e) for e, _ in mixed.chosen if not intact(e)}
        if not broken:
            break
        if id(outcomes[0]) in broken:
            raise RunError(
                "E_RUN_FOLDER",
                "The folder of the run is gone, and all models with it.",
                "Learn again, and leave the folder alone.",
            )
        outcomes = [broken.get(id(outcome), outcome) for outcome in outcomes]
        among = among and [broken.get(id(outcome), outcome) for outcome in among]
    parts = tuple(
        Part(
            candidate=evaluation.candidate,
            weight=weight,
            cv_score=evaluation.cv_score,
            members=tuple(Member.read(folder) for folder in evaluation.members),
        )
        for evaluation, weight in mixed.chosen
    )
    judge, classes = judge_of(question, data), question.encoded.classes
    said = lines_of(question.task, judge.y, mixed.held, judge.weight, classes)
    info = {
        "cv_score": judge(mixed.held),
        "baseline_score": next(o.cv_score for o in outcomes if isinstance(o, Evaluation)),
        "weight": question.columns.weight,
        "group": question.columns.group,
        "time": question.columns.time,
        "n_rows": question.table.n_rows,
        "n_folds": len(data.plan.folds),
        "splitter": data.plan.splitter,
        "split": data.plan.digest,
        "seed": seed,
        "n_tried": len(outcomes),
        "automl": __version__,
        "profile": data.profile(),
        "sample": {
            "rows": question.sample_rows(),
            "values": mixed.sample.tolist(),
        },
        "lines": (*said, *mixed.lines),
        **mixed.facts,
    }
    predictor = Predictor(
        schema=question.schema,
        task=question.task,
        metric=question.metric,
        target=question.given.target.name,
        classes=classes,
        parts=parts,
        catalog=question.catalog,
        info=info,
    )
    shares = {id(evaluation): weight for evaluation, weight in mixed.chosen}
    return predictor, _leaderboard(outcomes, shares, question)


def _leaderboard(
    outcomes: Sequence[Outcome], weights: dict[int, float], question: Question
) -> Leaderboard:
    """Best first, then what has folds but no score of its own, then what has nothing."""
    sign = -1 if question.metric.greater_is_better else 1

    def place(outcome: Outcome) -> tuple[float, bool, int]:
        score = _score(outcome)
        known = math.inf if score is None or not math.isfinite(score) else sign * score
        return (known, isinstance(outcome, Failure), outcome.number)

    rows = []
    for rank, outcome in enumerate(sorted(outcomes, key=place), start=1):
        score, content = _score(outcome), outcome.candidate.to_json()
        rows.append(
            Row(
                rank=None if score is None else rank,
                number=outcome.number,
                algorithm=outcome.candidate.algorithm,
                status=_status(outcome),
                cv_score=score,
                weight=weights.get(id(outcome), 0.0),
                seconds=outcome.seconds,
                giver=_giver(outcome, question),
                params=content["params"],
                preparation=content["preparation"],
                message=_message(outcome),
                latency_ms=outcome.latency_ms if isinstance(outcome, Evaluation) else None,
                n_bytes=outcome.n_bytes if isinstance(outcome, Evaluation) else None,
            )
        )
    return Leaderboard(
        metric=question.metric.name,
        greater_is_better=question.metric.greater_is_better,
        rows=tuple(rows),
    )


def _score(outcome: Outcome) -> float | None:
    """Return the score of all rows by values of its own."""
    if isinstance(outcome, Failure) or outcome.n_missing:
        return None
    return outcome.cv_score


def _status(outcome: Outcome) -> str:
    if isinstance(outcome, Evaluation):
        if outcome.n_missing:
            return "partial"
        return "complete" if outcome.candidate.rows is None else "sample"
    if outcome.reason is Reason.PRUNED:
        return "pruned"
    return "skipped" if outcome.reason in NOT_TRIED else f"failed ({outcome.reason.value})"


def _message(outcome: Outcome) -> str:
    if isinstance(outcome, Failure):
        return outcome.message
    if outcome.n_missing:
        n_done = len(outcome.members)
        return f"{n_done} of {n_done + outcome.n_missing} folds were done in time."
    rows = outcome.candidate.rows
    return "" if rows is None else f"Fitted on {rows:,} of the training rows."


def _giver(outcome: Outcome, question: Question) -> str:
    givers = question.catalog.givers
    name = outcome.candidate.algorithm
    found = givers.get(("algorithm", name)) or givers.get(("task", question.task.name))
    return str(found or "")
