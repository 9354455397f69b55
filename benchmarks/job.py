"""One job: hand the files over, watch the contender, and make a row of what came of it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from benchmarks import process
from benchmarks.contenders import Contender
from benchmarks.environments import interpreter
from benchmarks.inside.job import Job
from benchmarks.limits import Limits
from benchmarks.machine import now
from benchmarks.rows import PRIMARY, Row, one_line
from benchmarks.score import WrongAnswerError, constant, scores
from benchmarks.tables import Question

HERE = Path(__file__).resolve().parent


SOURCE = "source"
"""Folder of the copy that is run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What decides a job: who, on what, for how long, on how many cores."""

    suite: str
    asked: Question
    contender: Contender
    version: str
    limits: Limits
    cores: int
    seed: int

    @property
    def key(self) -> str:
        """A hash of all of it: when anything changes, it is another job."""
        parts = (
            self.asked.table.name,
            self.asked.fold,
            self.asked.split,
            self.asked.task,
            self.contender.name,
            self.contender.settings,
            self.version,
            self.limits.budget,
            self.cores,
            self.seed,
        )
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def lay_out(place: Path, contenders: list[Contender]) -> None:
    """Copy what runs inside the environments, so that later edits do not reach a running race."""
    source = place / SOURCE
    for name in ("inside", "contenders"):
        hidden = shutil.ignore_patterns("__pycache__")
        shutil.copytree(HERE / name, source / name, ignore=hidden)
    shutil.copy(HERE / "__init__.py", source)
    for contender in contenders:
        shutil.copy(contender.file, source / "contenders")


def do(task: Task, cpus: list[int], place: Path, stop: Event) -> Row:
    """Do a job in a new folder below `place`, where `lay_out` was; it is gone afterwards.

    Once `stop` is set, it is killed, and its row says nothing.
    """
    date = now()
    folder = Path(tempfile.mkdtemp(prefix=f"{task.key}-", dir=place))
    scratch = Path(tempfile.mkdtemp(prefix="b-"))  # a short path: sockets have at most 107 letters
    try:
        start = time.perf_counter()
        facts = _fit_and_load(task, cpus, folder, partial(_run, task, folder, scratch, stop))
        facts["wall_s"] = time.perf_counter() - start
        return _row(task, facts, folder, date)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(scratch, ignore_errors=True)


def _fit_and_load(
    task: Task, cpus: list[int], folder: Path, start: Callable[[str], process.Ended]
) -> dict[str, Any]:
    """Run both processes; return what they said and how they ended."""
    asked, limits = task.asked, task.limits
    job = Job(
        task=asked.task,
        target=asked.target,
        n_classes=asked.n_classes,
        metric=PRIMARY[asked.task],
        budget=limits.budget,
        cores=task.cores,
        seed=task.seed,
        folder=folder,
        settings=task.contender.settings,
        cpus=tuple(cpus),
        row_calls=limits.row_calls,
        row_seconds=limits.row_seconds,
    )
    job.model.mkdir()
    job.write()
    asked.train.to_parquet(folder / "train.parquet", index=False)
    asked.test.to_parquet(folder / "test.parquet", index=False)
    ended = start("fit")
    facts = {**_said(folder, "fit"), "memory_mb": ended.memory_mb, "ended": _ended(ended)}
    if facts["ended"] or facts.get("phase") != "end":
        return facts
    born = time.time()
    ended = start("cold")
    cold = _said(folder, "cold")
    facts["load_s"] = cold.get("load_s", math.nan)
    facts["cold_s"] = cold["answered"] - born if "answered" in cold else math.nan
    facts["cold_row_ms"] = cold.get("row_ms", math.nan)
    facts["cold_row_ms_p99"] = cold.get("row_ms_p99", math.nan)
    if trouble := _ended(ended) or cold.get("error"):
        facts.update(phase="cold", ended=trouble, error=cold.get("error"))
    return facts


def _run(task: Task, folder: Path, scratch: Path, stop: Event, what: str) -> process.Ended:
    fitted_at: list[float] = []

    def limit(elapsed: float) -> float:
        if stop.is_set():
            return 0
        if what == "cold":
            return task.limits.after_fit
        if not fitted_at:
            if "fit_s" not in _said(folder, "fit"):
                return task.limits.until_fit
            fitted_at.append(elapsed)
        return fitted_at[0] + task.limits.after_fit

    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_MAX_THREADS")
    environment = {
        **os.environ,
        **dict.fromkeys(threads, str(task.cores)),
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch)),
        "PYTHONUNBUFFERED": "1",
    }
    source = folder.parent / SOURCE
    file = source / "contenders" / task.contender.file.name
    runner = source / "inside" / "runner.py"
    python = interpreter(task.contender)
    words = [str(python), "-I", str(runner), str(file), str(folder), what]
    return process.run(
        words, folder=folder, log=folder / "log.txt", environment=environment, limit=limit
    )


def _said(folder: Path, what: str) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads((folder / f"{what}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said


def _ended(ended: process.Ended) -> str:
    """Return why a process did not end well, or nothing."""
    if ended.code is None:
        return f"killed after {ended.seconds:.0f} s"
    if ended.code < 0:
        return f"died of signal {-ended.code}"
    return f"ended with exit code {ended.code}" if ended.code else ""


def _row(task: Task, facts: dict[str, Any], folder: Path, date: str) -> Row:
    """Score what was handed over; what came after that does not take the score away."""
    status, cause, numbers, primary = "ok", "", dict[str, float](), math.nan
    error, ended = facts.get("error"), facts["ended"]
    phase = facts.get("phase", "start")
    unheard = phase in {"start", "import", "fit", "predict"}
    if unheard and (ended or error or phase != "end"):
        status = "timeout" if ended.startswith("killed") else "failed" if error else "crashed"
        cause = error or ended or "ended without a word"
    else:
        try:
            found = scores(_values(folder), facts.get("classes", []), task.asked)
            numbers, primary = found.by_metric, found.primary
        except WrongAnswerError as wrong:
            status, cause, phase = "wrong", str(wrong), "predict"
        else:
            cause = error or ended
    well = status == "ok" and not cause
    asked = task.asked
    known = {name: _number(facts.get(name)) for name in _TIMES}
    return Row(
        key=task.key,
        suite=task.suite,
        table=asked.table.name,
        fold=asked.fold,
        split=asked.split,
        task=asked.task,
        contender=task.contender.name,
        version=task.version,
        budget=task.limits.budget,
        cores=task.cores,
        seed=task.seed,
        n_train=len(asked.train),
        n_test=len(asked.test),
        n_columns=asked.test.shape[1],
        n_classes=asked.n_classes,
        n_dropped=asked.n_dropped,
        status=status,
        metric=PRIMARY[asked.task],
        score=primary,
        constant=constant(asked),
        overrun=known["fit_s"] / task.limits.budget,
        n_row_calls=int(facts.get("n_row_calls", 0)),
        remarks=task.contender.remark,
        phase="" if well else phase,
        cause="" if well else one_line(cause, 300),
        tail="" if well else one_line(_tail(folder)),
        date=date,
        **numbers,
        **known,
    )


_TIMES = (
    *("fit_s", "wall_s", "predict_s", "row_ms", "row_ms_p99"),
    *("cold_s", "load_s", "cold_row_ms", "cold_row_ms_p99", "memory_mb", "model_mb"),
)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def _values(folder: Path) -> np.ndarray[Any, np.dtype[Any]]:
    try:
        values: np.ndarray[Any, np.dtype[Any]] = np.load(folder / "values.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise WrongAnswerError(f"the values cannot be read: {error}") from error
    return values


def _tail(folder: Path) -> str:
    try:
        return (folder / "log.txt").read_text(encoding="utf-8", errors="replace")[-5_000:]
    except OSError:
        return ""
