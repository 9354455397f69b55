"""Exporter: a program that learns the model's recipe again, as an expert would write it.

What is written are the parts of the blend: for each the preparation, with scikit-learn's classes or
the source of ours, and the estimator of its own library with the parameters that were found.
Contributions say themselves how they are written (`automl.plugin.code`).
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.errors import PluginError
from automl.plugin import Exporter, FittedModel, Opened, Rows, givers_of, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SECONDS = 1_800
"""Longest time that a run of the program may take: minutes of a busy machine are no failure."""

TASKS = frozenset({"binary", "multiclass", "regression"})
"""What the program knows to ask an estimator for."""


def export(model: FittedModel, folder: Path) -> None:
    """Write the program."""
    from automl_code.program import files_of
    from automl_code.words import readme, requirements

    texts = files_of(model)
    texts["requirements.txt"] = requirements(texts)
    texts["README.md"] = readme(model, texts)
    for name, text in texts.items():
        place = folder / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, encoding="utf-8", newline="\n")


def refuses(model: FittedModel) -> list[str]:
    """Say what is not written as code."""
    reasons = [
        f"the {kind} {name!r} of {giver} does not say how it is written as code"
        for (kind, name), giver in givers_of(model).items()
        if kind != "task" and getattr(model.catalog.get(kind, name), "code", None) is None
    ]
    if model.task.name not in TASKS:
        reasons.append(f"the task {model.task.name!r} is not one of {', '.join(sorted(TASKS))}")
    return reasons or list(_refused_parts(model))


def _refused_parts(model: FittedModel) -> Iterator[str]:
    from automl_code.program import files_of, fitted_of

    for part in model.parts:
        pipelines = fitted_of(model, part)
        if any(one.preparation.categories and one.preparation.sparse for one in pipelines):
            yield f"{part.candidate.algorithm} reads categories beside a sparse matrix"
        silent = [one for one in pipelines if not hasattr(one.estimator, "predict_proba")]
        if silent and model.classes is not None:
            yield f"{part.candidate.algorithm} says no probabilities"
    try:
        files_of(model)
    except PluginError as error:
        yield error.message


def load(folder: Path) -> Opened:
    """Return what runs the program in a new process: it learns from the rows and predicts them."""

    def values(rows: Rows) -> NDArray[np.float64]:
        with tempfile.TemporaryDirectory(prefix="automl-code-") as name:
            given, said = Path(name) / "rows.csv", Path(name) / "said.csv"
            with given.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerow(rows)
                writer.writerows(zip(*rows.values(), strict=True))
            words = [str(given), "--predict", str(given), "--out", str(said), "--no-evaluation"]
            _run(folder, words, name)
            with said.open(encoding="utf-8", newline="") as stream:
                header, *lines = csv.reader(stream)
        numbers = [[float(cell) for cell in line[len(header) > 1 :]] for line in lines]
        found: NDArray[Any] = np.array(numbers, dtype=np.float64)
        return found if len(header) > 1 else found[:, 0]

    return values


def _run(folder: Path, words: list[str], place: str) -> None:
    done = subprocess.run(  # noqa: S603 - this interpreter, with the program that was written
        [sys.executable, "-B", str(folder.absolute() / "train.py"), *words],
        cwd=place,
        # On some hundred rows threads only wait for each other.
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:]
        said = last[0] if last else f"exit code {done.returncode}"
        raise PluginError("E_PLUGIN_CODE", f"The program failed: {said}")


@hookimpl
def automl_exporters() -> list[Exporter]:
    """Give the exporter."""
    return [
        Exporter(
            name="code",
            export=export,
            load=load,
            refuses=refuses,
            tolerance=0.01,
            requires=("pandas",),
            refits=True,
            description="A Python program that learns the recipe again: scikit-learn, no automl.",
        )
    ]
