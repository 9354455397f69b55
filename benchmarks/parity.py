"""What exports say of rows that nobody has seen, beside what the model says of them.

python -m benchmarks.parity FOLDER --out FILE [--tables NAME ...] [--exporters NAME ...]
    [--rows N] [--trials N | --seconds N] [--models FOLDER]

FOLDER holds a ``catalog.csv`` as in README.md. For each table a default model is fitted on at most
so many rows (or read from ``--models``, where it is kept), and exported. A line is added to FILE
for each exporter: why it refuses, or how far its values are from the model's own on some of
the other rows, as a person has them (typed cells), and as strings as a CSV file has them. Where
parts of a blend are refused, what is left of it is compared.

What an export learns again is not equal to the model: its program learns from the same rows, and
both are scored on the others (``model_score`` and ``again_score``: ROC AUC of two classes, accuracy
of more, R2 of numbers).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

import automl
from automl.errors import ExportError, PluginError
from automl.model.export import scales

FIELDS = (
    "table", "task", "blend", "exporter", "refused", "verified", "typed", "written", "labels",
    "seconds", "megabytes", "model_score", "again_score",
)  # fmt: skip


def cells_of(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Return columns as Python cells, None where one is missing."""
    plain = frame.astype(object).where(frame.notna(), None)
    return {str(name): plain[name].tolist() for name in plain}


