"""Contributions that learn from data: algorithms and the steps before them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from automl.plugin.fields import check_callable, check_name, check_words, refuse

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from optuna.distributions import BaseDistribution

    from automl.plugin.code import Code
    from automl.plugin.context import Context, PrepareContext
    from automl.plugin.formulas import Formula
    from automl.plugin.space import Range
    from automl.plugin.tables import Coefficients, Trees

Params = Mapping[str, Any]
"""Parameters that survive JSON."""

Space = Mapping[str, "Range | BaseDistribution"]

KINDS = frozenset({"number", "category", "string", "text", "date"})
"""Traits that say what a column holds; each has exactly one of them as it comes."""

TABLE = "table"
"""Trait of all columns together, for a step that reads columns of several kinds."""

TRAITS = KINDS | {TABLE, "missing", "unscaled", "sparse"}
"""What a column can be.

``missing``: a cell may be missing. ``unscaled``: numbers of any unit and spread. ``sparse``: the
column comes in a SciPy CSR matrix. A plugin may invent further traits.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Rows held out from a fit, for early stopping.

    Parameters
    ----------
    X : ndarray or csr_matrix of shape (n_rows, n_columns)
    y : ndarray of shape (n_rows,)
    weight : ndarray of shape (n_rows,) or None
    few : bool, default=False
        Whether they are so few that what is chosen by them is flattered by its score on them, and
        rows are independent, so that a random part of the training rows serves as well. See
        `automl.plugin.counted_inside`.
    """

    X: Any
    y: NDArray[Any]
    weight: NDArray[np.float64] | None = None
    few: bool = False


class Report(Protocol):
    """Called after each round; returns True when learning has to stop now."""

    def __call__(self, round_: int, score: float | None = None) -> bool:
        """Take the number of the round and its validation score, if known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A pair that writes a fitted object in a format that cannot run code, and reads it back.

    Parameters
    ----------
    save : callable (fitted, folder) -> None
        Write any files into the (existing, empty) folder.
    load : callable (folder) -> fitted
        Read them back; must not execute what it reads (no pickle).
    """

    save: Callable[[Any, Path], None]
    load: Callable[[Path], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """Something that learns.

    Parameters
    ----------
    name : str
        Lower case, unique among all installed plugins.
    tasks : frozenset of str
        Names of the tasks it can do, such as ``"binary"``, ``"multiclass"``, ``"regression"``.
    build : callable (params, context) -> estimator
        Returns an unfitted estimator with scikit-learn's ``fit(X, y)`` and ``predict`` or
        ``predict_proba``. ``X`` is a float64 matrix (or CSR), classes are 0 .. n_classes - 1.
        The learning library is imported here, not at the top of the plugin.
    accepts : frozenset of str, default={"number"}
        Traits of columns that it can be fitted on; ``{"nothing"}`` for one that reads no column.
    space : mapping of str to range, or callable (context) -> mapping, default={}
        What the search may vary.
    starts : tuple of mappings, default=({},)
        Configurations to try first, best first; the key ``"prepare"`` may map a kind to a chain
        such as ``{"category": "one_hot"}``.
    requires : tuple of str, default=()
        Distributions that must be installed, beside automl.
    fit_requires : tuple of str, default=()
        Distributions that only learning needs: without them it is not searched, but models that
        hold it are loaded and predict.
    imports : tuple of str, default=()
        Modules that a worker imports while the table is being read, such as ``"sklearn.ensemble"``.
    fit : callable or None, default=None
        ``fit(estimator, X, y, weight, validation, report)`` for one that learns in rounds: it may
        stop early on the validation rows and must stop when ``report`` returns True.
    weights : bool, default=False
        Whether ``fit`` takes ``sample_weight``.
    threads : bool, default=False
        Whether it uses ``context.threads``.
    cost : float, default=1.0
        Cost of a fit relative to a boosted tree ensemble's; cheap ones are tried first. On a device
        that the user has named it is 1 at most.
    growth : float, default=0.0
        ``cost`` is for 2,000 rows and grows with this power of their number: 1.0 for what compares
        each row with each, where a boosted tree ensemble goes over them once.
    by_class : bool, default=False
        Whether it learns something of its own for each class, as boosted trees do: with many
        classes its cost grows with them.
    promise : float, default=0.5
        Between 0 and 1: on how many tables it is near the best; promising ones are tried first.
    max_rows, max_columns, max_classes : int or None, default=None
        Above these it is not tried.
    saved : Saved, tuple of str, or None, default=()
        How a fitted estimator is saved: a pair, or the names of types beyond skops' own that skops
        may build. None means that it predicts but cannot be saved.
    default : bool, default=True
        Whether it belongs into a default search; False for one that is only tried when named.
    monotonic : bool, default=False
        Whether it obeys ``context.monotonic``; such a one accepts ``number``, ``missing`` and
        ``unscaled``, so that numbers arrive as they are.
    devices : frozenset of str, default={"cpu"}
        What ``context.device`` may begin with, such as ``"cuda"``.
    memory : callable (context, params) -> float, or None, default=None
        Bytes that a fit takes at most, about, beside the matrix; a candidate that would not fit is
        not tried. None: learned from what its candidates take.
    quick : callable (estimator) -> callable (X) -> values, or None, default=None
        A quicker way to ask a fitted estimator for the values of a few rows (a dense matrix):
        probabilities of shape (n_rows, n_classes), or numbers of shape (n_rows,). It may return
        None where there is none.
    trees : callable (estimator) -> Trees or None, or None, default=None
        The trees of a fitted estimator as a plain table whose ``values`` are its own: what it
        predicts from a dense matrix, up to rounding. It may return None where there is no such.
    coefficients : callable (estimator) -> Coefficients or None, or None, default=None
        The same for weighted sums of columns.
    formula : callable (estimator) -> Formula or None, or None, default=None
        The same as a list of operations: what comes out is what ``predict_proba`` returns, or (one
        column) ``predict``.
    code : callable (estimators) -> Code, or None, default=None
        How an unfitted estimator is written in a program that does not know automl (see
        `automl.plugin.code`). Given are the fitted ones of a candidate, one for each fold; what
        is written learns in one go and without rows held out, for as long as these did on average.
    walk : callable (trees) -> callable (row) -> leaves, or None, default=None
        Walks down any `Trees`, of whatever learner: the function gets a row of float64 cells and
        returns the leaf that it reaches in each tree, an array of shape (n_trees,). Cells nearer
        to zero than 1e-34 may count as zero. It may be called by several threads at once.
    read : callable (algorithm) -> algorithm, or None, default=None
        Fills in what can be known only once the library is imported; asked through `known` when a
        search is about to try the algorithm, or a model with it is loaded.
    """

    name: str
    tasks: frozenset[str]
    build: Callable[[Params, Context], Any]
    accepts: frozenset[str] = frozenset({"number"})
    space: Space | Callable[[Context], Space] = field(default_factory=dict)
    starts: tuple[Params, ...] = ({},)
    requires: tuple[str, ...] = ()
    fit_requires: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    fit: Callable[[Any, Any, Any, Any, Validation | None, Report], None] | None = None
    weights: bool = False
    threads: bool = False
    cost: float = 1.0
    growth: float = 0.0
    by_class: bool = False
    promise: float = 0.5
    max_rows: int | None = None
    max_columns: int | None = None
    max_classes: int | None = None
    saved: Saved | tuple[str, ...] | None = ()
    default: bool = True
    monotonic: bool = False
    devices: frozenset[str] = frozenset({"cpu"})
    memory: Callable[[Context, Params], float] | None = None
    quick: Callable[[Any], Callable[[Any], Any] | None] | None = None
    trees: Callable[[Any], Trees | None] | None = None
    coefficients: Callable[[Any], Coefficients | None] | None = None
    formula: Callable[[Any], Formula | None] | None = None
    code: Callable[[Sequence[Any]], Code] | None = None
    walk: Callable[[Trees], Callable[[Any], Any]] | None = None
    read: Callable[[Algorithm], Algorithm] | None = None

    def __post_init__(self) -> None:
        check_name(self)
        check_words(self, "tasks", "accepts", "devices")
        check_callable(self, "build")
        for name in ("memory", "quick", "trees", "coefficients", "formula", "code", "walk"):
            if getattr(self, name) is not None:
                check_callable(self, name)
        if self.monotonic and not self.accepts >= {"number", "missing", "unscaled"}:
            refuse(self, "monotonic", True, "possible unless it accepts number, missing, unscaled")
        if not self.starts:
            refuse(self, "starts", self.starts, "at least one configuration ({} is one)")
        if not self.cost > 0:
            refuse(self, "cost", self.cost, "a number above 0")
        if not 0 < self.promise <= 1:
            refuse(self, "promise", self.promise, "above 0 and at most 1")

    def known(self) -> Algorithm:
        """Return the algorithm with all that `read` can say; itself where there is no more."""
        return self if self.read is None else replace(self.read(self), read=None)

    @staticmethod
    def wrap(
        name: str,
        *,
        classifier: str | type | None = None,
        regressor: str | type | None = None,
        space: Space | Callable[[Context], Space] | None = None,
        starts: Sequence[Params] = ({},),
        accepts: Iterable[str] | None = None,
        weights: bool | None = None,
        saved: Saved | Iterable[str] | None = (),
    ) -> Algorithm:
        """Return an algorithm made of scikit-learn estimators (see `automl.plugin.wrap.wrap`)."""
        from automl.plugin.wrap import wrap

        return wrap(
            name,
            classifier=classifier,
            regressor=regressor,
            space=space,
            starts=starts,
            accepts=accepts,
            weights=weights,
            saved=saved,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessor:
    """A step that turns columns of some traits into columns of others.

    A column is eligible when it has all traits of ``takes``; afterwards its traits are
    ``(traits - takes - removes) | emits``. A step that takes ``{"table"}`` reads columns of all
    kinds and makes new ones beside them; whether it is used is a choice of the search.

    Parameters
    ----------
    name : str
        Lower case, unique among all installed plugins.
    takes : frozenset of str
        Traits that a column must have.
    emits : frozenset of str
        Traits of the columns that come out.
    build : callable (params, context) -> transformer
        Returns an unfitted transformer with ``fit(X, y)`` and ``transform(X)``, and
        ``fit_transform(X, y)`` where that is quicker. ``X`` is the block
        of one kind as `automl.data.table.Kind` describes it, what the step before gave, or for a
        step that takes ``{"table"}`` the whole `automl.data.table.Table`. Where it
        also has ``lineage(n_in)``, which returns for each column that comes out the numbers of
        those that it was made of (of ``context.features``, where it took the table), or
        scikit-learn's ``get_feature_names_out(names)``, the engine keeps the line back to the
        user's columns; else all of them stand for each.
    removes : frozenset of str, default=frozenset()
        Traits that are gone afterwards if they were there (an encoder that deals with missing
        cells removes ``"missing"``).
    supervised : bool, default=False
        Whether ``fit`` reads the target; the engine then gives training rows values from
        transformers that were fitted without them.
    crossfits : bool, default=False
        Whether ``fit_transform(X, y)`` does that by itself (as scikit-learn's TargetEncoder does).
    space : mapping of str to range, default={}
        What the search may vary; what is not given is up to ``build``.
    wants : callable (block, context) -> bool, or None, default=None
        Called once a run with up to 2,000 raw rows of the columns of one kind that it takes, or of
        the table; False says that these are not its own, and no chain with it is tried.
    priority : int, default=50
        Of two possible chains the one with the lower numbers is the default.
    requires : tuple of str, default=()
    saved : Saved, tuple of str, or None, default=()
        As for an algorithm.
    formula : callable (transformer) -> Formula or None, or None, default=None
        What a fitted transformer computes, as a list of operations (see
        `automl.plugin.formulas`): the columns that ``transform`` gives, dense. It may return None
        where there is no such. Exports that need no automl are made of it.
    code : callable (transformer) -> Code, or None, default=None
        How an unfitted one is written in a program that does not know automl (see
        `automl.plugin.code`).
    """

    name: str
    takes: frozenset[str]
    emits: frozenset[str]
    build: Callable[[Params, PrepareContext], Any]
    removes: frozenset[str] = frozenset()
    supervised: bool = False
    crossfits: bool = False
    space: Space = field(default_factory=dict)
    wants: Callable[[Any, PrepareContext], bool] | None = None
    priority: int = 50
    requires: tuple[str, ...] = ()
    saved: Saved | tuple[str, ...] | None = ()
    formula: Callable[[Any], Formula | None] | None = None
    code: Callable[[Any], Code] | None = None

    def __post_init__(self) -> None:
        check_name(self)
        check_words(self, "takes", "emits")
        check_callable(self, "build")
        for name in ("formula", "code"):
            if getattr(self, name) is not None:
                check_callable(self, name)
        if TABLE in self.takes and (len(self.takes) > 1 or TABLE in self.emits):
            refuse(self, "takes", self.takes, "possible: 'table' is taken alone, and not emitted")
        if TABLE in self.takes and self.name in KINDS:
            refuse(self, "name", self.name, "a word that no kind of column has")
        if self.wants is not None:
            check_callable(self, "wants")
