"""A portfolio is learned from what was collected, in as many sittings as it takes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from benchmarks.machine import ROOT
from benchmarks.portfolio.__main__ import main
from benchmarks.portfolio.cases import greedy, losses, open_cases
from benchmarks.portfolio.portfolio import Line, learned, order
from benchmarks.portfolio.records import NOWHERE, Configuration, read
from benchmarks.portfolio.select import Selector

PATIENCE = 400


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Path:
    """Two tiny tables with a catalogue."""
    folder = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 120))
    colour = rng.choice(["red", "blue"], 120)
    y = a + (colour == "red") + 0.1 * b
    frame = pd.DataFrame({"a": a, "b": b, "colour": colour})
    frame.assign(y=y).to_csv(folder / "numbers.csv", index=False)
    frame.assign(y=np.where(y > 0.5, "yes", "no")).to_csv(folder / "words.csv", index=False)
    (folder / "catalog.csv").write_text(
        "name,task,target,n_rows,file\n"
        "numbers,regression,y,120,numbers.csv\n"
        "words,binary,y,120,words.csv\n"
    )
    return folder


def words(tables: Path, cache: Path) -> list[str]:
    given = {
        "--suite": f"folder:{tables}",
        "--algorithms": "linear,decision_tree,naive_bayes",
        "--draws": "3",
        "--folds": "2",
        "--cache": str(cache),
    }
    return ["collect", *(word for pair in given.items() for word in pair)]


def files(cache: Path) -> dict[str, int]:
    return {str(one): one.stat().st_mtime_ns for one in cache.glob("*/*-*-*.npz")}


@pytest.fixture(scope="module")
def cache(tables, tmp_path_factory) -> Path:
    """What was collected by a process that was killed and another that went on."""
    folder = tmp_path_factory.mktemp("cache")
    command = [sys.executable, "-m", "benchmarks.portfolio", *words(tables, folder)]
    first = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    end = time.monotonic() + PATIENCE
    while len(files(folder)) < 3 and time.monotonic() < end:
        time.sleep(0.02)
    first.kill()
    first.wait()
    before = files(folder)
    assert len(before) >= 3

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    after = files(folder)
    assert before.items() <= after.items()
    assert f"{len(after) - len(before)} tried" in done.stdout
    return folder


def test_a_killed_collection_goes_on_and_every_record_is_whole(cache):
    records = list(read(cache))
    assert len({(one.asked.table, one.key) for one in records}) == len(records)
    assert {one.asked.table for one in records} == {"numbers", "words"}
    tried = {
        table: {r.key for r in records if r.asked.table == table} for table in ("numbers", "words")
    }
    assert tried["numbers"] == tried["words"]
    for one in records:
        asked, said = one.asked, one.values  # noqa: PD011 - of a record, not of a frame
        if one.configuration.algorithm == "naive_bayes" and asked.task == "regression":
            assert one.failure == NOWHERE
        if one.failure:
            # A step that had nothing to do is no failure of ours.
            assert one.failure.partition(":")[0] in {NOWHERE, "pruned"}
            assert said.size == 0
            continue
        width = (2,) if asked.n_classes else ()
        assert said.shape == (len(asked.y), *width)
        assert one.unseen.shape == (len(asked.y_unseen), *width)
        assert set(asked.fold) == {0, 1}
        assert one.seconds > 0
        assert one.candidate["algorithm"] == one.configuration.algorithm
        if asked.task == "regression":
            assert one.score == pytest.approx(np.sqrt(np.mean((asked.y - said) ** 2)), rel=1e-5)
    best = min(r.unseen_score for r in records if r.asked.table == "numbers" and not r.failure)
    assert best < 0.3 * records[0].asked.constant_unseen


def test_a_portfolio_is_learned_and_shown(cache, tmp_path):
    run = CliRunner().invoke
    said = run(main, ["learn", "--cache", str(cache), "--places", "4", "--out", str(tmp_path)])
    assert said.exit_code == 0, said.output
    content = json.loads((tmp_path / "portfolio.json").read_text())
    assert content["tables"] == ["numbers", "words"]
    assert {one["algorithm"] for one in content["list"]} == {*content["algorithms"]}
    for one, after in zip(content["list"], content["list"][1:], strict=False):
        assert one["algorithm"] != after["algorithm"]
    assert "Learned against present" in (tmp_path / "report.md").read_text()

    said = run(main, ["learn", "--cache", str(cache), "--without", "words", "--out", str(tmp_path)])
    assert said.exit_code == 0, said.output
    assert json.loads((tmp_path / "portfolio.json").read_text())["tables"] == ["numbers"]

    said = run(main, ["show", "--cache", str(cache)])
    assert "words" in said.output
    said = run(main, ["learn", "--cache", str(tmp_path / "empty")])
    assert "nothing to learn from" in said.output


def test_the_list_is_better_than_its_worst_half_alone(cache):
    cases = open_cases(cache)
    keys = Selector(cases).select(4)

    def error(case, chosen):
        return case.blended([k for k in chosen if k in case.entries and case.entries[k].ok])

    first, both = (np.mean([error(c, keys[:n]) for c in cases.cases]) for n in (1, 4))
    assert both <= first
    assert set(order(learned(keys, cases))) == {*keys}


def test_losses_are_those_of_the_race():
    from sklearn import metrics

    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 50).astype(float)
    said = rng.choice([0.1, 0.4, 0.7], (2, 50)).astype(np.float32)
    found = losses("binary", y, said)
    assert found == pytest.approx([1 - metrics.roc_auc_score(y, one) for one in said])
    right = np.where(y == 1, said, 1 - said).astype(np.float32)
    found = losses("multiclass", y, right)
    assert found == pytest.approx([metrics.log_loss(y, one) for one in said], rel=1e-5)
    assert losses("regression", y, said[:1])[0] == pytest.approx(
        metrics.root_mean_squared_error(y, said[0])
    )


def test_a_blend_of_opposite_errors_takes_both_halves():
    y = np.array([1.0, 2.0, 3.0, 4.0])
    off = np.array([1.0, -1.0, 1.0, -1.0])
    weights = greedy("regression", y, np.stack([y + off, y - off, y + 3]).astype(np.float32))
    assert weights.tolist() == [0.5, 0.5, 0.0]


def test_keys_know_what_is_tried_and_turns_follow_cost_and_promise():
    one = Configuration(algorithm="tree", start={"a": 1, "b": 2}, origin="start 0")
    same = Configuration(algorithm="tree", start={"b": 2, "a": 1}, origin="draw 3")
    other = Configuration(algorithm="tree", start={"a": 1, "b": 3}, origin="start 0")
    assert one.key == same.key != other.key
    cheap = Line(keys=("c1", "c2", "c3"), cost=0.25, promise=0.5)
    dear = Line(keys=("d1",), cost=4.0, promise=0.8)
    assert order({"dear": dear, "cheap": cheap}) == ["c1", "c2", "d1", "c3"]
