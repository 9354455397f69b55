"""A plugin whose search space is what goes wrong, and at which step.

``faults`` has the parameters ``what`` (a key of `FAULTS`, of `ANSWERS`, or ``nothing``), ``at``
(one of `STEPS`) and ``n``, which only tells trials apart. With ``nothing`` it learns honestly. The
metric ``faults_accuracy`` goes wrong where an estimator asks it to. ``toy`` never goes wrong, and
is as quick as a learner can be. None of them is tried unless it is named.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import automl_faults_steps
import numpy as np

from automl.plugin import Algorithm, Choice, Float, Int, Metric, Saved, hookimpl

MB = 1 << 20

LONG = 10_000.0
"""Seconds after which whatever hangs gives up, for the case that nobody ends it."""

SLEEPER = f"import time; time.sleep({LONG})"


class Unspeakable(Exception):
    """Cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("cannot be shown")

    __repr__ = __str__


class Unpicklable(Exception):
    """Holds what no process can hand to another."""

    def __init__(self) -> None:
        super().__init__("holds a lock")
        self.lock = threading.Lock()


class Bare(BaseException):
    """Is no Exception."""


def throw(error: BaseException) -> None:
    raise error


def recurse(depth: int = 0) -> int:
    return recurse(depth + 1) + 1


def overflow_in_c() -> None:
    """Exhaust the stack of C, where Python's own counting does not look."""
    function = ctypes.CFUNCTYPE(None)

    def again() -> None:
        held()

    held = function(again)
    sys.setrecursionlimit(1 << 30)
    held()


def hold_interpreter() -> None:
    """Wait in a C call that keeps the interpreter to itself."""
    ctypes.PyDLL(None).sleep(int(LONG))


def be_deaf() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(LONG)


def lock_twice() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def fill_slowly() -> None:
    held = []
    for _ in range(20_000):
        held.append(b"x" * MB)
        time.sleep(0.001)


def fill_at_once() -> None:
    held = bytearray(b"x") * (3_000 * MB)
    time.sleep(LONG)
    del held


def fill_a_child() -> None:
    code = f"held = [b'x' * (1 << 20) for _ in range(1500)]; {SLEEPER}"
    subprocess.run([sys.executable, "-c", code], check=False)


def leave_children() -> None:
    for _ in range(3):
        subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True)


def bomb_with_forks() -> None:
    """Fork a few generations that all stay; bounded, so that a failure of ours ends too."""
    for _ in range(4):
        os.fork()
    time.sleep(LONG)


def leave_threads() -> None:
    for daemon in (True, False):
        threading.Thread(target=time.sleep, args=(LONG,), daemon=daemon).start()


def hang_at_exit() -> None:
    atexit.register(time.sleep, LONG)


def flood() -> None:
    for _ in range(2_000):
        os.write(1, b"o" * 50_000)
        sys.stderr.write("e" * 1_000)


def spoil_everything() -> None:
    """Change all that a process shares."""
    np.random.seed(0)
    random.seed(0)
    np.seterr(all="raise")
    os.chdir("/")
    os.environ["OMP_NUM_THREADS"] = "64"
    os.environ.pop("PATH", None)
    sys.path.clear()
    sys.stdout = sys.stderr = None
    sys.setrecursionlimit(200)
    warnings.simplefilter("error")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 3.0)


RAISED: dict[str, Callable[[], Any]] = {
    "exception": lambda: throw(ValueError("no")),
    "base": lambda: throw(Bare("bare")),
    "ctrl_c": lambda: throw(KeyboardInterrupt()),
    "unspeakable": lambda: throw(Unspeakable()),
    "unpicklable": lambda: throw(Unpicklable()),
    "endless": lambda: throw(ValueError("x" * 10_000_000)),
    "recursion": recurse,
    "warning": lambda: throw(DeprecationWarning("old")),
    "stop": lambda: throw(StopIteration(3)),
    "generator": lambda: throw(GeneratorExit()),
    "sys_exit": lambda: sys.exit(0),
    "group": lambda: throw(ExceptionGroup("many", [OSError(1, "a")])),
    "surrogate": lambda: throw(ValueError("\ud800 and \0")),
    "assertion": lambda: throw(AssertionError()),
    "disk": lambda: throw(OSError(28, "No space left on device")),
}

