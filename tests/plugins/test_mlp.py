"""The network: that it learns, stops, is kept, and that its slopes are those of its loss."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from automl.plugin import Context, Saved, Validation
from automl_mlp import ALGORITHM, learning
from automl_mlp.encoding import bins_of, encoding_of
from automl_mlp.network import forward
from automl_mlp.slopes import passed, slopes

TASKS = {"binary": 2, "multiclass": 3, "regression": 0}
QUICK = {"members": 4, "width": 32}


def table(task: str, n_rows: int = 240) -> tuple[Any, Any, Context]:
    """Return cells, target and context: numbers with holes, a small and a large category."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 5))
    X[:, 3], X[:, 4] = rng.integers(0, 3, n_rows), rng.integers(0, 12, n_rows)
    hidden = X[:, 0] + 2.0 * (X[:, 3] == 1) + 0.2 * X[:, 4] + 0.2 * rng.normal(size=n_rows)
    y: Any = 1000.0 + 50.0 * hidden
    if TASKS[task]:
        y = np.digitize(hidden, np.quantile(hidden, np.linspace(0, 1, TASKS[task] + 1)[1:-1]))
    X[rng.random(X.shape) < 0.05] = np.nan
    context = Context(
        task=task,
        n_classes=TASKS[task],
        n_rows=n_rows,
        n_columns=5,
        categories=(3, 4),
        n_levels=(3, 12),
    )
    return X, y, context


def learned(
    task: str,
    params: Any = QUICK,
    *,
    last: int = 30,
    weight: Any = None,
    validated: bool = True,
    **changed: Any,
) -> tuple[Any, Any, Any]:
    """Return a network and the rows that it did not learn from."""
    X, y, context = table(task)
    estimator = ALGORITHM.build(params, replace(context, **changed))
    validation = Validation(X=X[160:], y=y[160:]) if validated else None
    w = None if weight is None else weight[:160]
    assert ALGORITHM.fit is not None
    ALGORITHM.fit(
        estimator, X[:160], y[:160], w, validation, lambda round_, score=None: round_ >= last
    )
    return estimator, X[160:], y[160:]


def said(estimator: Any, X: Any) -> Any:
    return estimator.predict(X) if estimator.regression else estimator.predict_proba(X)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("embedding", ["steps", "waves", "none"])
def test_it_learns_and_the_formula_says_the_same(task: str, embedding: str) -> None:
    estimator, X, y = learned(task, {**QUICK, "embedding": embedding, "learning_rate": 5e-3})
    values = said(estimator, X)
    truth = np.eye(TASKS[task])[y] if TASKS[task] else y
    error = np.mean((values - truth) ** 2)
    assert error < 0.7 * np.mean((truth - truth.mean(axis=0)) ** 2)
    X = np.vstack((X, np.full((1, 5), np.nan), np.full((1, 5), 1e308), np.full((1, 5), -1e308)))
    assert ALGORITHM.formula is not None
    written = ALGORITHM.formula(estimator)
    assert written is not None
    expected = said(estimator, X)
    found = written.outputs(X)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-9, atol=1e-12)


def test_a_large_table_is_learned_in_rounds_of_few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "ROUND", 64)
    monkeypatch.setattr(learning, "WATCHED", 20)
    seen: list[int] = []
    step = learning.Descent._step

    def count(self: Any, rows: Any) -> None:
        seen.append(len(rows))
        step(self, rows)

    monkeypatch.setattr(learning.Descent, "_step", count)
    estimator, X, _ = learned("regression", last=3)
    assert sum(seen) == 3 * 64
    assert np.isfinite(said(estimator, X)).all()


def test_numbers_stay_within_what_training_had() -> None:
    estimator, _, _ = learned("regression", validated=False, last=3)
    y = table("regression")[1][:160]
    far = estimator.predict(np.full((2, 5), [[1e9], [-1e9]]))
    assert (far >= y.min()).all()
    assert (far <= y.max()).all()


def test_rows_without_weight_teach_nothing() -> None:
    X, _, _ = table("regression")
    weight = np.where(X[:, 3] == 1, 0.0, 1.0)
    plain, _, _ = learned("regression", weight=None)
    light, X, _ = learned("regression", weight=weight)
    there = X[:, 3] == 1
    assert said(light, X)[there].mean() < said(plain, X)[there].mean() - 20.0


def test_absolute_errors_are_met_by_medians() -> None:
    X, y, context = table("regression")
    y = np.where(np.arange(len(y)) % 5 == 0, y + 1e5, y)
    estimator = ALGORITHM.build(QUICK, replace(context, metric="mae"))
    assert ALGORITHM.fit is not None
    ALGORITHM.fit(estimator, X, y, None, None, lambda round_, score=None: round_ >= 30)
    assert np.median(estimator.predict(X)) < 5_000.0


