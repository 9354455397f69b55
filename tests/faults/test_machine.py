"""The machine, the folder, the clock, the interpreter and the caller are not as they should be."""

from __future__ import annotations

import itertools
import json
import math
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from pathlib import Path

import around
import numpy as np
import pytest
from around import new_rows, table

import automl
from automl.errors import InputError, PluginError, PluginWarning, RunError, RunWarning
from automl.plugin import Algorithm, Choice, Listener
from automl.search.database import STORE

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")

pytestmark = pytest.mark.usefixtures("faults", "nothing_is_left")

SAME = automl.Strategy(isolation="none", folds=2)


def fit(run=None, trials=2, plugins=("toy",), **more):
    given = {"budget": automl.Budget(trials=trials), "strategy": SAME, **more}
    return automl.fit(table(), "y", run=run, plugins=list(plugins), **given)


PROGRAM = """
import hashlib, os, sys, warnings
sys.path.insert(0, {here!r})
import around
with around.installed():
    import automl
    def answer(result):
        rows = [(r.number, r.algorithm, sorted(r.params.items()), r.status, r.cv_score, r.weight)
                for r in result.leaderboard]
        said = result.predictor.predict_proba(around.new_rows())
        return hashlib.sha256(repr(sorted(rows)).encode() + said.tobytes()).hexdigest()
{code}
"""


def program(
    tmp_path: Path, code: str, *options: str, env: dict[str, str] | None = None, **more: object
) -> str:
    """Run a program and return what it printed."""
    file = tmp_path / "program.py"
    text = PROGRAM.format(
        here=str(Path(around.__file__).parent), code=textwrap.indent(textwrap.dedent(code), "    ")
    )
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *options, str(file)],
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        timeout=400,
        cwd=tmp_path,
        **more,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# The folder


@pytest.mark.case("F16", "spaces, other alphabets, long and relative names are taken")
@pytest.mark.parametrize("name", ["a b/ünï-日本", "x" * 180, "'; --%20?#"])
def test_a_folder_of_any_name(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit(Path(name), 1)
    again = fit(tmp_path / name, 2)
    assert sum(row.number > 0 for row in again.leaderboard) == 2
    assert sorted(around.outcomes(tmp_path / name)) == [1, 2]


@posix
@pytest.mark.case("F16", "what cannot be a folder is E_RUN_FOLDER at the start")
@pytest.mark.parametrize("kind", ["file", "under a file", "kernel", "loop", "endless", "taken"])
def test_a_folder_that_cannot_be_is_refused(tmp_path, kind):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "lock").mkdir()
    place = {
        "file": tmp_path / "file",
        "under a file": tmp_path / "file" / "run",
        "kernel": Path("/proc/run"),
        "loop": tmp_path / "loop" / "run",
        "endless": tmp_path / ("x" * 300),
        "taken": tmp_path / "taken",
    }[kind]
    with pytest.raises(RunError) as caught:
        fit(place)
    assert caught.value.code == "E_RUN_FOLDER"
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


@pytest.mark.case("F16", "where it vanishes the search ends with what it has, or E_RUN_*")
@pytest.mark.parametrize("kept", [True, False])
def test_a_folder_that_vanishes(tmp_path, kept):
    home = tmp_path / "run"

    def start():
        def hear(event):
            if type(event).__name__ == "TrialFinished" and event.number == 2:
                shutil.rmtree(home if kept else next(iter(around.temporary())))

        return hear

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunWarning)
        try:
            found = fit(home if kept else None, 4, ("toy", Listener(name="vandal", start=start)))
        except RunError:
            return
    assert np.isfinite(found.predictor.predict_proba(new_rows())).all()


# The machine


@posix
@pytest.mark.case("F17", "64 open files and no home are enough")
def test_few_open_files_and_no_home(tmp_path):
    code = """
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    os.environ.pop("HOME", None)
    strategy = automl.Strategy(folds=2)
    result = automl.fit(around.table(), "y", run="run", plugins=["toy"], n_jobs=2,
                        budget=automl.Budget(trials=3), strategy=strategy)
    print([row.status for row in result.leaderboard])
    """
    assert "failed" not in program(tmp_path, code)


@posix
@pytest.mark.case("F17", "a place for temporary files that is full is E_RUN_FOLDER")
@pytest.mark.case("F15", "a disk on which not even the table has room is E_RUN_FOLDER at the start")
@pytest.mark.parametrize("run", ["None", "'run'"])
def test_a_disk_that_takes_nothing(tmp_path, run):
    code = f"""
    import resource
    from automl.errors import RunError
    automl.fit
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    strategy = automl.Strategy(folds=2, isolation="none")
    try:
        automl.fit(around.table(), "y", run={run}, plugins=["toy"], strategy=strategy,
                   budget=automl.Budget(trials=3))
    except RunError as error:
        print(error.code)
    """
    assert program(tmp_path, code).strip() in {"E_RUN_FOLDER", "E_RUN_STORE"}


