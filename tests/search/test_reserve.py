"""How a search learns when it has to stop."""

from __future__ import annotations

import numpy as np
import pytest

from automl.candidate.recipe import Candidate
from automl.search.budget import Clock
from automl.search.outcome import Evaluation, Failure, Reason
from automl.search.reserve import GUESS_SECONDS, MOST, SAFETY, SearchClock

BUDGET = 1000.0
CLOSING = 1.0


def evaluations(n):
    nothing = np.zeros(1)
    return [
        Evaluation(
            number=i,
            candidate=Candidate(algorithm="a"),
            cv_score=0.0,
            fold_scores=(0.0,),
            values=nothing,
            members=(),
            sample=nothing,
            seconds=0.0,
        )
        for i in range(n)
    ]


def clock(takes=0.5, budget=BUDGET):
    asked = []

    def rehearse(outcomes, seconds):
        asked.append((len(outcomes), seconds))
        return takes

    return SearchClock(Clock(budget), CLOSING, rehearse), asked


def kept(found):
    return BUDGET - CLOSING - found.left


def test_until_something_is_measured_a_guess_is_kept():
    found, _ = clock()
    assert kept(found) == pytest.approx(GUESS_SECONDS, abs=0.1)
    short, _ = clock(budget=5)
    assert 5 - CLOSING - short.left < GUESS_SECONDS


def test_what_was_measured_is_kept_with_some_safety():
    found, _ = clock(takes=2.0)
    found.learn(evaluations(1))
    assert kept(found) == pytest.approx(SAFETY * 2.0, abs=0.1)


def test_final_steps_never_get_more_than_their_share():
    found, asked = clock(takes=500.0)
    found.learn(evaluations(1))
    assert kept(found) == pytest.approx(MOST * BUDGET, abs=0.1)
    assert asked[0][1] == MOST * BUDGET


def test_they_are_rehearsed_when_they_have_grown():
    found, asked = clock()
    for n in range(30):
        found.learn(evaluations(n))
    assert [n for n, _ in asked] == [1, 3, 9, 27]


def test_failures_are_no_reason_to_rehearse():
    failed = Failure(
        number=1, candidate=Candidate(algorithm="a"), reason=Reason.MEMORY, message="", seconds=0.0
    )
    found, asked = clock()
    found.learn([failed])
    assert not asked


def test_near_the_end_and_without_a_limit_nothing_is_rehearsed():
    late, asked = clock(budget=CLOSING)
    late.learn(evaluations(1))
    endless, more = clock(budget=None)
    endless.learn(evaluations(1))
    assert not asked
    assert not more
    assert endless.left == np.inf
    assert not endless.up
    assert late.up