def test_flat_empty_and_no_columns_of_numbers_are_read() -> None:
    X = np.column_stack((np.full(20, 3.0), np.full(20, np.nan), np.arange(20) % 12.0))
    encoding = encoding_of(X, (2,), (12,))
    scaled, flags, codes = encoding.read(np.array([[7.0, 1e300, 12.0], [np.nan, 0.0, 3.0]]))
    np.testing.assert_array_equal(scaled[:, 0], 0.0)
    np.testing.assert_array_equal(flags, [[0.0], [0.0]])
    np.testing.assert_array_equal(codes, [[0], [4]])
    left, rise = bins_of(scaled[:, :1], 8)
    assert not left.any()
    assert not rise.any()
    assert encoding_of(X[:, 2:], (0,), (12,)).read(X[:, 2:])[0].shape == (20, 0)


def test_a_seed_decides() -> None:
    first, X, _ = learned("binary", last=5)
    again, _, _ = learned("binary", last=5)
    other, _, _ = learned("binary", last=5, seed=1)
    np.testing.assert_array_equal(said(first, X), said(again, X))
    assert np.abs(said(first, X) - said(other, X)).max() > 1e-4


@pytest.mark.parametrize("task", TASKS)
def test_a_new_process_needs_no_learning_library_to_say_the_same(task: str, tmp_path: Any) -> None:
    estimator, X, _ = learned(task)
    assert isinstance(ALGORITHM.saved, Saved)
    ALGORITHM.saved.save(estimator, tmp_path)
    assert sorted(one.suffix for one in tmp_path.iterdir()) == [".json", ".npz"]
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "values.npy", said(estimator, X))
    script = (
        "import pathlib, sys, numpy as np\n"
        "from automl_mlp import ALGORITHM\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "loaded = ALGORITHM.saved.load(folder)\n"
        "ask = loaded.predict if loaded.regression else loaded.predict_proba\n"
        "values = np.load(folder / 'values.npy')\n"
        "np.testing.assert_array_equal(ask(np.load(folder / 'X.npy')), values)\n"
        "assert not {'sklearn', 'scipy', 'torch'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("embedding", ["steps", "waves", "none"])
def test_slopes_are_those_of_the_loss(task: str, embedding: str) -> None:
    params = {**QUICK, "embedding": embedding, "dropout": 0.0}
    estimator, X, y = learned(task, params, last=3)
    rows = learning.Rows(estimator, X, y, None)
    # In double precision, so that differences of losses say something.
    inputs: Any = tuple(one.astype(np.float64) for one in rows.inputs[:2]) + rows.inputs[2:]
    arrays: Any = {name: one.copy() for name, one in estimator.arrays_.items()}
    way = passed(arrays, inputs)
    by_rows = np.swapaxes(forward(np, arrays, inputs), 0, 1)
    np.testing.assert_allclose(way.scores, by_rows, rtol=1e-4, atol=1e-5)
    rng = np.random.default_rng(0)
    wanted: Any = rng.normal(size=way.scores.shape)
    out = {name: np.zeros_like(one) for name, one in arrays.items()}
    slopes(arrays, way, wanted, out)
    for name in sorted(set(arrays) - learning.FIXED):
        direction = rng.normal(size=arrays[name].shape)
        sides = [
            (
                passed({**arrays, name: arrays[name] + step * direction}, inputs).scores * wanted
            ).sum()
            for step in (-1e-8, 1e-8)
        ]
        expected = (sides[1] - sides[0]) / 2e-8
        found = float((out[name] * direction).sum())
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-3), name


def test_rounds_stop_when_told_and_the_best_is_kept() -> None:
    scores: list[float] = []
    X, y, context = table("binary")
    estimator = ALGORITHM.build(QUICK, context)

    def report(round_: int, score: float | None = None) -> bool:
        assert score is not None
        scores.append(score)
        return round_ >= 12

    assert ALGORITHM.fit is not None
    ALGORITHM.fit(estimator, X[:160], y[:160], None, Validation(X=X[160:], y=y[160:]), report)
    assert estimator.learned_ == int(np.argmax(scores)) + 1
    share = said(estimator, X[160:])[np.arange(80), y[160:]]
    assert np.log(share).mean() == pytest.approx(max(scores), rel=1e-4)


@pytest.mark.parametrize("task", TASKS)
def test_written_as_code_it_learns_the_same(task: str) -> None:
    estimator, X, _ = learned(task, validated=False, last=7)
    assert ALGORITHM.code is not None
    again = ALGORITHM.code([estimator]).make()
    X_all, y, _ = table(task)
    again.fit(X_all[:160], y[:160])
    np.testing.assert_allclose(said(again, X), said(estimator, X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("embedding", ["steps", "waves", "none"])
@pytest.mark.parametrize("there", [(0, 1), (3,), (4,), (3, 4)])
def test_columns_may_be_all_of_a_kind(embedding: str, there: tuple[int, ...]) -> None:
    X, y, context = table("binary")
    places = [place for place in there if place > 2]
    few = replace(
        context,
        n_columns=len(there),
        categories=tuple(there.index(place) for place in places),
        n_levels=tuple({3: 3, 4: 12}[place] for place in places),
    )
    estimator = ALGORITHM.build({**QUICK, "embedding": embedding}, few)
    assert ALGORITHM.fit is not None
    ALGORITHM.fit(estimator, X[:, there], y, None, None, lambda round_, score=None: round_ >= 30)
    shares = said(estimator, X[:, there])
    assert np.mean(shares.argmax(axis=1) == y) > 0.55
