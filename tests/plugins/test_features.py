"""Features: what is made of several columns, and that only what says something is made."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import automl
import automl_features
from automl.data.schema import Feature
from automl.data.table import Kind, Table
from automl.plugin import PrepareContext
from automl_features.evidence import gain_of, residual_of

STEPS = {step.name: step for step in automl_features.automl_preprocessors()}
NAN = np.nan


def _table(number=None, category=None, string=None, date=None):
    given = [block for block in (number, category, string, date) if block is not None]
    n = len(given[0])

    def block(cells, dtype):
        return np.empty((n, 0), dtype) if cells is None else np.asarray(cells, dtype)

    return Table(
        number=block(number, np.float64),
        category=block(category, np.int32),
        string=block(string, np.int32),
        text=np.empty((n, 0), object),
        date=block(date, np.float64),
    )


def _features(table, order=tuple(Kind)):
    return tuple(
        Feature(name=f"{kind.value}{j}", kind=kind)
        for kind in order
        for j in range(table.block(kind).shape[1])
    )


def _build(name, table, n_classes=0, params=None, features=None):
    context = PrepareContext(
        task={0: "regression", 2: "binary"}.get(n_classes, "multiclass"),
        n_classes=n_classes,
        n_rows=table.n_rows,
        features=features or _features(table),
    )
    return STEPS[name].build(params or {}, context)


def _mixed(seed=0, n=1500):
    """A table with a target that hangs on a ratio, on a group's mean and on a pair of levels."""
    rng = np.random.default_rng(seed)
    number = rng.lognormal(sigma=0.7, size=(n, 3))
    category = rng.integers(0, 8, size=(n, 2))
    string = rng.integers(0, 12, size=(n, 1))
    number[:, 2] += 5.0 * category[:, 0]
    number[rng.random((n, 3)) < 0.02] = NAN
    pair = rng.normal(size=(8, 12))[category[:, 1], string[:, 0]]
    inside = number[:, 2] - 5.0 * category[:, 0]
    y = number[:, 0] / number[:, 1] + inside + pair
    y = np.where(np.isnan(y), np.nanmean(y), y) + rng.normal(scale=0.1, size=n)
    table = _table(number, category, string, rng.uniform(0, 1e9, size=(n, 1)))
    return table, y


def _targets(y, n_classes):
    if not n_classes:
        return y
    return np.digitize(y, np.quantile(y, np.linspace(0, 1, n_classes + 1)[1:-1]))


def test_a_ratio_that_single_columns_do_not_show_is_found():
    table, y = _mixed()
    step = _build("arithmetic", table).fit(table, y)
    assert any({a, b} == {0, 1} for _, a, b in step.made[:2])
    out = step.transform(table)
    assert out.shape == (table.n_rows, len(step.made))
    assert step.lineage(7)[0] == (0, 1)


def test_numbers_are_held_against_their_group():
    table, y = _mixed()
    step = _build("group_contrast", table).fit(table, y)
    assert ("difference", 2, 0) in step.made
    k = step.made.index(("difference", 2, 0))
    inside = table.category[:, 0] == 3
    out = step.transform(table)[inside, k]
    assert abs(np.nanmean(out)) < 0.5
    np.testing.assert_allclose(np.diff(out), np.diff(table.number[inside, 2]))


def test_the_lineage_follows_the_order_of_the_schema():
    table, y = _mixed()
    order = (Kind.STRING, Kind.DATE, Kind.CATEGORY, Kind.NUMBER)
    features = _features(table, order)
    for name, among in (("arithmetic", {"number0", "number1"}), ("group_contrast", {"number2"})):
        step = _build(name, table, features=features).fit(table, y)
        found = {features[j].name for line in step.lineage(len(features)) for j in line}
        assert among <= found
        assert not any(name.startswith("date") for name in found)


@pytest.mark.parametrize("n_classes", [0, 2, 4])
@pytest.mark.parametrize("name", STEPS)
def test_pure_noise_makes_nothing_of_the_target(name, n_classes):
    table, y = _mixed()
    shuffled = np.random.default_rng(1).permutation(_targets(y, n_classes))
    step = _build(name, table, n_classes).fit(table, shuffled)
    if STEPS[name].supervised:
        assert step.transform(table).shape[1] <= 2


def test_the_rows_it_learns_from_get_what_they_will_get_where_the_target_is_not_read():
    table, y = _mixed()
    for name in ("arithmetic", "group_contrast"):
        step = _build(name, table)
        at_once = step.fit_transform(table, y)
        np.testing.assert_array_equal(at_once, step.transform(table))


