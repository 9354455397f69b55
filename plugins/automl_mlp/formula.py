"""What a network computes, as a list of operations that exports are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin.formulas import (
    Affine,
    Apply,
    Clip,
    Combine,
    Draft,
    Fill,
    Formula,
    Interpolate,
    IsMissing,
    Lookup,
    Product,
    Softmax,
)
from automl_mlp.encoding import FAR, REACH
from automl_mlp.network import n_layers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl_mlp.network import Network

    Columns = NDArray[Any]

MOST_WEIGHTS = 3_000_000
"""Every member is written out; more weights than this make no handy file."""


def formula(estimator: Network) -> Formula | None:
    """Return what the network computes; None where it would be too large."""
    arrays, encoding = estimator.arrays_, estimator.encoding_
    n_members, n_outputs = len(arrays["factor"]), arrays["head"].shape[2]
    shared = [arrays[f"weight{depth}"] for depth in range(n_layers(arrays))]
    if n_members * sum(one.size for one in shared) > MOST_WEIGHTS:
        return None
    read = (encoding.numbers, encoding.flags, encoding.embedded)
    draft = Draft(1 + max(int(one.max(initial=-1)) for one in read))
    cells = _cells(draft, estimator)
    said = []
    for member in range(n_members):
        units = cells
        for depth, weight in enumerate(shared):
            own = weight if depth else arrays["factor"][member][:, None] * weight
            base = arrays[f"bias{depth}"]
            units = draft.add(Product(columns=units, weights=own, base=base))
            units = _activated(draft, units, smooth="mix" in arrays)
        head, base = arrays["head"][member], arrays["head_bias"][member, 0]
        scores = draft.add(Product(columns=units, weights=head, base=base))
        said.append(scores if estimator.regression else draft.add(Softmax(columns=scores)))
    share = np.tile(np.eye(n_outputs), (n_members, 1)) / n_members
    base = np.zeros(n_outputs)
    made = draft.add(Product(columns=np.concatenate(said), weights=share, base=base))
    if estimator.regression:
        scale = np.array([[estimator.spread_]])
        base = np.array([estimator.center_])
        made = draft.add(Product(columns=made, weights=scale, base=base))
        low, high = estimator.bounds_
        made = draft.add(Clip(columns=made, low=low, high=high))
    return draft.formula(made)


def _cells(draft: Draft, estimator: Network) -> Columns:
    """Return what the first layer reads, in its order."""
    arrays, encoding = estimator.arrays_, estimator.encoding_
    parts = [_embedded(draft, arrays, _scaled(draft, encoding))]
    parts.append(draft.add(IsMissing(columns=encoding.holes)))
    for column in dict.fromkeys(encoding.flags.tolist()):
        levels = encoding.levels[encoding.flags == column]
        rows = np.vstack((np.zeros((2, len(levels))), np.eye(len(levels))))
        parts.append(draft.add(Lookup(column=column, table=rows)))
    for place, column in enumerate(encoding.embedded.tolist()):
        table = arrays[f"table{place}"]
        parts.append(draft.add(Lookup(column=column, table=np.vstack((table[:1], table)))))
    return np.concatenate(parts).astype(np.int64)


def _scaled(draft: Draft, encoding: Any) -> Columns:
    n = len(encoding.numbers)
    cells = draft.add(
        Affine(columns=encoding.numbers, center=encoding.center, scale=encoding.spread)
    )
    cells = draft.add(Fill(columns=cells, values=np.zeros(n)))
    cells = draft.add(Clip(columns=cells, low=-FAR, high=FAR))
    near = draft.add(Affine(columns=cells, center=np.zeros(n), scale=np.full(n, REACH)))
    square = draft.add(Combine(how="product", first=near, second=near))
    square = draft.add(Affine(columns=square, center=np.full(n, -1.0), scale=np.ones(n)))
    root = draft.add(Apply(columns=square, function="sqrt"))
    return draft.add(Combine(how="quotient", first=cells, second=root))


def _embedded(draft: Draft, arrays: dict[str, Any], scaled: Columns) -> Columns:
    """Return the number and what it is mixed to, column by column."""
    if "mix" in arrays:
        n_waves, width = arrays["mix"].shape[1:]
        rise = arrays["frequency"].ravel()
        each = np.repeat(scaled, n_waves)
        waves = draft.add(
            Affine(columns=each, center=-arrays["phase"].ravel() / rise, scale=1 / rise)
        )
        waves = draft.add(Apply(columns=waves, function="cos")).reshape(-1, n_waves)
        mixed = [
            draft.add(Product(columns=own, weights=mix, base=np.zeros(width)))
            for own, mix in zip(waves, arrays["mix"], strict=True)
        ]
    elif "steps" in arrays:
        width = arrays["steps"].shape[2]
        made = [
            _line(*one) for one in zip(arrays["left"], arrays["rise"], arrays["steps"], strict=True)
        ]
        points = tuple(points for points, _ in made for _ in range(width))
        values = tuple(np.ascontiguousarray(one) for _, values in made for one in values.T)
        each = np.repeat(scaled, width)
        lines = draft.add(Interpolate(columns=each, points=points, values=values))
        mixed = list(lines.reshape(-1, width))
    else:
        return scaled
    return np.hstack(
        [scaled[:, None], np.array(mixed, dtype=np.int64).reshape(len(scaled), -1)]
    ).ravel()


def _line(left: Columns, rise: Columns, steps: Columns) -> tuple[Columns, Columns]:
    """Return the edges of a column's bins, and the values there of shape (n_edges, width)."""
    n_bins = int((rise > 0).sum())
    if not n_bins:
        return np.zeros(1), np.zeros((1, steps.shape[1]))
    last = left[n_bins - 1] + 1.0 / rise[n_bins - 1]
    sums = np.cumsum(steps[:n_bins], axis=0)
    return np.append(left[:n_bins], last), np.vstack((np.zeros((1, steps.shape[1])), sums))


def _activated(draft: Draft, sums: Columns, *, smooth: bool) -> Columns:
    above = draft.add(Apply(columns=sums, function="maximum0"))
    if not smooth:
        return above
    n = len(sums)
    size = draft.add(Apply(columns=sums, function="abs"))
    below = draft.add(Affine(columns=size, center=np.zeros(n), scale=np.full(n, -1.0)))
    for function in ("exp", "log1p"):
        below = draft.add(Apply(columns=below, function=function))
    share = draft.add(Combine(how="sum", first=below, second=above))
    share = draft.add(Apply(columns=share, function="tanh"))
    return draft.add(Combine(how="product", first=sums, second=share))
