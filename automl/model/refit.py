"""The same recipe on other rows, kept only where it is no worse on rows that it has not seen."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from automl.data.apply import apply
from automl.data.frame import take_in
from automl.errors import InputError
from automl.events import RunFinished, Stage
from automl.model import reading
from automl.model.again import ask_again, fingerprints, hold_out, part_of, take_again
from automl.model.compare import Comparison, compare
from automl.model.fit_again import FitAgain
from automl.model.judge import Judge
from automl.plugin.notify import Notifier
from automl.plugin.selection import Plugins
from automl.search.budget import Budget, Clock
from automl.search.call import Call, workers_of
from automl.search.interrupts import interrupts
from automl.search.outcome import Evaluation, Failure
from automl.search.scoring import columns_for
from automl.search.strategy import Strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from automl.data.columns import Columns
    from automl.data.finding import Finding
    from automl.data.given import Given
    from automl.model.predictor import Predictor
    from automl.search.outcome import Outcome
    from automl.search.question import Question

FEWEST = 20
"""Rows by which two predictors are compared at least."""

SAME = 1e-9
"""Scores that differ by less, as a share of their size, are equal."""

SEEN, SEEN_SHARE = 2, 0.05
"""So many of the few rows that a predictor keeps of those it learned from, and such a share, among
those it is judged by, tell that it has seen some of these."""

FITTED = ("algorithm", "preprocessor", "task")
"""Kinds of contributions that workers need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """What came of a refit.

    Parameters
    ----------
    predictor : Predictor
        The one that is kept.
    kept : {"new", "old"}
    why : str
        In words.
    metric : str
    comparison : Comparison or None
        Both scores with their intervals; None where nothing could be fitted.
    lines : tuple of str
        What else a person has to know.
    findings : tuple of Finding
        What was found in the rows.
    seconds : float
        Wall seconds of the whole call.
    interrupted : bool
        Whether Ctrl-C or SIGTERM ended it early.
    """

    predictor: Predictor
    kept: Literal["new", "old"]
    why: str
    metric: str
    comparison: Comparison | None
    lines: tuple[str, ...]
    findings: tuple[Finding, ...]
    seconds: float
    interrupted: bool

    def __repr__(self) -> str:
        return "\n".join([f"The {self.kept} predictor is kept: {self.why}", *self.lines])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """Rows by which both are judged, with what the old one says of them.

    Parameters
    ----------
    given : Given
    y : ndarray of shape (n_rows,)
    values : ndarray
    seconds : float
        What asking the old one took.
    lines : tuple of str
        What a person has to know of these rows.
    """

    given: Given
    y: NDArray[Any]
    values: NDArray[np.float64]
    seconds: float
    lines: tuple[str, ...]

    def judge(self, predictor: Predictor) -> Judge:
        return Judge(
            metric=predictor.metric,
            decide=predictor.task.decide,
            y=self.y,
            weight=self.given.weight,
            columns=columns_for(predictor.metric, self.given),
        )


def refit(
    predictor: Predictor,
    rows: object,
    target: object,
    check: object,
    columns: Columns | None,
    budget: float | Budget | None,
    seed: int | None,
    n_jobs: int | None,
) -> Refit:
    """Fit a predictor's recipe on other rows; the parameters are those of `Predictor.refit`."""
    for kind, name in sorted(predictor.catalog.predicting.keys() & _used(predictor)):
        predictor.catalog.get(kind, name, fits=True)  # says what is missing
    spending = Budget(trials=len(predictor.parts)) if budget is None else Budget.of(budget)
    call = Call(
        budget=spending,
        seed=int(predictor.info.get("seed") or 0) if seed is None else seed,
        workers=workers_of(n_jobs),
        plugins=Plugins(add=tuple(_handed_over(predictor))),
        strategy=Strategy(),
        clock=Clock(spending.seconds),
        notifier=Notifier(predictor.catalog.listeners),
    )
    call.say(Stage, name="read")
    given, roles = take_again(predictor, rows, target, columns)
    if check is None:
        train, test = hold_out(predictor, given, call.seed)
        held, given = part_of(given, test), part_of(given, train)
    else:
        named = target if isinstance(target, str) else predictor.target
        table, truth = check if isinstance(check, tuple) and len(check) == 2 else (check, named)
        held, _ = take_again(predictor, table, truth, columns)
    question = ask_again(predictor, given, roles)
    judged = _check(predictor, question, held, own=check is not None)
    call = replace(call, strategy=_strategy(predictor, roles))
    with interrupts() as stop:
        again = FitAgain(parts=predictor.parts, question=question, call=call, asking=judged.seconds)
        new, outcomes = again.run(stop)
        left = call.patience(stop)
        found = None if new is None else _compared(predictor, new, judged, left, call.seed)
    lines = [*judged.lines, *_left_out(outcomes)]
    ahead = found is not None and found.ahead.value >= -SAME * abs(found.old.value)
    if new is not None and found is not None and ahead:
        new.info["refit"] = _lineage(predictor, question, found)  # type: ignore[index]  # a dict of its own
    kept = new if new is not None and ahead else predictor
    call.say(
        RunFinished,
        score=kept.info.get("cv_score"),
        metric=predictor.metric.name,
        n_complete=sum(isinstance(one, Evaluation) for one in outcomes),
        n_failed=sum(isinstance(one, Failure) for one in outcomes),
        members=tuple(part.candidate.algorithm for part in kept.parts),
    )
    return Refit(
        predictor=kept,
        kept="new" if ahead else "old",
        why=_why(predictor.metric.name, found, interrupted=stop.came),
        metric=predictor.metric.name,
        comparison=found,
        lines=tuple(lines),
        findings=question.findings,
        seconds=call.clock.elapsed,
        interrupted=stop.came,
    )


