"""Going on with a run, through the public face, with real processes and signals."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

import automl
from automl.errors import PluginWarning, RunError, RunWarning
from automl.plugin import Algorithm
from automl.search.database import STORE
from automl.search.runs import export_run, list_runs
from automl.search.store import Trial, read_all

SAME = automl.Strategy(isolation="none", folds=2)
QUICK = ("naive_bayes", "decision_tree")


def table(n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "c": rng.normal(size=n)})
    return x.assign(y=(x["a"] + x["b"] + rng.normal(size=n) > 0).map({True: "yes", False: "no"}))


def fit(run: Path | None, trials: int, **more: object) -> automl.Result:
    given = {"source": table(), "target": "y", "plugins": QUICK, "strategy": SAME, **more}
    return automl.fit(run=run, budget=automl.Budget(trials=trials), **given)  # type: ignore[arg-type]  # words


def told(result: automl.Result) -> list[tuple[object, ...]]:
    rows = sorted(result.leaderboard, key=lambda row: row.number)
    return [(r.number, r.algorithm, r.params, r.status, r.cv_score, r.weight) for r in rows]


@pytest.fixture(scope="module")
def whole() -> automl.Result:
    return fit(None, 14)


def test_a_run_in_two_parts_is_the_run_in_one(whole: automl.Result, tmp_path: Path) -> None:
    first = fit(tmp_path, 6)
    assert [row[:5] for row in told(first)] == [row[:5] for row in told(whole)[:7]]
    second = fit(tmp_path, 14)
    assert told(second) == told(whole)
    x = table().drop(columns="y")
    # Members whose preparation was fitted before and after the stop are summed in another order.
    np.testing.assert_allclose(
        second.predictor.predict_proba(x), whole.predictor.predict_proba(x), rtol=1e-12
    )
    third = fit(tmp_path, 3)
    assert told(third) == told(whole)


@pytest.mark.case("F28", "E_RUN_OTHER names every difference")
def test_another_question_is_refused_and_the_difference_named(tmp_path: Path) -> None:
    data = table()
    fit(tmp_path, 1)
    for given, said in [
        ({"target": "c"}, "target 'y', now 'c'"),
        ({"metric": "accuracy"}, "metric 'roc_auc', now 'accuracy'"),
        ({"seed": 5}, "seed 0, now 5"),
        ({"source": data.assign(a=data["a"] + 1)}, "cells of the table differ"),
        ({"source": data.drop(columns="b")}, "columns (missing: b)"),
        ({"source": data.iloc[:-1]}, "rows 90, now 89"),
        ({"source": data.assign(y=data["y"].to_numpy()[::-1])}, "values of the target differ"),
        ({"strategy": automl.Strategy(isolation="none", folds=3)}, "folds 2, now 3"),
    ]:
        with pytest.raises(RunError) as caught:
            fit(tmp_path, 2, **given)
        assert caught.value.code == "E_RUN_OTHER"
        assert said in caught.value.message
    assert len(read_all(tmp_path)[1]) == 1


def test_another_budget_or_number_of_workers_splits_as_before(tmp_path: Path) -> None:
    loose = automl.Strategy(isolation="none")
    automl.fit(
        table(), "y", plugins=QUICK, strategy=loose, run=tmp_path, budget=automl.Budget(trials=1)
    )
    (before,) = {len(one.fold_scores) for one in read_all(tmp_path)[1]}
    found = fit(tmp_path, 2, strategy=automl.Strategy(isolation="none", folds=before))
    assert len(found.leaderboard) == 3


@pytest.mark.case("F19", "the trial is `failed (disk)`, has no weight, and W_RUN_DAMAGED names it")
def test_damaged_files_are_not_trusted(whole: automl.Result, tmp_path: Path) -> None:
    found = fit(tmp_path, 14)
    complete = [row for row in found.leaderboard if row.status == "complete" and row.number]
    member = max(complete, key=lambda row: row.weight).number
    values = min(complete, key=lambda row: row.weight).number
    (tmp_path / "outcomes" / f"{values:05d}.npy").write_bytes(b"swapped")
    for file in (tmp_path / "members" / f"{member:05d}-0").iterdir():
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.warns(RunWarning, match="W_RUN_DAMAGED"):
        again = fit(tmp_path, 14)
    status = {row.number: row.status for row in again.leaderboard}
    assert status[values] == status[member] == "failed (disk)"
    assert all(row.weight == 0 for row in again.leaderboard if row.number in {values, member})
    assert sum(row.weight for row in again.leaderboard) == pytest.approx(1)


def test_a_store_that_is_damaged_is_replaced_and_the_owner_told(tmp_path: Path) -> None:
    fit(tmp_path, 4)
    (tmp_path / STORE).write_bytes(b"x" * 5000)
    with pytest.warns(RunWarning, match="W_RUN_RESTORED.*|.*4 outcomes; 0 later trials are lost"):
        again = fit(tmp_path, 5)
    assert len(again.leaderboard) == 6


def test_a_plugin_that_always_fails_is_switched_off(tmp_path: Path) -> None:
    def build(params: object, context: object) -> object:
        raise RuntimeError("no licence")

    broken = Algorithm(
        name="broken",
        tasks=frozenset({"binary"}),
        build=build,
        starts=tuple({"x": i} for i in range(9)),
    )
    with pytest.warns(PluginWarning, match="'broken' is not tried again.*5 of 5"):
        found = fit(tmp_path, 16, plugins=[broken, *QUICK])
    assert sum(row.algorithm == "broken" for row in found.leaderboard) == 5
    again = fit(tmp_path, 18, plugins=list(QUICK))
    assert sum(row.algorithm == "broken" for row in again.leaderboard) == 5


def test_runs_are_listed_with_what_became_of_them(tmp_path: Path) -> None:
    fit(tmp_path / "one", 2)
    (tmp_path / "none").mkdir()
    (found,) = list_runs(tmp_path)
    assert (found.state, found.folder.name) == ("finished", "one")
    assert (found.facts["target"], found.facts["n_outcomes"]) == ("y", 2)
    assert found.n_bytes > 1000
    (tmp_path / "one" / STORE).write_bytes(b"x" * 5000)
    assert list_runs(tmp_path / "one")[0].state == "damaged"


# Optuna's storages


def test_a_run_is_copied_to_an_optuna_storage_once(tmp_path: Path) -> None:
    import optuna

    found = fit(tmp_path / "run", 8)
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    assert export_run(tmp_path / "run", url) == 8
    assert export_run(tmp_path / "run", url) == 0
    scores = {}
    for summary in optuna.get_all_study_summaries(url):
        study = optuna.load_study(study_name=summary.study_name, storage=url)
        scores |= {t.user_attrs["number"]: t.value for t in study.trials}
        assert study.direction.name == "MAXIMIZE"
        if study.study_name.endswith("decision_tree"):
            assert all(t.params for t in study.trials)
    assert scores == {row.number: row.cv_score for row in found.leaderboard if row.number}


def test_a_storage_of_the_user_mirrors_the_run(tmp_path: Path) -> None:
    import optuna

    url = f"sqlite:///{tmp_path / 'studies.db'}"
    strategy = automl.Strategy(isolation="none", folds=2, storage=url)
    fit(tmp_path / "run", 3, strategy=strategy)
    fit(tmp_path / "run", 5, strategy=strategy)
    studies = optuna.get_all_study_summaries(url)
    assert sum(study.n_trials for study in studies) == 5
    assert export_run(tmp_path / "run", url) == 0


def test_a_storage_that_fails_is_told_of_once_and_dropped() -> None:
    strategy = automl.Strategy(isolation="none", folds=2, storage="sqlite:////no/such/place.db")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = fit(None, 5, strategy=strategy)
    said = [str(one.message) for one in caught if "W_RUN_MIRROR" in str(one.message)]
    assert len(said) == 1
    assert "unable to open database file" in said[0]
    assert len(found.leaderboard) == 6


# Kills and signals

PROGRAM = """
import sys, time
import numpy as np, pandas as pd
import automl
from automl.plugin import Algorithm

