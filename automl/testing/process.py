"""Another process, as new as the one in which a saved model will be loaded one day."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.storage import save_pipeline
from automl.testing.checks import CheckFailedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.candidate.pipeline import Pipeline
    from automl.data.table import Table
    from automl.model.predictor import Predictor
    from automl.plugin.catalog import Catalog
    from automl.plugin.selection import Plugins

SECONDS = 120
"""Limit for a new process."""

_LOAD = """
import pickle, sys
from pathlib import Path
import numpy as np
folder = Path(sys.argv[1])
plugins, tables, raw = pickle.loads((folder / "given.pkl").read_bytes())
from automl.candidate.storage import load_pipeline
from automl.plugin.discovery import discover
catalog = discover(plugins)
for number, table in enumerate(tables):
    pipeline = load_pipeline(folder / str(number), catalog)
    values = pipeline.preparation.transform(table) if raw else pipeline.values(table)
    values = values if isinstance(values, np.ndarray) else values.toarray()
    np.save(folder / f"{number}.npy", values)
"""

_ASK = """
import json, pickle, sys
from pathlib import Path
folder = Path(sys.argv[1])
plugins, columns, labels = pickle.loads((folder / "given.pkl").read_bytes())
import automl
predictor = automl.load(folder / "model", plugins=plugins)
said = predictor.predict(columns).tolist()
print(json.dumps([said, predictor.evaluate(columns, labels)]))
"""


def reload_elsewhere(
    pipelines: Sequence[Pipeline],
    tables: Sequence[Table],
    catalog: Catalog,
    plugins: Plugins,
    *,
    prepared: bool = False,
) -> list[NDArray[Any]]:
    """Save pipelines, load them in a new process, and return what they say there of the tables.

    Parameters
    ----------
    pipelines : sequence of Pipeline
    tables : sequence of Table
        One for each.
    catalog : Catalog
    plugins : Plugins
        How the other process finds the same catalogue.
    prepared : bool, default=False
        Return the prepared matrices instead of the values.

    Raises
    ------
    PluginError
        Where something cannot be saved as declared.
    CheckFailedError
        Where it cannot be loaded.
    """
    import cloudpickle

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, pipeline in enumerate(pipelines):
            (folder / str(number)).mkdir()
            save_pipeline(pipeline, folder / str(number), catalog)
        given = cloudpickle.dumps((plugins, list(tables), prepared))
        (folder / "given.pkl").write_bytes(given)
        run_new_process(_LOAD, name)
        return [np.load(folder / f"{number}.npy") for number in range(len(pipelines))]


def ask_elsewhere(
    predictor: Predictor, columns: dict[str, list[Any]], labels: NDArray[Any], plugins: Plugins
) -> tuple[list[Any], dict[str, float]]:
    """Save a predictor, load it in a new process, and return what it predicts and scores there.

    Parameters
    ----------
    predictor : Predictor
    columns : dict of str to list
    labels : ndarray of shape (n_rows,)
    plugins : Plugins

    Raises
    ------
    BundleError, PluginError
        Where it cannot be saved.
    CheckFailedError
        Where it cannot be loaded or asked.
    """
    import cloudpickle

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        predictor.save(folder / "model")
        (folder / "given.pkl").write_bytes(cloudpickle.dumps((plugins, columns, labels)))
        said, scores = json.loads(run_new_process(_ASK, name))
        return said, scores


def sent(fitted: Any) -> Any:
    """Return what arrives when something goes from one process of a run to another."""
    import pickle

    import cloudpickle

    return pickle.loads(cloudpickle.dumps(fitted))  # noqa: S301 - made in the same line


def run_new_process(code: str, *arguments: str) -> str:
    """Run code in a new interpreter that finds the same modules; return what it printed."""
    search = [place for place in sys.path if place]
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter, with code of ours
            [sys.executable, "-W", "ignore", "-c", code, *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(search)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CheckFailedError(
            f"A new process did not end within {SECONDS} s.",
            "See what is slow to import or to load, or whether the machine is busy.",
        ) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise CheckFailedError(
            f"In a new process: {lines[-1] if lines else f'exit status {done.returncode}'}.",
            "What is saved must load with nothing but the installed plugin.",
        )
    return done.stdout
