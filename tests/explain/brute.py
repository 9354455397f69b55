"""Shapley values by their definition: every set of columns, switched from row to row."""

from __future__ import annotations

from itertools import product
from math import factorial

import numpy as np


def shapley(said, row, background, owners, n_columns):
    """Return the Shapley value of each column against each row of the background.

    Parameters
    ----------
    said : callable (cells) -> ndarray of shape (n_rows, n_values)
    row : ndarray of shape (n_cells,)
    background : ndarray of shape (n_background, n_cells)
    owners : ndarray of shape (n_cells,), dtype=int
    n_columns : int

    Returns
    -------
    ndarray of shape (n_background, n_columns, n_values)
    """
    sets = list(product((False, True), repeat=n_columns))
    worth = {one: said(np.where(np.array(one)[owners], row, background)) for one in sets}
    found = np.zeros((len(background), n_columns, worth[sets[0]].shape[1]))
    for one in sets:
        size = sum(one)
        if size == n_columns:
            continue
        share = factorial(size) * factorial(n_columns - size - 1) / factorial(n_columns)
        for column in np.flatnonzero(~np.array(one)):
            more = (*one[:column], True, *one[column + 1 :])
            found[:, column] += share * (worth[more] - worth[one])
    return found
