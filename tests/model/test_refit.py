"""The same recipe on other rows: kept if it is no worse, and what it will not do."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import automl
from automl.data.apply import apply
from automl.data.columns import Columns
from automl.data.given import separate
from automl.errors import DataError, InputError, PluginError
from automl.model.again import fingerprints, hold_out
from automl.model.compare import compare
from automl.model.judge import Judge
from automl.plugin import Metric
from automl.plugin.discovery import discover
from automl.plugin.selection import Plugins

HERE = automl.Strategy(isolation="none", folds=3)
QUICK = ("linear", "naive_bayes")


def table(n_rows: int, seed: int, turned: float = 0.0) -> pd.DataFrame:
    """Return rows in which ``a`` decides, or ``b`` where it is turned."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=n_rows),
            "b": rng.normal(size=n_rows),
            "color": rng.choice(["red", "green", "blue"], n_rows),
        }
    )
    score = (1 - turned) * frame.a + turned * frame.b + 0.5 * (frame.color == "red")
    frame["answer"] = np.where(score + 0.5 * rng.normal(size=n_rows) > 0.2, "yes", "no")
    frame.loc[rng.random(n_rows) < 0.1, "b"] = np.nan
    return frame


@pytest.fixture(scope="module")
def first() -> automl.Predictor:
    budget = automl.Budget(trials=2)
    return automl.fit(
        table(240, 0), "answer", budget=budget, plugins=QUICK, strategy=HERE
    ).predictor


def test_a_better_one_takes_the_place_and_remembers_of_which(first, tmp_path):
    rows = table(400, 1, turned=1.0)
    rows["color"] = rows.color.replace("blue", "violet")
    rows["extra"] = np.arange(len(rows)) % 7
    found = first.refit(rows, n_jobs=1)
    assert found.kept == "new"
    new = found.predictor
    assert [part.candidate for part in new.parts] == [part.candidate for part in first.parts]
    assert [part.weight for part in new.parts] == [part.weight for part in first.parts]
    assert [len(part.members) for part in new.parts] == [3] * len(new.parts)
    assert new.feature_names == ("a", "b", "color")
    levels = next(one.levels for one in new.schema.features if one.name == "color")
    assert "violet" in levels
    said = found.comparison
    assert said.ahead.value == pytest.approx(said.new.value - said.old.value)
    assert 0 < said.ahead.low < said.ahead.value < said.ahead.high
    assert said.n_rows == 80
    assert new.info["n_rows"] == 320
    assert new.info["cv_score"] > 0.8
    fresh = table(300, 2, turned=1.0)
    fresh = fresh[fresh.color != "blue"]
    assert new.evaluate(fresh)["roc_auc"] > 0.8 > first.evaluate(fresh)["roc_auc"]
    new.save(tmp_path / "model")
    kept = automl.load(tmp_path / "model").info["refit"]
    assert kept["generation"] == 1
    assert kept["of"]["cv_score"] == first.info["cv_score"]
    assert kept["check"]["n_rows"] == 80


def test_the_old_one_stays_where_the_new_one_is_worse(first):
    rows = table(120, 3)
    rows["answer"] = np.random.default_rng(0).permutation(rows["answer"])
    check = pd.concat([table(200, 4), rows[:30], table(240, 0)[:100]])
    found = first.refit(rows, check=check, n_jobs=1)
    assert found.kept == "old"
    assert found.predictor is first
    assert f"{found.comparison.old.value:.6g}" in found.why
    assert found.comparison.n_rows == 300
    assert any("30 of the 330 rows" in line for line in found.lines)
    assert any("flatters" in line for line in found.lines)
    assert "The old predictor is kept" in repr(found)
    assert "refit" not in first.info


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda rows: rows.drop(columns="a"), "E_INPUT_REFIT_COLUMNS"),
        (lambda rows: rows.assign(answer="yes"), "E_INPUT_REFIT_LABELS"),
        (lambda rows: rows.assign(answer=rows.answer.replace("no", "never")), "E_DATA_LABELS"),
        (lambda rows: rows.assign(a="words"), "E_DATA_KIND"),
        (lambda rows: rows[:40], "E_INPUT_REFIT_ROWS"),
    ],
)
def test_rows_that_are_no_such_rows_are_refused(first, change, code):
    with pytest.raises(InputError) as caught:
        first.refit(change(table(200, 5)))
    assert caught.value.code == code
    assert caught.value.remedy or code.startswith("E_DATA")


def test_what_is_a_part_of_the_recipe_is_not_said_anew(first):
    with pytest.raises(InputError, match="part of the recipe"):
        first.refit(table(200, 5), columns=Columns(kinds={"a": "category"}))
    with pytest.raises(InputError, match="household"):
        first.refit(table(200, 5), columns=Columns(group="household"))


def test_a_check_that_was_learned_from_says_nothing(first):
    rows = table(200, 6)
    with pytest.raises(InputError) as caught:
        first.refit(rows, check=rows[:100])
    assert caught.value.code == "E_INPUT_REFIT_ROWS"