DEATHS: dict[str, Callable[[], Any]] = {
    "segfault": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "leave": lambda: os._exit(0),
    "kill": lambda: os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM)),
    "stack": overflow_in_c,
    "close": lambda: os.closerange(3, 1_000) or time.sleep(LONG),
}

HANGS: dict[str, Callable[[], Any]] = {
    "sleep": lambda: time.sleep(LONG),
    "loop": lambda: sum(range(10**13)),
    "hold": hold_interpreter,
    "lock": lock_twice,
    "deaf": be_deaf,
}

MEMORY: dict[str, Callable[[], Any]] = {
    "nobody_has": lambda: bytearray(1 << 60),
    "raised": lambda: throw(MemoryError()),
    "slow": fill_slowly,
    "sudden": fill_at_once,
    "child": fill_a_child,
}

LEFT: dict[str, Callable[[], Any]] = {
    "children": leave_children,
    "threads": leave_threads,
    "at_exit": hang_at_exit,
    "flood": flood,
    "spoil": spoil_everything,
}

FAULTS = {
    **RAISED,
    **DEATHS,
    **HANGS,
    **MEMORY,
    **LEFT,
    "forks": bomb_with_forks,
    "missing": lambda: __import__("no_such_library"),
}
"""What may go wrong at any step."""

ANSWERS: dict[str, Callable[[np.ndarray], Any]] = {
    "nan": lambda good: np.full_like(good, np.nan),
    "one_nan": lambda good: np.where(np.arange(len(good))[:, None] == 0, np.nan, good),
    "inf": lambda good: good + np.inf,
    "none": lambda good: None,
    "word": lambda good: "1.5",
    "number": lambda good: 1.5,
    "complex": lambda good: good + 1j,
    "list": lambda good: good.tolist(),
    "ragged": lambda good: [[0.5, 0.5], [1.0]],
    "short": lambda good: good[:-1],
    "long": lambda good: np.vstack([good, good]),
    "narrow": lambda good: good[:, :1],
    "wide": lambda good: np.hstack([good, good]) / 2,
    "flat": lambda good: good[:, 1],
    "deep": lambda good: good[:, :, None],
    "sums": lambda good: good * 1.8,
    "negative": lambda good: good * [1.5, -0.5],
    "above": lambda good: np.tile([1.5, -0.5], (len(good), 1)),
    "objects": lambda good: good.astype(object),
    "words": lambda good: np.full(good.shape, "a"),
    "half": lambda good: good.astype(np.float16),
    "first": lambda good: np.broadcast_to(good[:1], good.shape),
    "swapped": lambda good: good[:, ::-1],
    "shuffled": lambda good: np.random.default_rng(0).permutation(good),
    "labels": lambda good: np.full(len(good), 7),
}
"""What may be said instead of probabilities, made from those that are right."""

STEPS = ("import", "build", "fit", "predict", "score", "judge", "save", "exit")
"""``score`` is the metric in a worker, ``judge`` the metric in the process of the caller."""

WHAT = ("nothing", *FAULTS, *ANSWERS, "write_X", "write_y", "nan_score", "word_score")


def do(what: str) -> None:
    """Let a fault happen."""
    if what in FAULTS:
        FAULTS[what]()


