"""How a difference goes through a function: slopes that carry it over without a rest.

Contributions of one model in a series of models are carried to the next by the rescale rule (H.
Chen, S. Lundberg and S.-I. Lee, "Explaining a series of models by propagating Shapley values",
Nature Communications 13, 2022): they are multiplied by the change of what goes out divided by the
change of what comes in. Where several numbers go in and shares of 1 come out, the change of each
share is split among the numbers without a rest by logarithmic means (B. W. Ang, "Decomposition
analysis for policymaking in energy", Energy Policy 32, 2004).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

NEAR = 1e-6
"""Numbers that differ by less than this share of their size have the slope in their middle."""


def secant(before: Matrix, after: Matrix, out_before: Matrix, out_after: Matrix) -> Matrix:
    """Return the change of what goes out divided by the change of what comes in.

    Parameters
    ----------
    before, after : ndarray
        What comes into a function that never falls.
    out_before, out_after : ndarray of the same shape
        What goes out.

    Returns
    -------
    ndarray
        Where nothing changed 1 if the function does nothing there, else 0.
    """
    change = after - before
    same = change == 0.0
    rise = (out_after - out_before) / np.where(same, 1.0, change)
    slopes: Matrix = np.where(same, out_after == after, rise)
    return slopes


def logistic_slopes(before: Matrix, after: Matrix) -> Matrix:
    """Return the slopes of the logistic function, of the shape of what comes in.

    Parameters
    ----------
    before, after : ndarray
        Logarithms of odds.
    """
    middle = (before + after) / 2.0
    half = (after - before) / 2.0
    # tanh(a) - tanh(b) = sinh(a - b) / (cosh a cosh b), which loses no digits.
    wide = np.abs(half) > NEAR
    p, q = 0.5 * np.tanh(0.5 * after), 0.5 * np.tanh(0.5 * before)
    apart = (p - q) / np.where(wide, after - before, 1.0)
    share = 0.5 * (1.0 + np.tanh(0.5 * middle))
    slopes: Matrix = np.where(wide, apart, share * (1.0 - share))
    return slopes


def logarithmic_mean(log_a: Matrix, log_b: Matrix) -> Matrix:
    """Return ``(a - b) / log(a / b)`` of positive numbers that are given by their logarithms."""
    u = (log_a - log_b) / 2.0
    wide = np.abs(u) > NEAR
    middle = np.exp((log_a + log_b) / 2.0)
    apart = (np.exp(log_a) - np.exp(log_b)) / np.where(wide, 2.0 * u, 1.0)
    mean: Matrix = np.where(wide, apart, middle)
    return mean


def share_slopes(log_before: Matrix, log_after: Matrix) -> Matrix:
    """Return how shares change with the numbers that they are the softmax of.

    Parameters
    ----------
    log_before, log_after : ndarray of shape (n, n_classes)
        Logarithms of the shares.

    Returns
    -------
    ndarray of shape (n, n_classes, n_classes)
        By share, by number.
    """
    mean = logarithmic_mean(log_after, log_before)
    total = mean.sum(axis=1)[:, None, None]
    diagonal = mean[:, :, None] * np.eye(mean.shape[1])
    slopes: Matrix = diagonal - mean[:, :, None] * mean[:, None, :] / total
    return slopes


def log_softmax(outputs: Matrix) -> Matrix:
    """Return the logarithms of the shares that outputs stand for, of shape (n, n_classes)."""
    below = outputs - outputs.max(axis=1, keepdims=True)
    logs: Matrix = below - np.log(np.exp(below).sum(axis=1, keepdims=True))
    return logs
