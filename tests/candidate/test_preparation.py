"""What preparation promises: out-of-fold values, the line back to the user, who declines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from automl.candidate.lineage import from_json, sources_of, to_json
from automl.candidate.preparation import Setting, fit_preparation
from automl.candidate.recipe import Candidate, Step
from automl.candidate.space import spaces_for
from automl.data.schema import Feature, Schema
from automl.data.table import Kind, Table
from automl.errors import PluginWarning
from automl.plugin import Algorithm, Context, Preprocessor
from automl.plugin.catalog import Catalog
from automl.plugin.discovery import discover

if TYPE_CHECKING:
    from collections.abc import Callable

    from automl.candidate.preparation import Prepared

N = 60
CATALOG = discover()
STEPS = [step for step in CATALOG.preprocessors.values() if "table" not in step.takes]
SUPERVISED = [step for step in STEPS if step.supervised]


def _table(seed: int = 0, texts: list[str] | None = None) -> Table:
    rng = np.random.default_rng(seed)
    number = rng.normal(size=(N, 2))
    number[::9, 1] = np.nan
    words = np.array(["good", "bad", "plane", "crew", "late", "lost", "bag"])
    said = texts or [" ".join(rng.choice(words, 5)) for _ in range(N)]
    text = np.empty((N, 1), dtype=object)
    text[:, 0] = said
    return Table(
        number=number,
        category=rng.integers(0, 3, size=(N, 2)).astype(np.int32),
        string=rng.integers(0, 9, size=(N, 1)).astype(np.int32),
        text=text,
        date=rng.uniform(0, 1e9, size=(N, 1)),
    )


def _schema(**monotonic: int) -> Schema:
    def feature(name: str, kind: Kind, n_levels: int = 0) -> Feature:
        levels = tuple(f"level {n}" for n in range(n_levels))
        return Feature(name=name, kind=kind, levels=levels, monotonic=monotonic.get(name, 0))

    return Schema(
        features=(
            feature("age", Kind.NUMBER),
            feature("pay", Kind.NUMBER),
            feature("city", Kind.CATEGORY, 3),
            feature("job", Kind.CATEGORY, 3),
            feature("street", Kind.STRING, 9),
            feature("note", Kind.TEXT),
            feature("born", Kind.DATE),
        )
    )


def _prepare(
    chains: dict[str, tuple[str, ...]],
    *,
    y: Any = None,
    catalog: Catalog = CATALOG,
    schema: Schema | None = None,
) -> Prepared:
    preparation = {kind: tuple(Step(name=name) for name in names) for kind, names in chains.items()}
    setting = Setting(task=CATALOG.tasks["binary"], n_classes=2, metric="", seed=0, threads=1)
    return fit_preparation(
        Candidate(algorithm="any", preparation=preparation),
        _table(),
        np.arange(N) % 2 if y is None else y,
        schema or _schema(),
        catalog,
        setting,
    )


def _with(*steps: Preprocessor) -> Catalog:
    more = {step.name: step for step in steps}
    return replace(CATALOG, preprocessors={**CATALOG.preprocessors, **more})


@pytest.mark.parametrize("step", SUPERVISED, ids=lambda step: step.name)
def test_no_training_row_sees_its_own_target(step: Preprocessor) -> None:
    kind = next(kind.value for kind in Kind if kind.value in step.takes)
    y = np.arange(N) % 2
    before = _prepare({kind: (step.name,)}, y=y).X
    for row in (0, 17, N - 1):
        other = y.copy()
        other[row] = 1 - other[row]
        after = _prepare({kind: (step.name,)}, y=other).X
        np.testing.assert_array_equal(after[row], before[row])
        assert not np.array_equal(after, before)


def test_the_transformer_that_predicts_has_seen_all_rows() -> None:
    seen: list[int] = []

    class Count:
        def fit(self, X: Any, y: Any) -> Count:
            seen.append(len(y))
            return self

        def transform(self, X: Any) -> Any:
            return np.zeros(X.shape)

    step = Preprocessor(
        name="counting",
        takes=frozenset({"number"}),
        emits=frozenset({"number"}),
        build=lambda params, context: Count(),
        supervised=True,
    )
    _prepare({"number": ("counting",)}, catalog=_with(step))
    assert seen == [N, *[N * 4 // 5] * 5]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_each_column_of_a_built_in_step_leads_back_to_columns_of_the_user(
    step: Preprocessor,
) -> None:
    kind = next((kind for kind in Kind if kind.value in step.takes), Kind.NUMBER)
    prepared = _prepare({kind.value: (step.name,)})
    mine = {feature.name for feature in _schema().of(kind)}
    lineage = prepared.preparation.lineage
    assert len(lineage) == prepared.X.shape[1] == len(prepared.preparation.names)
    assert all(sources and set(sources) <= mine for sources in lineage)
    assert len(set(prepared.preparation.names)) == len(lineage)


def test_the_line_goes_through_a_whole_chain_and_names_the_columns() -> None:
    chains = {"number": ("impute", "scale"), "category": ("one_hot_dense",), "date": ("calendar",)}
    found = _prepare(chains).preparation
    assert found.lineage[:3] == (("age",), ("pay",), ("pay",))
    assert found.names[:3] == ("age", "pay[0]", "pay[1]")
    assert set(found.lineage[3:]) == {("city",), ("job",), ("born",)}
    assert from_json(to_json(found.lineage)) == found.lineage


def _foreign(make: Callable[[], Any], name: str = "foreign") -> Preprocessor:
    return Preprocessor(
        name=name,
        takes=frozenset({"number"}),
        emits=frozenset({"number", "odd"}),
        build=lambda params, context: make(),
    )


def test_names_that_scikit_learn_makes_are_read_and_else_the_whole_block_stands() -> None:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures

    def lines(*steps: Any) -> tuple[tuple[str, ...], ...]:
        foreign = [_foreign(lambda step=step: step, f"f{n}") for n, step in enumerate(steps)]
        chain = ("impute", *(step.name for step in foreign))
        return _prepare({"number": chain}, catalog=_with(*foreign)).preparation.lineage

    whole = ("age", "pay")
    squares = PolynomialFeatures(2, include_bias=False)
    assert lines(squares)[:5] == (("age",), ("pay",), ("pay",), ("age",), ("age", "pay"))
    assert set(lines(PCA(2))) == {whole}
    assert set(lines(FunctionTransformer(np.abs))) == {whole}
    assert set(lines(make_pipeline(squares, PCA(2)))) == {whole}
    assert lines(FunctionTransformer(np.abs, feature_names_out="one-to-one"))[0] == ("age",)


def test_a_lineage_of_another_length_is_not_believed() -> None:
    class Wrong:
        def lineage(self, n_in: int) -> list[tuple[int, ...]]:
            return [(0,)]

    assert sources_of(Wrong(), 2, 3) == ((0, 1),) * 3
    assert sources_of(Wrong(), 2, 1) == ((0,),)


def test_only_numbers_that_pass_as_they_are_are_constrained() -> None:
    schema = _schema(age=1, pay=-1)
    raw = {"number": (), "category": ("ordinal",)}
    assert _prepare(raw, schema=schema).preparation.monotonic == (1, -1, 0, 0)
    assert _prepare({"number": ("impute",)}, schema=schema).preparation.monotonic == ()
    assert _prepare(raw).preparation.monotonic == ()


def _chains(catalog: Catalog, table: Table | None, name: str = "toy") -> Any:
    toy = Algorithm(
        name=name,
        tasks=frozenset({"binary"}),
        build=lambda params, context: None,
        accepts=frozenset({"number", "sparse"}),
    )
    only = replace(catalog, algorithms={name: toy})
    context = Context(task="binary", n_classes=2, n_rows=N, n_columns=7)
    found = spaces_for(_schema(), CATALOG.tasks["binary"], only, context, table)
    return found[0].chains


def test_a_step_looks_and_declines() -> None:
    assert _chains(CATALOG, _table())["text"][0] == ("ngrams",)
    alone = [f"word{n} other{n}" for n in range(N)]
    chains = _chains(CATALOG, _table(texts=alone))["text"]
    assert chains
    assert not any("ngrams" in chain for chain in chains)
    assert _chains(CATALOG, None)["text"][0] == ("ngrams",)


def test_a_look_sees_the_raw_columns_of_its_kind_and_cannot_change_them() -> None:
    looked = []

    def wants(block: Any, context: Any) -> bool:
        looked.append((block.shape, [feature.name for feature in context.features]))
        with pytest.raises(ValueError, match="read-only"):
            block[0, 0] = 1.0
        return True

    _chains(_with(replace(_foreign(object), wants=wants)), _table())
    assert looked == [((N, 2), ["age", "pay"])]


def test_a_look_that_raises_is_named_and_declines() -> None:
    def wants(block: Any, context: Any) -> bool:
        raise RuntimeError("no eyes")

    broken = replace(CATALOG.preprocessors["ngrams"], wants=wants)
    with pytest.warns(PluginWarning, match="'ngrams' is left out.*no eyes"):
        chains = _chains(_with(broken), _table())["text"]
    assert not any("ngrams" in chain for chain in chains)
