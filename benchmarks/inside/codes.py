"""Every column as numbers, for contenders that take nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class Codes:
    """Strings and categories as ordinal codes of the sorted levels, dates as seconds.

    Missing cells are NaN; levels that training did not have are -1.
    """

    def __init__(self, train: pd.DataFrame) -> None:
        self.levels: dict[str, dict[str, int]] = {}
        for name in train.columns:
            if is_words(train[name]):
                words = sorted(train[name].dropna().astype(str).unique())
                self.levels[name] = {word: code for code, word in enumerate(words)}

    def __call__(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """Return float64 of shape (n_rows, n_columns)."""
        columns = []
        for name in rows.columns:
            column = rows[name]
            if name in self.levels:
                codes = column.astype(str).map(self.levels[name]).astype(float).fillna(-1)
                columns.append(codes.where(column.notna()).to_numpy(float))
            elif pd.api.types.is_datetime64_any_dtype(column):
                seconds = column.to_numpy("datetime64[s]").astype(float)
                columns.append(np.where(column.isna(), np.nan, seconds))
            else:
                columns.append(column.to_numpy(float, na_value=np.nan))
        return np.column_stack(columns)


def is_words(column: pd.Series) -> bool:
    """Return whether a column holds neither numbers nor truth values nor dates."""
    types = pd.api.types
    return isinstance(column.dtype, pd.CategoricalDtype) or not (
        types.is_numeric_dtype(column)
        or types.is_bool_dtype(column)
        or types.is_datetime64_any_dtype(column)
    )
