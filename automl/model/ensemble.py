"""The members of a predictor together: what they say of canonical rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.model.bounds import Bounds
from automl.model.member import Part, Shelf
from automl.model.quick import Quick
from automl.model.tuning import Temper, Weighing, tuned_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from automl.candidate.pipeline import Pipeline
    from automl.data.schema import Schema
    from automl.data.table import Table
    from automl.plugin.catalog import Catalog


class Ensemble:
    """All members, their shares, and what is done to their average.

    Parameters
    ----------
    schema : Schema
    parts : tuple of Part
    catalog : Catalog
    n_classes : int
        0 where the target is a number.
    info : mapping
        Of the predictor; ``bounds`` and ``tuned`` are read.

    Attributes
    ----------
    quick : Quick
        The short way for single rows.
    tuned : Temper, Weighing or None
    """

    def __init__(
        self,
        schema: Schema,
        parts: tuple[Part, ...],
        catalog: Catalog,
        n_classes: int,
        info: Mapping[str, Any],
    ) -> None:
        bounds, tuned = info.get("bounds"), info.get("tuned")
        self.tuned: Temper | Weighing | None = tuned_from_json(tuned) if tuned else None
        self._bounds = Bounds.from_json(bounds) if bounds else None
        self._catalog = catalog
        self._n_classes = n_classes
        self._shelf = Shelf(parts)
        self.quick = Quick(schema, self._shelf, catalog, info)

    def members(self) -> list[tuple[float, Pipeline]]:
        """Return every pipeline with its share; they are built when they are first asked for."""
        return self._shelf.members(self._catalog)

    def values(self, table: Table) -> NDArray[np.float64]:
        """Return what the predictor says of canonical rows.

        Parameters
        ----------
        table : Table
            As `automl.data.apply.apply` gives it.

        Returns
        -------
        ndarray of shape (n_rows, n_classes) or (n_rows,), dtype=float64
        """
        if table.n_rows == 0:
            return np.zeros((0, self._n_classes) if self._n_classes else 0)
        return self.finished(self.quick.values(table))

    def finished(self, averages: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the predictor says where the members' averages are these."""
        if self._bounds is not None:
            return self._bounds(averages)
        return averages if self.tuned is None else self.tuned.values(averages)

    def slopes(
        self, before: NDArray[np.float64], after: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return how changes of averages go through `finished`, without a rest.

        Parameters
        ----------
        before, after : ndarray of shape (n, n_values)

        Returns
        -------
        ndarray of shape (n, n_values, n_values)
            By value and average.
        """
        if self._bounds is not None:
            return self._bounds.slopes(before, after)[:, :, None]
        if self.tuned is None:
            return np.broadcast_to(np.eye(before.shape[1]), (*before.shape, before.shape[1]))
        return self.tuned.slopes(before, after)
