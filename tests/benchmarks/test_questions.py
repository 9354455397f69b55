"""Tables, splits, scores and lists."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.contenders import HERE, contenders
from benchmarks.environments import SetupError, archive, built
from benchmarks.inside.codes import Codes
from benchmarks.limits import LimitError, limits
from benchmarks.machine import commit
from benchmarks.score import WrongAnswerError, constant, scores
from benchmarks.suites import SuiteError, suite
from benchmarks.tables import Table, question

spec = importlib.util.spec_from_file_location("toys", Path(__file__).with_name("conftest.py"))
toys = importlib.util.module_from_spec(spec)
spec.loader.exec_module(toys)


def test_a_split_is_fixed_and_has_a_name():
    first, second = question(toys.table(), 0), question(toys.table(), 0)
    assert first.split == second.split
    assert first.test.equals(second.test)
    assert question(toys.table(), 1).split != first.split
    assert question(toys.table("other"), 0).split != first.split
    assert (len(first.train), len(first.test), first.n_classes) == (42, 18, 3)
    assert np.bincount(first.truth).tolist() == [6, 6, 6]
    assert "target" in first.train.columns
    assert "target" not in first.test.columns
    assert "kind" not in first.train.columns


def test_one_cell_that_changes_is_another_split():
    changed = toys.frame()
    changed.loc[3, "size"] += 1
    first = question(toys.table(), 0)
    assert question(toys.table(load=lambda: changed), 0).split != first.split


def test_groups_stay_on_one_side_and_the_latest_rows_are_tested():
    asked = question(toys.table(group="shop"), 0)
    assert not set(asked.train["shop"]) & set(asked.test["shop"])
    asked = question(toys.table(time="seen"), 0)
    assert asked.train["seen"].max() < asked.test["seen"].min()
    assert toys.table(time="seen", n_rows=100).n_folds(3) == 1


def test_a_class_of_one_row_is_learned_from_and_a_class_never_learned_is_not_asked():
    rare = toys.frame()
    rare.loc[0, "kind"] = "once"
    asked = question(toys.table(load=lambda: rare), 0)
    assert (asked.n_classes, asked.n_dropped) == (4, 0)
    fixed = toys.table(load=lambda: rare, held=lambda _: np.arange(10), folds=2)
    asked = question(fixed, 0)
    assert (asked.n_classes, asked.n_dropped, len(asked.test)) == (3, 1, 9)


def test_classes_are_numbered_as_a_person_would():
    rows = pd.DataFrame({"x": range(30), "y": [2, 10, 1] * 10})
    table = Table(name="t", task="multiclass", target="y", load=lambda: rows, n_rows=30)
    asked = question(table, 0)
    assert asked.train.loc[asked.train["x"] == 0, "target"].tolist() in ([1], [])
    seen = {int(rows["y"][x]): int(code) for x, code in asked.train[["x", "target"]].to_numpy()}
    assert seen == {1: 0, 2: 1, 10: 2}


def test_a_target_named_target_is_no_clash():
    named = toys.frame().rename(columns={"size": "target"})
    asked = question(toys.table(load=lambda: named), 0)
    assert asked.target == "target_of_toy"


@given(st.integers(0, 2**32 - 1))
def test_the_best_answer_scores_best(seed):
    asked = question(toys.table(), 0)
    sure = np.eye(3)[asked.truth]
    assert scores(sure, [0, 1, 2], asked).by_metric == {
        "auc": 1,
        "log_loss": pytest.approx(0, abs=1e-9),
        "accuracy": 1,
        "balanced_accuracy": 1,
    }
    rng = np.random.default_rng(seed)
    guessed = rng.dirichlet(np.ones(3), size=18)
    order = rng.permutation(3)
    straight = scores(guessed, [0, 1, 2], asked)
    assert scores(guessed[:, order], order.tolist(), asked) == straight
    assert straight.primary > 0


def test_numbers_are_scored_and_checked():
    asked = question(toys.table(task="regression", target="size"), 0)
    assert scores(asked.truth[:, None], [], asked).by_metric == {"rmse": 0, "mae": 0, "r2": 1}
    assert constant(asked) == pytest.approx(
        np.sqrt(np.mean((asked.truth - asked.train["target"].mean()) ** 2))
    )
    for bad in (asked.truth[:-1], np.full(len(asked.truth), np.inf), asked.truth > 0):
        with pytest.raises(WrongAnswerError):
            scores(bad, [], asked)


def test_codes_know_levels_missing_cells_and_dates():
    train = toys.frame()
    codes = Codes(train)
    new = train.head(3).copy()
    new["colour"] = ["green", None, "red"]
    values = codes(new)
    assert values.shape == (3, 5)
    assert values[:, 1].tolist()[::2] == [-1, 1]
    assert np.isnan(values[1, 1])
    assert values[1, 2] - values[0, 2] == 86_400


@pytest.mark.parametrize("name", sorted(contenders()))
def test_every_contender_is_whole(name):
    contender = contenders()[name]
    assert contender.requirements
    assert contender.package
    assert contender.environment
    assert contender.file.parent == HERE


def test_a_contender_is_a_short_file():
    long = {path.name for path in HERE.glob("*.py") if path.read_text().count("\n") >= 60}
    assert long <= {"__init__.py", "autogluon.py", "h2o.py"}


def test_what_is_asked_for_wrongly_is_said():
    with pytest.raises(SuiteError, match="there are smoke"):
        suite("nosuch", [])
    with pytest.raises(SuiteError, match="no table nosuch"):
        suite("smoke", ["nosuch"])
    with pytest.raises(LimitError, match="--budget"):
        limits("soon")
    assert limits("minute").budget == limits("60").budget == 60


def test_a_contender_without_its_environment_is_named_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOML_BENCHMARK_ENVS", str(tmp_path))
    with pytest.raises(SetupError, match="setup flaml"):
        built(contenders()["flaml"])


def test_a_folder_with_a_catalogue_is_a_suite(tmp_path):
    toys.frame().to_parquet(tmp_path / "toy.parquet")
    toys.frame().to_csv(tmp_path / "big.csv", index=False)
    (tmp_path / "catalog.csv").write_text(
        "name,kind,task,target,n_rows,file,time\n"
        "big,tabular,regression,size,6000,big.csv,\n"
        "toy,tabular,multiclass,kind,60,toy.parquet,seen\n"
        "pics,image,image-multiclass,y,5000,pics.npz,\n"
    )
    tables, folds = suite(f"folder:{tmp_path}", [])
    assert [table.name for table in tables] == ["toy", "big"]
    assert folds is None
    assert [table.n_folds(None) for table in tables] == [1, 1]
    assert [len(question(table, 0).test) for table in tables] == [18, 18]


def test_the_smoke_suite_needs_nothing_else():
    tables, folds = suite("smoke", [])
    assert folds == 1
    assert [question(table, 0).task for table in tables] == [
        *("multiclass", "regression", "binary", "binary")
    ]


def test_a_commit_is_laid_out_as_it_was(tmp_path):
    words = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]

    def git(*more: str) -> None:
        subprocess.run([*words, *more], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "file").write_text("committed")
    git("add", "file")
    git("commit", "-qm", "one")
    (tmp_path / "file").write_text("changed")
    first = commit(tmp_path)
    (tmp_path / "file").write_text("changed again")
    assert commit(tmp_path) != first
    folder, name = archive(tmp_path, "HEAD", tmp_path / "place")
    assert (folder / "file").read_text() == "committed"
    assert first.startswith(f"{name}-dirty.")
    with pytest.raises(SetupError, match="no commit nosuch"):
        archive(tmp_path, "nosuch", tmp_path / "place")
