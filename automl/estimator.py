"""scikit-learn's manners over the engine."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    assert_all_finite,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from automl.data.columns import Columns
from automl.data.frame import of_values, take_in
from automl.engine import fit
from automl.search.strategy import Strategy

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.utils import Tags

    from automl.data.frame import Raw
    from automl.model.predictor import Predictor
    from automl.plugin.contributions import Metric
    from automl.search.budget import Budget
    from automl.search.leaderboard import Leaderboard

WEIGHT = "sample_weight"
"""Name of the column that carries the weights into the engine."""


class _Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both estimators share: parameters, validation, the call of the engine."""

    leaderboard_: Leaderboard
    predictor_: Predictor

    def __init__(
        self,
        *,
        metric: str | Metric | Callable[..., float] | None = None,
        budget: float | Budget = 60,
        seed: int = 0,
        n_jobs: int | None = None,
        columns: Columns | None = None,
        plugins: object = None,
        run: str | os.PathLike[str] | None = None,
        strategy: Strategy | None = None,
    ) -> None:
        self.metric = metric
        self.budget = budget
        self.seed = seed
        self.n_jobs = n_jobs
        self.columns = columns
        self.plugins = plugins
        self.run = run
        self.strategy = strategy

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict each row.

        Parameters
        ----------
        X : table of shape (n_rows, n_features)
            An array, a sparse matrix or a dataframe with the columns of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,)
            Labels, or numbers.
        """
        check_is_fitted(self)
        return self.predictor_.predict(self._checked(X, reset=False))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.required = True
        return tags

    def _checked(self, X: Any, *, reset: bool) -> Any:
        """Check a table as scikit-learn does; a dataframe stays as it is."""
        if not _is_frame(X):
            X = check_array(
                X,
                accept_sparse=("csr", "csc"),
                dtype=None,
                ensure_all_finite=False,
                ensure_min_samples=2 if reset else 0,
                estimator=self,
            )
        return validate_data(self, X, reset=reset, skip_check_array=True)

    def _search(self, X: Any, y: NDArray[Any], sample_weight: Any, task: str) -> Self:
        columns = self.columns or Columns()
        strategy = self.strategy or Strategy()
        source = X
        if sample_weight is not None:
            source, columns = self._weighted(X, sample_weight, columns)
        result = fit(
            source,
            y,
            metric=self.metric,
            budget=self.budget,
            seed=self.seed,
            n_jobs=self.n_jobs,
            columns=columns,
            plugins=self.plugins,
            run=self.run,
            strategy=strategy if strategy.task else replace(strategy, task=task),
        )
        self.predictor_ = result.predictor
        self.leaderboard_ = result.leaderboard
        return self

    def _weighted(self, X: Any, sample_weight: Any, columns: Columns) -> tuple[Raw, Columns]:
        """Put the weights beside the columns of a table."""
        raw = take_in(X)
        checked = np.empty((raw.n_rows, 1))
        weight = _check_sample_weight(sample_weight, checked, dtype=np.float64)
        name = WEIGHT
        while name in raw.names:
            name += "_"
        wider = replace(raw, columns=(*raw.columns, of_values(name, weight)))
        return wider, replace(columns, weight=name)


class AutoMLClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]  # scikit-learn has no types
    """Learns to predict classes; the parameters are those of `automl.fit`.

    Parameters
    ----------
    metric : str, Metric, scorer or callable, default=None
        What to optimise: AUC for two classes and log loss for more where None.
    budget : float or Budget, default=60
        Wall seconds of ``fit``, or a value with seconds, trials or both.
    seed : int, default=0
    n_jobs : int or None, default=None
        Cores to use; all that this process may use where None.
    columns : Columns or None, default=None
        Kinds and roles of columns.
    plugins : Plugins, sequence or None, default=None
        Which to use or leave, and contributions handed over in code.
    run : path or None, default=None
        Folder of the run; temporary where None.
    strategy : Strategy or None, default=None

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels in the order of the columns of `predict_proba`.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Where the table had names that are all strings.
    leaderboard_ : Leaderboard
        All outcomes.
    predictor_ : Predictor
        What predicts, and can be saved.
    """

    classes_: NDArray[Any]

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Search for the best predictor of a class.

        Parameters
        ----------
        X : table of shape (n_rows, n_features)
            An array, a sparse matrix or a dataframe.
        y : array of shape (n_rows,)
            A label for each row.
        sample_weight : array of shape (n_rows,) or None, default=None

        Returns
        -------
        AutoMLClassifier
            Itself.
        """
        X = self._checked(X, reset=True)
        labels = _target(self, X, y)
        check_classification_targets(labels)
        task = "binary" if len(np.unique(labels)) <= 2 else "multiclass"
        self._search(X, labels, sample_weight, task)
        self.classes_ = self.predictor_.classes_
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Predict the probability of each class.

        Parameters
        ----------
        X : table of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        return self.predictor_.predict_proba(self._checked(X, reset=False))


class AutoMLRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]  # scikit-learn has no types
    """Learns to predict a number; the parameters are those of `automl.fit`.

    Parameters
    ----------
    metric : str, Metric, scorer or callable, default=None
        What to optimise: the root of the mean squared error where None.
    budget : float or Budget, default=60
        Wall seconds of ``fit``, or a value with seconds, trials or both.
    seed : int, default=0
    n_jobs : int or None, default=None
        Cores to use; all that this process may use where None.
    columns : Columns or None, default=None
        Kinds and roles of columns.
    plugins : Plugins, sequence or None, default=None
        Which to use or leave, and contributions handed over in code.
    run : path or None, default=None
        Folder of the run; temporary where None.
    strategy : Strategy or None, default=None

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Where the table had names that are all strings.
    leaderboard_ : Leaderboard
        All outcomes.
    predictor_ : Predictor
        What predicts, and can be saved.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Search for the best predictor of a number.

        Parameters
        ----------
        X : table of shape (n_rows, n_features)
            An array, a sparse matrix or a dataframe.
        y : array of shape (n_rows,)
            A number for each row.
        sample_weight : array of shape (n_rows,) or None, default=None

        Returns
        -------
        AutoMLRegressor
            Itself.
        """
        X = self._checked(X, reset=True)
        numbers = _target(self, X, y)
        return self._search(X, numbers.astype(np.float64), sample_weight, "regression")


def _is_frame(X: Any) -> bool:
    return hasattr(X, "columns") or hasattr(X, "column_names")


def _target(estimator: _Estimator, X: Any, y: Any) -> NDArray[Any]:
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    values: NDArray[Any] = column_or_1d(y, warn=True)
    assert_all_finite(values, estimator_name=type(estimator).__name__, input_name="y")
    check_consistent_length(X, values)
    return values
