"""Whatever a contender does, it leaves a row; whatever happens to a race, it can go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from math import isnan
from pathlib import Path

import psutil
import pytest

from benchmarks.race import LOCK, RaceError
from benchmarks.rows import ROWS, read, read_header

ROOT = Path(__file__).resolve().parents[2]
TOYS = Path(__file__).parent / "contenders"


def test_an_honest_contender_has_everything_measured(raced, tmp_path):
    (row,) = raced("honest")
    assert (row.status, row.cause, row.metric) == ("ok", "", "log_loss")
    assert row.score == pytest.approx(row.constant, rel=1e-6)
    assert row.n_row_calls == 3
    measured = (row.fit_s, row.wall_s, row.predict_s, row.row_ms, row.row_ms_p99, row.overrun)
    cold = (row.cold_s, row.load_s, row.cold_row_ms, row.cold_row_ms_p99, row.model_mb)
    assert not any(isnan(value) for value in (*measured, *cold))
    assert row.memory_mb > 0
    header = read_header(tmp_path)
    assert header is not None
    assert header.machine["cores"] >= 1
    assert list(header.contenders) == ["honest"]
    assert not (tmp_path / "tmp").exists()


@pytest.mark.parametrize(
    ("name", "status", "cause"),
    [
        ("raises", "failed", "ValueError: too few rows for my taste"),
        ("exits", "crashed", "ended without a word"),
        pytest.param(
            *("segfaults", "crashed", "died of signal 11"),
            marks=pytest.mark.skipif(os.name == "nt", reason="Windows knows no signals"),
        ),
    ],
)
def test_a_broken_contender_is_a_row_with_its_cause(raced, name, status, cause):
    (row,) = raced(name)
    assert (row.status, row.phase) == (status, "fit")
    assert cause in row.cause
    assert isnan(row.score)
    assert not isnan(row.constant)
    if name == "segfaults":
        assert "about to read address 0" in row.tail


def test_a_contender_that_hangs_is_killed_with_all_that_it_started(raced, tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_PIDS", str(tmp_path / "pids"))
    (row,) = raced("hangs", seconds=4)
    assert (row.status, row.phase) == ("timeout", "fit")
    assert row.cause.startswith("killed after ")
    assert all(_gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_what_a_contender_prints_harms_nobody(raced, tmp_path):
    (row,) = raced("babbles")
    assert row.status == "ok"
    assert (tmp_path / ROWS).read_bytes().count(b"\n") == 2


def test_a_model_that_cannot_be_read_again_keeps_its_score(raced):
    (row,) = raced("unloadable")
    assert (row.status, row.phase) == ("ok", "cold")
    assert "the model is damaged" in row.cause
    assert not isnan(row.score)
    assert isnan(row.cold_s)


def test_values_that_cannot_be_scored_are_wrong(raced):
    rows = raced("short", "nan", "unsure", "negative", "stranger", "words")
    assert {row.contender: row.status for row in rows} == dict.fromkeys(
        ("short", "nan", "unsure", "negative", "stranger", "words"), "wrong"
    )
    causes = {row.contender: row.cause for row in rows}
    assert "shape (9, 3)" in causes["short"]
    assert "not finite" in causes["nan"]
    assert "sum to" in causes["unsure"]
    assert "negative" in causes["negative"]
    assert "[99]" in causes["stranger"]
    assert "type" in causes["words"]


def test_a_row_that_is_there_is_not_run_again(raced, tmp_path, monkeypatch):
    tally = tmp_path / "tally"
    monkeypatch.setenv("TOY_TALLY", str(tally))
    raced("honest", "raises")
    raced("honest", "raises")
    assert len(read(tmp_path)) == 2
    raced("honest", "raises", again=True)
    assert [row.contender for row in read(tmp_path)] == ["honest", "raises", "raises"]
    assert tally.read_text() == "fit\n"


def test_a_torn_last_line_is_run_again(raced, tmp_path):
    raced("honest", "raises")
    path = tmp_path / ROWS
    path.write_bytes(path.read_bytes()[:-20])
    assert [row.contender for row in read(tmp_path)] == ["honest"]
    rows = raced("honest", "raises")
    assert [row.contender for row in rows] == ["honest", "raises"]


def test_jobs_do_not_share_cores(raced):
    with pytest.raises(RaceError, match="need more than"):
        raced("honest", cores=1_000)


def test_two_races_do_not_write_into_one_folder(raced, tmp_path):
    parent = psutil.Process().parent()
    assert parent is not None
    (tmp_path / LOCK).write_text(f"{parent.pid} {parent.create_time()}")
    with pytest.raises(RaceError, match="racing into"):
        raced("honest")
    (tmp_path / LOCK).write_text(f"{parent.pid} 1.0")  # a number that was used again
    assert len(raced("honest")) == 1


@pytest.mark.skipif(os.name == "nt", reason="ends the harness by a signal")
@pytest.mark.parametrize("how", ["SIGKILL", pytest.param("SIGINT", marks=pytest.mark.slow)])
def test_a_harness_that_is_ended_leaves_nothing_behind_and_goes_on(tmp_path, monkeypatch, how):
    pids, out = tmp_path / "pids", tmp_path / "out"
    monkeypatch.setenv("TOY_PIDS", str(pids))
    words = [sys.executable, "-m", "benchmarks", "run", "--suite", "smoke", "--only", "wine"]
    words += ["--more", str(TOYS), "--budget", "1", "--out", str(out), "--cores", "1"]
    harness = subprocess.Popen(
        [*words, "--contenders", "honest,hangs"], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    _wait(pids.exists)
    harness.send_signal(getattr(signal, how))
    harness.wait(timeout=300)
    hanging, stray = (int(pid) for pid in pids.read_text().split())
    _wait(lambda: _gone(hanging))
    if how == "SIGKILL":
        os.kill(stray, signal.SIGKILL)  # it has left its session, and nobody was there to see
    _wait(lambda: _gone(stray))
    assert [row.contender for row in read(out)] == ["honest"]
    again = subprocess.run(
        [*words, "--contenders", "honest,raises"], cwd=ROOT, capture_output=True, text=True
    )
    assert again.returncode == 0, again.stderr
    assert [row.contender for row in read(out)] == ["honest", "raises"]
    assert "1 were there already" in again.stdout


def _gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _wait(true, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.1)
