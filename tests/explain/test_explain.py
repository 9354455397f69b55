"""`Predictor.explain` on models that were learned as any other."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
from brute import shapley
from small_models import HOSTILE, learned, table, target

import automl
from automl.data.apply import apply
from automl.data.frame import take_in
from automl.errors import DataWarning, InputError
from automl.explain import sampled
from automl.explain.game import _without_rest

TASKS = ("binary", "multiclass", "regression")


def without_rest(found):
    """Whether contributions and base add up to the value to a billionth of what is added up."""
    sums = found.base + found.contributions.sum(axis=1)
    size = np.abs(found.contributions).sum(axis=1) + np.abs(found.values)
    return bool((np.abs(sums - found.values) <= 1e-9 * size).all())


def values_of(predictor, rows):
    return predictor.predict(rows) if predictor.classes is None else predictor.predict_proba(rows)


KINDS = [
    ("binary", "lightgbm"),
    ("multiclass", "lightgbm"),
    ("regression", "linear"),
    ("regression", "nearest_neighbors"),
    *(
        pytest.param(*one, marks=pytest.mark.slow)
        for one in (
            ("regression", "lightgbm"),
            ("binary", "linear"),
            ("multiclass", "linear"),
            ("binary", "nearest_neighbors"),
            ("multiclass", "nearest_neighbors"),
        )
    ),
]


@pytest.mark.parametrize(("task", "algorithm"), KINDS)
def test_contributions_add_up_to_the_value(task, algorithm, fresh):
    predictor = learned(task, algorithm)
    found = predictor.explain(fresh)
    assert without_rest(found)
    assert np.array_equal(found.values, values_of(predictor, fresh))
    assert found.labels.tolist() == predictor.predict(fresh).tolist()
    assert found.columns == predictor.feature_names
    shape = (12, 5) if task == "regression" else (12, 5, len(predictor.classes_))
    assert found.contributions.shape == shape
    assert found.n_background == 64
    assert found.exact == pytest.approx(float(algorithm != "nearest_neighbors"))
    if task != "regression":
        assert np.allclose(found.contributions.sum(axis=2), 0.0, atol=1e-9)
    # A row is explained alike whatever comes with it, but for the rounding of its value.
    alone = predictor.explain({name: cells[3:4] for name, cells in fresh.items()})
    assert np.allclose(alone.contributions[0], found.contributions[3], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_a_blend_of_all_sorts_adds_up(task, fresh):
    names = ("xgboost", "random_forest", "hist_boosting", "mlp", "decision_tree", "linear")
    predictor = learned(task, *names)
    assert len(predictor.parts) > 1
    assert without_rest(predictor.explain(fresh))


def brute(predictor, rows, background):
    """Return Shapley values of what the predictor says, by asking about every hybrid."""
    names = predictor.feature_names
    blocks = [apply(predictor.schema, take_in(one)).table for one in (rows, background)]
    kinds = [kind for kind, block in blocks[0].blocks().items() for _ in range(block.shape[1])]
    owner = [
        names.index(feature.name)
        for kind in blocks[0].blocks()
        for feature in predictor.schema.of(kind)
    ]
    row, others = (np.concatenate(list(one.blocks().values()), axis=1) for one in blocks)

    def said(cells):
        parts = {
            kind.value: cells[:, [k is kind for k in kinds]].astype(block.dtype)
            for kind, block in blocks[0].blocks().items()
        }
        empty = {kind: np.empty((len(cells), 0)) for kind in ("number", "category", "string")}
        empty |= {kind: np.empty((len(cells), 0)) for kind in ("text", "date")}
        values = predictor.ensemble.values(type(blocks[0])(**{**empty, **parts}))
        return values[:, None] if values.ndim == 1 else values

    return shapley(said, row[0], others, np.array(owner), len(names)).mean(axis=0)


@pytest.mark.parametrize(
    "algorithm",
    ["decision_tree", "linear", pytest.param("random_forest", marks=pytest.mark.slow)],
)
def test_a_model_without_a_curve_gets_its_shapley_values(algorithm, fresh):
    predictor = learned("regression", algorithm)
    few = {name: cells[:1] for name, cells in fresh.items()}
    against = {name: cells[:9] for name, cells in table(seed=7).items() if name != "score"}
    found = predictor.explain(few, background=against)
    assert found.n_background == 9
    assert found.exact > 0.99
    expected = brute(predictor, few, against)[:, 0]
    # What may be said beyond the target's range is bounded by a curve; here nothing is beyond.
    assert np.allclose(found.contributions[0], expected, atol=1e-7)


def test_sampled_values_are_near_those_by_definition(fresh):
    predictor = learned("binary", "nearest_neighbors")
    few = {name: cells[:1] for name, cells in fresh.items()}
    against = {name: cells[:60] for name, cells in table(seed=7).items() if name != "score"}
    found = predictor.explain(few, background=against)
    assert found.exact < 0.01
    expected = brute(predictor, few, against)
    assert np.abs(found.contributions[0] - expected).max() < 0.03
    again = predictor.explain(few, background=against)
    assert np.array_equal(again.contributions, found.contributions)


@pytest.mark.parametrize(
    ("bound", "to"), [("FULL_SHARE", 4.0), ("MOST_ASKED", 160), ("LEAST_WAYS", 1000)]
)
def test_members_that_walk_from_few_rows_leave_no_rest(bound, to, fresh, monkeypatch, caplog):
    predictor = learned("binary", "nearest_neighbors")
    against = {name: cells[:60] for name, cells in table(seed=7).items() if name != "score"}
    usual = predictor.explain(fresh, background=against)
    monkeypatch.setattr(sampled, bound, to)
    found = predictor.explain(fresh, background=against)
    assert without_rest(found)
    assert not [one for one in caplog.records if one.name == "automl.explain"]
    apart = np.abs(found.contributions - usual.contributions)
    assert 0.0 < apart.max() < 0.1


def test_what_is_not_used_contributes_nothing(fresh):
    predictor = learned("regression", "decision_tree")
    used = {
        name
        for _, pipeline in predictor.ensemble.members()
        for cell in np.unique(
            predictor.catalog.algorithms["decision_tree"].trees(pipeline.estimator).feature
        )
        for name in pipeline.preparation.lineage[cell]
    }
    found = predictor.explain(fresh)
    for place, name in enumerate(found.columns):
        if name not in used:
            assert (found.contributions[:, place] == 0.0).all()
    same = predictor.explain(fresh, background={name: cells[:1] for name, cells in fresh.items()})
    assert np.allclose(same.contributions[0], 0.0)


def test_the_order_is_much_like_that_of_lightgbm_itself(fresh):
    predictor = learned("binary", "lightgbm")
    ((_, pipeline), *_) = predictor.ensemble.members()
    rows = {name: cells[:60] for name, cells in table(seed=9).items() if name != "score"}
    canonical = apply(predictor.schema, take_in(rows)).table
    theirs = pipeline.estimator.model_.predict(
        pipeline.preparation.transform(canonical), pred_contrib=True
    )[:, :-1]
    lineage = [sources[0] for sources in pipeline.preparation.lineage]
    by_name = [
        np.abs(theirs[:, [one == name for one in lineage]].sum(axis=1)).mean()
        for name in predictor.feature_names
    ]
    ours = {one.column: one.importance for one in predictor.explain(rows).importance().rows}
    mine = [ours[name] for name in predictor.feature_names]
    ranks = [np.argsort(np.argsort(one)) for one in (by_name, mine)]
    assert np.corrcoef(*ranks)[0, 1] > 0.8


@pytest.mark.slow
def test_texts_dates_and_strings_are_columns_as_they_were_given():
    rng = np.random.default_rng(0)
    words = np.array(["good", "bad", "slow", "quick", "red", "blue", "house", "tree"])
    texts = [" ".join(rng.choice(words, 6)) for _ in range(200)]
    columns = {
        "text": texts,
        "town": [f"town {number}" for number in rng.integers(0, 60, 200)],
        "when": [f"2024-{1 + n % 12:02}-{1 + n % 28:02}" for n in range(200)],
        "size": rng.normal(size=200).tolist(),
    }
    answer = [float("good" in one) + 0.1 * x for one, x in zip(texts, columns["size"], strict=True)]
    predictor = automl.fit(
        {**columns, "answer": answer},
        "answer",
        budget=automl.Budget(trials=1),
        plugins=automl.Plugins(only=("lightgbm",), without=("listener:*",)),
        strategy=automl.Strategy(folds=2, isolation="none"),
        n_jobs=1,
    ).predictor
    new = {name: [*cells[:6], None] for name, cells in columns.items()}
    new["town"][0], new["text"][1] = "a town that is new", "words unknown"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = predictor.explain(new)
    assert without_rest(found)
    assert set(found.columns) <= set(columns)
    assert found.importance().rows[0].column == "text"


def test_reasons_are_the_largest_contributions(fresh):
    predictor = learned("binary", "lightgbm")
    found = predictor.explain(fresh)
    label = found.labels[2]
    which = predictor.classes_.tolist().index(label)
    reasons = found.reasons(2, 3)
    sizes = np.sort(np.abs(found.contributions[2, :, which]))[::-1][:3]
    assert [abs(one.contribution) for one in reasons] == sizes.tolist()
    assert found.of(label).values[2] == found.values[2, which]
    with pytest.raises(InputError, match="'maybe' is no class") as caught:
        found.of("maybe")
    assert caught.value.code == "E_INPUT_CLASS"


def test_a_constant_answer_has_no_reasons(fresh, caplog):
    columns = table(n_rows=60)
    del columns["score"]
    with pytest.warns(DataWarning, match="one value only"):
        predictor = automl.fit(
            {**columns, "answer": ["yes"] * 60},
            "answer",
            budget=automl.Budget(trials=1),
            plugins=automl.Plugins(only=("linear",), without=("listener:*",)),
            strategy=automl.Strategy(folds=2, isolation="none"),
            n_jobs=1,
        ).predictor
    found = predictor.explain(fresh)
    assert found.exact == 1.0
    assert (found.contributions == 0.0).all()
    assert found.reasons(0) == ()
    assert not [one for one in caplog.records if one.name == "automl.explain"]


def test_rounding_is_not_said_to_be_strange(caplog):
    nothing, third = np.zeros((3, 1)), np.array([1 / 3])
    found = _without_rest(nothing, third, third + 1e-16)
    assert (found == 0.0).all()
    assert not caplog.records
    one = np.array([[0.1], [0.3]])
    found = _without_rest(one, third, third + 0.5)
    assert found.ravel() == pytest.approx([0.125, 0.375])
    assert "says something else" in caplog.text


def test_no_rows_are_explained_too(fresh):
    predictor = learned("binary", "lightgbm")
    found = predictor.explain({name: [] for name in fresh})
    assert found.contributions.shape == (0, 5, 2)
    assert {one.importance for one in found.importance().rows} == {0.0}


def test_rows_to_compare_with_are_needed(fresh):
    predictor = learned("binary", "lightgbm")
    state = (predictor.schema, predictor.plain_task, predictor.metric, predictor.target)
    info = {name: said for name, said in predictor.info.items() if name != "sample"}
    bare = automl.Predictor(*state, predictor.classes, predictor.parts, predictor.catalog, info)
    with pytest.raises(InputError, match="keeps no rows") as caught:
        bare.explain(fresh)
    assert caught.value.code == "E_INPUT_BACKGROUND"
    assert without_rest(bare.explain(fresh, background=fresh))
    with pytest.raises(InputError, match="has no rows"):
        bare.explain(fresh, background={name: [] for name in fresh})


def test_a_saved_model_explains_alike(fresh, tmp_path):
    predictor = learned("multiclass", "lightgbm")
    predictor.save(tmp_path / "model")
    loaded = automl.load(tmp_path / "model")
    found, expected = loaded.explain(fresh), predictor.explain(fresh)
    assert np.allclose(found.contributions, expected.contributions, atol=1e-5)
    assert copy.copy(predictor).explain(fresh).n_background == 64


# Importance


@pytest.mark.parametrize(
    "task", ["binary", *(pytest.param(one, marks=pytest.mark.slow) for one in TASKS[1:])]
)
def test_what_matters_comes_first_and_noise_last(task):
    predictor = learned(task, "lightgbm")
    columns = table(n_rows=300, seed=3)
    answer = target(columns, task)
    del columns["score"]
    rows = {**columns, "answer": answer}
    found = automl.permutation_importance(predictor, rows, repeats=2)
    names = [one.column for one in found.rows]
    assert set(names[:2]) <= {"size", "color", HOSTILE}
    by_name = {one.column: one for one in found.rows}
    assert by_name["size"].low > 0.0
    assert by_name["noise"].importance < by_name["size"].importance / 4
    assert all(one.low <= one.importance <= one.high for one in found.rows)
    assert found.n_rows == 300
    again = automl.permutation_importance(predictor, {**columns, "y": answer}, "y", repeats=2)
    assert again == found
    mean = predictor.explain({name: cells[:40] for name, cells in columns.items()}).importance()
    assert mean.rows[0].column in {"size", "color", HOSTILE}
    assert mean.rows[-1].column in {"noise", "day"}


def test_permutations_need_rows():
    predictor = learned("binary", "lightgbm")
    columns = table(n_rows=4, seed=3)
    rows = {**columns, "answer": target(columns, "binary")}
    del rows["score"]
    with pytest.raises(InputError, match="0 repeats"):
        automl.permutation_importance(predictor, rows, repeats=0)
    one = {name: cells[:1] for name, cells in rows.items()}
    with pytest.raises(InputError, match="1 rows"):
        automl.permutation_importance(predictor, one)