def _strategy(predictor: Predictor, roles: Columns) -> Strategy:
    """Return as many folds as before, made in the same way where the roles are the same."""
    info = predictor.info
    same = all(getattr(roles, role) == info.get(role) for role in ("group", "time"))
    splitter = info.get("splitter") if same else None
    return Strategy(
        task=predictor.plain_task.name,
        splitter=splitter if splitter in predictor.catalog.splitters else None,
        folds=info.get("n_folds"),
    )


def _used(predictor: Predictor) -> set[tuple[str, str]]:
    return {("algorithm", part.candidate.algorithm) for part in predictor.parts}


def _handed_over(predictor: Predictor) -> Iterator[object]:
    """Yield what workers cannot find by themselves."""
    for (kind, name), giver in sorted(predictor.catalog.givers.items()):
        if kind in FITTED and not giver.plugin:
            yield predictor.catalog.of(kind)[name]


def _check(predictor: Predictor, question: Question, held: Given, *, own: bool) -> _Check:
    """Leave out rows that are learned from as well, and ask the old predictor about the rest."""
    y = reading.encode(held.target, predictor.plain_task, predictor.classes)
    prints = fingerprints(apply(question.schema, held.raw).table, y)
    lines = []
    if own:
        # Rows of a table of its own may stand in the other one too; those held out do not.
        known = fingerprints(question.table, question.encoded.y)
        fresh = np.flatnonzero(~np.isin(prints, known))
        if len(fresh) < len(y):
            lines.append(
                f"{len(y) - len(fresh)} of the {len(y)} rows to judge by are among those to learn "
                "from as well, and are left out."
            )
        held, y = part_of(held, fresh), y[fresh]
    if len(y) < FEWEST:
        raise InputError(
            "E_INPUT_REFIT_ROWS",
            f"{len(y)} rows are left to judge by, expected {FEWEST} at least.",
            "Hand over more rows, or rows of their own to judge by with check=....",
        )
    lines += _seen(predictor, question, held)
    clock = Clock()
    values = predictor.ensemble.values(apply(predictor.schema, held.raw).table)
    return _Check(given=held, y=y, values=values, seconds=clock.elapsed, lines=tuple(lines))


def _seen(predictor: Predictor, question: Question, held: Given) -> list[str]:
    """Say so where the old predictor has learned from rows by which it is judged."""
    sample = list((predictor.info.get("sample") or {}).get("rows") or ())
    if not sample:
        return []
    kept = apply(question.schema, take_in(sample), on_missing="impute").table
    judged = fingerprints(apply(question.schema, held.raw).table)
    # A row that stands there twice is nobody's own.
    alone, counts = np.unique(judged, return_counts=True)
    n_seen = np.isin(fingerprints(kept), alone[counts == 1]).sum()
    if n_seen < max(SEEN, SEEN_SHARE * len(sample)):
        return []
    said = (
        "The old predictor has probably learned from some of the rows by which it is judged, which "
        "flatters it: hand over rows that are new to both with check=...."
    )
    return [said]


def _compared(
    predictor: Predictor, new: Predictor, check: _Check, left: Callable[[], float], seed: int
) -> Comparison:
    """Judge both by the same rows."""
    values = new.ensemble.values(apply(new.schema, check.given.raw).table)
    one, other = (check.judge(predictor), check.values), (check.judge(new), values)
    return compare(one, other, check.given.groups, seed, left)


def _left_out(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Say which parts of the blend could not be fitted, and why."""
    for one in outcomes:
        if isinstance(one, Failure):
            yield f"Without {one.candidate.algorithm!r}, a part of the blend: {one.message}"


def _why(metric: str, found: Comparison | None, *, interrupted: bool) -> str:
    if found is None:
        return "the run was interrupted." if interrupted else "no part could be fitted."
    said = (
        f"on {found.n_rows} rows that the new one has not seen {metric} is {found.new.value:.6g} "
        f"instead of {found.old.value:.6g}"
    )
    if not np.isfinite([found.new.value, found.old.value]).all():
        return f"{said}, which cannot be compared."
    if np.isnan(found.ahead.low):
        return f"{said}."
    low, high = found.ahead.low, found.ahead.high
    chance = ", no more than chance may bring" if low <= 0 <= high and found.ahead.value else ""
    return f"{said} (95 % interval of what it gains: {low:+.4g} to {high:+.4g}{chance})."


def _lineage(predictor: Predictor, question: Question, found: Comparison) -> dict[str, Any]:
    """Return what a predictor has to remember of the one that it takes the place of."""
    info = predictor.info
    before = info.get("refit") or {}
    return {
        "generation": int(before.get("generation", 0)) + 1,
        "of": {
            "digest": digest(predictor),
            "automl": info.get("automl"),
            "n_rows": info.get("n_rows"),
            "cv_score": info.get("cv_score"),
        },
        "n_rows": question.table.n_rows,
        "check": asdict(found),
    }


def digest(predictor: Predictor) -> str:
    """Return a hash of all members of a predictor, which another one hardly shares."""
    sha = hashlib.sha256()
    for part in predictor.parts:
        for member in part.members:
            for name, content in sorted(member.files.items()):
                sha.update(f"{name}:{len(content)}:".encode())
                sha.update(content)
    return sha.hexdigest()