def test_the_latest_rows_and_whole_groups_are_held_out(first):
    rows = table(100, 7).assign(when=np.arange(100)[::-1], home=np.arange(100) // 4)
    given = separate(rows, "answer", Columns(time="when"))
    train, test = hold_out(first, given, 0)
    assert given.time[train].max() < given.time[test].min()
    given = separate(rows, "answer", Columns(group="home"))
    train, test = hold_out(first, given, 0)
    assert not set(given.groups[train]) & set(given.groups[test])
    assert len(test) >= 10


def test_equal_rows_have_equal_fingerprints(first):
    frame = table(50, 8)
    raw = separate(pd.concat([frame, frame[::-1]]), "answer", Columns()).raw
    prints = fingerprints(apply(first.schema, raw).table)
    assert np.array_equal(prints[:50], prints[50:][::-1])
    assert len(np.unique(prints)) == 50
    y = np.repeat([0, 1], 50)
    assert len(np.unique(fingerprints(apply(first.schema, raw).table, y))) == 100


def _error(y, values, weight):
    return float(np.average(np.abs(y - values), weights=weight))


@pytest.mark.parametrize("grouped", [False, True])
def test_two_are_compared_on_the_same_bootstrap_samples(grouped):
    rng = np.random.default_rng(0)
    y = rng.normal(size=300)
    metric = Metric(
        name="error",
        tasks=frozenset({"any"}),
        score=_error,
        reads="values",
        greater_is_better=False,
        best=0.0,
    )
    judge = Judge(metric=metric, decide=lambda values: values, y=y)
    noise = rng.normal(size=300)
    groups = np.arange(300) // 3 if grouped else None
    found = compare((judge, y + noise), (judge, y + 0.9 * noise), groups, 0, lambda: np.inf)
    assert found.ahead.value == pytest.approx(found.old.value - found.new.value)
    # They err on the same rows: the difference is known far better than either score.
    assert 0 < found.ahead.low < found.ahead.value < found.ahead.high
    assert found.ahead.high - found.ahead.low < 0.2 * (found.new.high - found.new.low)
    same = compare((judge, y + noise), (judge, y + noise), groups, 0, lambda: np.inf)
    assert same.ahead.value == same.ahead.low == same.ahead.high == 0
    hasty = compare((judge, y + noise), (judge, y), groups, 0, lambda: 0.0)
    assert np.isnan(hasty.ahead.low)
    assert hasty.ahead.value > 0


@pytest.mark.slow
def test_the_same_seed_gives_the_same_predictor(first):
    rows, fresh = table(400, 1, turned=1.0), table(50, 9)
    one, other = (first.refit(rows, n_jobs=1, seed=3) for _ in range(2))
    assert np.array_equal(one.predictor.predict_proba(fresh), other.predictor.predict_proba(fresh))
    assert one.comparison == other.comparison


@pytest.mark.slow
def test_what_is_tuned_is_tuned_again_and_roles_are_remembered():
    rows = table(300, 10).assign(home=np.arange(300) // 3, importance=1.0)
    rows = rows[(rows.answer == "no") | (np.arange(300) % 3 == 0)]
    predictor = automl.fit(
        rows,
        "answer",
        metric="balanced_accuracy",
        budget=automl.Budget(trials=2),
        columns=Columns(group="home", weight="importance"),
        plugins=QUICK,
        strategy=HERE,
    ).predictor
    assert predictor.info["tuned"]
    more = table(400, 11).assign(home=np.arange(400) // 4, importance=2.0)
    found = predictor.refit(more, n_jobs=1)
    assert found.comparison is not None
    if found.kept == "new":
        assert found.predictor.info["group"] == "home"
        assert found.predictor.info["weight"] == "importance"
        assert found.predictor.info.get("tuned") != predictor.info["tuned"]
    with pytest.raises(InputError, match="home"):
        predictor.refit(more.drop(columns="home"))


@pytest.mark.slow
def test_a_budget_that_is_too_short_keeps_the_old_one(first):
    found = first.refit(table(400, 1, turned=1.0), budget=0.01, n_jobs=1)
    assert found.kept == "old"
    assert found.comparison is None
    assert found.seconds < 20


def test_a_number_is_refitted_too():
    rows = table(150, 12).assign(answer=lambda frame: frame.a + 2 * (frame.answer == "yes"))
    predictor = automl.fit(
        rows, "answer", budget=automl.Budget(trials=1), plugins=["linear"], strategy=HERE
    ).predictor
    with pytest.raises(DataError):
        predictor.refit(rows.assign(answer="word"))
    X = rows.drop(columns="answer")
    check = (X[100:], -rows.answer[100:].to_numpy())
    found = predictor.refit(X[:100], -rows.answer[:100].to_numpy(), check=check, n_jobs=1)
    assert found.kept == "new"
    assert found.predictor.target == "answer"
    assert found.predictor.info["bounds"]["low"] != predictor.info["bounds"]["low"]


def test_what_only_predicts_here_is_not_learned_again(first, tmp_path):
    first.save(tmp_path / "model")
    declared = discover().algorithms["linear"]
    away = Plugins(add=(replace(declared, fit_requires=("gone-by-then",)),))
    loaded = automl.load(tmp_path / "model", plugins=away)
    rows = table(240, 3)
    np.testing.assert_array_equal(loaded.predict_proba(rows), first.predict_proba(rows))
    loaded.ready()
    np.testing.assert_allclose(
        loaded.predict_proba(rows[:1]), first.predict_proba(rows[:1]), rtol=1e-9
    )
    loaded.save(tmp_path / "again")
    manifest = json.loads((tmp_path / "again" / "manifest.json").read_text(encoding="utf-8"))
    assert "linear" in {used["name"] for used in manifest["contributions"]}
    with pytest.raises(PluginError, match="'linear' needs `pip install gone-by-then` to learn"):
        loaded.refit(rows)
    with pytest.raises(PluginError, match="to learn"):
        automl.fit(rows, "answer", plugins=away, strategy=automl.Strategy(spaces={"linear": {}}))
