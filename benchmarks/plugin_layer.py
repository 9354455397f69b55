"""What the plugin layer costs: finding what is installed, and going through it in each trial.

``python benchmarks/plugin_layer.py`` prints two tables. Discovery is timed in new processes, with
50 distributions of strangers beside the built-ins, in seconds of CPU; a trial is one fit and one
prediction, once by the engine's way (catalogue, context, pipeline, checked values) and once by
calling the same functions by hand. Times are the least of several repeats, since whatever disturbs
only adds.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

PLUGINS = 50
PROCESSES = 7
TRIALS = 200
LIMIT = 0.2

MODULE = """
import numpy as np
from automl.plugin import Algorithm, Float, hookimpl

class Mean{number}:
    def fit(self, X, y):
        self.mean_ = np.mean(y)
        return self
    def predict(self, X):
        return np.full(len(X), self.mean_)

@hookimpl
def automl_algorithms():
    return [
        Algorithm(
            name="mean_{number}",
            tasks=frozenset({{"regression"}}),
            build=lambda params, context: Mean{number}(),
            space={{"unused": Float(0.0, 1.0)}},
        )
    ]
"""

FIND = """
import sys, time
sys.path.insert(0, sys.argv[1])
import numpy
started = time.process_time()
from automl.plugin.discovery import discover
imported = time.process_time()
catalog = discover()
found = time.process_time()
discover()
again = time.process_time()
heavy = {"sklearn", "scipy", "pandas", "pyarrow", "optuna", "lightgbm"} & set(sys.modules)
assert not heavy, heavy
print(len(catalog.algorithms), imported - started, found - imported, again - found)
"""


def install(folder: Path, count: int) -> None:
    """Write distributions as pip leaves them: a module and its ``*.dist-info``."""
    for number in range(count):
        module = f"some_plugin_{number}"
        (folder / f"{module}.py").write_text(MODULE.format(number=number), encoding="utf-8")
        info = folder / f"{module}-1.0.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: some-plugin-{number}\nVersion: 1.0\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        entry = f"[automl]\nplugin_{number} = {module}\n"
        (info / "entry_points.txt").write_text(entry, encoding="utf-8")


def discovery(count: int) -> list[tuple[float, ...]]:
    """Return seconds of import, first and second look, for each of several new processes."""
    with tempfile.TemporaryDirectory() as name:
        install(Path(name), count)
        rows = []
        for _ in range(PROCESSES + 1):
            said = subprocess.check_output([sys.executable, "-c", FIND, name], text=True)
            rows.append(tuple(float(word) for word in said.split()[1:]))
    return rows[1:]  # the first writes the compiled modules


class Still:
    """Learns nothing: what is left of a trial is the layer."""

    def fit(self, *_: object) -> Still:
        return self

    def predict_proba(self, X: Matrix) -> Matrix:
        return np.full((len(X), 2), 0.5)


def trials() -> list[tuple[str, float, float]]:
    """Return seconds of a trial by hand and through the layer, for several algorithms."""
    from automl.candidate.pipeline import fit_pipeline
    from automl.candidate.preparation import Preparation, Prepared, Setting
    from automl.candidate.recipe import Candidate
    from automl.plugin import Algorithm, Context
    from automl.plugin.discovery import discover
    from automl.plugin.selection import Plugins

    still = Algorithm(name="still", tasks=frozenset({"binary"}), build=lambda *_: Still())
    catalog = discover(Plugins(add=(still,)))
    setting = Setting(
        task=catalog.get("task", "binary"), n_classes=2, metric="roc_auc", seed=0, threads=1
    )
    context = Context(task="binary", n_classes=2, n_rows=2_000, n_columns=20, metric="roc_auc")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2_000, 20))
    y = (X[:, 0] + rng.normal(size=2_000) > 0).astype(np.int64)
    nothing = Preparation(chains=(), sparse=False, categories=(), n_levels=(), names=())
    prepared = Prepared(preparation=nothing, X=X)

    def by_hand(name: str) -> Matrix:
        estimator = catalog.algorithms[name].build({}, context).fit(X, y)
        said: Matrix = estimator.predict_proba(X)
        return said

    def through(name: str) -> Matrix:
        algorithm = catalog.get("algorithm", name)
        candidate = Candidate(algorithm=name)
        pipeline = fit_pipeline(
            candidate, prepared, y, None, None, algorithm, setting, lambda *_: False
        )
        return pipeline.values_of(X)

    found = []
    for name in ("still", "naive_bayes", "decision_tree"):
        np.testing.assert_array_equal(by_hand(name), through(name))
        times: dict[Callable[[str], Matrix], list[float]] = {by_hand: [], through: []}
        for _ in range(TRIALS):
            for way, seconds in times.items():
                started = time.perf_counter()
                way(name)
                seconds.append(time.perf_counter() - started)
        found.append((name, min(times[by_hand]), min(times[through])))
    return found


def main() -> None:
    """Print both tables."""
    print(f"{'installed':24}  {'import':>8}  {'first':>8}  {'again':>8}   seconds, least (median)")
    for count in (0, PLUGINS):
        columns = list(zip(*discovery(count), strict=True))
        least = "  ".join(f"{min(column):8.3f}" for column in columns)
        usual = ", ".join(f"{median(column):.3f}" for column in columns)
        print(f"{f'built-ins and {count} more':24}  {least}   ({usual})")
    print(f"limit for the first look: {LIMIT} s\n")
    print(f"{'trial of':24}  {'by hand':>8}  {'layer':>8}  {'more':>8}   microseconds, least")
    for name, hand, layer in trials():
        cells = "  ".join(f"{1e6 * seconds:8.0f}" for seconds in (hand, layer, layer - hand))
        print(f"{name:24}  {cells}")


if __name__ == "__main__":
    main()
