"""Parameters of steps, and parameters that are used only with others, from draw to replay."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl.candidate.ranges import Ranges
from automl.candidate.recipe import Candidate
from automl.candidate.space import AlgorithmSpace, algorithm_space
from automl.data.schema import Feature, Schema
from automl.data.table import Kind
from automl.errors import PluginError
from automl.plugin import Algorithm, Choice, Context, Float, Int, Params
from automl.plugin.discovery import discover
from automl.plugin.selection import Plugins
from automl.search.study import AlgorithmStudy

KERNEL = {
    "kernel": Choice("rbf", "poly", "linear"),
    "gamma": Float(0.1, 10.0, log=True, when={"kernel": ("rbf", "poly")}),
    "degree": Int(2, 4, when={"kernel": "poly"}),
    "C": Float(0.1, 10.0, log=True),
}
STEPS = {
    "one_hot": {"min_count": Choice(1, 2, 5)},
    "target": {"smooth": Float(1.0, 100.0, log=True), "count": Choice(False, True)},
}


def space(
    ranges: dict[str, Any] | None = None,
    starts: tuple[Params, ...] = ({},),
    steps: dict[str, Any] | None = None,
) -> AlgorithmSpace:
    return AlgorithmSpace(
        algorithm=Algorithm(name="toy", tasks=frozenset({"binary"}), build=lambda p, c: None),
        chains={"number": (("scale",),), "category": (("one_hot",), ("target", "scale"))},
        ranges=Ranges(owner="toy", varied=KERNEL if ranges is None else ranges),
        starts=starts,
        steps={
            name: Ranges(owner=name, varied=varied)
            for name, varied in {"scale": {}, **(STEPS if steps is None else steps)}.items()
        },
    )


def drawn(one: AlgorithmSpace, data: Any) -> dict[str, Any]:
    def suggest(name: str, given: Any) -> Any:
        if hasattr(given, "choices"):
            return data.draw(st.sampled_from(given.choices), label=name)
        numbers = st.integers if isinstance(given.low, int) else st.floats
        return data.draw(numbers(given.low, given.high), label=name)

    return one.draw(suggest)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_only_what_is_used_is_drawn_and_a_draw_can_be_replayed(data: Any) -> None:
    one = space()
    params = drawn(one, data)
    candidate = one.candidate(params)
    assert Candidate.from_json(candidate.to_json()) == candidate
    assert ("gamma" in candidate.params) == (candidate.params["kernel"] != "linear")
    assert ("degree" in candidate.params) == (candidate.params["kernel"] == "poly")
    steps = {step.name: set(step.params) for step in candidate.preparation["category"]}
    expected = {"one_hot": {"min_count"}}, {"target": {"smooth", "count"}, "scale": set()}
    assert steps in expected
    assert one.flat(candidate) == params
    assert one.candidate(one.flat(candidate) or {}) == candidate
    distributions = {name: one.distributions()[name] for name in params}
    trial = optuna.trial.create_trial(params=params, distributions=distributions, value=1.0)
    assert trial.params == params


def test_optuna_is_asked_for_what_is_used_only_and_told_of_the_starts() -> None:
    starts = ({"kernel": "rbf", "gamma": 1.0, "C": 1.0}, {"kernel": "linear", "C": 2.0})
    one = AlgorithmStudy(space(starts=starts), 0, greater_is_better=True)
    for number in range(40):
        candidate = one.ask()
        assert candidate is not None
        assert ("degree" in candidate.params) == (candidate.params["kernel"] == "poly")
        one.tell(candidate, float(number % 7))
    trials = one._study.trials
    assert [dict(trial.params) for trial in trials[:2]] == [
        {**start, "prepare:category": "one_hot"} for start in starts
    ]
    assert {name for trial in trials for name in trial.params} == set(space().distributions())


def test_what_is_given_but_not_used_is_not_passed() -> None:
    candidate = space().candidate({"kernel": "linear", "gamma": 2.0, "degree": 3, "C": 1.0})
    assert candidate.params == {"kernel": "linear", "C": 1.0}
    # Who says nothing of the kernel leaves it to build().
    assert space().candidate({"gamma": 2.0}).params == {"gamma": 2.0}


def test_starts_and_users_name_parameters_of_steps() -> None:
    chosen: Params = {"prepare": {"category": "target > scale"}, "target__smooth": 3.0}
    bent = space().bent(
        {"target__count": True, "one_hot__min_count": Choice(2, 5), "C": 1.0}, (chosen,)
    )
    first = bent.start_candidates()[0]
    assert dict(first.preparation["category"][0].params) == {"smooth": 3.0, "count": True}
    assert dict(first.params) == {"C": 1.0}
    varied = bent.distributions()
    assert varied["one_hot__min_count"] == Choice(2, 5).distribution()
    assert "target__count" not in varied
    params = {"kernel": "linear", "prepare:category": "target > scale", "target__smooth": 5.0}
    assert bent.flat(bent.candidate(params)) == params


def test_what_is_said_of_a_step_that_the_table_lacks_never_reaches_build() -> None:
    plain = Schema(features=(Feature(name="x", kind=Kind.NUMBER),))
    catalog = discover(Plugins.of(None))
    lightgbm = catalog.get("algorithm", "lightgbm")
    context = Context(task="binary", n_classes=2, n_rows=50, n_columns=1)
    found = algorithm_space(lightgbm, plain, catalog, context)
    assert found is not None
    start = {"num_leaves": 5, "text_svd__width": 7, "none_of_ours__x": 1}
    bent = found.bent({"target_mean__smooth": Float(1.0, 2.0)}, (start,))
    assert dict(bent.start_candidates()[0].params) == {"num_leaves": 5, "none_of_ours__x": 1}
    assert "target_mean__smooth" not in bent.distributions()


def test_a_step_may_be_left_to_itself_but_not_lie_outside() -> None:
    one = space()
    own = {"kernel": "linear", "C": 1.0, "prepare:category": "target > scale"}
    assert one.flat(one.candidate(own)) == own
    assert one.flat(one.candidate(own | {"target__smooth": 0.5})) is None
    assert one.flat(one.candidate(own | {"target__unknown": 0.5})) is None


def test_an_algorithm_may_call_a_parameter_of_its_own_so() -> None:
    one = space({"one_hot__min_count": Choice(7, 8)}, steps={"one_hot": {}, "target": {}})
    candidate = one.candidate({"one_hot__min_count": 7})
    assert candidate.params == {"one_hot__min_count": 7}
    assert not candidate.preparation["category"][0].params


def test_a_range_that_replaces_another_depends_on_the_same() -> None:
    for mine in (Float(1.0, 2.0), optuna.distributions.FloatDistribution(1.0, 2.0)):
        bent = space().bent({"gamma": mine}, ())
        assert bent.candidate({"kernel": "linear", "gamma": 1.5}).params == {"kernel": "linear"}
    fixed = space().bent({"kernel": "linear"}, ())
    assert set(fixed.draw(lambda name, given: given.low if hasattr(given, "low") else "one_hot"))
    assert "gamma" not in fixed.draw(lambda name, given: getattr(given, "low", "one_hot"))
    assert fixed.candidate({"gamma": 2.0}).params == {"kernel": "linear"}


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ({"a": Int(0, 1, when={"b": 1})}, "'b', which is not in the space"),
        ({"a": Int(0, 1, when={"b": 1}), "b": Int(0, 1, when={"a": 1})}, "a, b depend on each"),
    ],
)
def test_a_condition_that_cannot_hold_is_refused(ranges: dict[str, Any], said: str) -> None:
    with pytest.raises(PluginError, match=said):
        space(ranges).draw(lambda name, given: 1)


@pytest.mark.parametrize("when", [{"a": [1]}, {1: 1}, ("a", 1), {"a": (1, {})}])
def test_a_condition_is_a_mapping_to_plain_values(when: Any) -> None:
    for make in (
        lambda: Float(0.0, 1.0, when=when),
        lambda: Int(0, 1, when=when),
        lambda: Choice(1, when=when),
    ):
        with pytest.raises(PluginError, match="when="):
            make()


def test_true_is_not_one() -> None:
    one = space({"a": Choice(True, 1), "b": Int(0, 1, when={"a": 1})})
    assert "b" not in one.candidate({"a": True, "b": 0}).params
    assert "b" in one.candidate({"a": 1, "b": 0}).params
