"""Preparation: chains of steps behind the columns of each kind, side by side."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl_code.beside.tables import Table

N_FOLDS = 5
"""Inner folds for steps that read the target."""


class Chain:
    """Steps behind the columns of one kind, or (kind ``"table"``) behind all columns.

    Parameters
    ----------
    kind : str
    *steps : transformer
        Each has ``fit`` and ``transform``; what one makes the next one gets. None: the columns as
        they are.
    codes : bool, default=False
        Whether categories come out, to be handed over as such.
    """

    def __init__(self, kind: str, *steps: Any, codes: bool = False) -> None:
        self.kind = kind
        self.steps = steps
        self.codes = codes

    def fit_transform(self, table: Table, y: NDArray[Any]) -> Any:
        """Learn, and return the columns of the rows that were learned from."""
        block = self._given(table)
        for step in self.steps:
            if hasattr(step, "fit_transform"):
                block = step.fit_transform(block, y)
            else:
                block = step.fit(block, y).transform(block)
        return self._numbers(block)

    def transform(self, table: Table) -> Any:
        """Return the columns of other rows."""
        block = self._given(table)
        for step in self.steps:
            block = step.transform(block)
        return self._numbers(block)

    def _given(self, table: Table) -> Any:
        return table if self.kind == "table" else getattr(table, self.kind)

    def _numbers(self, block: Any) -> Any:
        if not isinstance(block, np.ndarray):
            return block
        if self.codes and block.dtype.kind == "i":
            return np.where(block < 0, np.nan, block).astype(np.float64)
        return block.astype(np.float64)


class Chains:
    """The matrix that an estimator sees; a DataFrame where some columns are categories.

    Parameters
    ----------
    *chains : Chain
    """

    def __init__(self, *chains: Chain) -> None:
        self.chains = chains

    n_levels_: list[list[int]]

    def fit(self, table: Table, y: NDArray[Any]) -> Chains:
        """Learn all steps."""
        self.fit_transform(table, y)
        return self

    def fit_transform(self, table: Table, y: NDArray[Any]) -> Any:
        """Learn all steps, and return the matrix of the rows that were learned from."""
        blocks = [chain.fit_transform(table, y) for chain in self.chains]
        # Codes beyond those of training are one further category, which no tree knows.
        self.n_levels_ = [
            _n_levels(block) if chain.codes else []
            for chain, block in zip(self.chains, blocks, strict=True)
        ]
        return self._joined(blocks, table.n_rows)

    def transform(self, table: Table) -> Any:
        """Return the matrix of other rows."""
        return self._joined([chain.transform(table) for chain in self.chains], table.n_rows)

    def _joined(self, blocks: list[Any], n_rows: int) -> Any:
        if any(not isinstance(block, np.ndarray) for block in blocks):
            from scipy.sparse import csr_matrix, hstack

            return hstack([csr_matrix(block) for block in blocks], format="csr")
        if not blocks:
            return np.empty((n_rows, 0))
        if not any(chain.codes for chain in self.chains):
            return np.concatenate(blocks, axis=1)
        columns: list[Any] = []
        for chain, block, n_levels in zip(self.chains, blocks, self.n_levels_, strict=True):
            for j, cells in enumerate(block.T):
                columns.append(_categories(cells, n_levels[j]) if chain.codes else cells)
        return pd.DataFrame({f"x{j}": cells for j, cells in enumerate(columns)})


def _n_levels(block: NDArray[Any]) -> list[int]:
    highest = np.where(np.isnan(block), -1, block).max(axis=0, initial=-1)
    return [int(code) + 1 for code in highest]


def _categories(cells: NDArray[Any], n_levels: int) -> Any:
    codes = np.where(np.isnan(cells), -1, np.minimum(cells, n_levels)).astype(np.int64)
    return pd.Categorical.from_codes(codes, categories=pd.Index(range(n_levels + 1)))


class CrossFitted:
    """A step that reads the target: training rows get values from steps fitted without them.

    Parameters
    ----------
    step : transformer
    seed : int, default=0
    """

    def __init__(self, step: Any, seed: int = 0) -> None:
        self.step = step
        self.seed = seed

    def fit_transform(self, block: Any, y: NDArray[Any]) -> Any:
        """Learn from all rows; return for each row what was learned without it."""
        order = np.random.default_rng(self.seed).permutation(len(y))
        made: list[Any] = []
        parts = [np.sort(part) for part in np.array_split(order, min(N_FOLDS, len(y)))]
        for part in parts:
            rest = np.setdiff1d(order, part)
            rest = rest if len(rest) else part
            step = copy.deepcopy(self.step).fit(_rows(block, rest), y[rest])
            made.append(step.transform(_rows(block, part)))
        self.step.fit(block, y)
        back = np.argsort(np.concatenate(parts))
        if isinstance(made[0], np.ndarray):
            return np.concatenate(made)[back]
        from scipy.sparse import vstack

        return vstack(made, format="csr")[back]

    def transform(self, block: Any) -> Any:
        """Return what was learned from all rows."""
        return self.step.transform(block)


def _rows(block: Any, rows: NDArray[Any]) -> Any:
    return block.take(rows) if hasattr(block, "n_rows") else block[rows]