def test_counts_are_logarithms_and_missing_cells_are_counted():
    table = _table(number=[[NAN], [1.0], [NAN]], category=[[0, -1], [0, 1], [1, 1]])
    step = _build("level_counts", table).fit(table)
    new = _table(number=[[NAN], [2.0]], category=[[0, -1], [-2, 9]])
    expected = np.column_stack([np.log([3, 1]), np.log([2, 1]), [2, 0]])
    np.testing.assert_allclose(step.transform(new), expected)
    assert step.lineage(3) == [(1,), (2,), (0, 1, 2)]


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 1000),
    n_rows=st.integers(1, 60),
    widths=st.tuples(*(st.integers(0, 3),) * 4),
    n_classes=st.sampled_from([0, 2, 3]),
    name=st.sampled_from(sorted(STEPS)),
)
def test_any_table_passes(seed, n_rows, widths, n_classes, name):
    rng = np.random.default_rng(seed)

    def cells(n, width, codes):
        if codes:
            return rng.integers(-2, 5, size=(n, width))
        return rng.choice([0.0, -1.0, 1e300, -1e300, 3.5, 1e-300, NAN], size=(n, width))

    def table(n):
        number, category, string, date = (
            cells(n, width, codes) for width, codes in zip(widths, (0, 1, 1, 0), strict=True)
        )
        return _table(number, category, string, date)

    train, new = table(n_rows), table(9)
    y = rng.integers(0, n_classes, n_rows) if n_classes else rng.normal(size=n_rows)
    step = _build(name, train, n_classes)
    at_once = step.fit_transform(train, y) if hasattr(step, "fit_transform") else None
    step = step.fit(train, y)
    out = step.transform(new)
    assert out.dtype == np.float64
    assert out.shape == (9, len(step.lineage(sum(widths))))
    assert not np.isinf(out).any()
    assert at_once is None or at_once.shape == (n_rows, out.shape[1])
    if "missing" not in STEPS[name].emits:
        assert not np.isnan(out).any()


def test_a_gain_is_judged_without_the_row_itself():
    rng = np.random.default_rng(0)
    noise = residual_of([], rng.normal(size=(300, 1)))
    own = np.arange(300)
    assert gain_of(own, noise) == 0.0
    assert gain_of(rng.integers(0, 30, 300), noise) < 0.05
    halves = (noise[:, 0] > 0).astype(np.int64)
    assert gain_of(halves, noise) > 0.5


def test_what_single_columns_say_is_taken_out():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, 1000), rng.integers(0, 4, 1000)
    additive = (a + 2.0 * b)[:, None]
    left = residual_of([a, b], additive + 0.1 * rng.normal(size=(1000, 1)))
    assert gain_of(a, left) < 0.01
    crossed = residual_of([a, b], (a * b)[:, None] + 0.0)
    assert gain_of(a * 4 + b, crossed) > 0.5


def test_steps_decline_tables_that_have_nothing_for_them():
    numbers = _table(number=np.zeros((50, 2)))
    codes = _table(category=np.zeros((50, 1)))
    wide = _table(number=np.zeros((50, 4)), category=np.zeros((50, 4)))
    wanted = {
        name: [_wants(step, table) for table in (numbers, codes, wide)]
        for name, step in STEPS.items()
    }
    assert wanted == {
        "arithmetic": [True, False, False],
        "group_contrast": [False, False, False],
        "level_counts": [False, True, True],
    }


def _wants(step, table):
    context = PrepareContext(
        task="binary", n_classes=2, n_rows=table.n_rows, features=_features(table)
    )
    return step.wants(table, context)


def test_a_model_with_features_is_searched_saved_and_loaded(tmp_path):
    rng = np.random.default_rng(0)
    rows = {"cost": rng.uniform(1, 9, 300), "area": rng.uniform(1, 9, 300)}
    rows["kind"] = rng.choice(["flat", "house", "hut"], 300)
    y = rows["cost"] / rows["area"] + rng.normal(scale=0.05, size=300)
    made = {"prepare": {"arithmetic": "arithmetic"}, "arithmetic__most": 6}
    result = automl.fit(
        rows,
        y,
        budget=automl.Budget(trials=1),
        n_jobs=1,
        plugins=automl.Plugins(only=("lightgbm",), without=("listener:*",)),
        strategy=automl.Strategy(starts={"lightgbm": (made,)}, folds=2, isolation="none"),
    )
    part = result.predictor.parts[0]
    assert dict(part.candidate.extra["arithmetic"][0].params) == {"most": 6}
    assert {frozenset(sources) for _, sources in part.lineage} >= {frozenset({"cost", "area"})}
    result.predictor.save(tmp_path / "model")
    loaded = automl.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(rows), result.predictor.predict(rows))
    first = {name: cells[:1] for name, cells in rows.items()}
    np.testing.assert_allclose(loaded.predict(first), result.predictor.predict(rows)[:1])
