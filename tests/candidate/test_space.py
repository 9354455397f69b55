"""What may be tried of one algorithm."""

from __future__ import annotations

from dataclasses import replace

import pytest
from optuna.distributions import FloatDistribution

from automl.candidate.ranges import Ranges
from automl.candidate.recipe import Candidate, Step
from automl.candidate.space import AlgorithmSpace, algorithm_space, cost_of
from automl.data.schema import Feature, Schema
from automl.data.table import Kind
from automl.errors import PluginError
from automl.plugin import Algorithm, Choice, Context, Float, Int, Params
from automl.plugin.catalog import Catalog


def space(
    ranges: dict[str, object] | None = None,
    starts: tuple[Params, ...] = ({},),
    chains: dict[str, tuple[tuple[str, ...], ...]] | None = None,
) -> AlgorithmSpace:
    algorithm = Algorithm(
        name="toy", tasks=frozenset({"binary"}), build=lambda params, context: None
    )
    given = {"depth": Int(1, 9), "rate": Float(0.01, 1, log=True), "way": Choice("a", "b")}
    return AlgorithmSpace(
        algorithm=algorithm,
        chains=chains or {"number": (("impute",),), "category": (("one_hot",), ("target",))},
        ranges=Ranges(owner="toy", varied=given if ranges is None else ranges),  # type: ignore[arg-type]  # wrong ones too
        starts=starts,
    )


def test_candidates_survive_json() -> None:
    candidate = space().candidate(
        {"depth": 3, "rate": 0.5, "way": "a", "prepare:category": "target"}
    )
    assert Candidate.from_json(candidate.to_json()) == candidate
    assert candidate.preparation == {
        "number": (Step(name="impute"),),
        "category": (Step(name="target"),),
    }
    assert candidate.params == {"depth": 3, "rate": 0.5, "way": "a"}


def test_a_kind_with_one_chain_does_not_vary() -> None:
    assert set(space().distributions()) == {"depth", "rate", "way", "prepare:category"}


def test_starts_come_without_repetition_and_may_choose_a_chain() -> None:
    starts = ({"depth": 2}, {"depth": 2}, {"depth": 2, "prepare": {"category": "target"}})
    found = space(starts=starts).start_candidates()
    assert [c.preparation["category"][0].name for c in found] == ["one_hot", "target"]


def test_a_start_that_names_an_impossible_chain_takes_the_default() -> None:
    found = space(starts=({"prepare": {"category": "gone", "text": "any"}},)).start_candidates()
    assert found[0].preparation["category"] == (Step(name="one_hot"),)


def test_flat_is_the_way_back_and_refuses_what_lies_outside() -> None:
    one = space()
    params = {"depth": 3, "rate": 0.5, "way": "a", "prepare:category": "target"}
    assert one.flat(one.candidate(params)) == params
    for outside in ({"depth": 10}, {"way": "c"}, {"rate": 2.0}):
        assert one.flat(one.candidate(params | outside)) is None
    assert one.flat(one.candidate({"depth": 3})) is None


def test_a_user_narrows_fixes_and_adds() -> None:
    bent = space(starts=({"depth": 2, "way": "a"},)).bent(
        {"depth": Int(1, 3), "way": "b"}, ({"depth": 1},)
    )
    assert set(bent.distributions()) == {"depth", "rate", "prepare:category"}
    assert [dict(c.params) for c in bent.start_candidates()] == [
        {"depth": 1, "way": "b"},
        {"depth": 2, "way": "b"},
    ]
    asked = {"depth": 2, "rate": 0.1, "prepare:category": "one_hot"}
    assert bent.flat(bent.candidate(asked)) == asked


def test_optuna_distributions_are_taken_and_others_refused() -> None:
    taken = space({"rate": FloatDistribution(0, 1)}).distributions()
    assert taken["rate"] == FloatDistribution(0, 1)
    with pytest.raises(PluginError, match="'rate'"):
        space({"rate": (0, 1)}).distributions()


def test_a_device_that_the_user_names_is_not_left_waiting() -> None:
    slow = replace(space(), algorithm=replace(space().algorithm, cost=15.0, growth=1.0))
    assert cost_of(slow) == 15.0
    assert cost_of(replace(slow, device="cuda:1")) == 1.0
    assert cost_of(replace(slow, device="cuda", n_rows=4_000)) == 2.0


def test_an_algorithm_learns_where_it_can() -> None:
    schema = Schema(features=(Feature(name="x", kind=Kind.NUMBER),))
    context = Context(task="binary", n_classes=2, n_rows=100, n_columns=1, device="cuda:1")
    for devices, device in (({"cpu", "cuda"}, "cuda:1"), ({"cpu"}, "cpu")):
        algorithm = Algorithm(
            name="toy",
            tasks=frozenset({"binary"}),
            build=lambda params, context: None,
            accepts=frozenset({"number", "missing", "unscaled"}),
            devices=frozenset(devices),
        )
        found = algorithm_space(algorithm, schema, Catalog(), context)
        assert found is not None
        assert found.device == device
