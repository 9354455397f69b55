"""Kill a run at random moments, go on with it each time, and look at what is there.

    python -m tests.faults.kills                        # 200 kills, or those of them still to do
    python -m tests.faults.kills --most 20              # some of them now, the rest another time
    python -m tests.faults.kills --most 0               # none, only say how many have passed
    python -m tests.faults.kills --only my_algorithm --state my.jsonl

What has passed stands in the state file, one JSON line for each kill, and is not done again as long
as the code is the same. Every kill has a number, of which all that is random in it is made. Half of
them end the parent alone and leave it to the workers to notice, half of them all processes of the
run together. It may be interrupted and started again at any time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import around  # noqa: E402 - beside this file

STATE = HERE.parents[1] / "build" / "kills.jsonl"

TRIALS = 6

SLOWEST = 300.0
"""Seconds that a whole run may take on a busy machine."""

TRIES = 5
"""Where a run has ended before it was killed, it is killed sooner the next time, so often."""


@cache
def code() -> str:
    """Return a hash of what a kill puts to the test, as it is when this begins."""
    found = hashlib.sha256()
    for folder in (HERE.parents[1] / "automl", HERE):
        for path in sorted(folder.rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


def fit(home: Path, only: list[str], jobs: int) -> Any:
    """Fit, or go on with a run."""
    import automl

    warnings.simplefilter("ignore")
    return automl.fit(
        around.table(),
        "y",
        run=home,
        budget=automl.Budget(trials=TRIALS),
        plugins=only,
        n_jobs=jobs or 1,
        strategy=automl.Strategy(folds=2, isolation="process" if jobs else "none"),
    )


def begin(home: Path, only: list[str]) -> int:
    """Start a run with two workers in a process group of its own; return its number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        try:
            fit(home, only, 2).predictor.save(home / "model")
        finally:
            os._exit(0)
    return pid


def duration(only: list[str]) -> float:
    """Return the seconds of a run that nobody kills."""
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        begun = time.monotonic()
        os.waitpid(begin(Path(folder) / "run", only), 0)
        assert len(around.outcomes(Path(folder) / "run")) == TRIALS
        return time.monotonic() - begun


def kill(number: int, seconds: float, only: list[str]) -> dict[str, Any]:
    """Kill a run at a moment that follows from the number, go on with it, and look.

    The moment is a part of a trial after so many outcomes, so that on a busy machine, too, it is
    anywhere in a run: before the first outcome, between two of them, or while the run ends.

    Parameters
    ----------
    number : int
    seconds : float
        How long a whole run takes, about.
    only : list of str
    """
    rng = random.Random(number)
    stage, alone = rng.randint(0, TRIALS), rng.random() < 0.5
    wait = rng.random() * seconds / (2 if stage == 0 else 2 * TRIALS)
    for attempt in range(TRIES):
        found = _kill_at(stage, wait / 2**attempt, only, alone=alone)
        if found["killed"]:
            break
    return {"number": number, **found}


def _kill_at(stage: int, wait: float, only: list[str], *, alone: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        home = Path(folder) / "run"
        pid = begin(home, only)
        end = time.monotonic() + SLOWEST
        while len(around.outcomes(home)) < stage and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(wait)
        family = _family(pid)
        for one in [pid] if alone else [pid, *(one.pid for one in family)]:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        begun = time.monotonic()
        psutil.wait_procs(family, timeout=SLOWEST / 10)
        gone = time.monotonic() - begun
        left = [one for one in family if around.lives(one)]
        assert not left, f"I5: processes outlive their parent: {left}"
        assert not around.kin(mark=str(pid)), "I5: kin of workers outlive the parent"
        answer = around.forked(lambda: _go_on(home, only))
        assert answer[0] == "value", answer
        return {
            "stage": stage,
            "after": round(wait, 3),
            "alone": alone,
            "killed": os.WIFSIGNALED(status),
            "stood": answer[1],
            "gone": round(gone, 2),
        }


def _go_on(home: Path, only: list[str]) -> int:
    before = around.outcomes(home)
    result = fit(home, only, 0)
    around.invariants(home, before, result)
    assert len(around.outcomes(home)) == TRIALS
    _look_at_model(home)
    return len(before)


def _look_at_model(home: Path) -> None:
    import automl

    if (home / "model").exists():
        automl.load(home / "model").predict(around.new_rows())


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return psutil.Process(pid).children(recursive=True)
    return []


def done(state: Path) -> dict[int, dict[str, Any]]:
    """Return the kills that have passed with the code as it is; a torn last line is none."""
    lines = state.read_text(encoding="utf-8").splitlines() if state.exists() else []
    found = []
    for line in lines:
        with suppress(ValueError):
            found.append(json.loads(line))
    return {one["number"]: one for one in found if one["ok"] and one.get("code") == code()}


def say(state: Path, kills: int) -> None:
    """Print what has passed."""
    passed = {number: one for number, one in done(state).items() if number < kills}
    stood = [one["stood"] for one in passed.values()]
    print(f"{len(passed)} of {kills} kills passed, of the code {code()} (in {state}).")
    print(f"The run was killed in {sum(one['killed'] for one in passed.values())} of them;")
    print(
        f"outcomes that stood then: {[stood.count(n) for n in range(TRIALS + 1)]} times 0, 1, ..."
    )


def go_through(todo: list[int], only: list[str], state: Path) -> int:
    """Do some kills and keep what comes of each at once; return how many did not pass."""
    bad = 0
    begun = time.monotonic()
    with around.installed():
        with tempfile.TemporaryDirectory(prefix="kills-") as folder:
            # What is imported here is there in each fork.
            fit(Path(folder), only, 0)
        seconds = duration(only)
        for count, number in enumerate(todo, start=1):
            try:
                found = {"ok": True, **kill(number, seconds, only)}
            except Exception as error:
                bad += 1
                said = "".join(traceback.format_exception(error))
                found = {"ok": False, "number": number, "why": said}
            with state.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({**found, "code": code()}) + "\n")
            left = (time.monotonic() - begun) / count * (len(todo) - count)
            word = "passed" if found["ok"] else "FAILED"
            print(f"kill {number} {word}; {len(todo) - count} to do, {left:.0f} s left", flush=True)
    return bad


def main() -> int:
    """Kill until all have passed, and say how many have."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="how many there are")
    parser.add_argument("--most", type=int, default=None, help="how many to do now")
    parser.add_argument("--state", type=Path, default=STATE)
    parser.add_argument("--only", nargs="+", default=["toy"], help="algorithms to try")
    options = parser.parse_args()
    options.state.parent.mkdir(parents=True, exist_ok=True)
    passed = done(options.state)
    todo = [number for number in range(options.kills) if number not in passed][: options.most]
    bad = 0
    try:
        if todo:
            bad = go_through(todo, options.only, options.state)
    except KeyboardInterrupt:
        print("interrupted; start it again to go on")
        bad = 1
    finally:
        say(options.state, options.kills)
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main())
