"""Who goes next."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from automl.candidate.ranges import Ranges
from automl.candidate.recipe import Candidate
from automl.candidate.space import AlgorithmSpace
from automl.plugin import Algorithm, Int
from automl.search.outcome import Evaluation, Failure, Outcome, Reason
from automl.search.schedule import Schedule
from automl.search.study import AlgorithmStudy


def study(name: str, cost: float, n_starts: int = 2) -> AlgorithmStudy:
    algorithm = Algorithm(
        name=name, tasks=frozenset({"binary"}), build=lambda params, context: None, cost=cost
    )
    space = AlgorithmSpace(
        algorithm=algorithm,
        chains={},
        ranges=Ranges(owner=name, varied={"depth": Int(0, 1000)}),
        starts=tuple({"depth": n} for n in range(n_starts)),
    )
    return AlgorithmStudy(space, 0, greater_is_better=True)


def schedule(*studies: AlgorithmStudy, measured: bool = False) -> Schedule:
    return Schedule(studies, greater_is_better=True, measured=measured)


def outcome(candidate: Candidate, score: float | None, seconds: float = 1.0) -> Outcome:
    if score is None:
        return Failure(
            number=1, candidate=candidate, reason=Reason.EXCEPTION, message="", seconds=seconds
        )
    return Evaluation(
        number=1,
        candidate=candidate,
        cv_score=score,
        fold_scores=(score,),
        values=np.zeros(1, dtype=np.float32),
        members=(),
        sample=np.zeros(1),
        seconds=seconds,
    )


def names(one: Schedule, n: int, scores: dict[str, float | None]) -> list[str]:
    found = []
    for _ in range(n):
        candidate = one.ask(100.0)
        if candidate is None:
            break
        found.append(candidate.algorithm)
        one.tell(outcome(candidate, scores[candidate.algorithm]))
    return found


def test_families_alternate_and_cheap_ones_come_first() -> None:
    one = schedule(study("dear", 4.0), study("cheap", 1.0))
    assert names(one, 4, {"dear": 0.5, "cheap": 0.5}) == ["cheap", "cheap", "dear", "dear"]
    one = schedule(study("a", 1.0, 3), study("b", 1.1, 3))
    assert names(one, 6, {"a": 0.5, "b": 0.5}) == ["a", "b", "a", "b", "a", "b"]


def test_what_learns_class_by_class_comes_later_the_more_classes_there_are() -> None:
    def order(n_classes: int) -> list[str]:
        by_class = study("by_class", 1.0)
        by_class.space = replace(
            by_class.space,
            algorithm=replace(by_class.space.algorithm, by_class=True),
            n_classes=n_classes,
        )
        return names(schedule(by_class, study("one", 2.0)), 4, {"by_class": 0.5, "one": 0.5})

    assert order(4)[0] == "by_class"
    assert order(100) == ["one", "one", "by_class", "by_class"]


def test_what_compares_row_with_row_comes_first_where_they_are_few() -> None:
    def order(n_rows: int) -> list[str]:
        pairs = study("pairs", 3.0)
        algorithm = replace(pairs.space.algorithm, growth=1.0)
        pairs.space = replace(pairs.space, algorithm=algorithm, n_rows=n_rows)
        return names(schedule(pairs, study("one", 1.0)), 4, {"pairs": 0.5, "one": 0.5})

    assert order(200)[0] == "pairs"
    assert order(2_000)[0] == "one"
    assert order(20_000) == ["one", "one", "pairs", "pairs"]


def test_what_was_given_up_says_nothing_of_the_time_that_a_whole_one_takes() -> None:
    one = schedule(study("only", 1.0, 9), measured=True)
    for seconds, reason in ((10.0, None), (1.0, Reason.PRUNED), (0.1, Reason.EXCEPTION)):
        candidate = one.ask(100.0)
        assert candidate is not None
        done = outcome(candidate, 0.5 if reason is None else None, seconds)
        one.tell(replace(done, reason=reason) if isinstance(done, Failure) and reason else done)
    assert one.expected(Candidate(algorithm="only")) == 10.0
    assert one.ask(5.0) is None


def test_tuning_goes_to_the_better_algorithm_most_of_the_time() -> None:
    one = schedule(study("good", 1.0), study("poor", 1.0))
    later = names(one, 40, {"good": 0.9, "poor": 0.6})[4:]
    assert later.count("good") > later.count("poor") > 0


def test_an_algorithm_that_only_fails_is_not_tuned() -> None:
    one = schedule(study("good", 1.0), study("broken", 1.0))
    assert "broken" not in names(one, 20, {"good": 0.9, "broken": None})[4:]


def test_what_will_not_fit_into_the_time_left_is_not_begun() -> None:
    one = schedule(study("quick", 1.0, 5), study("slow", 1.0, 5), measured=True)
    for _ in range(2):
        candidate = one.ask(1000.0)
        assert candidate is not None
        one.tell(outcome(candidate, 0.5, seconds=1.0 if candidate.algorithm == "quick" else 50.0))
    following = one.ask(10.0)
    assert following is not None
    assert following.algorithm == "quick"
    assert one.ask(0.5) is None


def test_the_same_seed_proposes_the_same_whoever_else_is_there() -> None:
    def proposals(*others: AlgorithmStudy) -> list[object]:
        one = schedule(study("toy", 1.0), *others)
        found = []
        while len(found) < 12:
            candidate = one.ask(100.0)
            assert candidate is not None
            one.tell(outcome(candidate, 0.5))
            if candidate.algorithm == "toy":
                found.append(dict(candidate.params))
        return found

    assert proposals() == proposals(study("other", 2.0)) == proposals()