class Faulty:
    """The difference of two means, and what goes wrong."""

    def __init__(self, what: str = "nothing", at: str = "fit", n: int = 0) -> None:
        self.what, self.at, self.n = what, at, n

    def fit(self, X: np.ndarray, y: np.ndarray) -> Faulty:
        self.at_step("fit")
        if self.what == "write_X":
            X[:] = 0
        if self.what == "write_y":
            y[:] = 0
        means = [X[y == code].mean(axis=0) for code in (0, 1)]
        self.slope_ = means[1] - means[0]
        self.middle_ = (means[0] + means[1]) / 2
        return self

    def predict_proba(self, X: np.ndarray) -> Any:
        self.at_step("predict")
        if self.what == "write_X" and self.at == "predict":
            X[:] = 0
        z = (X - self.middle_) @ self.slope_ / (1 + 0.01 * (self.n % 7))
        p = 1 / (1 + np.exp(-np.clip(z, -30, 30)))
        if self.at in {"score", "judge"}:
            p[np.abs(p - 0.5) < 0.15] = _mark(self.what, self.at)
        good = np.column_stack([1 - p, p])
        return ANSWERS[self.what](good) if self.what in ANSWERS else good

    def at_step(self, step: str) -> None:
        if self.at == step:
            do(self.what)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"what": self.what, "at": self.at, "n": self.n}


def _mark(what: str, at: str) -> float:
    """Return a probability that tells the metric what to do."""
    return 0.25 + 0.001 * WHAT.index(what) + (0.25 if at == "judge" else 0.0)


def accuracy(y: np.ndarray, values: np.ndarray, weight: np.ndarray | None) -> Any:
    """Return the share of right answers, unless a value says otherwise."""
    in_worker = "AUTOML_WORKER" in os.environ
    for what in WHAT:
        mark = _mark(what, "score" if in_worker else "judge")
        if (np.abs(values[:, 1] - mark) < 2e-7).any():
            do(what)
            if what == "nan_score":
                return float("nan")
            if what == "word_score":
                return "good"
    return float(np.average(values.argmax(axis=1) == y, weights=weight))


def build(params: Any, context: Any) -> Faulty:
    made = Faulty(**params)
    if made.at == "import":
        os.environ["FAULTS_IMPORT"] = made.what
        sys.modules.pop("automl_faults_library", None)
        import automl_faults_library  # noqa: F401 - that is the fault
    made.at_step("build")
    if made.at == "exit":
        atexit.register(do, made.what)
    return made


def save(fitted: Faulty, folder: Path) -> None:
    fitted.at_step("save")
    numbers = np.vstack([fitted.slope_, fitted.middle_])
    np.save(folder / f"{fitted.what}-{fitted.at}-{fitted.n}.npy", numbers)


def load(folder: Path) -> Faulty:
    (file,) = folder.glob("*.npy")
    what, at, n = file.stem.split("-")
    fitted = Faulty(what, at, int(n))
    fitted.slope_, fitted.middle_ = np.load(file)
    return fitted


BINARY = frozenset({"binary"})

FAULTY = Algorithm(
    name="faults",
    tasks=BINARY,
    build=build,
    space={"what": Choice(*WHAT), "at": Choice(*STEPS), "n": Int(0, 1_000_000)},
    starts=({"what": "nothing", "at": "fit", "n": 0},),
    saved=Saved(save=save, load=load),
    default=False,
)

PRELOAD = Algorithm(
    name="faults_preload",
    tasks=BINARY,
    build=build,
    imports=("automl_faults_library",),
    starts=({"what": "nothing", "at": "fit", "n": 0},),
    saved=Saved(save=save, load=load),
    default=False,
)
"""Its library is imported by each worker before there is any work; ``FAULTS_PRELOAD`` says what
happens then."""

TOY = Algorithm(
    name="toy",
    tasks=BINARY,
    build=lambda params, context: Faulty(n=params["n"]),
    space={"n": Int(0, 1_000_000), "x": Float(0.0, 1.0)},
    starts=tuple({"n": n, "x": 0.5} for n in range(3)),
    saved=Saved(save=save, load=load),
    default=False,
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    return [FAULTY, PRELOAD, TOY]


@hookimpl
def automl_metrics() -> list[Metric]:
    return [
        Metric(
            name="faults_accuracy",
            tasks=BINARY,
            score=accuracy,
            reads="values",
            greater_is_better=True,
            best=1.0,
        )
    ]


with contextlib.suppress(KeyError):
    automl_faults_steps.obey(os.environ["FAULTS_STEPS"])
