"""``automl refit`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import automl
from automl.cli import main


def rows(n_rows: int, seed: int, sign: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(size=n_rows), "b": rng.normal(size=n_rows)})
    score = sign * frame.a + 0.5 * rng.normal(size=n_rows)
    return frame.assign(answer=np.where(score > 0, "yes", "no"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    strategy = automl.Strategy(isolation="none", folds=2)
    budget = automl.Budget(trials=1)
    found = automl.fit(rows(150, 0), "answer", budget=budget, plugins=["linear"], strategy=strategy)
    found.predictor.save("model")
    return tmp_path


def called(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--json", "--jobs", "1"])
    return int(str(ended.value.code)), json.loads(capsys.readouterr().out)


def test_a_table_without_a_column_is_bad_input(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows(100, 1).drop(columns="b").to_csv("less.csv", index=False)
    code, said = called(["refit", "model", "less.csv", "--out", "new"], capsys)
    assert code == 2
    assert said["error"]["code"] == "E_INPUT_REFIT_COLUMNS"  # type: ignore[index]  # an error has one
    assert not (place / "new").exists()


@pytest.mark.slow
def test_a_better_one_is_written_and_a_worse_one_is_not(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows(200, 1, sign=-1).to_csv("turned.csv", index=False)
    rows(200, 2).to_csv("same.csv", index=False)
    code, said = called(["refit", "model", "turned.csv", "--out", "new"], capsys)
    assert (code, said["kept"], said["out"]) == (0, "new", "new")
    assert automl.load("new").info["refit"]["generation"] == 1
    words = ["refit", "model", "turned.csv", "--check", "same.csv", "--out", "worse"]
    code, said = called(words, capsys)
    assert (code, said["kept"], said["out"]) == (3, "old", None)
    assert not (place / "worse").exists()
