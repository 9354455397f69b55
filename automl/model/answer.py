"""All that a predictor says of some rows at once: values, labels, and what was odd about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automl.data.apply import apply
from automl.model.reading import decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from automl.data.apply import Applied
    from automl.data.finding import Finding
    from automl.data.frame import Raw
    from automl.model.predictor import Predictor


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said of rows.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,)
        As `Predictor.predict` returns them.
    values : ndarray of shape (n_rows, n_classes) or (n_rows,), dtype=float64
        Probabilities, or the numbers themselves.
    findings : tuple of Finding
        How the rows were repaired.
    flags : mapping of str to ndarray of shape (n_rows,), dtype=bool
        As `Predictor.flags` returns them.
    """

    labels: NDArray[Any]
    values: NDArray[np.float64]
    findings: tuple[Finding, ...]
    flags: Mapping[str, NDArray[np.bool_]]


def answer(predictor: Predictor, raw: Raw, on_missing: str = "error") -> Answer:
    """Return what a predictor says of rows; nothing is warned of.

    Raises
    ------
    SchemaError
        The rows break the schema in a way that no rule repairs.
    """
    return answer_of(predictor, apply(predictor.schema, raw, on_missing=on_missing))


def answer_of(predictor: Predictor, applied: Applied) -> Answer:
    """Return what a predictor says of rows that were brought into its form."""
    values = predictor.ensemble.values(applied.table)
    return Answer(
        labels=decode(values, predictor.task, predictor.classes),
        values=values,
        findings=applied.findings,
        flags=applied.flags,
    )