@pytest.mark.case("F22", "only a clock that nobody can set is asked: the budget is kept")
def test_a_clock_that_jumps(monkeypatch, soon):
    jumps = itertools.cycle([0.0, 3_600.0, -3_600.0, 2**31, 1e9])
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + next(jumps))
    begun = time.monotonic()
    found = fit(None, trials=2, budget=automl.Budget(seconds=60, trials=2))
    assert [row.status for row in found.leaderboard if row.number] == ["complete"] * 2
    fit(None, budget=5)
    assert time.monotonic() - begun < soon(45)


@pytest.mark.case("F23", "budgets that are nothing, negative, endless or no number: E_INPUT_BUDGET")
@pytest.mark.parametrize("budget", [0, -1, math.nan, math.inf, -math.inf, "1", None, True, [5]])
def test_a_budget_that_is_none_is_refused(budget):
    with pytest.raises(InputError) as caught:
        fit(budget=budget)
    assert caught.value.code == "E_INPUT_BUDGET"


@pytest.mark.case("F23", "a hundredth of a second, no trial: the constant answers")
@pytest.mark.parametrize("budget", [0.01, automl.Budget(trials=0), automl.Budget(seconds=1e-9)])
def test_a_budget_that_is_next_to_nothing_gives_the_constant(budget, soon):
    begun = time.monotonic()
    found = fit(budget=budget)
    assert time.monotonic() - begun < soon(5)
    assert {row.status for row in found.leaderboard} <= {"complete", "skipped"}
    assert found.predictor.predict_proba(new_rows()).shape == (7, 2)


@pytest.mark.case("F23", "as many workers as there are cores at most; none, or fewer, E_INPUT_JOBS")
def test_numbers_of_workers():
    for n_jobs in (0, -2):
        with pytest.raises(InputError, match="E_INPUT_JOBS"):
            fit(n_jobs=n_jobs)
    for n_jobs in (-1, 1_000):
        fit(n_jobs=n_jobs, budget=automl.Budget(seconds=1e9, trials=1))


# The interpreter

RUN = """
print(answer(automl.fit(around.table(), "y", plugins=["toy", "decision_tree", "linear"], n_jobs=1,
                        budget=automl.Budget(trials=8),
                        strategy=automl.Strategy(folds=2, isolation="none"))))
"""


OTHER = {
    "PYTHONUTF8": "0",
    "LC_ALL": "tr_TR.ISO-8859-9",
    "LANG": "C",
    "TZ": "Pacific/Apia",
}


@pytest.mark.case("F25", "the same trials, scores and predictions, to the last bit")
@pytest.mark.parametrize(
    "options",
    # Libraries are compiled anew for an optimized interpreter.
    [("-W", "error"), pytest.param(("-O", "-W", "error"), marks=pytest.mark.slow)],
    ids=["strict", "optimized"],
)
def test_surroundings_change_nothing(tmp_path, options):
    plain = program(tmp_path, RUN, env={"PYTHONHASHSEED": "1"})
    assert program(tmp_path, RUN, *options, env={**OTHER, "PYTHONHASHSEED": "2"}) == plain


@pytest.mark.case("F30", "neither a run nor its workers open a connection or look up a name")
def test_nobody_asks_the_network(tmp_path):
    spy = """
    import os, socket
    def refuse(*arguments, **more):
        with open({log!r}, "a") as log:
            log.write(f"{{os.getpid()}} {{arguments}}\\n")
        raise OSError("no network")
    class Alone(socket.socket):
        def connect(self, address):
            return super().connect(address) if self.family == socket.AF_UNIX else refuse(address)
        def connect_ex(self, address):
            return refuse(address)
        def sendto(self, *arguments):
            return refuse(*arguments)
    socket.socket = Alone
    socket.getaddrinfo = socket.create_connection = socket.gethostbyname = refuse
    """
    site, log = tmp_path / "site", tmp_path / "asked"
    site.mkdir()
    text = textwrap.dedent(spy).format(log=str(log))
    (site / "sitecustomize.py").write_text(text, encoding="utf-8")
    code = """
    import socket
    assert socket.socket.__name__ == "Alone"
    result = automl.fit(around.table(), "y", run="run", plugins=["toy", "lightgbm"], n_jobs=1,
                        budget=automl.Budget(trials=4), strategy=automl.Strategy(folds=2))
    print([row.status for row in result.leaderboard])
    """
    assert "failed" not in program(tmp_path, code, env={"PYTHONPATH": str(site)})
    assert not log.exists(), log.read_text(encoding="utf-8")


# The caller


@pytest.mark.case("F26", "in any thread, several at a time, a run is the run that it is elsewhere")
def test_runs_in_threads():
    found = {}

    def run(number):
        found[number] = fit(None, 3).predictor.predict_proba(new_rows())

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    expected = fit(None, 3).predictor.predict_proba(new_rows())
    assert all(np.array_equal(expected, one) for one in found.values())


@posix
@pytest.mark.case("F26", "in a daemon process, and as a program read from a pipe")
def test_a_run_in_a_daemon(tmp_path):
    code = """
    import multiprocessing
    def run(queue):
        result = automl.fit(around.table(), "y", plugins=["toy"], n_jobs=1,
                            budget=automl.Budget(trials=2), strategy=automl.Strategy(folds=2))
        queue.put([row.status for row in result.leaderboard])
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=run, args=(queue,), daemon=True)
    process.start()
    print(queue.get(timeout=300))
    process.join()
    """
    assert program(tmp_path, code, "-W", "ignore").count("complete") == 3


