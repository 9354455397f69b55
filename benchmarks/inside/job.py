"""What a contender is told."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One fit and its predictions."""

    task: str  # binary, multiclass or regression
    target: str  # name of the target column; classes are the integers 0 to n_classes - 1
    n_classes: int  # 0 for regression
    metric: str  # what the answer is ranked by: auc, log_loss or rmse
    budget: float  # wall seconds to spend on the fit
    cores: int
    seed: int
    folder: Path  # to write in; gone after the job
    settings: dict[str, Any] = field(default_factory=dict)  # of the contender's variant
    cpus: tuple[int, ...] = ()  # to stay on, where the system can do that
    row_calls: int = 200  # single rows to time, at most
    row_seconds: float = 5.0  # and the seconds they may take

    @property
    def model(self) -> Path:
        """Folder of the saved model, there before the fit."""
        return self.folder / "model"

    @property
    def classifies(self) -> bool:
        return self.task != "regression"

    def write(self) -> None:
        said = {**asdict(self), "folder": str(self.folder)}
        (self.folder / "job.json").write_text(json.dumps(said), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Job:
        said = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        return cls(**{**said, "folder": folder, "cpus": tuple(said["cpus"])})


class Answer(NamedTuple):
    """Numbers of shape (n_rows,), or probabilities of shape (n_rows, n_classes) with their labels.

    `classes` are the labels of the columns, in their order; empty for regression.
    """

    values: NDArray[np.float64]
    classes: list[int]


def numbers(values: Any) -> Answer:
    return Answer(np.asarray(values, dtype=np.float64), [])


def shares(values: Any, classes: Any) -> Answer:
    """Return probabilities; a single column is that of the second class."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 1 or array.shape[1] == 1:
        array = np.column_stack([1 - array.reshape(-1), array.reshape(-1)])
    return Answer(array, [int(label) for label in classes])
