"""What contributions declare, seen through a whole run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import automl
from automl import Budget, Strategy
from automl.errors import DataError, InputError
from automl.plugin import Algorithm
from automl.plugin.discovery import discover

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NO_PROCESS = {"isolation": "none", "folds": 2}


def _table(n: int = 300, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    age, pay = rng.uniform(0, 10, n), rng.normal(size=n)
    city = rng.choice(["Rom", "Oslo", "Bern"], n)
    noise = rng.normal(scale=3.0, size=n)
    return {
        "age": age,
        "pay": pay,
        "city": city,
        "price": age + (city == "Rom") * 5 + noise,
        "sold": np.where(age + noise > 5, "yes", "no"),
    }


def _fit(target: str, plugins: list[Any], trials: int, **more: Any) -> automl.Result:
    table = _table()
    table.pop("price" if target == "sold" else "sold")
    strategy = Strategy(**{**NO_PROCESS, **more.pop("strategy", {})})
    return automl.fit(
        table,
        target,
        budget=Budget(trials=trials),
        plugins=plugins,
        strategy=strategy,
        n_jobs=1,
        **more,
    )


def _steps(row: Any, kind: str) -> list[tuple[str, Mapping[str, Any]]]:
    return [(step["name"], step["params"]) for step in row.preparation[kind]]


def test_the_search_varies_parameters_of_steps_and_a_user_bends_them() -> None:
    strategy = {
        "spaces": {"lightgbm": {"target_mean__smooth": 7.0}},
        "starts": {"lightgbm": ({"prepare": {"category": "one_hot"}, "one_hot__min_count": 3},)},
    }
    result = _fit("price", ["lightgbm"], 16, strategy=strategy)
    rows = sorted(result.leaderboard, key=lambda row: row.number)[1:]
    assert _steps(rows[0], "category") == [("one_hot", {"min_count": 3})]
    used = [step for row in rows[1:] for step in _steps(row, "category")]
    assert all(params == {"smooth": 7.0} for name, params in used if name == "target_mean")
    varied = [params["min_count"] for name, params in used if name == "one_hot" and params]
    assert set(varied) <= {1, 2, 5, 20}
    assert {row.status for row in rows} <= {"complete", "pruned"}


def test_the_line_back_to_the_users_columns_is_saved_with_the_model(tmp_path: Path) -> None:
    result = _fit("sold", ["linear"], 1)
    result.predictor.save(tmp_path / "model")
    for predictor in (result.predictor, automl.load(tmp_path / "model")):
        lines = dict(predictor.parts[0].lineage)
        assert lines["age"] == ("age",)
        assert set(lines.values()) == {("age",), ("pay",), ("city",)}


@pytest.mark.parametrize("kernel", ["rbf", "poly"])
def test_a_kernel_is_given_only_its_own_parameters(kernel: str) -> None:
    strategy = {"spaces": {"svm": {"kernel": kernel}}}
    rows = [row for row in _fit("sold", ["svm"], 5, strategy=strategy).leaderboard if row.number]
    own = {"rbf": {"C", "gamma"}, "poly": {"C_poly", "degree"}}[kernel]
    for row in rows:
        assert row.status in {"complete", "pruned"}
        assert row.params["kernel"] == kernel
        assert set(row.params) <= {"kernel", *own}


MONOTONE = ("lightgbm", "xgboost", "hist_boosting")


def _curves(predictor: automl.Predictor, name: str, target: str) -> Any:
    """Return predictions over a grid of one column, a row for each of some other cells."""
    table = _table(30, seed=1)
    grid = np.linspace(-2, 12, 60)
    rows = {n: np.repeat(v, len(grid)) for n, v in table.items() if n not in {"price", "sold"}}
    rows[name] = np.tile(grid, 30)
    said = predictor.predict_proba(rows)[:, 1] if target == "sold" else predictor.predict(rows)
    return said.reshape(30, len(grid))


@pytest.mark.parametrize("metric", [None, "mae"])
@pytest.mark.parametrize("name", MONOTONE)
@pytest.mark.filterwarnings("ignore:.*outside the range")
def test_predictions_keep_the_direction_that_is_asked_for(name: str, metric: str | None) -> None:
    target = "sold" if metric is None else "price"
    columns = automl.Columns(monotonic={"age": 1, "pay": -1})
    result = _fit(target, [name], 4, columns=columns, metric=metric)
    assert {row.status for row in result.leaderboard} <= {"complete", "pruned"}
    rising = np.diff(_curves(result.predictor, "age", target), axis=1)
    falling = np.diff(_curves(result.predictor, "pay", target), axis=1)
    assert rising.min() >= -1e-9
    assert falling.max() <= 1e-9
    assert rising.max() > 0


@pytest.mark.filterwarnings("ignore:.*outside the range")
def test_without_a_constraint_the_table_is_noisy_enough_to_leave_the_direction() -> None:
    free = _fit("price", ["xgboost"], 2)
    assert np.diff(_curves(free.predictor, "age", "price"), axis=1).min() < -1e-3


def test_algorithms_that_cannot_obey_are_not_tried_and_the_user_is_told() -> None:
    columns = automl.Columns(monotonic={"age": 1})
    result = _fit("price", ["linear", "hist_boosting"], 3, columns=columns)
    assert {row.algorithm for row in result.leaderboard} == {"baseline", "hist_boosting"}
    said = {finding.code: finding for finding in result.findings}["W_DATA_MONOTONIC"]
    assert said.columns == ("age",)
    assert "1 algorithms cannot promise it" in said.message
    with pytest.raises(DataError, match="no algorithm obeys it"):
        _fit("price", ["linear"], 1, columns=columns)


@pytest.mark.parametrize(
    ("monotonic", "said"),
    [
        ({"city": 1}, "'city' is to be monotonic, but is no column of numbers.*'category'"),
        ({"age": 2}, "'age' is to be monotonic in the direction 2"),
        ({"years": 1}, "No column named 'years'"),
    ],
)
def test_a_constraint_that_means_nothing_is_refused(monotonic: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        _fit("price", ["lightgbm"], 1, columns=automl.Columns(monotonic=monotonic))


def test_three_classes_have_no_direction() -> None:
    table = _table()
    table["sold"] = np.array(["a", "b", "c"])[np.arange(300) % 3]
    with pytest.raises(DataError, match="3 classes have no direction"):
        automl.fit(table, "sold", budget=1, columns=automl.Columns(monotonic={"age": 1}))


@pytest.mark.parametrize(
    ("name", "said"), [("lightgbm", "not enabled in this build"), ("xgboost", "found no GPU")]
)
def test_a_device_that_is_not_there_gives_a_failed_candidate_with_its_first_cause(
    name: str, said: str
) -> None:
    result = _fit("price", [name, "linear"], 2, strategy={"device": "cuda"})
    rows = {row.algorithm: row for row in result.leaderboard}
    assert rows[name].status == "failed (exception)"
    assert said in rows[name].message
    # What cannot use it still learns on the CPU.
    assert rows["linear"].status == "complete"


def test_the_device_arrives_as_it_was_given() -> None:
    asked: list[str] = []

    def build(params: Any, context: Any) -> Any:
        from sklearn.dummy import DummyRegressor

        asked.append(context.device)
        return DummyRegressor()

    def toy(name: str, *devices: str) -> Algorithm:
        tasks = frozenset({"regression"})
        return Algorithm(name=name, tasks=tasks, build=build, devices=frozenset(devices))

    plugins = ["first", "second", toy("first", "cpu", "npu"), toy("second", "cpu", "cuda")]
    _fit("price", plugins, 2, strategy={"device": "npu:3"})
    assert sorted(set(asked)) == ["cpu", "npu:3"]
    with pytest.raises(InputError, match=r"'quantum'.*Known: cpu, cuda, npu"):
        _fit("price", plugins, 2, strategy={"device": "quantum"})


def test_few_rows_are_asked_the_quick_way_and_the_task_still_decides(tmp_path: Path) -> None:
    asked: list[int] = []

    def quick(estimator: Any) -> Any:
        def answer(X: Any) -> Any:
            asked.append(len(X))
            return estimator.predict(X)

        return answer

    mine = replace(
        discover().algorithms["linear"], name="mine", quick=quick, accepts=frozenset({"number"})
    )
    result = _fit("price", ["mine", mine], 1)
    result.predictor.save(tmp_path / "model")
    loaded = automl.load(tmp_path / "model", plugins=[mine])
    table = {name: cells for name, cells in _table().items() if name != "sold"}
    asked.clear()
    many = loaded.predict(table)
    assert not asked
    few = loaded.predict({name: cells[:7] for name, cells in table.items()})
    assert set(asked) == {7}
    np.testing.assert_allclose(few, many[:7])