def written(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Return columns as a CSV file has them: strings."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "rows.csv"
        frame.to_csv(file, index=False)
        with file.open(newline="", encoding="utf-8") as stream:
            header, *rows = csv.reader(stream)
    return {name: [row[place] for row in rows] for place, name in enumerate(header)}


def values_of(model: Any, rows: Any) -> np.ndarray[Any, Any]:
    """Return probabilities or numbers."""
    said = model.predict(rows) if model.classes is None else model.predict_proba(rows)
    return np.asarray(said, dtype=np.float64)


def apart(said: np.ndarray[Any, Any], own: np.ndarray[Any, Any]) -> float:
    """Return the largest difference; of numbers, as a share of the value or of their spread."""
    spread = float(np.std(own)) if own.ndim == 1 else 0.0
    return float((np.abs(said - own) / scales(own, spread)).max(initial=0.0))


def model_of(row: dict[str, str], train: pd.DataFrame, given: argparse.Namespace) -> Any:
    """Return a default model, fitted or read."""
    place = Path(given.models) / row["name"] if given.models else None
    if place is not None and place.exists():
        return automl.load(place)
    seconds, trials = given.seconds or None, None if given.seconds else given.trials
    budget = automl.Budget(seconds=seconds, trials=trials)
    found = automl.fit(train, row["target"], budget=budget, plugins=["-listener:*"]).predictor
    if place is not None:
        found.save(place)
    return found


def without(model: Any, reasons: list[str]) -> Any:
    """Return the blend without the parts whose algorithms or steps are refused, if any is left."""
    named = set(re.findall("'([a-z0-9_]+)'", " ".join(reasons)))
    kept = [part for part in model.parts if named.isdisjoint(words_of(part.candidate))]
    total = sum(part.weight for part in kept)
    parts = tuple(replace(part, weight=part.weight / total) for part in kept)
    facts = (model.metric, model.target, model.classes, parts, model.catalog, model.info)
    return type(model)(model.schema, model.plain_task, *facts) if parts else None


def words_of(candidate: Any) -> set[str]:
    """Return the names of a candidate's algorithm and steps."""
    steps = {step.name for chain in candidate.preparation.values() for step in chain}
    return {candidate.algorithm} | steps


def learned_again(program: Path, train: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    """Return what a program that was written says of rows, learned from others."""
    with tempfile.TemporaryDirectory(prefix="parity-") as name:
        given, new, said = (Path(name) / f"{one}.csv" for one in ("train", "new", "said"))
        train.to_csv(given, index=False)
        fresh.to_csv(new, index=False)
        words = [str(given), "--predict", str(new), "--out", str(said), "--no-evaluation"]
        subprocess.run([sys.executable, str(program), *words], check=True, capture_output=True)
        return pd.read_csv(said)


def compared(model: Any, again: pd.DataFrame, fresh: pd.DataFrame, truth: Any) -> dict[str, str]:
    """Return the scores of a model and of what was learned again, and how many labels agree."""
    from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

    own = values_of(model, cells_of(fresh))
    if model.classes is None:
        scores = [r2_score(truth, values) for values in (own, again["prediction"])]
        return dict(zip(FIELDS[-2:], (f"{one:.4f}" for one in scores), strict=True))
    labels = model.predict(cells_of(fresh)).astype(str)
    other = again["prediction"].astype(str)
    if len(model.classes) == 2:
        positive = np.asarray(truth.astype(str) == str(model.classes[1]))
        last = again[f"probability_{model.classes[1]}"]
        scores = [roc_auc_score(positive, values) for values in (own[:, 1], last)]
    else:
        scores = [accuracy_score(truth.astype(str), values) for values in (labels, other)]
    said = dict(zip(FIELDS[-2:], (f"{one:.4f}" for one in scores), strict=True))
    return {"labels": f"{np.mean(labels == other):.4f}", **said}


def differences(model: Any, opened: Any, fresh: pd.DataFrame) -> dict[str, str]:
    """Return how far an export's values are from the model's, for typed cells and for strings."""
    said = {}
    for what, rows in (("typed", cells_of(fresh)), ("written", written(fresh))):
        own = values_of(model, rows)
        try:
            values = np.asarray(opened(rows), dtype=np.float64)
        except PluginError as error:
            said[what] = f"{error.code}: {error.message}"
            continue
        said[what] = f"{apart(values, own):.2g}"
        if model.classes is not None and what == "typed":
            same = model.task.decide(values) == model.task.decide(own)
            said["labels"] = f"{np.mean(same):.4f}"
    return said


def lines_of(row: dict[str, str], folder: Path, given: argparse.Namespace) -> Any:
    """Yield a line for each exporter."""
    frame = pd.read_parquet(folder / row["file"]).sample(frac=1.0, random_state=0)
    frame = frame[frame[row["target"]].notna()]
    n_train = min(given.rows, int(0.7 * len(frame)))
    fresh = frame[n_train : n_train + given.fresh].drop(columns=row["target"])
    model = model_of(row, frame[:n_train], given)
    blend = " ".join(f"{one.candidate.algorithm}:{one.weight:.0%}" for one in model.parts)
    for exporter in given.exporters or sorted(model.catalog.exporters):
        line = {"table": row["name"], "task": model.task.name, "blend": blend, "exporter": exporter}
        with tempfile.TemporaryDirectory(prefix="parity-") as name:
            out, start = Path(name) / "out", time.perf_counter()
            reasons = list(model.catalog.exporters[exporter].refuses(model))
            line["refused"] = "; ".join(reasons)
            left = without(model, reasons) if reasons else model
            if left is None:
                yield line
                continue
            try:
                line["verified"] = f"{left.export(exporter, out).largest_difference:.2g}"
            except ExportError as error:
                yield {**line, "verified": f"{error.code}: {error.message}"}
                continue
            line["seconds"] = f"{time.perf_counter() - start:.1f}"
            size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
            line["megabytes"] = f"{size / 1e6:.2f}"
            if left.catalog.exporters[exporter].refits:
                again = learned_again(out / "train.py", frame[:n_train], fresh)
                truth = frame[n_train : n_train + given.fresh][row["target"]]
                yield {**line, **compared(left, again, fresh, truth)}
                continue
            opened = left.catalog.exporters[exporter].load(out)
            line |= differences(left, opened, fresh)
        yield line


def main() -> None:
    """Add a line for each table and exporter."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tables", nargs="*", default=[])
    parser.add_argument("--exporters", nargs="*", default=[])
    parser.add_argument("--rows", type=int, default=3_000, help="to learn from")
    parser.add_argument("--fresh", type=int, default=1_000, help="rows to compare")
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=0.0, help="instead of trials")
    parser.add_argument("--models", default="", help="where models are kept")
    given = parser.parse_args()
    with (given.folder / "catalog.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    new = not given.out.exists()
    with given.out.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        if new:
            writer.writeheader()
        for name in given.tables or [n for n, row in rows.items() if row["kind"] == "tabular"]:
            for line in lines_of(rows[name], given.folder, given):
                writer.writerow(line)
                file.flush()
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
