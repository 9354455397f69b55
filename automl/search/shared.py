"""The data of a run as files that every worker maps read-only."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from automl import files
from automl.data.folds import Fold, FoldPlan
from automl.data.table import Kind, Table
from automl.errors import RunError
from automl.search.scoring import Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from automl.data.schema import Schema
    from automl.plugin.contributions import Metric
    from automl.plugin.selection import Plugins


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """Rows, target and folds.

    Parameters
    ----------
    table : Table
    y : ndarray of shape (n_rows,)
        The encoded target.
    weight : ndarray of shape (n_rows,) or None
    plan : FoldPlan
    sample : Table
        A few rows, whose values a saved model has to give again.
    columns : mapping of str to ndarray of shape (n_rows,), default={}
        What the metric reads beside the target.
    profile : callable () -> mapping, default=dict
        Returns what `automl.data.profile.profile` says of the table, which is worked out once.
    """

    table: Table
    y: NDArray[Any]
    weight: NDArray[np.float64] | None
    plan: FoldPlan
    sample: Table
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    profile: Callable[[], Mapping[str, Any]] = dict

    def truth(self, rows: NDArray[np.intp]) -> Truth:
        """Return what the values of some rows are judged by."""
        return Truth(y=self.y, weight=self.weight, columns=self.columns).take(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """What a worker is told once.

    Parameters
    ----------
    folder : Path
        Where `write_run` put the data.
    members : Path
        Where fitted members go.
    durable : bool
        Whether members have to survive the process, and a power cut.
    schema : Schema
    plugins : Plugins
    task : str
        Name of the task.
    n_classes : int
    metric : Metric
    seed : int
    threads : int
    device : str, default="cpu"
    """

    folder: Path
    members: Path
    durable: bool
    schema: Schema
    plugins: Plugins
    task: str
    n_classes: int
    metric: Metric
    seed: int
    threads: int
    device: str = "cpu"


def write_run(folder: Path, data: RunData) -> None:
    """Write the data of a run into a folder.

    Raises
    ------
    RunError
        E_RUN_FOLDER where that cannot be done.
    """
    try:
        _write_run(folder, data)
    except OSError as error:
        raise RunError(
            "E_RUN_FOLDER",
            f"The data of the run cannot be written to {str(folder)!r}: {error}.",
            "Free space, or name a folder with run=... on another disk.",
        ) from error


def _write_run(folder: Path, data: RunData) -> None:
    files.step("write", folder)
    _write_table(folder / "table", data.table)
    _write_table(folder / "sample", data.sample)
    np.save(folder / "y.npy", data.y)
    if data.weight is not None:
        np.save(folder / "weight.npy", data.weight)
    _write_columns(folder / "columns", data.columns)
    for number, fold in enumerate(data.plan.folds):
        np.save(folder / f"fold-{number}-train.npy", fold.train)
        np.save(folder / f"fold-{number}-test.npy", fold.test)
    plan = {"splitter": data.plan.splitter, "n_folds": len(data.plan.folds)}
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")


def open_run(folder: Path) -> RunData:
    """Map the data of a run."""
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    y = _map(folder / "y.npy")
    weight = folder / "weight.npy"
    folds = tuple(
        Fold(
            train=_map(folder / f"fold-{number}-train.npy"),
            test=_map(folder / f"fold-{number}-test.npy"),
        )
        for number in range(plan["n_folds"])
    )
    return RunData(
        table=_open_table(folder / "table"),
        y=y,
        weight=_map(weight) if weight.exists() else None,
        plan=FoldPlan(splitter=plan["splitter"], folds=folds, n_rows=len(y)),
        sample=_open_table(folder / "sample"),
        columns=_open_columns(folder / "columns"),
    )


def _map(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _write_table(folder: Path, table: Table) -> None:
    folder.mkdir()
    for kind in Kind:
        block = table.block(kind)
        if kind is Kind.TEXT:
            text = json.dumps(block.tolist() if block.shape[1] else [])
            (folder / "text.json").write_text(text, encoding="utf-8")
        else:
            np.save(folder / f"{kind.value}.npy", block)


def _write_columns(folder: Path, columns: Mapping[str, NDArray[Any]]) -> None:
    folder.mkdir()
    for number, cells in enumerate(columns.values()):
        if cells.dtype == object:
            (folder / f"{number}.json").write_text(json.dumps(cells.tolist()), encoding="utf-8")
        else:
            np.save(folder / f"{number}.npy", cells)
    (folder / "names.json").write_text(json.dumps([*columns]), encoding="utf-8")


def _open_columns(folder: Path) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    for number, name in enumerate(json.loads((folder / "names.json").read_text(encoding="utf-8"))):
        file = folder / f"{number}.npy"
        if file.exists():
            columns[name] = _map(file)
        else:
            cells = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
            columns[name] = np.array(cells, dtype=object)
    return columns


def _open_table(folder: Path) -> Table:
    number = _map(folder / "number.npy")
    rows = json.loads((folder / "text.json").read_text(encoding="utf-8"))
    text = np.empty((number.shape[0], len(rows[0]) if rows else 0), dtype=object)
    for i, row in enumerate(rows):
        text[i] = row
    return Table(
        number=number,
        category=_map(folder / "category.npy"),
        string=_map(folder / "string.npy"),
        text=text,
        date=_map(folder / "date.npy"),
    )
