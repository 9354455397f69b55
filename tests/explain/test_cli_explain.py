"""`automl explain` as a user meets it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from small_models import HOSTILE, learned, table, target

import automl
from automl.cli import group


def run(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = group.run(["explain", *words])
    return code, out.getvalue(), err.getvalue()


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


@pytest.fixture(
    scope="module", params=["binary", pytest.param("regression", marks=pytest.mark.slow)]
)
def model(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model"
    learned(request.param, "lightgbm").save(path)
    return str(path)


@pytest.fixture(scope="module")
def data(model, tmp_path_factory):
    """A file of rows with their target."""
    columns = table(n_rows=30, seed=4)
    task = "binary" if automl.load(model).classes is not None else "regression"
    columns = {**columns, "answer": target(columns, task)}
    del columns["score"]
    path = tmp_path_factory.mktemp("data") / "new.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return str(path)


def test_every_row_gets_contributions_that_add_up(model, data, tmp_path):
    code, said, _ = run(model, data)
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(said)))
    assert len(rows) == 30
    names = [name for name in rows[0] if name.startswith("contribution_")]
    # The name of a column starts nothing that a spreadsheet would take for a formula.
    assert f"contribution_{HOSTILE}" in names
    for row in rows:
        total = float(row["base"]) + sum(float(row[name]) for name in names)
        assert total == pytest.approx(float(row["value"]), rel=1e-9)
    out = tmp_path / "contributions.parquet"
    code, said, _ = run(model, data, "--out", str(out))
    assert code == 0
    assert said == f"Contributions to 30 predictions are in {out}.\n"
    import pyarrow.parquet as pq

    table = pq.read_table(out).to_pylist()
    assert [one["value"] for one in table] == pytest.approx([float(one["value"]) for one in rows])


def test_one_row_is_told_to_a_person(model, data, tmp_path):
    code, said, _ = run(model, data, "--row", "2")
    assert code == 0
    assert said.startswith("prediction: ")
    assert HOSTILE in said
    assert "base" in said
    picture = tmp_path / "row.svg"
    code, said, _ = run(model, data, "--row", "2", "--json", "--picture", str(picture))
    document = json.loads(said)
    total = document["base"] + sum(one["contribution"] for one in document["contributions"])
    assert total == pytest.approx(document["value"], rel=1e-9)
    assert {one["column"] for one in document["contributions"]} <= {
        "size",
        HOSTILE,
        "color",
        "day",
        "noise",
    }
    assert ET.parse(picture).getroot().tag.endswith("svg")
    out = tmp_path / "row.csv"
    assert run(model, data, "--row", "2", "--out", str(out))[0] == 0
    # The name alone in a cell would be a formula.
    assert f"'{HOSTILE}" in {row["column"] for row in read(out)}


def test_importance_has_both_measures_where_the_target_is_there(model, data, tmp_path):
    picture, out = tmp_path / "importance.svg", tmp_path / "importance.csv"
    code, said, _ = run(model, data, "--importance", "--picture", str(picture), "--out", str(out))
    assert code == 0
    assert "loses without the column, 30 rows" in said
    assert "Mean size of the contributions, 30 rows" in said
    assert len(ET.parse(picture).getroot()) > 5
    rows = read(out)
    assert set(rows[0]) == {
        "column",
        *(f"{name}{end}" for name in ("score", "contribution") for end in ("", "_low", "_high")),
    }
    assert f"'{HOSTILE}" in {row["column"] for row in rows}
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)


def test_importance_without_a_target_is_about_contributions(model, data, tmp_path):
    columns = {name: cells[:10] for name, cells in table(n_rows=30, seed=4).items()}
    del columns["score"]
    path = tmp_path / "bare.jsonl"
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    code, said, _ = run(model, str(path), "--importance", "--json")
    assert code == 0
    document = json.loads(said)
    assert set(document["measures"]) == {"contribution"}
    assert document["n_rows"] == {"contribution": 10}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--row", "31"], "E_INPUT_ROW"),
        (["--row", "1", "--importance"], "E_INPUT_ROW"),
        (["--picture", "picture.png"], "E_INPUT_OUT"),
        (["--picture", "no/such/folder/picture.svg"], "E_INPUT_OUT"),
        (["--out", "table.doc"], "E_INPUT_OUT"),
        (["--class", "maybe"], "E_INPUT_CLASS"),
        (["--row", "0"], "E_USAGE"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(model, data, words, code):
    exit_code, said, warned = run(model, data, *words)
    assert exit_code == 2
    assert said == ""
    *_, last = warned.splitlines()
    assert last.startswith("error: ")
    assert last.endswith(f"[{code}]")


def test_a_class_can_be_named(data, tmp_path):
    path = tmp_path / "model"
    learned("binary", "lightgbm").save(path)
    code, said, _ = run(str(path), data, "--class", "yes")
    assert code == 0
    shares = [float(row["value"]) for row in csv.DictReader(io.StringIO(said))]
    assert min(shares) < 0.5 < max(shares)


def test_the_place_of_a_picture_is_left_as_it_was_when_it_cannot_be_written(model, data, tmp_path):
    blocked = tmp_path / "importance.svg"
    Path(f"{blocked}.tmp").mkdir()
    code, _, warned = run(model, data, "--row", "1", "--picture", str(blocked))
    assert code == 2
    assert "cannot be written" in warned
    assert not blocked.exists()
