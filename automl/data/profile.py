"""The statistics of the training table that new data is compared with later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.table import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from automl.data.schema import Feature, Schema
    from automl.data.table import Table

QUANTILES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
"""Quantiles kept of each column of numbers or dates."""

MAX_LEVELS = 50
"""Counts are kept of the most frequent levels."""

_SAMPLE = 10_000


def profile(schema: Schema, table: Table) -> dict[str, Any]:
    """Return statistics of each column.

    Parameters
    ----------
    schema : Schema
    table : Table

    Returns
    -------
    dict
        Plain JSON values: ``n_rows``, and ``columns`` with for each name its ``kind``, the share of
        ``missing`` cells and, by kind, ``mean``, ``std`` and ``quantiles`` (see `QUANTILES`; in the
        user's unit, dates in seconds), ``counts`` of levels, or ``length`` of texts in characters.
    """
    columns: dict[str, Any] = {}
    for kind, block in table.blocks().items():
        for position, feature in enumerate(schema.of(kind)):
            if feature.name in columns:
                continue
            columns[feature.name] = {"kind": kind.value} | _PROFILES[kind](
                feature, block[:, position]
            )
    return {
        "n_rows": table.n_rows,
        "columns": {one.name: columns[one.name] for one in schema.features if one.name in columns},
    }


def _numbers(feature: Feature, values: NDArray[np.float64]) -> dict[str, Any]:
    present = values[~np.isnan(values)]
    missing = {"missing": _share(len(values) - len(present), len(values))}
    if not len(present):
        return missing
    with np.errstate(over="ignore"):
        scale = feature.scale
        quantiles = np.quantile(present, QUANTILES) * scale
        return missing | {
            "mean": _finite(float(present.mean()) * scale),
            "std": _finite(float(present.std()) * scale),
            "quantiles": [_finite(float(value)) for value in quantiles],
        }


def _codes(feature: Feature, codes: NDArray[np.int32]) -> dict[str, Any]:
    counts = np.bincount(codes[codes >= 0], minlength=len(feature.levels))
    top = np.argsort(-counts, kind="stable")[:MAX_LEVELS]
    return {
        "missing": _share(int(np.count_nonzero(codes < 0)), len(codes)),
        "n_levels": len(feature.levels),
        "counts": {feature.levels[code]: int(counts[code]) for code in top.tolist()},
    }


def _texts(feature: Feature, texts: NDArray[np.object_]) -> dict[str, Any]:
    del feature
    step = max(1, len(texts) // _SAMPLE)
    lengths = np.array([len(text) for text in texts[::step] if text is not None])
    n_missing = sum(text is None for text in texts)
    missing = {"missing": _share(n_missing, len(texts))}
    if not len(lengths):
        return missing
    return missing | {"length": {"mean": float(lengths.mean()), "max": int(lengths.max())}}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


_PROFILES: dict[Kind, Callable[[Feature, NDArray[Any]], dict[str, Any]]] = {
    Kind.NUMBER: _numbers,
    Kind.DATE: _numbers,
    Kind.CATEGORY: _codes,
    Kind.STRING: _codes,
    Kind.TEXT: _texts,
}
