"""A model of the same recipe, learned from rows that are made: what exports that refit must match.

What learns again cannot say what the predictor says, which was learned from rows that the model
does not keep. It is compared with a twin instead: each part of the blend learned once, from rows
whose cells are those that exports are asked about, as they are read, and whose targets are what
the predictor says of them, changed here and there so that every class is there.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.pipeline import Setting, constant_pipeline, fit_pipeline, fit_preparation
from automl.candidate.storage import save_pipeline
from automl.data.apply import apply
from automl.data.frame import take_in
from automl.data.parse import write_seconds
from automl.data.table import Kind
from automl.model.bounds import Bounds
from automl.model.hard_rows import hard_rows
from automl.model.member import Member, Part
from automl.model.predictor import Predictor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.candidate.pipeline import Pipeline
    from automl.data.table import Table
    from automl.plugin.contributions import Report

N_ROWS = 400
"""Rows that a twin learns from."""

ROUNDS = 20
"""Rounds that it learns for; where learners take more at a time it may be a few more."""

CHANGED = 5
"""One in so many rows is given another class than the predictor says."""

NEVER_SEEN = "never seen before"
"""What is written where a cell has a level that the schema does not have."""


def twin_of(predictor: Predictor) -> tuple[Predictor, dict[str, list[Any]], NDArray[np.float64]]:
    """Return a twin, the rows with targets that it learned from, and its values of them.

    Parameters
    ----------
    predictor : Predictor

    Returns
    -------
    twin : Predictor
        Of the same schema, task and candidates; each part has one member.
    rows : dict of str to list
        The columns that are learned from, as they are read, and the target.
    values : ndarray of shape (n_rows, n_classes) or (n_rows,)
    """
    cells = _cells(predictor)
    table = apply(predictor.schema, take_in(cells), on_missing="impute").table
    y = _targets(predictor, table)
    parts = tuple(_part(predictor, part, table, y) for part in predictor.parts)
    info = {key: predictor.info[key] for key in ("tuned",) if predictor.info.get(key)}
    bounds = predictor.info.get("bounds")
    if bounds:
        known = Bounds.from_json(bounds)
        width = (known.high - known.low) or 1.0
        info["bounds"] = Bounds.of(y, known.margin / width).to_json()
    twin = Predictor(
        schema=predictor.schema,
        task=predictor.plain_task,
        metric=predictor.metric,
        target=predictor.target,
        classes=predictor.classes,
        parts=parts,
        catalog=predictor.catalog,
        info=info,
    )
    labels = y if predictor.classes is None else predictor.classes[y]
    rows = {**cells, predictor.target: labels.tolist()}
    return twin, rows, twin.ensemble.values(table)


def _cells(predictor: Predictor) -> dict[str, list[Any]]:
    """Return rows that are hard, but whose cells are written as they are read."""
    info, schema = predictor.info, predictor.schema
    sample = list((info.get("sample") or {}).get("rows", ()))
    hard = hard_rows(schema, info.get("profile") or {}, sample, max(1, N_ROWS - len(sample)))
    raw = {name: [row.get(name) for row in sample] + cells for name, cells in hard.items()}
    table = apply(schema, take_in(raw), on_missing="impute").table
    cells: dict[str, list[Any]] = {}
    for kind, block in table.blocks().items():
        for feature, column in zip(schema.of(kind), block.T, strict=True):
            if feature.name in cells and kind is Kind.TEXT:
                continue  # it stands there as a string already
            cells[feature.name] = [_written(kind, cell, feature) for cell in column.tolist()]
    return {name: cells[name] for name in schema.learned}


def _written(kind: Kind, cell: Any, feature: Any) -> Any:
    if kind is Kind.TEXT:
        return cell
    if kind in {Kind.CATEGORY, Kind.STRING}:
        return None if cell == -1 else NEVER_SEEN if cell < 0 else feature.levels[cell]
    if math.isnan(cell):
        return None
    if kind is Kind.DATE:
        return write_seconds(cell)
    number = cell * feature.scale
    return repr(number).replace(".", feature.format) if feature.format else number


def _targets(predictor: Predictor, table: Table) -> NDArray[Any]:
    values = predictor.ensemble.values(table)
    n_rows = len(values)
    if predictor.classes is None:
        spread = float(np.std(values)) or 1.0
        return np.asarray(values + spread * ((np.arange(n_rows) * 37 % 101) / 101 - 0.5))
    n_classes = len(predictor.classes)
    y = np.asarray(values.argmax(axis=1))
    changed = np.arange(0, n_rows, max(1, min(CHANGED, n_rows // (3 * n_classes))))
    y[changed] = np.arange(len(changed)) % n_classes
    return y


def _part(predictor: Predictor, part: Part, table: Table, y: NDArray[Any]) -> Part:
    known = [member.load(predictor.catalog) for member in part.members]
    learned = [one for one in known if one.estimator is not None]
    pipeline = _fitted(predictor, part, table, y) if learned else _constant(predictor, part, y)
    with tempfile.TemporaryDirectory(prefix="automl-twin-", ignore_cleanup_errors=True) as at:
        save_pipeline(pipeline, Path(at), predictor.catalog)
        member = replace(Member.read(Path(at)), own=False, trusted=part.members[0].trusted)
    return replace(part, members=(member,))


def _n_classes(predictor: Predictor) -> int:
    return 0 if predictor.classes is None else len(predictor.classes)


def _constant(predictor: Predictor, part: Part, y: NDArray[Any]) -> Pipeline:
    task, n_classes = predictor.plain_task, _n_classes(predictor)
    return constant_pipeline(part.candidate, task, n_classes, task.constant(y, None, n_classes))


def _fitted(predictor: Predictor, part: Part, table: Table, y: NDArray[Any]) -> Pipeline:
    catalog, candidate = predictor.catalog, part.candidate
    setting = Setting(
        task=predictor.plain_task,
        n_classes=_n_classes(predictor),
        metric=predictor.metric.name,
        seed=0,
        threads=1,
    )
    prepared = fit_preparation(candidate, table, y, predictor.schema, catalog, setting)
    algorithm = catalog.get("algorithm", candidate.algorithm, fits=True).known()
    return fit_pipeline(candidate, prepared, y, None, None, algorithm, setting, _few_rounds())


def _few_rounds() -> Report:
    def report(round_: int, score: float | None = None) -> bool:
        del score
        return round_ >= ROUNDS

    return report
