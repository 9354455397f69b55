"""A fixed fit, timed: whether two races ran on machines that are equally fast.

`python -m benchmarks.calibration` prints the seconds on all cores that it may use.
"""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np

from benchmarks.machine import ROOT, usable_cpus

ROWS, COLUMNS, ROUNDS, TIMES = 20_000, 20, 100, 15


def calibrate(cores: int) -> float:
    """Return the median seconds of a fixed LightGBM fit, learned in a process of its own."""
    said = subprocess.run(
        [sys.executable, "-m", "benchmarks.calibration", str(cores)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(said.stdout)


def _measure(cores: int) -> float:
    import lightgbm

    draw = np.random.default_rng(0)
    X = draw.normal(size=(ROWS, COLUMNS))
    y = X[:, 0] * X[:, 1] + np.sin(3 * X[:, 2]) + draw.normal(size=ROWS)
    seconds = []
    for _ in range(TIMES + 1):
        begun = time.perf_counter()
        lightgbm.train(
            {"objective": "regression", "num_leaves": 63, "num_threads": cores, "verbosity": -1},
            lightgbm.Dataset(X, y),
            ROUNDS,
        )
        seconds.append(time.perf_counter() - begun)
    return float(np.median(seconds[1:]))  # the first also starts threads


if __name__ == "__main__":
    cores = int(sys.argv[1]) if len(sys.argv) > 1 else len(usable_cpus())
    sys.stdout.write(f"{_measure(cores):.4f}\n")
