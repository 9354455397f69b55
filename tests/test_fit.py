"""A run from a table to a predictor, through the public face."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import make_scorer, mean_absolute_error, roc_auc_score

import automl
from automl.errors import DataError, InputError, PluginError, RunError
from automl.plugin import Algorithm, Int, Preprocessor
from automl.plugin.discovery import discover
from automl.search.jobs import Pool
from automl.search.workers import SamePool

FEW = automl.Budget(trials=3)
SAME = automl.Strategy(isolation="none")
QUICK = ("linear", "decision_tree")


def table(n: int = 200, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Numbers, a category and missing cells; the target is no secret."""
    rng = np.random.default_rng(seed)
    x = pd.DataFrame(
        {
            "size": rng.normal(50, 20, n),
            "color": rng.choice(["red", "green", "blue"], n),
            "age": rng.integers(0, 90, n).astype(float),
        }
    )
    y = (x["size"] / 20 + 2 * (x["color"] == "red") + rng.normal(0, 0.5, n) > 3).map(
        {True: "yes", False: "no"}
    )
    x.loc[::7, "age"] = np.nan
    return x, y


@pytest.fixture(scope="module")
def result() -> automl.Result:
    x, y = table()
    return automl.fit(x, y, budget=FEW, plugins=QUICK, strategy=SAME)


def test_the_leaderboard_says_how_long_a_row_takes_and_how_large_a_model_is(
    result: automl.Result,
) -> None:
    rows = [row for row in result.leaderboard if row.number and row.status == "complete"]
    assert rows
    assert all(row.latency_ms is not None and 0 < row.latency_ms < 1e4 for row in rows)
    assert all(row.n_bytes is not None and row.n_bytes > 100 for row in rows)
    header, first, *_ = repr(result.leaderboard).splitlines()
    assert "ms a row" in header
    assert " kB " in first


def test_a_run_beats_the_constant_and_predicts_labels(result: automl.Result) -> None:
    new, truth = table(seed=1)
    predictor = result.predictor
    assert predictor.classes_.tolist() == ["no", "yes"]
    proba = predictor.predict_proba(new)
    assert proba.shape == (200, 2)
    assert roc_auc_score(truth == "yes", proba[:, 1]) > 0.9
    assert set(predictor.predict(new)) <= {"no", "yes"}


def test_the_leaderboard_has_every_outcome_with_its_giver(result: automl.Result) -> None:
    rows = result.leaderboard.rows
    assert {row.number for row in rows} == {0, 1, 2, 3}
    assert sum(row.weight for row in rows) == pytest.approx(1)
    assert all("pluggable-automl" in row.giver for row in rows)
    assert [row.rank for row in rows if row.rank] == sorted(row.rank for row in rows if row.rank)
    assert "cv_score (roc_auc)" in repr(result.leaderboard)
    assert "<table>" in result.leaderboard._repr_html_()


def test_the_same_seed_gives_the_same_run(result: automl.Result) -> None:
    x, y = table()
    again = automl.fit(x, y, budget=FEW, plugins=QUICK, strategy=SAME)
    new, _ = table(seed=1)
    for a, b in zip(result.leaderboard, again.leaderboard, strict=True):
        assert (a.algorithm, a.cv_score, a.params, a.weight) == (
            b.algorithm,
            b.cv_score,
            b.params,
            b.weight,
        )
    assert np.array_equal(result.predictor.predict_proba(new), again.predictor.predict_proba(new))


def test_workers_find_what_the_caller_finds(result: automl.Result) -> None:
    x, y = table()
    other = automl.fit(x, y, budget=FEW, plugins=QUICK, n_jobs=1)
    new, _ = table(seed=1)
    assert np.allclose(result.predictor.predict_proba(new), other.predictor.predict_proba(new))


def test_the_input_is_never_modified() -> None:
    x, y = table()
    before = x.copy(deep=True), y.copy(deep=True)
    automl.fit(x, y, budget=automl.Budget(trials=1), plugins=QUICK, strategy=SAME)
    pd.testing.assert_frame_equal(x, before[0])
    pd.testing.assert_series_equal(y, before[1])


def test_a_number_is_predicted_as_a_number() -> None:
    x, _ = table()
    y = x["size"] * 2 + (x["color"] == "red") * 10
    found = automl.fit(x, y, budget=FEW, plugins=QUICK, strategy=SAME)
    assert found.predictor.info["cv_score"] < found.predictor.info["baseline_score"] / 2
    with pytest.raises(AttributeError, match="no classes"):
        _ = found.predictor.classes_