SIGNALLED = """
import os, signal, time, threading
stage, how_often, number = {stage!r}, {often}, signal.{signal}
def strike():
    for _ in range(how_often):
        os.kill(os.getpid(), number)
from automl.plugin import Listener
def start():
    def hear(event):
        name = getattr(event, "name", None) or type(event).__name__
        if name == stage:
            strike()
    return hear
if stage == "import":
    strike()
try:
    result = automl.fit(around.table(), "y", run="run", n_jobs=1,
                        plugins=["toy", Listener(name="striker", start=start)],
                        budget=automl.Budget(trials=4),
                        strategy=automl.Strategy(folds=2, isolation="none"))
    print("result", result.interrupted, len(result.leaderboard))
    result.predictor.predict(around.new_rows())
except KeyboardInterrupt:
    print("stopped")
print("handlers", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


@posix
@pytest.mark.case("F04", "once: the best so far, or KeyboardInterrupt before there is anything")
@pytest.mark.case("F04", "twice: it stops at once; the run can be gone on with in any case")
@pytest.mark.parametrize(
    ("stage", "often", "number", "said"),
    [
        ("read", 1, "SIGINT", "stopped"),
        pytest.param("read", 1, "SIGTERM", "stopped", marks=pytest.mark.slow),
        pytest.param("search", 1, "SIGTERM", "result True", marks=pytest.mark.slow),
        ("TrialFinished", 1, "SIGINT", "result True"),
        pytest.param("TrialFinished", 2, "SIGINT", "stopped", marks=pytest.mark.slow),
        pytest.param("blend", 1, "SIGINT", "result True 5", marks=pytest.mark.slow),
        ("blend", 2, "SIGTERM", "stopped"),
        pytest.param("RunFinished", 1, "SIGINT", "result", marks=pytest.mark.slow),
    ],
)
def test_a_signal_at_a_stage(tmp_path, stage, often, number, said):
    code = SIGNALLED.format(stage=stage, often=often, signal=number)
    found = program(tmp_path, code, "-W", "ignore")
    assert said in found or (stage == "RunFinished" and "stopped" in found)
    assert "handlers True" in found
    before = around.outcomes(tmp_path / "run")
    again = fit(tmp_path / "run", 4)
    around.invariants(tmp_path / "run", before, again)


# Plugins and runs that are not what they were


@pytest.mark.case("F12", "the algorithm is left out, W_PLUGIN_SPACE names it, others go on")
def test_a_space_that_cannot_be():
    def broken(context):
        raise RuntimeError("no space")

    with pytest.raises(PluginError, match="E_PLUGIN_SPACE"):
        Choice([1], [2])
    for space in (broken, {"x": "everything"}, 7):
        wrong = Algorithm(
            name="wrong", tasks=frozenset({"binary"}), build=lambda *_: None, space=space
        )
        with pytest.warns(PluginWarning, match="'wrong'.* is not tried, its space cannot be known"):
            found = fit(None, 3, ("toy", wrong))
        assert {row.algorithm for row in found.leaderboard} == {"baseline", "toy"}


@pytest.mark.slow
@pytest.mark.case("F29", "10,000 trials are taken up again in under 10 seconds")
def test_ten_thousand_trials_are_replayed(tmp_path, soon):
    fit(tmp_path, 12, ("decision_tree",))
    db = sqlite3.connect(tmp_path / STORE)
    (last,) = db.execute("SELECT MAX(number) FROM trials WHERE proposal IS NOT NULL").fetchone()
    for number in range(13, 10_001):
        db.execute(
            "INSERT INTO trials SELECT ?, key || ?, candidate, proposal FROM trials "
            "WHERE number = ?",
            (number, number, last),
        )
        db.execute("INSERT INTO attempts VALUES (?, '', 'pruned')", (number,))
        db.execute(
            "INSERT INTO outcomes (number, status, seconds, finished, drawn) "
            "SELECT ?, 'pruned', 0.1, '', drawn FROM outcomes WHERE number = ?",
            (number, last),
        )
    db.commit()
    db.close()
    begun = time.monotonic()
    found = fit(tmp_path, 10_000, ("decision_tree",))
    assert time.monotonic() - begun < soon(10)
    assert len(found.leaderboard) == 10_001
    assert json.loads((tmp_path / "leaderboard.json").read_text(encoding="utf-8"))


@posix
@pytest.mark.case("F20", "whoever deletes a run that works, or reads it, does not break the reader")
def test_a_run_that_works_can_be_listed(tmp_path):
    from automl.search.runs import list_runs

    seen = []

    def start():
        return lambda event: seen.append([one.state for one in list_runs(tmp_path)])

    fit(tmp_path / "run", 2, ("toy", Listener(name="reader", start=start)))
    assert ["running"] in seen
    assert [one.state for one in list_runs(tmp_path)] == ["finished"]
