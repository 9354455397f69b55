"""The benchmark's protocol with the process of a framework, as far as one fold needs it.

Parameters come as JSON on standard input, with attributes instead of keys, and None for what is not
there; arrays go out as files, the rest as JSON in ``config.result_file``.
"""

import json
import sys
from pathlib import Path

import numpy as np

from frameworks.shared.utils import Timer


class Namespace:
    """Keys as attributes."""

    def __init__(self, content):
        self.__dict__.update(content)

    def __getattr__(self, name):
        return None


def _names(value):
    if isinstance(value, dict):
        return Namespace({key: _names(one) for key, one in value.items()})
    return value


def result(**facts):
    """Return what the framework says."""
    return facts


def output_subdir(name, config):
    """Return a folder for what a framework wants to keep."""
    folder = Path(config.output_dir) / name / config.name / str(config.fold)
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def measure_inference_times(predict, files):
    """Return seconds by the number of rows."""
    times = {}
    for size, path in files:
        with Timer() as timer:
            predict(path)
        times.setdefault(size, []).append(timer.duration)
    return times


def call_run(run):
    """Read the parameters, run, write the result."""
    given = json.loads(sys.stdin.read())
    config = _names(given["config"])
    config.framework_params = given["config"]["framework_params"]
    try:
        said = dict(run(_names(given["dataset"]), config))
    except BaseException as error:
        said = {"error_message": str(error), "models_count": 0}
    for name in ("predictions", "probabilities"):
        if said.get(name) is not None:
            path = Path(config.result_dir) / f"{name}.npy"
            np.save(path, said[name], allow_pickle=True)
            said[name] = str(path)
    Path(config.result_file).write_text(json.dumps(said))
