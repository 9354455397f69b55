"""A few training rows with the values that the model gave them: proof that it loads right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.apply import apply
from automl.data.frame import take_in
from automl.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from automl.model.predictor import Predictor

RELATIVE = 1e-4
"""Values may differ by this share of their size, for libraries of other versions and processors."""

ABSOLUTE = 1e-6
"""And by this share of the largest expected value."""

MAX_BYTES = 2**20
"""Rows are left out beyond this size, texts may be long."""


def sample_json(predictor: Predictor) -> dict[str, Any] | None:
    """Return the rows that a model is saved with, None where it has none.

    ``info["sample"]`` has ``rows``, one mapping of plain cells each, and the ``values`` that the
    run gave them. Kept are the rows to which the saved form of the model gives the same values.

    Raises
    ------
    BundleError
        ``E_BUNDLE_SAMPLE`` where there is no such row: what was saved is not what was learned.
    """
    given = predictor.info.get("sample")
    if not given or not given["rows"]:
        return None
    rows = _short(given["rows"])
    got = _values(predictor, rows)
    expected = np.asarray(given["values"], dtype=np.float64)[: len(rows)]
    same = _same(got, expected)
    if not same.any():
        raise BundleError(
            "E_BUNDLE_SAMPLE",
            "The model in the form in which it would be saved does not give its sample rows the "
            "values that it gave them in the run.",
            "A plugin's saved=Saved(...) pair loses something; `automl check NAME` finds it.",
        )
    return {
        "rows": [row for row, kept in zip(rows, same, strict=True) if kept],
        "values": expected[same].tolist(),
        "tolerance": {"relative": RELATIVE, "absolute": ABSOLUTE},
    }


def verify(predictor: Predictor, data: Mapping[str, Any]) -> None:
    """Compare what the predictor says of a saved sample with what it said when it was saved.

    Raises
    ------
    BundleError
        ``E_BUNDLE_SAMPLE`` where a value differs by more than the tolerance.
    """
    expected = np.asarray(data["values"], dtype=np.float64)
    try:
        got = _values(predictor, data["rows"])
    except Exception as error:
        raise BundleError(
            "E_BUNDLE_SAMPLE",
            f"The loaded model cannot predict its sample rows: {type(error).__name__}: {error}.",
            "Install the library versions that manifest.json lists.",
        ) from error
    if got.shape != expected.shape or not _same(got, expected).all():
        apart = f"{np.abs(got - expected).max():.3g}" if got.shape == expected.shape else "shape"
        raise BundleError(
            "E_BUNDLE_SAMPLE",
            "The loaded model does not give its sample rows the values that it gave them when it "
            f"was saved (largest difference: {apart}).",
            "Install the library versions that manifest.json lists.",
        )


def _same(got: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return for each row whether the values agree within the tolerance."""
    largest = float(np.abs(expected).max(initial=0.0))
    close = np.abs(got - expected) <= RELATIVE * np.abs(expected) + ABSOLUTE * largest
    return np.asarray(close.reshape(len(close), -1).all(axis=1))


def _values(predictor: Predictor, rows: list[dict[str, Any]]) -> NDArray[np.float64]:
    table = apply(predictor.schema, take_in(rows), on_missing="impute").table
    return predictor.ensemble.values(table)


def _short(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first rows, as many as are not too long together."""
    ends = np.cumsum([len(json.dumps(row)) for row in rows])
    return rows[: max(1, int(np.searchsorted(ends, MAX_BYTES)))]