rng = np.random.default_rng(0)
x = pd.DataFrame({"a": rng.normal(size=90), "b": rng.normal(size=90)})
x["y"] = np.where(x["a"] + rng.normal(size=90) > 0, "yes", "no")

class Slow:
    def __init__(self, value, wait): self.value, self.wait = value, wait
    def fit(self, X, y):
        time.sleep(self.wait)
        return self
    def predict_proba(self, X):
        p = np.clip(0.5 + self.value * X[:, 0] / 10, 0.01, 0.99)
        return np.column_stack([1 - p, p])
    def get_params(self, deep=True): return {"value": self.value, "wait": self.wait}

def build(params, context): return Slow(params["value"], params["wait"])

waits = float(sys.argv[3])
slow = Algorithm(name="slow", tasks=frozenset({"binary"}), build=build, saved=None,
                 starts=tuple({"value": i % 7 - 2, "wait": waits} for i in range(60)))
plugins = ["slow", slow] if waits else ["naive_bayes", "decision_tree"]
print("begins", flush=True)
jobs = int(sys.argv[4])
strategy = automl.Strategy(folds=2, isolation="process" if jobs else "none")
found = automl.fit(x, "y", run=sys.argv[1], plugins=plugins, n_jobs=jobs or 1, strategy=strategy,
                   budget=automl.Budget(trials=int(sys.argv[2])))
