"""Chains of steps from a kind of column to what an algorithm accepts."""

from __future__ import annotations

from itertools import permutations

from automl.candidate.chains import LONGEST, MOST, after, initial_traits, possible_chains
from automl.data.table import Kind
from automl.plugin import Preprocessor


def step(name: str, takes: str, emits: str, removes: str = "", priority: int = 50) -> Preprocessor:
    return Preprocessor(
        name=name,
        takes=frozenset(takes.split()),
        emits=frozenset(emits.split()),
        removes=frozenset(removes.split()),
        priority=priority,
        build=lambda params, context: None,
    )


IMPUTE = step("impute", "number missing", "number", priority=10)
SCALE = step("scale", "number unscaled", "number", priority=20)
RANK = step("rank", "number unscaled", "number", priority=30)
ONE_HOT = step("one_hot", "category", "number sparse", removes="missing", priority=20)
TARGET = step("target", "category", "number unscaled", removes="missing", priority=40)
STEPS = [IMPUTE, SCALE, RANK, ONE_HOT, TARGET]


def test_what_is_accepted_needs_no_step() -> None:
    accepts = frozenset({"number", "missing", "unscaled"})
    assert possible_chains(Kind.NUMBER, accepts, STEPS) == ((),)


def test_the_chain_with_the_lowest_priorities_is_the_default() -> None:
    chains = possible_chains(Kind.NUMBER, frozenset({"number"}), STEPS)
    assert chains == (("impute", "scale"), ("impute", "rank"))


def test_a_native_kind_may_still_be_turned_into_another() -> None:
    accepts = frozenset({"number", "missing", "unscaled", "category"})
    assert possible_chains(Kind.CATEGORY, accepts, STEPS) == ((), ("target",))


def test_a_kind_that_cannot_be_reached_has_no_chain() -> None:
    assert possible_chains(Kind.TEXT, frozenset({"number"}), STEPS) == ()


def test_the_order_in_which_steps_are_given_never_matters() -> None:
    for kind in (Kind.NUMBER, Kind.CATEGORY):
        found = {
            possible_chains(kind, frozenset({"number", "sparse"}), order)
            for order in permutations(STEPS)
        }
        assert len(found) == 1


def test_every_chain_ends_at_what_is_accepted_and_is_bounded() -> None:
    more = [step(f"way{n}", "category", f"number unscaled odd{n}") for n in range(6)]
    more += [step(f"back{n}", f"odd{n}", "number") for n in range(6)]
    by_name = {one.name: one for one in [*STEPS, *more]}
    chains = possible_chains(Kind.CATEGORY, frozenset({"number"}), by_name.values())
    assert 0 < len(chains) <= MOST
    for chain in chains:
        traits = initial_traits(Kind.CATEGORY)
        for name in chain:
            traits = after(traits, by_name[name])
        assert traits <= {"number"}
        assert len(chain) <= LONGEST