def test_a_target_with_one_class_is_answered_by_the_constant() -> None:
    x, _ = table()
    with pytest.warns(automl.errors.DataWarning):
        found = automl.fit(x, np.ones(len(x), dtype=int), budget=FEW, strategy=SAME)
    assert found.predictor.predict(x).tolist() == [1] * len(x)


def test_without_a_trial_there_is_still_a_predictor() -> None:
    x, y = table()
    found = automl.fit(x, y, budget=automl.Budget(trials=0), strategy=SAME)
    assert [row.algorithm for row in found.leaderboard] == ["baseline"]
    assert found.predictor.predict_proba(x).shape == (len(x), 2)


def test_a_plugin_that_always_fails_leaves_a_row_with_its_cause() -> None:
    def build(params: object, context: object) -> object:
        raise RuntimeError("no licence")

    broken = Algorithm(name="broken", tasks=frozenset({"binary"}), build=build)
    x, y = table()
    found = automl.fit(x, y, budget=FEW, plugins=[broken, "linear"], strategy=SAME)
    row = next(row for row in found.leaderboard if row.algorithm == "broken")
    assert row.status == "failed (exception)"
    assert row.message == "RuntimeError: no licence"
    assert row.giver == "handed over in code"
    assert any(row.algorithm == "linear" and row.rank == 1 for row in found.leaderboard)


