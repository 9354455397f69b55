"""Let one contender do one job, in its own environment, and time it.

    python -I runner.py CONTENDER.py JOBFOLDER fit     # fit, predict, time single rows, save
    python -I runner.py CONTENDER.py JOBFOLDER cold    # in a new process: load, time single rows

The folder holds `job.json`, `train.parquet` and `test.parquet` (without the target). What is
learned of the contender is written to `fit.json` or `cold.json` after each phase, and its values to
`values.npy`; whoever started this process reads them. It ends itself, with all that it started,
when its standard input ends: then whoever started it is gone.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent


def load_module(name: str, path: Path, folders: list[str] | None = None) -> ModuleType:
    """Import a file under a name, without a folder of the project on the module path."""
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folders)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if "benchmarks" not in sys.modules:  # also in processes that a contender spawns
    load_module("benchmarks", HERE.parent / "__init__.py", [str(HERE.parent)])

import numpy as np  # noqa: E402  after the alias, which must come first
import pandas as pd  # noqa: E402

from benchmarks.inside.job import Answer, Job  # noqa: E402


class Said:
    """What is known so far, in a file that is whole at any moment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: dict[str, Any] = {}

    def __call__(self, **facts: Any) -> None:
        self.facts.update(facts)
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.facts), encoding="utf-8")
        new.replace(self.path)


def die_with_starter() -> None:
    """Wait for the end of standard input on a thread, and give contenders an empty one."""
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def wait() -> None:
        try:
            while os.read(pipe, 1):
                pass
        except OSError:  # a guest has closed it
            return
        if hasattr(os, "killpg"):
            os.killpg(os.getpgid(0), signal.SIGKILL)
        os._exit(9)

    threading.Thread(target=wait, daemon=True).start()


def prepare(contender: ModuleType, job: Job) -> float:
    """Import what the contender needs, start what it needs; return the seconds."""
    start = time.perf_counter()
    for name in contender.IMPORTS:
        importlib.import_module(name)
    if hasattr(contender, "start"):
        contender.start(job)
    return time.perf_counter() - start


def ask(contender: ModuleType, model: Any, rows: pd.DataFrame, job: Job) -> Answer:
    answer: Answer = contender.predict(model, rows, job)
    return answer


def time_rows(contender: ModuleType, model: Any, test: pd.DataFrame, job: Job) -> dict[str, Any]:
    """Time one row in a call, again and again."""
    rows = [test.iloc[[i % len(test)]] for i in range(job.row_calls)]
    seconds: list[float] = []
    until = time.perf_counter() + job.row_seconds
    for row in rows:
        start = time.perf_counter()
        ask(contender, model, row, job)
        end = time.perf_counter()
        seconds.append(end - start)
        if end > until:
            break
    return {
        "row_ms": 1e3 * float(np.median(seconds)),
        "row_ms_p99": 1e3 * float(np.percentile(seconds, 99)),
        "n_row_calls": len(seconds),
    }


def size_mb(folder: Path) -> float:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files) / 1e6


def save(contender: ModuleType, model: Any, job: Job) -> None:
    if hasattr(contender, "save"):
        contender.save(model, job)
        return
    with (job.model / "model.pickle").open("wb") as file:
        pickle.dump(model, file, protocol=5)


def load(contender: ModuleType, job: Job) -> Any:
    if hasattr(contender, "load"):
        return contender.load(job)
    with (job.model / "model.pickle").open("rb") as file:
        return pickle.load(file)  # noqa: S301  written by the process before this one


def fit(contender: ModuleType, job: Job, said: Said) -> None:
    said(phase="import")
    train = pd.read_parquet(job.folder / "train.parquet")
    test = pd.read_parquet(job.folder / "test.parquet")
    said(import_s=prepare(contender, job), phase="fit")
    start = time.perf_counter()
    model = contender.fit(train, job)
    said(fit_s=time.perf_counter() - start, phase="predict")
    if hasattr(contender, "warm"):
        contender.warm(model)
    start = time.perf_counter()
    answer = ask(contender, model, test, job)
    seconds = time.perf_counter() - start
    np.save(job.folder / "values.npy", answer.values, allow_pickle=False)
    said(predict_s=seconds, classes=answer.classes, phase="latency")
    said(**time_rows(contender, model, test, job), phase="save")
    save(contender, model, job)
    said(model_mb=size_mb(job.model), phase="end")


def cold(contender: ModuleType, job: Job, said: Said) -> None:
    said(phase="cold")
    test = pd.read_parquet(job.folder / "test.parquet")
    prepare(contender, job)
    start = time.perf_counter()
    model = load(contender, job)
    said(load_s=time.perf_counter() - start)
    ask(contender, model, test.iloc[[0]], job)
    said(answered=time.time())
    said(**time_rows(contender, model, test, job), phase="end")


def main() -> None:
    file, folder, what = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    die_with_starter()
    job = Job.read(folder)
    if job.cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job.cpus)
    os.chdir(folder)
    said = Said(folder / f"{what}.json")
    said(phase="import")
    code = 0
    try:
        contender = load_module(f"benchmarks.contenders.{file.stem}", file)
        {"fit": fit, "cold": cold}[what](contender, job, said)
    except BaseException as error:  # a guest's crash is a fact about it
        traceback.print_exc()
        said(error=f"{type(error).__name__}: {error}"[:2000])
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # threads and atexit handlers of guests are not waited for


if __name__ == "__main__":
    main()
