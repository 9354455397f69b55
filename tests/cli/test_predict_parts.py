"""`automl predict` on tables that come in parts."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import automl
from automl.cli import group
from automl.testing.exporting import small_model
from automl_readers import databases, delimited, typed

N_ROWS = 400


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("model") / "model"
    small_model("binary", "naive_bayes", ("number", "category")).save(path)
    return str(path)


@pytest.fixture(scope="module")
def table(model: str) -> pd.DataFrame:
    predictor = automl.load(model)
    rows = pd.DataFrame(predictor.info["sample"]["rows"])
    many = pd.concat([rows] * (N_ROWS // len(rows) + 1), ignore_index=True)[:N_ROWS]
    many["key"] = [f"k{number}" for number in range(N_ROWS)]
    word = next(one.name for one in predictor.schema.features if one.levels)
    many.loc[::50, word] = "never seen"
    return many


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed, "ROWS", 64)
    monkeypatch.setattr(databases, "ROWS", 64)
    monkeypatch.setattr(delimited, "_BLOCK", 4_000)


def run(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = group.run(["predict", *words])
    return code, out.getvalue(), err.getvalue()


def expected(model: str, table: pd.DataFrame) -> tuple[list[Any], np.ndarray]:
    predictor = automl.load(model)
    features = table[list(predictor.feature_names)]
    with pytest.warns(automl.errors.SchemaWarning):
        return predictor.predict(features).tolist(), predictor.predict_proba(features)


def written(table: pd.DataFrame, path: Path) -> str:
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".arrow":
        table.to_feather(path)
    elif path.suffix == ".jsonl":
        table.to_json(path, orient="records", lines=True)
    else:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            table.to_sql("rows", connection, index=False)
        return f"sqlite:///{path}?table=rows"
    return str(path)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ".jsonl", ".db"])
def test_parts_are_predicted_as_the_whole(
    model: str, table: pd.DataFrame, tmp_path: Path, suffix: str
) -> None:
    data = written(table, tmp_path / f"new{suffix}")
    words = ["--out", str(tmp_path / "said.parquet"), "--proba", "--flags", "--keep", "key"]
    code, _, err = run(model, data, *words)
    assert code == 0, err
    # What is odd in many parts is said once, with the number of all its cells.
    assert err.count("W_SCHEMA_UNSEEN]") == 1
    assert "8 cells hold a category" in err
    said = pq.read_table(tmp_path / "said.parquet").to_pydict()
    labels, values = expected(model, table)
    assert said["key"] == table["key"].tolist()
    assert said["prediction"] == labels
    columns = [name for name in said if name.startswith("probability_")]
    assert np.allclose(np.column_stack([said[name] for name in columns]), values, atol=1e-12)
    assert [number for number, flags in enumerate(said["flags"]) if "W_SCHEMA_UNSEEN" in flags] == [
        *range(0, N_ROWS, 50)
    ]


@pytest.mark.parametrize("name", ["said.csv", "said.tsv", "said.arrow", "said.jsonl", "db", ""])
def test_every_format_is_written_in_parts(
    model: str, table: pd.DataFrame, tmp_path: Path, name: str
) -> None:
    data = written(table, tmp_path / "new.csv")
    place = f"sqlite:///{tmp_path / 'said.db'}?table=said" if name == "db" else str(tmp_path / name)
    out = ["--out", place] if name else []
    code, printed, err = run(model, data, *out, "--keep", "key")
    assert code == 0, err
    if name == "db":
        with contextlib.closing(sqlite3.connect(tmp_path / "said.db")) as connection:
            rows = connection.execute("SELECT key, prediction FROM said").fetchall()
    elif name == "said.arrow":
        frame = pd.read_feather(place)
        rows = list(zip(frame["key"], frame["prediction"], strict=True))
    elif name == "said.jsonl":
        lines = map(json.loads, Path(place).read_text(encoding="utf-8").splitlines())
        rows = [(line["key"], line["prediction"]) for line in lines]
    else:
        text = Path(place).read_text(encoding="utf-8") if name else printed
        delimiter = "\t" if name.endswith("tsv") else ","
        header, *rest = csv.reader(io.StringIO(text), delimiter=delimiter)
        assert header == ["key", "prediction"]
        rows = [tuple(line) for line in rest]
    labels, _ = expected(model, table)
    assert [key for key, _ in rows] == table["key"].tolist()
    assert [str(label) for _, label in rows] == [str(label) for label in labels]


def test_a_line_that_breaks_far_below_leaves_what_was_there(
    model: str, table: pd.DataFrame, tmp_path: Path
) -> None:
    path, out = tmp_path / "new.csv", tmp_path / "said.csv"
    data = written(table, path)
    with path.open("a", encoding="utf-8") as file:
        file.write("one,cell,too,many,here,and,there\n")
    out.write_text("as it was", encoding="utf-8")
    code, _, err = run(model, data, "--out", str(out))
    assert code == 2
    assert "[E_INPUT_RAGGED]" in err
    assert out.read_text(encoding="utf-8") == "as it was"
    assert {one.name for one in tmp_path.iterdir()} == {"new.csv", "said.csv"}
    code, _, err = run(model, data, "--out", f"sqlite:///{tmp_path / 'said.db'}?table=said")
    assert code == 2
    assert not (tmp_path / "said.db").exists()


def test_no_rows_are_a_table_of_no_rows(model: str, table: pd.DataFrame, tmp_path: Path) -> None:
    for suffix in (".csv", ".parquet"):
        data = written(table[:0], tmp_path / f"new{suffix}")
        assert run(model, data, "--out", str(tmp_path / "said.csv"))[0] == 0
        assert (tmp_path / "said.csv").read_text(encoding="utf-8") == "prediction\n"


def test_a_place_that_nobody_writes_is_refused(
    model: str, table: pd.DataFrame, tmp_path: Path
) -> None:
    data = written(table, tmp_path / "new.csv")
    code, _, err = run(model, data, "--out", "s3://bucket/said.csv")
    assert (code, "E_DATA_SOURCE" in err) == (2, True)
    code, _, err = run(model, data, "--out", "postgresql://me:secret@nowhere.invalid/db?table=t")
    assert code == 2
    assert "secret" not in err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs the memory of a child")
def test_memory_does_not_grow_with_the_rows(
    model: str, table: pd.DataFrame, tmp_path: Path
) -> None:
    def peak(n_rows: int, suffix: str) -> int:
        path = tmp_path / f"rows{suffix}"
        many = pd.concat([table] * (n_rows // len(table)), ignore_index=True)
        words = [model, written(many, path), "--out", str(tmp_path / f"said{suffix}"), "--proba"]
        code = (
            "import resource, sys\nfrom automl.cli import group\n"
            f"assert group.run(['predict', *{words!r}]) == 0\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return int(done.stdout.splitlines()[-1]) * (1024 if sys.platform == "linux" else 1)

    for suffix in (".csv", ".parquet"):
        assert peak(1_000_000, suffix) < 1.25 * peak(200_000, suffix) + 50 * 2**20