print("ends", found.interrupted, len(found.leaderboard), flush=True)
"""


def start(tmp_path: Path, trials: int, wait: float = 0.0, jobs: int = 0) -> subprocess.Popen[str]:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM), encoding="utf-8")
    return subprocess.Popen(
        [
            sys.executable,
            "-W",
            "ignore",
            program,
            tmp_path / "run",
            *map(str, (trials, wait, jobs)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


SLOWEST = 300.0
"""Seconds that a busy machine may take for what is done in one."""


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + SLOWEST
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "nothing has come"
        time.sleep(0.02)


def wait_for_outcomes(tmp_path: Path, n: int, process: subprocess.Popen[str]) -> None:
    def there() -> bool:
        return sum(one.ends[-1] not in {"", "lost"} for one in trials_of(tmp_path)) >= n

    wait_until(there, process)


def trials_of(tmp_path: Path) -> list[Trial]:
    try:
        return read_all(tmp_path / "run")[0]
    except RunError:
        return []


def gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=60)
    return not alive


def finish(process: subprocess.Popen[str], timeout: float = SLOWEST) -> str:
    said, warned = process.communicate(timeout=timeout)
    assert "Traceback" not in warned, warned
    return said


def check_folder(run: Path) -> None:
    """What holds after every end of a run that was not killed."""
    assert not list(run.rglob("*.tmp"))
    assert not (run / "work").exists()
    assert (run / "lock").read_bytes() == b""
    trials, records = read_all(run)
    assert "" not in {how for trial in trials for how in trial.ends}
    assert [trial.number for trial in trials] == list(range(1, len(trials) + 1))
    assert {one.number for one in records} <= {trial.number for trial in trials}
    members = {name for one in records for name in one.members}
    assert members == {path.name for path in (run / "members").iterdir()}
    values = {f"{one.number:05d}.npy" for one in records if one.hash}
    assert values == {path.name for path in (run / "outcomes").iterdir()}
    with sqlite3.connect(run / STORE) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


@pytest.mark.case("F01", "outcomes that stood stand, and each trial is there once")
@pytest.mark.slow
@pytest.mark.parametrize("jobs", [0, 2])
def test_a_run_that_is_killed_again_and_again_loses_nothing_that_stood(
    tmp_path: Path, jobs: int
) -> None:
    rng = random.Random(6)
    before: dict[int, object] = {}
    for _ in range(3):
        process = start(tmp_path, 90, jobs=jobs)
        wait_for_outcomes(tmp_path, len(before) + 1, process)
        time.sleep(rng.uniform(0, 0.2))
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate()
        assert gone(family), "workers outlive their parent"
        now = {one.number: one for one in read_all(tmp_path / "run")[1]}
        assert {number: now[number] for number in before} == before
        before = now
        assert list_runs(tmp_path)[0].state == "interrupted"
    assert "ends False 91" in finish(start(tmp_path, 90))
    trials, records = read_all(tmp_path / "run")
    now = {one.number: one for one in records}
    assert {number: now[number] for number in before} == before
    assert sorted(now) == list(range(1, 91))
    assert len({trial.key for trial in trials}) == 90
    check_folder(tmp_path / "run")


def in_work(tmp_path: Path, attempt: int) -> bool:
    return any(len(one.ends) == attempt and one.ends[-1] == "" for one in trials_of(tmp_path))


def test_a_configuration_that_was_in_work_twice_at_a_kill_is_left(tmp_path: Path) -> None:
    for attempt in (1, 2):
        process = start(tmp_path, 2, wait=30)
        wait_until(partial(in_work, tmp_path, attempt), process)
        process.kill()
        process.communicate()
    process = start(tmp_path, 1, wait=30)
    assert "ends False 2" in finish(process)
    (one,) = read_all(tmp_path / "run")[1]
    assert one.status == "killed"
    assert "2 processes have died" in one.message
    check_folder(tmp_path / "run")


posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")


@pytest.mark.case("F04", "once: the best so far, no worker is left, the run can go on")
@posix
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_the_search_with_the_best_so_far(
    tmp_path: Path, sent: signal.Signals
) -> None:
    process = start(tmp_path, 60, wait=0.3)
    wait_for_outcomes(tmp_path, 2, process)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(sent)
    assert "ends True" in finish(process)
    assert process.returncode == 0
    assert gone(family)
    check_folder(tmp_path / "run")
    if sent == signal.SIGTERM:
        return
    n_before = len(read_all(tmp_path / "run")[1])
    assert f"ends False {n_before + 3}" in finish(start(tmp_path, n_before + 2, wait=0.01))


@pytest.mark.case("F04", "twice: it stops at once, with KeyboardInterrupt and no worker left")
@posix
@pytest.mark.parametrize("jobs", [0, 1])
def test_a_second_signal_stops_at_once(tmp_path: Path, jobs: int) -> None:
    process = start(tmp_path, 60, wait=300, jobs=jobs)
    wait_until(partial(in_work, tmp_path, 1), process)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    if jobs:
        said, warned = process.communicate(timeout=SLOWEST)
        assert "ends True 2" in said, "one is enough while the caller itself is free"
        assert process.returncode == 0, warned
    else:
        # The caller itself is in the trial, which nothing but a second signal ends.
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        said, warned = process.communicate(timeout=SLOWEST)
        assert "ends" not in said
        assert warned.rstrip().endswith("KeyboardInterrupt")
        assert process.returncode == -signal.SIGINT
    assert gone(family)
    check_folder(tmp_path / "run")


@posix
def test_a_signal_before_there_is_anything_raises(tmp_path: Path) -> None:
    process = start(tmp_path, 60, wait=30)
    wait_until((tmp_path / "run" / "lock").exists, process)
    process.send_signal(signal.SIGINT)
    said, warned = process.communicate(timeout=SLOWEST)
    assert "ends" not in said or "ends True 1" in said
    assert "ends" in said or "KeyboardInterrupt" in warned


def test_handlers_are_put_back_and_those_of_others_left() -> None:
    mine = []
    before = signal.signal(signal.SIGTERM, lambda *_: mine.append(1))
    try:
        handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        fit(None, 1)
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.case("F20", "the second is refused; listing it works meanwhile")
@posix
def test_two_processes_on_one_folder(tmp_path: Path) -> None:
    process = start(tmp_path, 60, wait=0.3)
    wait_for_outcomes(tmp_path, 1, process)
    with pytest.raises(RunError, match=f"belongs to process {process.pid} on "):
        fit(tmp_path / "run", 1)
    (found,) = list_runs(tmp_path)
    assert found.state == "running"
    assert str(process.pid) in found.note
    process.send_signal(signal.SIGTERM)
    finish(process)
    check_folder(tmp_path / "run")
