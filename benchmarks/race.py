"""All jobs of a race, one after the other or beside each other, each done once."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks import rows
from benchmarks.calibration import calibrate
from benchmarks.contenders import Contender
from benchmarks.environments import built
from benchmarks.job import Task, do, lay_out
from benchmarks.limits import Limits
from benchmarks.machine import commit, machine, now, usable_cpus
from benchmarks.process import memory_of
from benchmarks.progress import Progress
from benchmarks.tables import Question, Table, question

LOCK = "running"
CALIBRATED = 30  # seconds of budget from which the machine's speed is worth five of them


class RaceError(Exception):
    """A race that cannot be started as asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who, what and how long."""

    suite: str
    tables: list[Table]
    contenders: list[Contender]
    limits: Limits
    folds: int | None = None
    cores: int = 1
    jobs: int = 1
    again: bool = False  # run once more what did not end well


def race(plan: Plan, out: Path) -> None:
    """Do all jobs that have no row yet.

    Raises
    ------
    RaceError
        If more cores are asked for than there are, or the folder is in use.
    SetupError
        If a contender has no environment.
    """
    cpus = usable_cpus()
    if plan.cores * plan.jobs > len(cpus):
        raise RaceError(
            f"{plan.jobs} jobs of {plan.cores} cores need more than the {len(cpus)} there are; "
            "jobs that share cores measure each other"
        )
    facts = {contender.name: built(contender) for contender in plan.contenders}
    versions = {name: str(said["version"]) for name, said in facts.items()}
    out = out.absolute()  # jobs run in folders of their own
    with _locked(out):
        rows.write_header(out, _header(plan, facts))
        shutil.rmtree(out / "tmp", ignore_errors=True)
        lay_out(out / "tmp", plan.contenders)
        known = {row.key: row for row in rows.read(out)}
        with Progress(_count(plan)) as progress:
            tasks = _tasks(plan, versions, known, progress)
            _do_all(tasks, plan, cpus, out, progress)
        rows.write_header(out, _header(plan, facts))
        shutil.rmtree(out / "tmp", ignore_errors=True)


def _header(plan: Plan, facts: dict[str, dict[str, Any]]) -> rows.Header:
    return rows.Header(
        suite=plan.suite,
        date=now(),
        commit=commit(),
        machine=machine(),
        memory_of=memory_of(),
        contenders=facts,
        calibration=_calibration(plan),
    )


def _calibration(plan: Plan) -> list[dict[str, Any]]:
    if plan.limits.budget < CALIBRATED:
        return []
    return [{"date": now(), "cores": plan.cores, "seconds": calibrate(plan.cores)}]


def _count(plan: Plan) -> int:
    folds = sum(table.n_folds(plan.folds) for table in plan.tables)
    return folds * len(plan.contenders)


def _tasks(
    plan: Plan, versions: dict[str, str], known: dict[str, rows.Row], progress: Progress
) -> Iterator[Task]:
    """Make the jobs that are to be done, a table at a time, so that one table is in memory."""
    for table in plan.tables:
        for fold in range(table.n_folds(plan.folds)):
            asked: Question = question(table, fold)
            for contender in plan.contenders:
                task = Task(
                    suite=plan.suite,
                    asked=asked,
                    contender=contender,
                    version=versions[contender.name],
                    limits=plan.limits,
                    cores=plan.cores,
                    seed=fold,
                )
                row = known.get(task.key)
                if row is None or (plan.again and row.status != "ok"):
                    yield task
                else:
                    progress.skip()


def _do_all(
    tasks: Iterator[Task], plan: Plan, cpus: list[int], out: Path, progress: Progress
) -> None:
    """Keep as many jobs running as asked, each on cores of its own."""
    free = [cpus[i * plan.cores : (i + 1) * plan.cores] for i in range(plan.jobs)]
    running: dict[Future[rows.Row], list[int]] = {}
    stop = threading.Event()

    def finish() -> None:
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            free.append(running.pop(future))
            row = future.result()
            rows.append(out, row)
            progress.done(row)

    with ThreadPoolExecutor(plan.jobs) as pool:
        try:
            for task in tasks:
                while not free:
                    finish()
                used = free.pop(0)
                progress.start(task)
                running[pool.submit(do, task, used, out / "tmp", stop)] = used
            while running:
                finish()
        except BaseException:
            stop.set()  # an interrupt does not wait for jobs to end by themselves
            raise


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Let one race at a time write into a folder; a race that died does not bar the way."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / LOCK
    me = psutil.Process()
    if path.exists():
        number, _, born = path.read_text(encoding="utf-8").partition(" ")
        try:
            alive = abs(psutil.Process(int(number)).create_time() - float(born)) < 1
        except (psutil.Error, ValueError):
            alive = False
        if alive and int(number) != os.getpid():
            raise RaceError(f"process {number} is racing into {out} already")
    path.write_text(f"{me.pid} {me.create_time()}", encoding="utf-8")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
