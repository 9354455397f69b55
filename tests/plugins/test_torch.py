"""The network that torch learns: that it learns, stops, is kept and leaves the process alone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import automl_mlp  # noqa: E402
from automl.plugin import Context, Saved, Validation  # noqa: E402
from automl.testing import parametrize_with_plugin_checks  # noqa: E402
from automl_torch import ALGORITHM  # noqa: E402 - only where torch is installed

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
    ALGORITHM.fit(
        estimator, X[:160], y[:160], w, validation, lambda round_, score=None: round_ >= last
    )
    return estimator, X[160:], y[160:]


def said(estimator: Any, X: Any) -> Any:
    return estimator.predict(X) if estimator.regression else estimator.predict_proba(X)


@parametrize_with_plugin_checks("torch_mlp")
@pytest.mark.slow
def test_contract(check: Any) -> None:
    check()


@pytest.mark.parametrize("task", TASKS)
def test_a_new_process_without_torch_says_the_same(task: str, tmp_path: Any) -> None:
    estimator, X, _ = learned(task)
    assert isinstance(ALGORITHM.saved, Saved)
    ALGORITHM.saved.save(estimator, tmp_path)
    assert sorted(one.suffix for one in tmp_path.iterdir()) == [".json", ".npz"]
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "values.npy", said(estimator, X))
    script = (
        "import pathlib, sys, numpy as np\n"
        "sys.modules['torch'] = None\n"
        "from automl_torch import ALGORITHM\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "loaded = ALGORITHM.saved.load(folder)\n"
        "ask = loaded.predict if loaded.regression else loaded.predict_proba\n"
        "values = np.load(folder / 'values.npy')\n"
        "np.testing.assert_array_equal(ask(np.load(folder / 'X.npy')), values)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_seed_decides_and_the_process_is_left_as_it_was() -> None:
    torch.manual_seed(3)
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    first, X, _ = learned("binary", last=5, threads=threads + 1)
    again, _, _ = learned("binary", last=5, threads=threads + 1)
    other, _, _ = learned("binary", last=5, threads=threads + 1, seed=1)
    np.testing.assert_array_equal(said(first, X), said(again, X))
    assert np.abs(said(first, X) - said(other, X)).max() > 1e-4
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


def test_threads_are_put_back_when_a_report_raises() -> None:
    def report(round_: int, score: float | None = None) -> bool:
        raise KeyboardInterrupt

    X, y, context = table("regression")
    before = torch.get_num_threads()
    estimator = ALGORITHM.build(QUICK, replace(context, threads=before + 1))
    assert ALGORITHM.fit is not None
    with pytest.raises(KeyboardInterrupt):
        ALGORITHM.fit(estimator, X, y, None, None, report)
    assert torch.get_num_threads() == before


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


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("embedding", ["steps", "waves", "none"])
def test_torch_learns_what_numpy_learns(task: str, embedding: str) -> None:
    params = {**QUICK, "embedding": embedding}
    there, X, _ = learned(task, params, last=5)
    X_all, y, context = table(task)
    here = automl_mlp.ALGORITHM.build({**there.params, **params}, context)
    assert automl_mlp.ALGORITHM.fit is not None
    rows = Validation(X=X_all[160:], y=y[160:])
    automl_mlp.ALGORITHM.fit(
        here, X_all[:160], y[:160], None, rows, lambda round_, score=None: round_ >= 5
    )
    spread = np.std(y) if there.regression else 1.0
    assert np.abs(said(there, X) - said(here, X)).max() < 1e-3 * spread


def test_a_device_that_is_not_there_raises() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises((RuntimeError, AssertionError)):
        learned("binary", last=1, device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("task", TASKS)
def test_a_gpu_learns_what_the_cpu_learns(task: str) -> None:
    there, X, _ = learned(task, last=10, device="cuda")
    here, _, _ = learned(task, last=10)
    spread = np.std(table(task)[1]) if there.regression else 1.0
    assert np.abs(said(there, X) - said(here, X)).max() < 0.05 * spread
