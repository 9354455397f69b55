"""The built-in algorithms: what the kit does not ask, on small tables."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import sparse

from automl.plugin import Algorithm, Context, Saved, Validation
from automl.testing import parametrize_with_plugin_checks

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODULES = (
    "automl_constant",
    "automl_forest",
    "automl_hist_boosting",
    "automl_lightgbm",
    "automl_linear",
    "automl_mlp",
    "automl_naive_bayes",
    "automl_neighbors",
    "automl_svm",
    "automl_tree",
    "automl_xgboost",
)
try:
    import catboost  # noqa: F401 - an extra

    MODULES = (*MODULES, "automl_catboost")
except ImportError:
    pass

ALGORITHMS = [
    algorithm
    for module in MODULES
    for algorithm in importlib.import_module(module).automl_algorithms()
]
CASES = [
    pytest.param(algorithm, task, id=f"{algorithm.name}-{task}")
    for algorithm in ALGORITHMS
    for task in sorted(algorithm.tasks)
]
IN_ROUNDS = [
    pytest.param(algorithm, task, id=f"{algorithm.name}-{task}")
    for algorithm in ALGORITHMS
    for task in sorted(algorithm.tasks)
    if algorithm.fit and algorithm.name != "linear"
]
EXPECTED = {
    "constant:a_constant_is_beaten": "it is the constant",
}
N_CLASSES = {"binary": 2, "multiclass": 3, "regression": 0}


def go_on(round_: int, score: float | None = None) -> bool:
    """Never stop."""
    del round_, score
    return False


@dataclass(frozen=True)
class Problem:
    """A small table: two columns matter, one is a category."""

    X: NDArray[np.float64]
    y: NDArray[Any]
    context: Context

    @property
    def validation(self) -> Validation:
        """The last third."""
        cut = self.context.n_rows
        return Validation(X=self.X[cut:], y=self.y[cut:])

    @property
    def train(self) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """The first two thirds."""
        cut = self.context.n_rows
        return self.X[:cut], self.y[:cut]


def problem(algorithm: Algorithm, task: str, n_rows: int = 240, metric: str = "") -> Problem:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 5))
    X[:, 4] = rng.integers(0, 4, n_rows)
    signal = X[:, 0] + np.where(X[:, 4] == 2, 2.0, 0.0) + 0.3 * rng.normal(size=n_rows)
    y: NDArray[Any] = 1000.0 + 50.0 * signal
    if task != "regression":
        edges = np.quantile(signal, np.linspace(0, 1, N_CLASSES[task] + 1)[1:-1])
        y = np.digitize(signal, edges).astype(np.int64)
    native = "category" in algorithm.accepts
    if "missing" in algorithm.accepts:
        X[rng.random(X.shape) < 0.05] = np.nan
    context = Context(
        task=task,
        n_classes=N_CLASSES[task],
        n_rows=n_rows * 2 // 3,
        n_columns=5,
        categories=(4,) if native else (),
        n_levels=(4,) if native else (),
        metric=metric,
    )
    return Problem(X, y, context)


def fitted(
    algorithm: Algorithm, given: Problem, start: int = 0, report: Any = go_on, **more: Any
) -> Any:
    params = {k: v for k, v in algorithm.starts[start].items() if k != "prepare"}
    estimator = algorithm.build(params, given.context)
    X, y = given.train
    if algorithm.fit is not None:
        algorithm.fit(
            estimator, X, y, more.get("weight"), more.get("validation", given.validation), report
        )
    else:
        estimator.fit(X, y, **({"sample_weight": more["weight"]} if "weight" in more else {}))
    return estimator


def said(estimator: Any, X: Any, task: str) -> NDArray[np.float64]:
    values = estimator.predict(X) if task == "regression" else estimator.predict_proba(X)
    return np.asarray(values)


@parametrize_with_plugin_checks(*(a.name for a in ALGORITHMS), expected_failures=EXPECTED)
@pytest.mark.slow
def test_contract(check: Any) -> None:
    check()


@pytest.mark.parametrize(("algorithm", "task"), CASES)
def test_values_have_the_right_shape_and_one_row_gives_what_the_batch_gives(
    algorithm: Algorithm, task: str
) -> None:
    given = problem(algorithm, task)
    estimator = fitted(algorithm, given)
    X = given.validation.X
    values = said(estimator, X, task)
    assert values.shape == ((len(X),) if task == "regression" else (len(X), N_CLASSES[task]))
    assert np.isfinite(values).all()
    alone = np.concatenate([said(estimator, X[i : i + 1], task) for i in range(5)])
    np.testing.assert_allclose(alone, values[:5], rtol=1e-6, atol=1e-9)
    labels = estimator.predict(X[:7])
    assert labels.shape == (7,)


QUICK = [
    pytest.param(algorithm, task, id=f"{algorithm.name}-{task}")
    for algorithm in ALGORITHMS
    for task in sorted(algorithm.tasks)
    if algorithm.quick
]


@pytest.mark.parametrize(("algorithm", "task"), QUICK)
@pytest.mark.parametrize("start", [0, -1])
def test_the_quick_way_gives_the_same_values(algorithm: Algorithm, task: str, start: int) -> None:
    given = problem(algorithm, task)
    estimator = fitted(algorithm, given, start)
    assert algorithm.quick is not None
    answer = algorithm.quick(estimator)
    if answer is None:
        assert (algorithm.name, task) == ("svm", "multiclass")
        return
    X = given.validation.X[:10]
    # Neighbours are usually weighted by scikit-learn's distances, which are float32.
    rtol = 1e-6 if algorithm.name == "nearest_neighbors" else 1e-9
    for rows in (X, X[:1]):
        np.testing.assert_allclose(answer(rows), said(estimator, rows, task), rtol, atol=1e-12)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("regression", [False, True])
def test_the_quick_neighbours_are_the_usual_ones_where_many_are_equally_far(
    p: int, regression: bool
) -> None:
    from automl_neighbors import Neighbors, quick

    rng = np.random.default_rng(p)
    for far in (0.0, 1000.0):
        X = rng.integers(0, 3, (300, 4)) + far
        X[::2] += rng.normal(size=(150, 4))
        y = rng.normal(size=300) if regression else np.arange(300) % 3
        params = {"n_neighbors": 7, "weights": "distance", "p": p, "algorithm": "brute"}
        fitted = Neighbors(params=params | {"n_jobs": 1}, regression=regression).fit(X, y)
        few = np.concatenate([X[:4], rng.integers(0, 3, (4, 4)) + far])
        usual = fitted.predict(few) if regression else fitted.predict_proba(few)
        assert np.allclose(quick(fitted)(few), usual, rtol=1e-7, atol=1e-9)


def test_the_quick_way_knows_every_kernel() -> None:
    algorithm = next(one for one in ALGORITHMS if one.name == "svm")
    given = problem(algorithm, "binary")
    X, y = given.train
    for degree in (2, 3):
        params = {"kernel": "poly", "degree": degree, "C_poly": 0.05}
        estimator = algorithm.build(params, given.context).fit(X, y)
        assert algorithm.quick is not None
        answer = algorithm.quick(estimator)
        assert answer is not None
        np.testing.assert_allclose(answer(X[:9]), estimator.predict_proba(X[:9]), rtol=1e-9)


@pytest.mark.parametrize(("algorithm", "task"), CASES)
@pytest.mark.parametrize("n_rows", [15, 30])
def test_few_rows_constant_columns_and_a_lone_class_are_fine(
    algorithm: Algorithm, task: str, n_rows: int
) -> None:
    given = problem(algorithm, task, n_rows)
    given.X[:, 1] = 3.0
    if "missing" in algorithm.accepts:
        given.X[:, 2] = np.nan
    if task != "regression":
        given.y[:] = np.arange(n_rows) % 2
        given.y[3] = N_CLASSES[task] - 1 if task == "multiclass" else given.y[3]
    values = said(fitted(algorithm, given), given.X, task)
    assert np.isfinite(values).all()


@pytest.mark.parametrize(("algorithm", "task"), CASES)
def test_fits_without_validation_rows(algorithm: Algorithm, task: str) -> None:
    given = problem(algorithm, task)
    values = said(fitted(algorithm, given, validation=None), given.validation.X, task)
    assert np.isfinite(values).all()


@pytest.mark.parametrize(("algorithm", "task"), CASES)
def test_numbers_far_out_and_targets_of_any_unit_are_fine(algorithm: Algorithm, task: str) -> None:
    given = problem(algorithm, task)
    if "unscaled" in algorithm.accepts:
        given.X[::7, 1] = 1e37
        given.X[1::7, 1] = -1e37
    scale = 1e9 if task == "regression" else 1
    other = Problem(given.X, given.y * scale, given.context)
    values = said(fitted(algorithm, other), given.validation.X, task)
    assert np.isfinite(values).all()
    if task == "regression" and algorithm.name not in {"catboost", "hist_boosting"}:
        near = said(fitted(algorithm, given), given.validation.X, task)
        assert np.mean(np.abs(values / scale - near)) < 0.1 * np.std(given.y)


@pytest.mark.parametrize(("algorithm", "task"), IN_ROUNDS)
def test_stops_when_told_and_keeps_what_it_has(algorithm: Algorithm, task: str) -> None:
    heard: list[int] = []

    def stop_at_once(round_: int, score: float | None = None) -> bool:
        del score
        heard.append(round_)
        return True

    given = problem(algorithm, task)
    estimator = fitted(algorithm, given, report=stop_at_once)
    assert len(heard) == 1
    assert np.isfinite(said(estimator, given.validation.X, task)).all()


@pytest.mark.parametrize(("algorithm", "task"), IN_ROUNDS)
def test_reports_scores_that_grow_when_it_learns(algorithm: Algorithm, task: str) -> None:
    scores: list[float] = []

    def listen(round_: int, score: float | None = None) -> bool:
        if score is not None:
            scores.append(score)
        return round_ >= 60

    fitted(algorithm, problem(algorithm, task), report=listen)
    if scores:
        assert max(scores) > scores[0]


@pytest.mark.parametrize(("algorithm", "task"), CASES)
def test_every_start_lies_inside_the_space(algorithm: Algorithm, task: str) -> None:
    given = problem(algorithm, task)
    space = algorithm.space(given.context) if callable(algorithm.space) else algorithm.space
    for start in algorithm.starts:
        params = {name: value for name, value in start.items() if name != "prepare"}
        assert json.loads(json.dumps(params)) == params
        always = {name for name, one in space.items() if not getattr(one, "when", None)}
        assert always <= set(params) <= set(space)
        for name, value in params.items():
            given_range: Any = space[name]
            distribution = given_range.distribution()
            assert distribution._contains(distribution.to_internal_repr(value))


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost"])
@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "log_loss", "f1"])
def test_boosters_follow_the_metric(name: str, metric: str) -> None:
    algorithm = _named(name)
    scores: list[float] = []

    def listen(round_: int, score: float | None = None) -> bool:
        del round_
        scores.append(float("nan") if score is None else score)
        return False

    fitted(algorithm, problem(algorithm, "binary", metric=metric), report=listen)
    rate = metric in {"roc_auc", "average_precision"}
    assert all((0.0 < score <= 1.0) if rate else score < 0.0 for score in scores)


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost", "hist_boosting", "constant"])
def test_absolute_errors_are_met_by_medians(name: str) -> None:
    algorithm = _named(name)
    given = problem(algorithm, "regression", n_rows=300, metric="mae")
    given.y[::5] += 1e5
    middle = said(fitted(algorithm, given), given.validation.X, "regression")
    assert np.median(middle) < 2000.0


@pytest.mark.parametrize("name", ["lightgbm", "linear"])
@pytest.mark.parametrize("task", sorted(N_CLASSES))
def test_sparse_and_dense_say_the_same(name: str, task: str) -> None:
    algorithm = _named(name)
    given = problem(algorithm, task, n_rows=600)
    X = np.nan_to_num(given.X)
    X[np.abs(X) < 0.5] = 0.0
    dense = Problem(X, given.y, given.context)
    loose = Problem(sparse.csr_matrix(X), given.y, given.context)
    np.testing.assert_allclose(
        said(fitted(algorithm, dense), X, task),
        said(fitted(algorithm, loose), sparse.csr_matrix(X), task),
        rtol=2e-2,
        atol=2e-2,
    )


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost", "linear", "extra_trees"])
def test_many_classes_are_fine(name: str) -> None:
    algorithm = _named(name)
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(60), 6)
    X = rng.normal(size=(360, 4)) + y[:, None] % 7
    context = Context(task="multiclass", n_classes=60, n_rows=360, n_columns=4)
    estimator = fitted(
        algorithm, Problem(X, y, context), validation=Validation(X=X, y=y), report=_after(5)
    )
    values = estimator.predict_proba(X)
    assert values.shape == (360, 60)
    np.testing.assert_allclose(values.sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["lightgbm", "xgboost", "catboost", "random_forest", "mlp", "linear"]
)
def test_saved_it_says_exactly_the_same_in_a_new_process(name: str, tmp_path: Path) -> None:
    algorithm = _named(name)
    assert isinstance(algorithm.saved, Saved)
    tasks = sorted(algorithm.tasks)
    for task in tasks:
        given = problem(algorithm, task)
        estimator = fitted(algorithm, given)
        folder = tmp_path / task
        folder.mkdir()
        algorithm.saved.save(estimator, folder)
        np.save(tmp_path / f"{task}_X.npy", given.validation.X)
        np.save(tmp_path / f"{task}_values.npy", said(estimator, given.validation.X, task))
        assert not list(folder.glob("*.pkl"))
    module = next(m for m in MODULES if algorithm in importlib.import_module(m).automl_algorithms())
    script = (
        "import importlib, pathlib, sys, numpy as np\n"
        "module, name, folder, *tasks = sys.argv[1:]\n"
        "given = importlib.import_module(module).automl_algorithms()\n"
        "algorithm = next(a for a in given if a.name == name)\n"
        "for task in tasks:\n"
        "    loaded = algorithm.saved.load(pathlib.Path(folder) / task)\n"
        "    X = np.load(pathlib.Path(folder) / f'{task}_X.npy')\n"
        "    ask = loaded.predict if task == 'regression' else loaded.predict_proba\n"
        "    was = np.load(pathlib.Path(folder) / f'{task}_values.npy')\n"
        "    np.testing.assert_array_equal(ask(X), was)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, module, name, str(tmp_path), *tasks],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_linear_regression_finds_a_weak_penalty_for_collinear_columns() -> None:
    algorithm = _named("linear")
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(300, 3))
    X = hidden @ rng.normal(size=(3, 40)) + 1e-3 * rng.normal(size=(300, 40))
    y = 5.0 + X @ rng.normal(size=40)
    context = Context(task="regression", n_classes=0, n_rows=200, n_columns=40)
    estimator = fitted(algorithm, Problem(X, y, context))
    error = y[200:] - estimator.predict(X[200:])
    assert np.sqrt(np.mean(error**2)) < 0.01 * np.std(y)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize(
    "name", ["lightgbm", "xgboost", "catboost", "hist_boosting", "mlp", "linear"]
)
def test_few_validation_rows_only_judge(name: str, task: str) -> None:
    given = problem(_named(name), task)
    few = replace(given.validation, few=True)
    answers = [
        said(fitted(_named(name), given, validation=rows), given.X, task)
        for rows in (few, replace(few, y=few.y[::-1]))
    ]
    np.testing.assert_array_equal(*answers)
    truth = given.y if task == "regression" else np.eye(3)[given.y]
    error = np.mean((answers[0] - truth)[160:] ** 2)
    assert error < 0.8 * np.mean((truth - truth.mean(axis=0)) ** 2)


def test_linear_regression_goes_on_over_a_plateau_of_penalties() -> None:
    rng = np.random.default_rng(0)
    loud, small = rng.normal(size=(120, 1)), rng.normal(size=(120, 30))
    X = loud + 0.01 * small
    y = loud[:, 0] + 3.0 * small[:, 3] - 2.0 * small[:, 7]
    context = Context(task="regression", n_classes=0, n_rows=80, n_columns=30)
    estimator = fitted(_named("linear"), Problem(X, y, context))
    error = y[80:] - estimator.predict(X[80:])
    assert np.sqrt(np.mean(error**2)) < 0.1 * np.std(y)


def test_a_line_is_cut_off_far_outside_of_what_was_seen() -> None:
    given = problem(_named("linear"), "regression")
    estimator = fitted(_named("linear"), given)
    span = np.ptp(given.train[1])
    far = estimator.predict(np.full((1, 5), 1e6))
    assert given.train[1].min() - span <= far[0] <= given.train[1].max() + span


def test_forest_says_what_scikit_learn_says() -> None:
    from sklearn.ensemble import RandomForestRegressor

    algorithm = _named("random_forest")
    given = problem(algorithm, "regression")
    X, y = given.train
    estimator = fitted(algorithm, given)
    theirs = RandomForestRegressor(**estimator.params).fit(X, y)
    new = given.validation.X
    np.testing.assert_allclose(estimator.predict(new), theirs.predict(new), rtol=1e-6)


@pytest.mark.parametrize("regression", [False, True])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("scale", [1e-3, 1e6])
def test_neighbours_that_are_equally_far_share_a_place(
    scale: float, p: int, weights: str, regression: bool
) -> None:
    from automl_neighbors import Neighbors, formula

    rng = np.random.default_rng(p)
    # Of three columns of codes hundreds of rows are equally far, of five and a number few.
    for n_columns, n_levels, middle in ((3, 2, 0.0), (6, 5, 50.0)):
        X = rng.integers(0, n_levels, (400, n_columns)).astype(float)
        X[:, 0] = rng.normal(size=400) if n_columns > 3 else X[:, 0]
        y = rng.integers(0, 3, 400)
        params = {"n_neighbors": 9, "weights": weights, "p": p, "algorithm": "brute", "n_jobs": 1}
        new = np.concatenate([X[:30], X[:30] + rng.choice([0.0, 0.5], (30, n_columns))])
        X, new = scale * (X + middle), scale * (new + middle)
        other = rng.permutation(400)
        first, second = (
            Neighbors(params=params, regression=regression).fit(X[order], y[order])
            for order in (np.arange(400), other)
        )
        task = "regression" if regression else "multiclass"
        expected = said(first, new, task)
        found = formula(first).outputs(new)
        np.testing.assert_allclose(found[:, 0] if regression else found, expected, atol=1e-6)
        np.testing.assert_allclose(said(second, new, task), expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_boosters_read_in_another_thread_leave_no_memory_behind(name: str, tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    algorithm = next(one for one in ALGORITHMS if one.name == name)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2_000, 6))
    context = Context(task="regression", n_classes=0, n_rows=2_000, n_columns=6, categories=())
    fitted = algorithm.build({}, context).fit(X, X[:, 0] * X[:, 1] + rng.normal(size=2_000))
    assert isinstance(algorithm.saved, Saved)
    algorithm.saved.save(fitted, tmp_path)

    def read() -> Any:
        estimator = algorithm.saved.load(tmp_path)  # type: ignore[union-attr]  # seen above
        assert algorithm.trees is not None
        assert algorithm.trees(estimator) is not None
        return estimator

    with ThreadPoolExecutor(1) as thread:  # it lives on, as a server's do
        for _ in range(5):
            thread.submit(read).result()
        before = psutil.Process().memory_info().rss
        for _ in range(25):
            thread.submit(read).result()
        grown = psutil.Process().memory_info().rss - before
    assert grown < 5e6, f"{grown / 1e6:.1f} MB"


def test_importing_the_plugins_imports_no_learning_library() -> None:
    heavy = ("sklearn", "scipy", "lightgbm", "xgboost", "catboost", "pandas")
    script = f"import sys, {', '.join(MODULES)}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def _named(name: str) -> Algorithm:
    found = [algorithm for algorithm in ALGORITHMS if algorithm.name == name]
    if not found:
        pytest.skip(f"{name} is not installed")
    return found[0]


def _after(rounds: int) -> Any:
    return lambda round_, score=None: round_ >= rounds


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_large_lightgbm_is_asked_in_parts(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import automl_lightgbm

    given = problem(automl_lightgbm.ALGORITHM, task)
    estimator = fitted(automl_lightgbm.ALGORITHM, given)
    whole = said(estimator, given.X, task)
    monkeypatch.setattr(automl_lightgbm, "MANY", 0)
    monkeypatch.setattr(automl_lightgbm, "NEAR", 7)
    np.testing.assert_allclose(said(estimator, given.X, task), whole, rtol=1e-9, atol=1e-12)
    assert len(estimator._made) > 1
