"""What one configuration gave on one table: a file each, read with `read(folder)`.

The format
----------
``FOLDER/<table>-<split>/`` holds one question: a table, a row sample of it and its split, of which
``<split>`` is a hash. In it lie

``question.npz``
    ``about``: JSON with ``table``, ``split``, ``task`` (binary, multiclass or regression),
    ``metric``, ``greater_is_better``, ``n_classes`` (0 for numbers), ``n_folds``, ``seed``,
    ``constant`` (the metric of the constant answer on the out-of-fold rows) and
    ``constant_unseen``.
    ``y``: the encoded target of the rows that were learned from; codes of classes, or numbers.
    ``fold``: for each of them the fold that held it out.
    ``y_unseen``: the encoded target of the rows that no pipeline has seen.
``<algorithm>-<key>-<candidate>.npz``
    ``about``: JSON with ``algorithm``, ``start`` (the parameters, as an algorithm's ``starts``
    holds them), ``origin`` (where they come from), ``candidate`` (what they mean on this table),
    ``score`` and ``unseen_score`` (in the metric's own direction), ``seconds`` (CPU seconds of all
    folds), ``failure`` (empty, or why there are no values) and ``version``.
    ``values``: float32 out-of-fold values of the rows of ``y``, shape (n_rows, n_classes) or
    (n_rows,).
    ``unseen``: float32 values of the rows of ``y_unseen``, the mean of the pipelines of all folds.
    Where there is a failure, both are empty.
    ``<key>`` is a hash of algorithm and start, ``<candidate>`` of what it means on this table.

Files appear whole or not at all; what is not there was not tried yet.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl import files

QUESTION = "question.npz"

NOWHERE = "impossible"
"""The failure of a configuration whose algorithm cannot do the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One table, its split and its truth, as `question.npz` holds them."""

    table: str
    split: str
    task: str
    metric: str
    greater_is_better: bool
    n_classes: int
    n_folds: int
    seed: int
    constant: float
    constant_unseen: float
    y: NDArray[Any]
    fold: NDArray[np.int8]
    y_unseen: NDArray[Any]

    @property
    def folder(self) -> str:
        """Return the name of its folder."""
        return f"{self.table}-{self.split[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """An algorithm and parameters, independent of any table."""

    algorithm: str
    start: Mapping[str, Any]
    origin: str

    @property
    def key(self) -> str:
        """Return a hash of what is tried; not of where it comes from."""
        text = json.dumps([self.algorithm, self.start], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a configuration gave on a table.

    Parameters
    ----------
    asked : Asked
    configuration : Configuration
    candidate : mapping
        What the configuration means on this table, as `automl.candidate.recipe.Candidate.to_json`.
    seconds : float
        CPU seconds of all folds: preparation, fit, prediction and saving.
    score, unseen_score : float, default=nan
        In the metric's own direction.
    failure : str, default=""
        Why there are no values.
    version : str, default=""
    values, unseen : ndarray
        Out-of-fold, and of the unseen rows; empty where there is a failure.
    """

    asked: Asked
    configuration: Configuration
    candidate: Mapping[str, Any]
    seconds: float
    score: float = float("nan")
    unseen_score: float = float("nan")
    failure: str = ""
    version: str = ""
    values: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    unseen: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    @property
    def key(self) -> str:
        """Return the key of the configuration."""
        return self.configuration.key


def read(folder: Path) -> Iterator[Record]:
    """Yield all records of a cache, table by table, by name.

    Parameters
    ----------
    folder : Path
        Such as ``benchmarks/.portfolio``.
    """
    for place in sorted(folder.glob(f"*/{QUESTION}")):
        asked = read_question(place.parent)
        for file in sorted(place.parent.glob("*-*-*.npz")):
            yield read_record(file, asked)


def read_question(folder: Path) -> Asked:
    """Return the question of a folder."""
    about, arrays = _load(folder / QUESTION)
    return Asked(**(about | arrays))


def write_question(folder: Path, asked: Asked) -> None:
    """Write a question; its folder is made."""
    arrays = {name: getattr(asked, name) for name in ("y", "fold", "y_unseen")}
    about = {
        name: getattr(asked, name) for name in Asked.__dataclass_fields__ if name not in arrays
    }
    place = folder / asked.folder
    place.mkdir(parents=True, exist_ok=True)
    _save(place / QUESTION, about, arrays)


def read_record(file: Path, asked: Asked) -> Record:
    """Return what a file holds."""
    about, arrays = _load(file)
    configuration = Configuration(
        algorithm=about.pop("algorithm"), start=about.pop("start"), origin=about.pop("origin")
    )
    return Record(asked=asked, configuration=configuration, **(about | arrays))


def write_record(folder: Path, record: Record, candidate_key: str) -> Path:
    """Write a record into its question's folder, and return its file."""
    named = record.configuration
    about = {
        "algorithm": named.algorithm,
        "start": dict(named.start),
        "origin": named.origin,
        "candidate": dict(record.candidate),
        "seconds": record.seconds,
        "score": record.score,
        "unseen_score": record.unseen_score,
        "failure": record.failure,
        "version": record.version,
    }
    name = f"{named.algorithm}-{named.key}-{candidate_key or 'none'}.npz"
    file = folder / record.asked.folder / name
    _save(file, about, {"values": record.values, "unseen": record.unseen})
    return file


def names_of(file: Path) -> tuple[str, str]:
    """Return the keys of configuration and candidate that a file is named by."""
    _, key, candidate = file.stem.rsplit("-", 2)
    return key, candidate


def _load(file: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    with np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return json.loads(str(arrays.pop("about"))), arrays


def _save(file: Path, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    content = io.BytesIO()
    named: dict[str, Any] = {"about": np.array(json.dumps(about)), **arrays}
    np.savez_compressed(content, **named)
    files.replace(file, content.getvalue())
