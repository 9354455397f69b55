"""Single rows: quicker, and the same."""

from __future__ import annotations

import copy
import threading
import warnings
from dataclasses import replace

import numpy as np
import pytest

import automl
from automl.errors import SchemaWarning
from automl.model.quick import PATIENCE
from automl.plugin import Coefficients
from automl.plugin.selection import Plugins

TASKS = ["binary", "multiclass", "regression"]
TABLED = ("lightgbm", "xgboost", "linear", "random_forest", "hist_boosting", "decision_tree")
OTHERS = ("nearest_neighbors", "toy_sklearn")


def rows_of(columns):
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def values_of(predictor, new):
    task = predictor.task.name
    return predictor.predict(new) if task == "regression" else predictor.predict_proba(new)


def tables_in(predictor):
    """Return how many members are answered from tables, and how many are asked."""
    compiled = predictor.ensemble.quick._compiled
    return None if compiled is None else (compiled.n_tables, len(compiled._asked))


def close(first, second):
    return np.allclose(first, second, rtol=1e-5, atol=1e-6 * np.abs(second).max())


@pytest.fixture
def remake(make, catalog):
    """Make predictors of algorithms that were changed."""

    def made(name, task="binary", **changes):
        changed = replace(catalog.algorithms[name], **changes)
        algorithms = {**catalog.algorithms, name: changed}
        return replace(make, catalog=replace(catalog, algorithms=algorithms))((name,), task)

    return made


@pytest.mark.parametrize("task", TASKS)
def test_a_row_alone_gives_what_the_batch_gives(make, new, task):
    predictor = make((*TABLED, *OTHERS), task)
    batch = values_of(predictor, new)
    predictor.ready()
    assert tables_in(predictor) == (2 * len(TABLED), 2 * len(OTHERS))
    alone = [values_of(predictor, row)[0] for row in rows_of(new)]
    assert close(np.array(alone), batch)
    few = {name: cells[:7] for name, cells in new.items()}
    assert close(values_of(predictor, few), batch[:7])
    assert np.array_equal(values_of(predictor, new), batch)


def test_odd_rows_are_said_and_answered_as_usual(make, new):
    usual, quick = make(TABLED), make(TABLED)
    quick.ready()
    row = rows_of(new)[3]
    for odd in ({"color": "violet"}, {"size": 1e9}, {"size": None, "color": None}, {"color": 3}):
        said = []
        for predictor in (usual, quick):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                values = predictor.predict_proba(row | odd)
            said.append(sorted(str(one.message) for one in caught))
            said.append(values)
        assert said[0] == said[2]
        assert close(said[3], said[1])
    with pytest.warns(SchemaWarning) as caught:
        quick.predict_proba(row | {"color": "violet"})
    assert caught[0].filename == __file__


def test_it_gets_ready_by_itself_after_a_few_small_tables(make, new):
    predictor = make(TABLED)
    row = rows_of(new)[0]
    for _ in range(PATIENCE):
        predictor.predict(row)
        assert tables_in(predictor) is None
    predictor.predict(row)
    assert tables_in(predictor) == (2 * len(TABLED), 0)


def test_large_tables_do_not_make_it_ready(make, new):
    predictor = make()
    for _ in range(2 * PATIENCE):
        predictor.predict(new)
    assert tables_in(predictor) is None


def wrong(estimator):
    weights = estimator.coef_.T
    return Coefficients(weights=weights, base=estimator.intercept_ + 0.01, link="logistic")


def failing(estimator):
    raise RuntimeError("no table today")


@pytest.mark.parametrize("coefficients", [wrong, failing, lambda estimator: None])
def test_an_estimator_whose_table_is_wrong_answers_itself(remake, new, coefficients):
    predictor = remake("toy_sklearn", coefficients=coefficients)
    batch = predictor.predict_proba(new)
    predictor.ready()
    assert tables_in(predictor) == (0, 2)
    assert np.allclose(predictor.predict_proba(rows_of(new)[5])[0], batch[5], rtol=1e-12)


def lost(trees):
    return lambda row: np.zeros(len(trees.sizes))


def broken(trees):
    raise RuntimeError("no walk today")