class Wrong:
    """Says things that are no values."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def fit(self, x: object, y: object) -> Wrong:
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        n = len(x)
        return {
            "nan": np.full((n, 2), np.nan),
            "short": np.full((max(n - 1, 0), 2), 0.5),
            "sum": np.full((n, 2), 0.9),
            "negative": np.tile([1.5, -0.5], (n, 1)),
        }[self.fault]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("nan", "failed (nonfinite)"),
        ("short", "failed (shape)"),
        ("sum", "failed (shape)"),
        ("negative", "failed (shape)"),
    ],
)
def test_wrong_values_never_become_a_score(fault: str, status: str) -> None:
    algorithm = Algorithm(
        name="wrong", tasks=frozenset({"binary"}), build=lambda params, context: Wrong(fault)
    )
    x, y = table()
    found = automl.fit(
        x[["size"]], y, budget=automl.Budget(trials=1), plugins=["wrong", algorithm], strategy=SAME
    )
    assert [row.status for row in found.leaderboard if row.algorithm == "wrong"] == [status]


def test_metrics_by_name_scorer_and_function() -> None:
    x, y = table()
    number = x["size"] + 20 * (x["color"] == "red")

    def hits(y_true: np.ndarray, y_pred: np.ndarray) -> float:
        assert set(y_true) <= {"no", "yes"}
        return float(np.mean(y_true == y_pred))

    one = automl.Budget(trials=1)
    for metric, target in [
        ("log_loss", y),
        (hits, y),
        (make_scorer(roc_auc_score, response_method="predict_proba"), y),
        (make_scorer(mean_absolute_error, greater_is_better=False), number),
    ]:
        found = automl.fit(x, target, metric=metric, budget=one, plugins=["linear"], strategy=SAME)
        assert found.leaderboard.rows[0].algorithm == "linear"


def test_groups_never_stand_on_both_sides_and_time_goes_forward() -> None:
    x, y = table()
    x["group"] = np.arange(len(x)) // 10
    x["when"] = pd.date_range("2020", periods=len(x), freq="D")
    for columns, splitter in [
        (automl.Columns(group="group"), "stratified_group"),
        (automl.Columns(time="when"), "forward"),
    ]:
        found = automl.fit(
            x.assign(y=y),
            "y",
            budget=automl.Budget(trials=1),
            plugins=QUICK,
            columns=columns,
            strategy=SAME,
        )
        assert found.predictor.info["splitter"] == splitter


def test_a_validation_set_of_the_users_own_judges() -> None:
    x, y = table()
    new, truth = table(seed=3)
    found = automl.fit(
        x.assign(y=y),
        "y",
        budget=automl.Budget(trials=1),
        plugins=QUICK,
        strategy=automl.Strategy(isolation="none", validation=new.assign(y=truth)),
    )
    best = found.leaderboard.rows[0]
    assert found.predictor.info["splitter"] == "validation"
    alone = roc_auc_score(truth == "yes", found.predictor.predict_proba(new)[:, 1])
    assert best.cv_score is not None
    assert alone == pytest.approx(found.predictor.info["cv_score"])


def test_a_user_brings_an_executor() -> None:
    made = []

    def executor(*, size: int, handler: str, log_folder: Path, preload: tuple[str, ...]) -> Pool:
        made.append((size, log_folder.is_dir(), "sklearn.tree" in preload))
        return SamePool(handler)

    x, y = table()
    found = automl.fit(
        x,
        y,
        budget=automl.Budget(trials=1),
        plugins=["decision_tree"],
        n_jobs=1,
        strategy=automl.Strategy(executor=executor),
    )
    assert made == [(1, True, True)]
    assert found.leaderboard.rows[0].algorithm == "decision_tree"


def test_a_user_bends_a_space_and_adds_starts() -> None:
    x, y = table()
    found = automl.fit(
        x,
        y,
        budget=automl.Budget(trials=2),
        plugins=["decision_tree"],
        strategy=automl.Strategy(
            isolation="none",
            spaces={"decision_tree": {"max_depth": Int(2, 3)}},
            starts={"decision_tree": ({"max_depth": 2},)},
        ),
    )
    first = next(row for row in found.leaderboard if row.number == 1)
    assert first.params["max_depth"] == 2


def test_a_preprocessor_that_reads_the_target_never_sees_its_own_row() -> None:
    class Peeks:
        """Gives rows that it was fitted on their own target."""

        def fit(self, x: np.ndarray, y: np.ndarray) -> Peeks:
            self.seen = {
                tuple(row): float(target) for row, target in zip(x.tolist(), y, strict=True)
            }
            return self

        def transform(self, x: np.ndarray) -> np.ndarray:
            return np.array([[self.seen.get(tuple(row), 0.5)] for row in x.tolist()])

    peeking = Preprocessor(
        name="peeking",
        takes=frozenset({"number", "unscaled"}),
        emits=frozenset({"number"}),
        removes=frozenset({"missing"}),
        supervised=True,
        priority=1,
        build=lambda params, context: Peeks(),
        saved=None,
    )
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"noise": rng.normal(size=300)})
    y = rng.integers(0, 2, 300)
    with pytest.warns(
        automl.errors.RunWarning, match=r"cannot be saved .*: peeking\. .*W_RUN_UNSAVED"
    ):
        found = automl.fit(
            x, y, budget=automl.Budget(trials=1), plugins=["linear", peeking], strategy=SAME
        )
    linear = next(row for row in found.leaderboard if row.algorithm == "linear")
    assert linear.preparation["number"][0]["name"] == "peeking"
    assert linear.cv_score == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "error", "code"),
    [
        ({"target": "gone"}, InputError, "E_DATA_"),
        ({"budget": 0}, InputError, "E_INPUT_BUDGET"),
        ({"budget": float("nan")}, InputError, "E_INPUT_BUDGET"),
        ({"n_jobs": 0}, InputError, "E_INPUT_JOBS"),
        ({"metric": "auk"}, PluginError, "E_PLUGIN_UNKNOWN"),
        ({"metric": "rmse"}, InputError, "E_INPUT_METRIC"),
        ({"plugins": ["lightgmb"]}, PluginError, "E_PLUGIN_UNKNOWN"),
        (
            {"strategy": automl.Strategy(task="regression", isolation="none")},
            DataError,
            "E_DATA_TASK",
        ),
        ({"strategy": automl.Strategy(spaces={"gone": {}})}, PluginError, "E_PLUGIN_UNKNOWN"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_code(
    arguments: dict[str, object], error: type[Exception], code: str
) -> None:
    x, y = table(60)
    given = {"budget": FEW, "strategy": SAME, "target": "y"} | arguments
    target = given.pop("target")
    with pytest.raises(error, match=code):
        automl.fit(x.assign(y=y), target, **given)  # type: ignore[arg-type]  # wrong on purpose


def test_a_run_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    x, y = table(60)
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="E_RUN_FOLDER"):
        automl.fit(x, y, budget=FEW, run=tmp_path, strategy=SAME)


def test_a_script_needs_no_guard_and_leaves_nothing_behind(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import numpy as np, automl
            print("main runs")
            rng = np.random.default_rng(0)
            x = rng.normal(size=(100, 3))
            found = automl.fit(x, x[:, 0] > 0, budget=automl.Budget(trials=1), plugins=["linear"])
            print(found.predictor.predict(x[:2]).dtype)
            """
        )
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={"TMPDIR": str(temporary), "PATH": "", "HOME": str(tmp_path)},
    )
    assert done.stdout.split("\n") == ["main runs", "bool", ""], done.stderr
    assert list(temporary.iterdir()) == []


def test_a_metric_handed_over_brings_no_algorithm_into_the_search() -> None:
    x, y = table()
    left = [
        f"-algorithm:{name}" for name in discover().algorithms if name not in {*QUICK, "constant"}
    ]
    mine = dataclasses.replace(discover().metrics["log_loss"], name="mine")
    for more, tried in ([mine], False), (["constant", *QUICK], True):
        result = automl.fit(x, y, budget=FEW, plugins=[*left, *more], strategy=SAME)
        assert any(row.algorithm == "constant" for row in result.leaderboard) is tried
