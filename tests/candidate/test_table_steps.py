"""Steps that read the whole table: chosen by the search, fitted inside the fold, kept if of use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from automl.candidate.preparation import Setting, fit_preparation
from automl.candidate.ranges import Ranges
from automl.candidate.recipe import Candidate, Step
from automl.candidate.space import AlgorithmSpace, spaces_for
from automl.data.schema import Feature, Schema
from automl.data.table import Kind, Table
from automl.errors import PluginError
from automl.plugin import Algorithm, Choice, Context, Params, Preprocessor
from automl.plugin.catalog import Catalog
from automl.plugin.discovery import discover
from automl.search.study import AlgorithmStudy

N = 40
CATALOG = discover()
FEATURES = (
    Feature(name="city", kind=Kind.CATEGORY, levels=("a", "b", "c")),
    Feature(name="age", kind=Kind.NUMBER),
    Feature(name="born", kind=Kind.DATE),
    Feature(name="pay", kind=Kind.NUMBER),
)
SCHEMA = Schema(features=FEATURES)
NUMBERS = frozenset({"number", "missing", "unscaled"})


class Within:
    """A number less the mean of its city: a made column of two kinds."""

    def fit(self, table: Table, y: Any = None) -> Within:
        city, pay = table.category[:, 0], table.number[:, 1]
        self.means_ = np.array([np.nanmean(pay[city == code]) for code in range(3)])
        return self

    def transform(self, table: Table) -> Any:
        return (table.number[:, 1] - self.means_[table.category[:, 0]])[:, None]

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        assert n_in == len(FEATURES)
        return [(0, 3)]


class OwnTarget:
    """What a step must not give to the rows that it was fitted on."""

    def fit(self, table: Table, y: Any) -> OwnTarget:
        self.y_ = dict(zip(table.number[:, 0].tolist(), y.tolist(), strict=True))
        return self

    def transform(self, table: Table) -> Any:
        return np.array([[self.y_.get(age, -1.0)] for age in table.number[:, 0].tolist()])


def step(name: str, make: Any, **more: Any) -> Preprocessor:
    return Preprocessor(
        name=name,
        takes=frozenset({"table"}),
        emits=NUMBERS,
        build=lambda params, context: make(),
        **more,
    )


WITHIN = step("within", Within, space={"most": Choice(1, 2)})


def table(n: int = N) -> Table:
    rng = np.random.default_rng(0)
    return Table(
        number=np.column_stack([np.arange(n, dtype=np.float64), rng.normal(size=n)]),
        category=(np.arange(n) % 3)[:, None].astype(np.int32),
        string=np.empty((n, 0), np.int32),
        text=np.empty((n, 0), object),
        date=rng.uniform(0, 1e9, size=(n, 1)),
    )


def catalog(*steps: Preprocessor) -> Catalog:
    more = {one.name: one for one in steps}
    return replace(CATALOG, preprocessors={**CATALOG.preprocessors, **more})


def prepared(preparation: dict[str, tuple[str, ...]], known: Catalog) -> Any:
    chains = {kind: tuple(Step(name=name) for name in names) for kind, names in preparation.items()}
    setting = Setting(task=CATALOG.tasks["binary"], n_classes=2, metric="", seed=0, threads=1)
    candidate = Candidate(algorithm="any", preparation=chains)
    return fit_preparation(candidate, table(), np.arange(N) % 2, SCHEMA, known, setting)


def test_what_is_made_stands_beside_the_columns_of_each_kind() -> None:
    found = prepared({"number": (), "within": ("within",)}, catalog(WITHIN))
    assert found.X.shape == (N, 3)
    assert found.preparation.lineage == (("age",), ("pay",), ("city", "pay"))
    assert found.preparation.names == ("age", "pay", "within[0]")
    assert found.extra == 1
    np.testing.assert_array_equal(found.preparation.transform(table()), found.X)
    assert prepared({"number": ()}, catalog(WITHIN)).extra is None


def test_the_line_goes_through_the_steps_behind_it() -> None:
    chain = ("within", "impute", "scale")
    assert prepared({"within": chain}, catalog(WITHIN)).preparation.lineage == (("city", "pay"),)


def test_rows_get_what_was_learned_without_them() -> None:
    peeking = step("peeking", OwnTarget, supervised=True)
    assert (prepared({"peeking": ("peeking",)}, catalog(peeking)).X == -1.0).all()


def spaces(*steps: Preprocessor, schema: Schema = SCHEMA, **algorithm: Any) -> AlgorithmSpace:
    fields: dict[str, Any] = {"accepts": NUMBERS | {"category"}, **algorithm}
    toy = Algorithm(
        name="toy", tasks=frozenset({"binary"}), build=lambda params, context: None, **fields
    )
    installed = {n: s for n, s in CATALOG.preprocessors.items() if "table" not in s.takes}
    own = {one.name: one for one in steps}
    known = replace(CATALOG, algorithms={"toy": toy}, preprocessors={**installed, **own})
    context = Context(task="binary", n_classes=2, n_rows=N, n_columns=4)
    return spaces_for(schema, CATALOG.tasks["binary"], known, context, table())[0]


def test_to_leave_it_out_is_the_first_choice() -> None:
    found = spaces(WITHIN)
    assert found.chains["within"] == ((), ("within",))
    assert set(found.chains) == {"number", "category", "date", "within"}
    assert not found.start_candidates()[0].extra
    assert found.distributions()["prepare:within"] == Choice("", "within").distribution()


def test_a_start_switches_it_on_with_its_parameters() -> None:
    start = {"prepare": {"within": "within", "unheard": "unheard"}, "within__most": 2}
    candidate = spaces(WITHIN, starts=(start,)).start_candidates()[0]
    assert candidate.extra == {"within": (Step(name="within", params={"most": 2}),)}
    assert Candidate.from_json(candidate.to_json()) == candidate


@pytest.mark.parametrize("chosen", ["", "within"])
def test_a_draw_can_be_replayed(chosen: str) -> None:
    found = spaces(WITHIN)

    def suggest(name: str, given: Any) -> Any:
        return chosen if name == "prepare:within" else given.choices[0]

    params = found.draw(suggest)
    assert ("within__most" in params) == bool(chosen)
    candidate = found.candidate(params)
    assert bool(candidate.extra) == bool(chosen)
    assert found.flat(candidate) == params


def test_steps_behind_it_bring_it_to_what_is_accepted() -> None:
    chains = spaces(WITHIN, accepts=frozenset({"number"})).chains["within"]
    assert chains == ((), ("within", "impute", "scale"))


def test_a_start_names_the_step_alone_whatever_has_to_follow() -> None:
    starts = ({"prepare": {"within": "within"}}, {"prepare": {"within": ""}})
    found = spaces(WITHIN, accepts=frozenset({"number"}), starts=starts).start_candidates()
    names = [[step.name for chain in one.extra.values() for step in chain] for one in found]
    assert names == [["within", "impute", "scale"], []]


def test_it_is_not_tried_where_it_declines_or_would_break_a_promise() -> None:
    declining = replace(WITHIN, wants=lambda given, context: given.number.shape[1] > 2)
    assert "within" not in spaces(declining).chains
    assert "within" in spaces(replace(WITHIN, wants=lambda given, context: True)).chains
    rising = Schema(
        features=tuple(replace(one, monotonic=int(one.name == "pay")) for one in FEATURES)
    )
    assert "within" not in spaces(WITHIN, schema=rising, monotonic=True).chains


def test_it_looks_at_the_whole_table_and_cannot_change_it() -> None:
    looked = []

    def wants(given: Any, context: Any) -> bool:
        looked.append((given.n_rows, [one.name for one in context.features]))
        with pytest.raises(ValueError, match="read-only"):
            given.number[0, 0] = 1.0
        return True

    spaces(replace(WITHIN, wants=wants))
    assert looked == [(N, ["city", "age", "born", "pay"])]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"takes": frozenset({"table", "missing"})}, "taken alone"),
        ({"emits": frozenset({"table"})}, "not emitted"),
        ({"name": "number"}, "no kind"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_is_written(
    fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(PluginError, match=said):
        replace(WITHIN, **fields)


PLAIN: Params = {"depth": 1}
MADE: Params = {"depth": 1, "prepare": {"within": "within"}}


def study(*starts: Params) -> AlgorithmStudy:
    space = AlgorithmSpace(
        algorithm=Algorithm(name="toy", tasks=frozenset({"binary"}), build=lambda p, c: None),
        chains={"number": ((),), "within": ((), ("within",))},
        ranges=Ranges(owner="toy", varied={"depth": Choice(*range(1, 9))}),
        starts=starts,
    )
    return AlgorithmStudy(space, 0, greater_is_better=False)


def told(one: AlgorithmStudy, *scores: float | None) -> list[bool]:
    """Return of each candidate whether it has the step; the last one is not told."""
    found = []
    for score in (*scores, 0.0):
        candidate = one.ask()
        assert candidate is not None
        found.append(bool(candidate.extra))
        one.tell(candidate, score)
    return found


def test_what_made_a_start_better_is_used_in_those_to_come() -> None:
    starts = (PLAIN, MADE, {"depth": 2}, {"depth": 3})
    assert told(study(*starts), 1.0, 0.9, 1.0) == [False, True, True, True]
    assert told(study(*starts), 1.0, 1.1, 1.0) == [False, True, False, False]


def test_what_gave_no_score_is_not_tried_again() -> None:
    one = study(PLAIN, MADE, {"depth": 2, "prepare": {"within": "within"}})
    assert told(one, 1.0, None, *[1.0] * 5) == [False, True, *[False] * 6]


def test_a_study_that_is_taken_up_goes_on_where_it_was() -> None:
    starts = (PLAIN, MADE, {"depth": 2}, {"depth": 3})
    first, again = study(*starts), study(*starts)
    known = []
    for score in (1.0, 0.9, 0.8):
        candidate = first.ask()
        assert candidate is not None
        first.tell(candidate, score)
        known.append((candidate, score))
    for candidate, _ in known:
        again.take_up(candidate, None)
    for candidate, score in known:
        again.tell(candidate, score)
    assert again.starts_left == first.starts_left == 1
    assert again.ask() == first.ask()
