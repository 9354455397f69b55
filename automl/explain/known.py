"""Members whose contributions are reckoned from the tables that their algorithms declare."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.explain.paths import Paths
from automl.explain.slopes import log_softmax, logistic_slopes, share_slopes
from automl.explain.sums import Sums
from automl.plugin.tables import Trees, linked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.candidate.pipeline import Pipeline
    from automl.explain.columns import UserColumns
    from automl.plugin.catalog import Catalog
    from automl.plugin.tables import Coefficients, Link

    Matrix = NDArray[np.float64]

logger = logging.getLogger("automl.explain")

RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""A table may say something else than its member by this share of a value, and of the largest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A member with its table.

    Parameters
    ----------
    share : float
    pipeline : Pipeline
    columns : ndarray of shape (n_cells,), dtype=int
        The columns of its matrix that the table looks at.
    link : {"none", "logistic", "softmax"}
        How outputs become values.
    engine : Paths or Sums
    background : ndarray of shape (n_background, n_outputs)
        Outputs of the background.
    values : ndarray of shape (n_background, n_values)
        What the member says of it.
    """

    share: float
    pipeline: Pipeline
    columns: NDArray[np.intp]
    link: Link
    engine: Paths | Sums
    background: Matrix
    values: Matrix

    def ways(self, X: Any) -> Any:
        """Return how the engine reads rows, from what the estimator sees."""
        return self.engine.ways(_dense(X, self.columns))

    def said(self, outputs: Matrix) -> Matrix:
        """Return the values that outputs mean, of shape (n_rows, n_values)."""
        return _spread(linked(outputs, self.link), self.pipeline)

    def slopes(self, outputs: Matrix) -> Matrix:
        """Return how changes of outputs become changes of values.

        Parameters
        ----------
        outputs : ndarray of shape (n_rows, n_outputs)
            Of the explained rows.

        Returns
        -------
        ndarray of shape (n_rows, n_background, n_values, n_outputs)
        """
        shape = (len(outputs), *self.background.shape)
        before = np.broadcast_to(self.background, shape)
        after = np.broadcast_to(outputs[:, None], shape)
        width = shape[2]
        if self.link == "logistic":
            rise = logistic_slopes(before, after)[..., None]
            found = np.concatenate((-rise, rise), axis=2)
        elif self.link == "softmax":
            logs = [log_softmax(one.reshape(-1, width)) for one in (before, after)]
            found = share_slopes(*logs).reshape(*shape, width)
        else:
            found = np.broadcast_to(np.eye(width), (*shape, width))
        n_values = self.values.shape[1]
        if found.shape[2] == n_values:
            return found
        spread = np.zeros((*shape[:2], n_values, width))
        spread[:, :, list(self.pipeline.present)] = found
        return spread


def read(pipeline: Pipeline, catalog: Catalog) -> Trees | Coefficients | None:
    """Return the table of a member; None where it has none."""
    if pipeline.estimator is None:
        return None
    algorithm = catalog.get("algorithm", pipeline.candidate.algorithm)
    declared = algorithm.trees or algorithm.coefficients
    try:
        learned: Trees | Coefficients | None = declared(pipeline.estimator) if declared else None
    except Exception:
        logger.warning("the table of %r cannot be read", algorithm.name, exc_info=True)
        return None
    return learned


def n_leaves(learned: Trees | Coefficients | None) -> int:
    """Return how many leaves there are."""
    return len(learned.leaf) if isinstance(learned, Trees) else 0


def known(
    share: float,
    pipeline: Pipeline,
    learned: Trees | Coefficients | None,
    X: Any,
    columns: UserColumns,
) -> Known | None:
    """Return a member by its table.

    Parameters
    ----------
    share : float
    pipeline : Pipeline
    learned : Trees, Coefficients or None
    X : ndarray or csr_matrix
        What the estimator sees of the background.
    columns : UserColumns

    Returns
    -------
    Known or None
        None where there is no table or it says something else, and where cells that it looks at
        were made of several columns of the user.
    """
    if learned is None:
        return None
    try:
        return _known(share, pipeline, learned, X, columns)
    except Exception:
        name = pipeline.candidate.algorithm
        logger.warning("the table of %r cannot be followed", name, exc_info=True)
        return None


def _known(
    share: float,
    pipeline: Pipeline,
    learned: Trees | Coefficients,
    X: Any,
    columns: UserColumns,
) -> Known | None:
    engine: Paths | Sums
    if isinstance(learned, Trees):
        places = np.unique(learned.feature).astype(np.intp)
    else:
        places = np.flatnonzero(learned.weights.any(axis=1))
    owners = columns.owners(pipeline.preparation, places)
    if owners is None:
        return None
    cells = _dense(X, places)
    n_columns = len(columns.names)
    if isinstance(learned, Trees):
        trees = replace(learned, feature=np.searchsorted(places, learned.feature))
        engine = Paths(trees, owners, cells, n_columns)
    else:
        sums = replace(learned, weights=learned.weights[places])
        engine = Sums(sums, owners, cells, n_columns)
    outputs = engine.outputs(engine.background)
    values = wide(pipeline.values_of(X))
    found = Known(
        share=share,
        pipeline=pipeline,
        columns=places,
        link=learned.link,
        engine=engine,
        background=outputs,
        values=values,
    )
    apart = np.abs(found.said(outputs) - values)
    if (apart > RELATIVE * np.abs(values) + ABSOLUTE * np.abs(values).max(initial=0.0)).any():
        logger.warning("the table of %r says something else", pipeline.candidate.algorithm)
        return None
    return found


def wide(values: Any) -> Matrix:
    """Return values as a matrix: one column where the target is a number."""
    found: Matrix = np.asarray(values, dtype=np.float64)
    return found[:, None] if found.ndim == 1 else found


def _dense(X: Any, columns: NDArray[np.intp]) -> Matrix:
    cells = X[:, columns]
    found: Matrix = cells if isinstance(cells, np.ndarray) else cells.toarray()
    return found


def _spread(values: Matrix, pipeline: Pipeline) -> Matrix:
    """Return values by all classes; training may have lacked some."""
    if not pipeline.n_classes or values.shape[1] == pipeline.n_classes:
        return values
    spread = np.zeros((len(values), pipeline.n_classes))
    spread[:, list(pipeline.present)] = values
    return spread
