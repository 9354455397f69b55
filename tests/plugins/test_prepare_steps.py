"""The steps of preparation: what each makes of a small block."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import automl_prepare
from automl.data.schema import Feature
from automl.data.table import Kind
from automl.plugin import PrepareContext

STEPS = {step.name: step for step in automl_prepare.automl_preprocessors()}
NAN = np.nan


def _build(name, n_classes=2, levels=(), params=None):
    features = tuple(Feature(name="x", kind=Kind.STRING, levels=each) for each in levels)
    context = PrepareContext(task="", n_classes=n_classes, n_rows=0, features=features)
    return STEPS[name].build(params or {}, context)


def _codes(*cells):
    return np.array(cells, dtype=np.int32)[:, None]


def _texts(*cells):
    return np.array(cells, dtype=object)[:, None]


def test_missing_numbers_become_the_median_and_are_marked():
    step = _build("impute").fit(np.array([[1.0, 5.0], [NAN, 6.0], [3.0, 9.0], [4.0, 7.0]]), None)
    assert step.transform(np.array([[NAN, NAN]])).tolist() == [[3.0, 6.5, 1.0]]
    assert step.lineage(2) == [(0,), (1,), (0,)]


def test_scaling_is_robust_and_cuts_far_outliers():
    x = np.random.default_rng(0).normal(5, 3, (10_000, 1))
    x[:50] = 1e12
    scaled = _build("scale").fit(x, None).transform(x)
    assert np.median(scaled) == pytest.approx(0)
    assert np.std(scaled[50:]) == pytest.approx(1, rel=0.05)
    assert scaled.max() == 10.0


def test_scaling_a_constant_gives_zero_and_missing_stays():
    step = _build("scale").fit(np.full((5, 1), 7.0), None)
    np.testing.assert_array_equal(step.transform(np.array([[7.0], [NAN]])), [[0.0], [NAN]])


def test_quantiles_are_normal_monotone_and_keep_ties():
    x = np.random.default_rng(0).lognormal(sigma=2, size=(5000, 1))
    x[:1000] = 0.0
    step = _build("quantile").fit(x, None)
    out = step.transform(x)[:, 0]
    assert len(set(out[:1000])) == 1
    assert (np.diff(out[np.argsort(x[:, 0])]) >= 0).all()
    assert abs(out.mean()) < 0.05
    assert np.ptp(step.transform(np.array([[-1e9], [1e9]]))) < 8


def test_indicators_throw_rare_levels_together_and_are_zero_for_unseen_ones():
    step = _build("one_hot").fit(_codes(0, 0, 2, 2, 3, 4, -1), None)
    out = step.transform(_codes(0, 2, 3, 4, -1, -2, 1)).toarray()
    assert out.tolist() == [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
    ]


def test_dense_indicators_are_bounded():
    codes = np.arange(10_000, dtype=np.int32)[:, None] % 500 * np.ones(40, dtype=np.int32)
    step = _build("one_hot_dense").fit(codes, None)
    assert step.transform(codes[:3]).shape[1] <= 300 + 40


def test_codes_stay_in_order_and_missing_comes_before():
    out = _build("ordinal").fit(_codes(0, 1), None).transform(_codes(2, 0, -1, -2))
    assert out[:, 0].tolist() == [2.0, 0.0, -1.0, -1.0]


def test_frequencies_are_logarithms_of_counts():
    out = _build("frequency").fit(_codes(0, 0, 1, -1), None).transform(_codes(0, 1, -1, -2, 9))
    assert out[:, 0].tolist() == pytest.approx(np.log([3, 2, 2, 1, 1]).tolist())


def test_means_are_pulled_to_the_overall_mean():
    codes, y = _codes(0, 0, 0, 1, -1, -1), np.array([1.0, 1.0, 4.0, 8.0, 0.0, 4.0])
    step = _build("target_mean", n_classes=0, params={"smooth": 1.0}).fit(codes, y)
    out = step.transform(_codes(0, 1, -1, -2, 5))[:, 0]
    assert out.tolist() == pytest.approx([2.25, 5.5, 7 / 3, 3.0, 3.0])


def test_means_of_classes_are_shares():
    codes, y = _codes(0, 0, 1, 1), np.array([0, 0, 1, 2])
    step = _build("target_mean", n_classes=3, params={"smooth": 1e-9}).fit(codes, y)
    np.testing.assert_allclose(step.transform(_codes(0, 1)), [[1, 0, 0], [0, 0.5, 0.5]], atol=1e-6)
    many = _build("target_mean", n_classes=40).fit(_codes(*[0] * 40), np.arange(40))
    assert many.transform(_codes(0)).shape == (1, 10)


def test_strings_give_means_and_counts():
    step = _build("target_mean_string", levels=[("a", "b")]).fit(
        _codes(0, 0, 1), np.array([1, 1, 0])
    )
    out = step.transform(_codes(0, -2))
    assert out.shape == (2, 2)
    assert out[:, 1].tolist() == pytest.approx([np.log(3), 0.0])


def test_strings_can_be_read_as_they_are_written():
    levels = [("north street 1", "north street 2", "south road 1", "south road 2")]
    codes = _codes(0, 1, 2, 3)
    out = _build("string_ngrams", levels=levels).fit(codes, None).transform(codes).toarray()
    near = out @ out.T
    assert near[0, 1] > near[0, 2] + 0.2
    mean = _build("target_mean_string", levels=levels, params={"dims": 2})
    assert mean.fit(codes, np.array([0, 0, 1, 1])).transform(codes).shape == (4, 4)


def test_frequent_strings_become_categories():
    codes = _codes(*[3] * 6, *[1] * 5, 0, 2, -1)
    out = _build("as_category").fit(codes, None).transform(_codes(3, 1, 0, 2, -1, -2))
    np.testing.assert_array_equal(out[:, 0], [0, 1, 2, 2, NAN, NAN])


def test_a_calendar_tells_the_parts_that_vary():
    moments = ["2024-02-29T06:30", "2023-12-31T00:00", "1969-12-31T23:00"]
    seconds = np.array(moments, dtype="datetime64[s]").astype(float)[:, None]
    step = _build("calendar").fit(seconds, None)
    out = step.transform(np.vstack([seconds, [[NAN]]]))
    #                       elapsed     year  month day weekday yearday hour
    assert out[0].tolist() == [19782 + 6.5 / 24, 2024, 2, 29, 3, 60, 6.5]
    assert out[1, 1:].tolist() == [2023, 12, 31, 6, 365, 0]
    assert out[2].tolist() == pytest.approx([-1 / 24, 1969, 12, 31, 2, 365, 23])
    assert np.isnan(out[3]).all()
    days = np.array([[0.0], [86400.0]])
    assert _build("calendar").fit(days, None).transform(days).shape[1] < out.shape[1]


def test_two_dates_give_the_days_between_them():
    dates = np.array([[0.0, 86400.0], [86400.0, 0.0]])
    step = _build("calendar").fit(dates, None)
    assert step.transform(dates)[:, -1].tolist() == [1.0, -1.0]
    assert step.lineage(2)[-1] == (0, 1)


def test_dates_beyond_the_calendar_break_nothing():
    step = _build("calendar").fit(np.array([[0.0], [1e9]]), None)
    assert np.isfinite(step.transform(np.array([[1e300], [-1e300]]))).all()


def _reviews(n=400):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    noise = [f"word{i}" for i in range(300)]
    words = [("splendid", "superb"), ("dreadful", "awful")]
    cells = [" ".join([*rng.choice(noise, 6), words[label][rng.integers(0, 2)]]) for label in y]
    return _texts(*cells), y


@pytest.mark.parametrize("name", ["ngrams", "text_score", "text_svd"])
def test_text_is_read(name):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    X, y = _reviews()
    step = _build(name, levels=[()]).fit(X[:300], y[:300])
    train, test = step.transform(X[:300]), step.transform(X[300:])
    if name != "ngrams":
        scale = _build("scale").fit(train, None)
        train, test = scale.transform(train), scale.transform(test)
    learner = LogisticRegression(C=10, max_iter=1000).fit(train, y[:300])
    assert roc_auc_score(y[300:], learner.predict_proba(test)[:, 1]) > 0.95


def test_scores_of_training_rows_come_from_models_without_them():
    rng = np.random.default_rng(0)
    X = _texts(*[" ".join(f"w{i}" for i in rng.integers(0, 200, 5)) for _ in range(200)])
    y = rng.integers(0, 2, 200)
    step = _build("text_score", levels=[()])
    out = step.fit_transform(X, y)
    assert abs(np.corrcoef(out[:, 0], y)[0, 1]) < 0.3
    assert np.corrcoef(step.transform(X)[:, 0], y)[0, 1] > 0.6
    np.testing.assert_array_equal(out[:, 1:], step.transform(X)[:, 1:])


def test_the_shape_of_a_text_is_told():
    X = _texts("ABC de 12!?", None)
    out = _build("text_score", n_classes=0, levels=[()]).fit(X, np.array([0.0, 1.0])).transform(X)
    #                                  length words letters capitals digits ! ?
    np.testing.assert_allclose(out[0, 1:], [11, 3, 11 / 3, 3 / 11, 2 / 11, 1, 1])
    assert not out[1, 1:].any()


def test_the_ridge_regression_is_scikit_learns():
    from scipy.sparse import random_array
    from sklearn.linear_model import Ridge

    from automl_prepare.texts import ridge

    rng = np.random.default_rng(0)
    X = random_array((80, 30), density=0.2, rng=rng, format="csr")
    Y = rng.normal(5, 1, (80, 2))
    weights, intercept = ridge(X, Y, 0.5, tolerance=1e-9, rounds=1000)
    expected = Ridge(0.5).fit(X.toarray(), Y)
    np.testing.assert_allclose(weights.T, expected.coef_, atol=1e-7)
    np.testing.assert_allclose(intercept[0], expected.intercept_, atol=1e-7)


def test_terms_are_bounded_and_weighed():
    X, y = _reviews()
    step = _build("ngrams", levels=[()], params={"max_terms": 50}).fit(X, y)
    out = step.transform(X)
    assert out.shape == (400, 100)
    lengths = np.sqrt(out.multiply(out).sum(axis=1))
    assert lengths.max() <= np.sqrt(2) + 1e-9
    assert step.transform(_texts("nothing known: ☃", "", None))[1:].nnz == 0


def test_a_very_long_text_and_odd_signs_break_nothing():
    X = _texts("word " * 100_000, "a\nb\u2028c", "\ud800 lone", "e\u0301 \x00")
    for name in ("ngrams", "text_score", "text_svd"):
        step = _build(name, levels=[()]).fit(X, np.array([0, 1, 0, 1]))
        assert step.transform(X).shape[0] == 4


WORDS = st.sampled_from(["red", "Red", "reds", "blue", "12", "!?", "\u96e8", "a", "\ud800", "x\ny"])
SENTENCES = st.none() | st.lists(WORDS, max_size=8).map(" ".join) | st.text(max_size=12)


@pytest.fixture(scope="module")
def readers():
    cells = [
        ["red blue red", "12 reds !?"],
        ["blue red blue a", "12 12 !?"],
        [None, "x y red blue"],
    ]
    X = np.array(cells * 9, dtype=object)
    y = np.arange(27) % 3
    names = ("ngrams", "text_score", "text_svd")
    return [_build(name, n_classes=3, levels=[(), ()]).fit(X, y) for name in names]


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(st.tuples(SENTENCES, SENTENCES), min_size=1, max_size=6))
@example(rows=[(None, "")])
def test_few_texts_are_read_as_many_are(rows, readers):
    few = np.array(rows, dtype=object)
    many = np.concatenate([few, np.full((40, 2), "red", dtype=object)])
    for step in readers:
        alone, among = step.transform(few), step.transform(many)[: len(few)]
        if not isinstance(alone, np.ndarray):
            assert alone.has_canonical_format or alone.nnz == len(alone.todok())
            alone, among = alone.toarray(), among.toarray()
        np.testing.assert_allclose(alone, among, rtol=1e-12, atol=1e-12)


def test_texts_are_split_up_once_for_all_who_ask(readers, monkeypatch):
    from automl_prepare import texts
    from automl_prepare.tokens import Tokens

    read = []
    monkeypatch.setattr(texts, "Tokens", lambda column: read.append(column) or Tokens(column))
    X = np.full((20, 2), "red blue", dtype=object)
    before = [step.transform(X) for step in readers]
    assert len(read) == 2
    X[3] = "12"
    after = [step.transform(X) for step in readers]
    assert len(read) == 4
    for step, old, new in zip(readers, before, after, strict=True):
        same = new if isinstance(new, np.ndarray) else new.toarray()
        np.testing.assert_array_equal(same, _dense(step.transform(X.copy())))
        assert (same != _dense(old)).any()
    size = len(texts._READ)
    del X
    gc.collect()
    assert len(texts._READ) < size


def test_more_words_than_can_be_numbered_are_counted_alike(readers, monkeypatch):
    from automl_prepare import tokens

    X = _texts(*["reds blue", "12 blues redder"] * 10)[:, [0, 0]]
    usual = [_dense(step.transform(X)) for step in readers]
    monkeypatch.setattr(tokens, "MAX_DISTINCT", 2)
    for step, expected in zip(readers, usual, strict=True):
        np.testing.assert_array_equal(_dense(step.transform(X.copy())), expected)


def test_equal_texts_give_equal_terms_in_every_process():
    code = (
        "import numpy as np; from automl_prepare.texts import TextNgrams; "
        "X = np.array([[f'word{i} other{i}'] for i in range(60)] * 2, dtype=object); "
        "step = TextNgrams(40).fit(X); print(step.columns[0].pieces.tobytes())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


def _dense(found):
    return found if isinstance(found, np.ndarray) else found.toarray()
