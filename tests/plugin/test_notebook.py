"""A class of the main module, as in a notebook: by value to the workers, never on a load path."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import automl
from automl.plugin import Algorithm

CELL = """
import numpy as np
import automl
from automl.plugin import Algorithm


class Nearest:
    def __init__(self, k=3):
        self.k = k

    def fit(self, X, y, sample_weight=None):
        self.X_, self.y_ = X.copy(), y.copy()
        return self

    def predict_proba(self, X):
        distance = ((X[:, None] - self.X_) ** 2).sum(-1)
        near = np.argsort(distance, axis=1, kind="stable")[:, : self.k]
        return np.eye(int(self.y_.max()) + 1)[self.y_[near]].mean(axis=1)


MINE = Algorithm(name="mine", tasks=frozenset({"binary"}), build=lambda params, context: Nearest())
WRAPPED = Algorithm.wrap("wrapped", classifier=Nearest, starts=({"k": 5},))
rng = np.random.default_rng(0)
x = rng.normal(size=200)
TABLE = {
    "x": (x + rng.normal(size=200) / 2).tolist(),
    "z": rng.normal(size=200).tolist(),
    "y": np.where(x > 0, "a", "b").tolist(),
}
"""

LEARN = """
import sys
import warnings
for name, one in (("mine", MINE), ("wrapped", WRAPPED)):
    result = automl.fit(TABLE, "y", budget=automl.Budget(trials=1), n_jobs=1, plugins=[name, one])
    (row,) = [row for row in result.leaderboard.rows if row.algorithm == name]
    assert row.status == "complete", row.message
    assert result.predictor.parts[0].candidate.algorithm == name
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result.predictor.save(f"{sys.argv[1]}/{name}")
    said = {str(one.message) for one in caught}
    assert any("__main__.Nearest" in one and "load(" in one for one in said), said
    predictions = result.predictor.predict(TABLE)
    np.save(f"{sys.argv[1]}/{name}.npy", predictions.astype(str))
"""

LOAD = """
import sys
for name, one in (("mine", MINE), ("wrapped", WRAPPED)):
    given = {"plugins": [one], "trusted": ["__main__.Nearest"]}
    loaded = automl.load(f"{sys.argv[1]}/{name}", **given)
    assert (loaded.predict(TABLE) == np.load(f"{sys.argv[1]}/{name}.npy")).all()
"""

ELSEWHERE = """
import sys
from automl.plugin import Algorithm
import automl
try:
    automl.load(f"{sys.argv[1]}/mine")
except automl.errors.BundleError as error:
    assert "load(..., plugins=[...])" in str(error), error
else:
    raise AssertionError("it was loaded without its class")
MINE = Algorithm(name="mine", tasks=frozenset({"binary"}), build=print)
try:
    automl.load(f"{sys.argv[1]}/mine", plugins=[MINE], trusted=["__main__.Nearest"])
except automl.errors.BundleError as error:
    assert "Nearest" in str(error), error
else:
    raise AssertionError("it was loaded without its class")
"""


def run(code: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-", *arguments],
        input=code,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_class_of_a_cell_works_in_workers_and_its_model_says_what_loading_needs(tmp_path):
    run(CELL + LEARN, str(tmp_path))
    assert not list(tmp_path.rglob("*.pkl")), "a pickle on the load path"
    run(CELL + LOAD, str(tmp_path))
    run(ELSEWHERE, str(tmp_path))


class Undeclared:
    """Of a module, so that it has to be declared."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        return X[:, 0]


@pytest.mark.filterwarnings("ignore::automl.errors.RunWarning")
def test_what_cannot_be_saved_harms_no_other(tmp_path):
    def algorithm(name, saved):
        return Algorithm(
            name=name,
            tasks=frozenset({"regression"}),
            build=lambda params, context: Undeclared(),
            saved=saved,
        )

    x = np.random.default_rng(0).normal(size=60)
    result = automl.fit(
        {"x": x.tolist(), "y": (2 * x + np.sin(5 * x)).tolist()},
        "y",
        budget=automl.Budget(trials=2),
        n_jobs=1,
        plugins=["a_first", "b_second", algorithm("a_first", ()), algorithm("b_second", None)],
        strategy=automl.Strategy(isolation="none"),
    )
    status = {row.algorithm: (row.status, row.message) for row in result.leaderboard.rows}
    assert "does not declare" in status["a_first"][1]
    assert status["b_second"] == ("complete", "")
