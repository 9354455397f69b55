"""The way in and out of a predictor: tables to canonical rows, values to labels and back."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.apply import apply
from automl.data.columns import Columns
from automl.data.frame import take_in
from automl.data.given import separate
from automl.data.names import listed
from automl.data.source import open_source
from automl.errors import DataError, DataWarning, SchemaWarning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from automl.data.finding import Finding
    from automl.data.frame import Raw
    from automl.data.given import Given
    from automl.data.schema import Schema
    from automl.data.table import Table
    from automl.data.target import Target
    from automl.errors import AutoMLWarning
    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Task

_STACK = 5
"""Frames between the warning and the caller of a public method."""


def open_table(source: object, catalog: Catalog) -> Raw:
    """Read a table from wherever it is."""
    return take_in(open_source(source, catalog.readers))


def bring(raw: Raw, schema: Schema, on_missing: str) -> Table:
    """Bring a table into the form that was learned from, and warn about each repair."""
    applied = apply(schema, raw, on_missing=on_missing)
    _warn(applied.findings, SchemaWarning)
    return applied.table


def flagged(raw: Raw, schema: Schema, on_missing: str) -> dict[str, NDArray[np.bool_]]:
    """Return the rows with cells that a rule repaired or noted, by its code."""
    return dict(apply(schema, raw, on_missing=on_missing).flags)


def with_truth(source: object, target: object, weight: str | None, catalog: Catalog) -> Given:
    """Read a table whose target is known; rows without it are left out."""
    frame = open_source(source, catalog.readers)
    weighted = weight is not None and weight in take_in(frame).names
    given = separate(frame, target, Columns(weight=weight if weighted else None))
    _warn(given.findings, DataWarning)
    return given


def decode(values: NDArray[np.float64], task: Task, classes: NDArray[Any] | None) -> NDArray[Any]:
    """Return the labels, or numbers, that values mean."""
    if classes is None:
        return task.decide(values) if len(values) else np.zeros(0)
    codes = task.decide(values) if len(values) else np.zeros(0, dtype=np.int64)
    labels: NDArray[Any] = classes[codes]
    return labels


def encode(target: Target, task: Task, classes: NDArray[Any] | None) -> NDArray[Any]:
    """Return new labels as codes of the classes of training, or as numbers.

    Labels are compared by value (``1``, ``1.0`` and ``True`` are one label), then as they are
    written.
    """
    if classes is None:
        y: NDArray[Any] = np.asarray(task.encode(target).y)
        if y.shape != target.labels.shape:
            raise DataError(
                "E_DATA_LABELS",
                f"The target {target.name!r} holds labels that are not such as the task "
                f"{task.name!r} learned, such as {str(target.labels[0])!r}.",
                "Name the column that holds the truth.",
            )
        return y
    known = classes.tolist()
    codes = {str(label): code for code, label in enumerate(known)}
    codes |= {label: code for code, label in enumerate(known)}
    labels = target.labels.tolist()
    found = [codes[label] if label in codes else codes.get(str(label), -1) for label in labels]
    if -1 in found:
        strange = {str(label) for label, code in zip(labels, found, strict=True) if code < 0}
        raise DataError(
            "E_DATA_LABELS",
            f"{found.count(-1)} rows of the target {target.name!r} have labels that training had "
            f"not: {listed(sorted(strange))}.",
            "Leave these rows out, or learn again with them.",
        )
    return np.array(found, dtype=np.int64)


def _warn(findings: Iterable[Finding], kind: type[AutoMLWarning]) -> None:
    """Warn once for each code."""
    said: dict[str, str] = {}
    for finding in findings:
        if finding.warn:
            said.setdefault(finding.code, finding.message)
    for code, message in said.items():
        warnings.warn(kind(code, message), stacklevel=_STACK)
