"""What the network says while it learns, and which way its arrays have to go for less loss.

The slopes are written out by hand (backpropagation), all in float32: on a CPU that takes half of
the time that torch takes for the same steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automl_mlp.network import n_layers

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from automl_mlp.network import Arrays

    Cells = NDArray[np.float32]

HIGHEST = 20.0
"""Mish is the identity beyond, and exponentials of no more than this stay finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """One pass through the network, with what its slopes need.

    Parameters
    ----------
    scores : ndarray of shape (n_members, n_rows, n_outputs)
        What each member says, before any link.
    inputs : tuple of ndarray
        Numbers, flags and codes.
    made : ndarray of shape (n_columns, n_rows, n_bins) or None
        Numbers within bins or waves; None where they come as they are.
    angles : ndarray of shape (n_rows, n_columns, n_waves) or None
        What waves are the cosines of.
    cells : ndarray of shape (n_rows, n_cells)
        What the first layer reads, before the members' factors.
    layers : list of (units before, slope of the units behind)
    last : ndarray of shape (n_members, n_rows, width)
        Units behind the last layer.
    """

    scores: Cells
    inputs: tuple[Any, ...]
    made: Cells | None
    angles: Cells | None
    cells: Cells
    layers: list[tuple[Cells, Cells]]
    last: Cells


def passed(
    arrays: Arrays, inputs: tuple[Any, ...], drop: Callable[[int], Cells] | None = None
) -> Passed:
    """Compute what `forward` does, and remember the way.

    Parameters
    ----------
    arrays : dict of str to ndarray of float32
    inputs : tuple of ndarray
        What `Encoding.read` gives, in float32.
    drop : callable (size) -> ndarray, or None, default=None
        Returns what so many units of a layer are multiplied by.
    """
    scaled, flags, codes = inputs
    n_rows = len(scaled)
    made, angles, numbers = _embedded(arrays, scaled)
    tables = [arrays[f"table{i}"][codes[:, i]] for i in range(codes.shape[1])]
    cells = np.concatenate((numbers, flags, *tables), axis=1)
    n_members, n_cells = arrays["factor"].shape
    units = (cells[:, None, :] * arrays["factor"]).reshape(-1, n_cells)
    layers = []
    for depth in range(n_layers(arrays)):
        sums = units @ arrays[f"weight{depth}"]
        sums += arrays[f"bias{depth}"]
        before = units
        units, slope = _mish(sums) if "mix" in arrays else _rectified(sums)
        if drop is not None:
            kept = drop(sums.size).reshape(sums.shape)
            units *= kept
            slope *= kept
        layers.append((before, slope))
    last = np.ascontiguousarray(units.reshape(n_rows, n_members, -1).transpose(1, 0, 2))
    return Passed(
        scores=last @ arrays["head"] + arrays["head_bias"],
        inputs=inputs,
        made=made,
        angles=angles,
        cells=cells,
        layers=layers,
        last=last,
    )


def slopes(arrays: Arrays, way: Passed, wanted: Cells, out: Arrays) -> None:
    """Write the slope of the loss by each array that is learned.

    Parameters
    ----------
    arrays : dict of str to ndarray of float32
    way : Passed
    wanted : ndarray of shape (n_members, n_rows, n_outputs)
        The slope of the loss by the scores.
    out : dict of str to ndarray of float32
        Overwritten.
    """
    n_members, n_rows = wanted.shape[:2]
    np.matmul(way.last.transpose(0, 2, 1), wanted, out=out["head"])
    out["head_bias"][...] = wanted.sum(axis=1, keepdims=True)
    units = wanted @ arrays["head"].transpose(0, 2, 1)
    behind = units.transpose(1, 0, 2).reshape(n_rows * n_members, -1)
    for depth in reversed(range(len(way.layers))):
        before, slope = way.layers[depth]
        behind = behind * slope
        np.matmul(before.T, behind, out=out[f"weight{depth}"])
        out[f"bias{depth}"][...] = behind.sum(axis=0)
        behind = behind @ arrays[f"weight{depth}"].T
    of_members = behind.reshape(n_rows, n_members, -1)
    out["factor"][...] = np.einsum("rmc,rc->mc", of_members, way.cells)
    of_cells = np.einsum("rmc,mc->rc", of_members, arrays["factor"])
    _slopes_of_cells(arrays, way, of_cells, out)


def _embedded(arrays: Arrays, scaled: Cells) -> tuple[Cells | None, Cells | None, Cells]:
    """Return numbers within bins or waves, the angles of waves, and the cells they become."""
    each, angles = scaled[:, :, None], None
    if "mix" in arrays:
        angles = each * arrays["frequency"] + arrays["phase"]
        made, mix = np.cos(angles), arrays["mix"]
    elif "steps" in arrays:
        made, mix = ((each - arrays["left"]) * arrays["rise"]).clip(0.0, 1.0), arrays["steps"]
    else:
        return None, None, scaled
    made = np.ascontiguousarray(made.transpose(1, 0, 2))
    mixed = (made @ mix).transpose(1, 0, 2)
    return made, angles, np.concatenate((each, mixed), axis=2).reshape(len(scaled), -1)


def _slopes_of_cells(arrays: Arrays, way: Passed, of_cells: Cells, out: Arrays) -> None:
    scaled, flags, codes = way.inputs
    end = of_cells.shape[1]
    for place in reversed(range(codes.shape[1])):
        table = out[f"table{place}"]
        begin = end - table.shape[1]
        table[...] = 0.0
        np.add.at(table, codes[:, place], of_cells[:, begin:end])
        end = begin
    if way.made is None:
        return
    numbers = of_cells[:, : end - flags.shape[1]].reshape(*scaled.shape, -1)
    mixed = np.ascontiguousarray(numbers[:, :, 1:].transpose(1, 0, 2))
    name = "steps" if way.angles is None else "mix"
    np.matmul(way.made.transpose(0, 2, 1), mixed, out=out[name])
    if way.angles is not None:
        turned = (mixed @ arrays["mix"].transpose(0, 2, 1)).transpose(1, 0, 2)
        turned = -np.sin(way.angles) * turned
        out["phase"][...] = turned.sum(axis=0)
        out["frequency"][...] = (turned * scaled[:, :, None]).sum(axis=0)


def _rectified(sums: Cells) -> tuple[Cells, Cells]:
    slope = (sums > 0.0).astype(np.float32)
    return sums * slope, slope


def _mish(sums: Cells) -> tuple[Cells, Cells]:
    """Return x tanh(log(1 + e^x)) and its slope, by one exponential."""
    e = np.exp(np.minimum(sums, np.float32(HIGHEST)))
    product = e * (e + 2.0)
    share = product / (product + 2.0)
    slope = share + sums * (1.0 - share * share) * (e / (1.0 + e))
    return np.asarray(sums * share), np.asarray(slope)