@pytest.mark.parametrize("walk", [lost, broken, None])
def test_a_walk_that_is_lost_is_not_followed(remake, new, walk):
    predictor = remake("lightgbm", walk=walk)
    batch = predictor.predict_proba(new)
    predictor.ready()
    assert tables_in(predictor) == (2, 0)
    assert close(predictor.predict_proba(rows_of(new)[5])[0], batch[5])


def test_forests_too_large_for_a_second_copy_are_walked_as_they_are(make, new, monkeypatch):
    monkeypatch.setattr("automl.model.evaluator.MOST_SPLITS", 200)
    predictor = make(("random_forest", "lightgbm"), "multiclass")
    batch = predictor.predict_proba(new)
    predictor.ready()
    assert tables_in(predictor) == (4, 0)
    assert close(predictor.predict_proba(rows_of(new)[5])[0], batch[5])


def test_a_constant_answers_as_well(make, new):
    predictor = make(("lightgbm", "constant"))
    batch = predictor.predict_proba(new)
    predictor.ready()
    assert close(predictor.predict_proba(rows_of(new)[5])[0], batch[5])


def test_what_cannot_be_made_ready_goes_the_usual_way(make, new, monkeypatch):
    def fails(*_):
        raise RuntimeError("not today")

    monkeypatch.setattr("automl.model.compiled.Compiled.__init__", fails)
    predictor = make()
    batch = predictor.predict_proba(new)
    predictor.ready()
    assert np.allclose(predictor.predict_proba(rows_of(new)[5])[0], batch[5], rtol=1e-12)


def test_what_says_something_else_goes_the_usual_way(make, new, monkeypatch):
    monkeypatch.setattr(
        "automl.model.compiled.Compiled.__call__", lambda self, table: np.zeros((table.n_rows, 2))
    )
    predictor = make()
    predictor.ready()
    assert predictor.predict_proba(rows_of(new)[5]).sum() > 0


def test_threads_get_the_same_answers(make, new):
    predictor = make(TABLED)
    batch = predictor.predict_proba(new)
    rows = rows_of(new)
    found = {}

    def ask(first):
        for number in range(first, len(rows), 4):
            found[number] = predictor.predict_proba(rows[number])[0]

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert close(np.array([found[number] for number in range(len(rows))]), batch)


def test_a_copy_gets_ready_anew(make, new, toys, tmp_path):
    predictor = make(("lightgbm", "linear"))
    predictor.ready()
    predictor.save(tmp_path / "model")
    loaded = automl.load(tmp_path / "model", plugins=Plugins(add=(toys,)))
    copied = copy.deepcopy(predictor)
    expected = predictor.predict_proba(rows_of(new)[5])
    for other in (loaded, copied):
        assert tables_in(other) is None
        other.ready()
        assert close(other.predict_proba(rows_of(new)[5]), expected)


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_texts_and_dates_alone_give_what_the_batch_gives(task):
    rng = np.random.default_rng(0)
    words = np.array(["good", "bad", "slow", "quick", "red", "blue", "house", "tree"])
    texts = [" ".join(rng.choice(words, 6)) + f" number {i}" for i in range(150)]
    columns = {
        "text": texts,
        "note": [None if i % 7 == 0 else text.upper() for i, text in enumerate(texts[::-1])],
        "town": [f"town {number}" for number in rng.integers(0, 60, 150)],
        "when": [f"2024-{1 + n % 12:02}-{1 + n % 28:02}" for n in range(150)],
        "size": [None if i % 9 == 0 else float(x) for i, x in enumerate(rng.normal(size=150))],
    }
    score = [one.count("good") - one.count("bad") + 0.001 * n for n, one in enumerate(texts)]
    cut = float(np.median(score))
    answer = score if task == "regression" else ["yes" if x > cut else "no" for x in score]
    predictor = automl.fit(
        {**columns, "answer": answer},
        "answer",
        budget=automl.Budget(trials=1),
        plugins=Plugins(only=("linear",), without=("listener:*",)),
        strategy=automl.Strategy(folds=2, isolation="none"),
        n_jobs=1,
    ).predictor
    new = {name: cells[:25] for name, cells in columns.items()}
    new["text"] = [*new["text"][:23], "words unknown", ""]
    batch = values_of(predictor, new)
    predictor.ready()
    assert tables_in(predictor) == (2, 0)
    alone = [values_of(predictor, row)[0] for row in rows_of(new)]
    assert np.allclose(alone, batch, rtol=1e-9, atol=1e-12)
