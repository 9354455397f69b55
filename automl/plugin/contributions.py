"""What a plugin can contribute: frozen values whose fields are the facts that the engine decides by."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from automl.errors import PluginError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from optuna.distributions import BaseDistribution

    from automl.data.target import Target
    from automl.events import Event
    from automl.plugin.context import Context, PrepareContext
    from automl.plugin.space import Range

Params = Mapping[str, Any]
"""Parameters that survive JSON."""

Space = Mapping[str, "Range | BaseDistribution"]

TRAITS = frozenset(
    {"number", "category", "string", "text", "date", "missing", "unscaled", "sparse"}
)
"""What a column can be; the first five are its kind.

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
    """

    X: Any
    y: NDArray[Any]
    weight: NDArray[np.float64] | None = None


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
        Cost of a fit relative to a boosted tree ensemble's; orders first tries.
    max_rows, max_columns, max_classes : int or None, default=None
        Above these it is not tried.
    saved : Saved, tuple of str, or None, default=()
        How a fitted estimator is saved: a pair, or the names of types beyond skops' own that skops
        may build. None means that it predicts but cannot be saved.
    default : bool, default=True
        Whether it belongs into a default search; False for one that is only tried when named.
    """

    name: str
    tasks: frozenset[str]
    build: Callable[[Params, Context], Any]
    accepts: frozenset[str] = frozenset({"number"})
    space: Space | Callable[[Context], Space] = field(default_factory=dict)
    starts: tuple[Params, ...] = ({},)
    requires: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    fit: Callable[[Any, Any, Any, Any, Validation | None, Report], None] | None = None
    weights: bool = False
    threads: bool = False
    cost: float = 1.0
    max_rows: int | None = None
    max_columns: int | None = None
    max_classes: int | None = None
    saved: Saved | tuple[str, ...] | None = ()
    default: bool = True

    def __post_init__(self) -> None:
        _check_name(self)
        _check_words(self, "tasks", "accepts")
        _check_callable(self, "build")
        if not self.starts:
            _refuse(self, "starts", self.starts, "at least one configuration ({} is one)")

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
        requires: Sequence[str] = (),
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
            requires=requires,
            saved=saved,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessor:
    """A step that turns columns of some traits into columns of others.

    A column is eligible when it has all traits of ``takes``; afterwards its traits are
    ``(traits - takes - removes) | emits``.

    Parameters
    ----------
    name : str
        Lower case, unique among all installed plugins.
    takes : frozenset of str
        Traits that a column must have.
    emits : frozenset of str
        Traits of the columns that come out.
    build : callable (params, context) -> transformer
        Returns an unfitted transformer with ``fit(X, y)`` and ``transform(X)``. ``X`` is the block
        of one kind as `automl.data.table.Kind` describes it, or what the step before gave.
    removes : frozenset of str, default=frozenset()
        Traits that are gone afterwards if they were there (an encoder that deals with missing
        cells removes ``"missing"``).
    supervised : bool, default=False
        Whether ``fit`` reads the target; the engine then gives training rows values from
        transformers that were fitted without them.
    space : mapping of str to range, default={}
    priority : int, default=50
        Of two possible chains the one with the lower numbers is the default.
    requires : tuple of str, default=()
    saved : Saved, tuple of str, or None, default=()
        As for an algorithm.
    """

    name: str
    takes: frozenset[str]
    emits: frozenset[str]
    build: Callable[[Params, PrepareContext], Any]
    removes: frozenset[str] = frozenset()
    supervised: bool = False
    space: Space = field(default_factory=dict)
    priority: int = 50
    requires: tuple[str, ...] = ()
    saved: Saved | tuple[str, ...] | None = ()

    def __post_init__(self) -> None:
        _check_name(self)
        _check_words(self, "takes", "emits")
        _check_callable(self, "build")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A number that says how good values or labels are.

    Parameters
    ----------
    name : str
    tasks : frozenset of str
    score : callable (y, given, weight) -> float
        ``y``: encoded target of shape (n_rows,); ``given``: what ``reads`` says; ``weight``: float
        array of shape (n_rows,) or None.
    reads : {"values", "labels"}
        ``"values"``: probabilities of shape (n_rows, n_classes), or numbers of shape (n_rows,).
        ``"labels"``: the decided class codes (or numbers) of shape (n_rows,).
    greater_is_better : bool
    best : float
        The score of a perfect prediction.
    """

    name: str
    tasks: frozenset[str]
    score: Callable[[NDArray[Any], NDArray[Any], NDArray[np.float64] | None], float]
    reads: Literal["values", "labels"]
    greater_is_better: bool
    best: float

    def __post_init__(self) -> None:
        _check_name(self)
        _check_words(self, "tasks")
        _check_callable(self, "score")
        if self.reads not in {"values", "labels"}:
            _refuse(self, "reads", self.reads, "'values' or 'labels'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A target as the learners see it.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        int64 codes into ``classes``, or float64 numbers.
    classes : ndarray or None
        The labels as the user wrote them, sorted; None where the target is a number.
    """

    y: NDArray[Any]
    classes: NDArray[Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A kind of question: what the target looks like and what an answer is.

    Parameters
    ----------
    name : str
    matches : callable (target) -> int
        How well the target looks like this task's: 0 not at all; the highest number wins.
    encode : callable (target) -> Encoded
        The target without missing rows, encoded.
    values : callable (estimator, X, n_classes) -> ndarray
        What a fitted estimator says: shape (n_rows, n_classes), or (n_rows,).
    constant : callable (y, weight, n_classes) -> ndarray
        The best value that ignores the columns: shape (n_classes,), or () .
    decide : callable (values) -> ndarray of shape (n_rows,)
        Class codes, or numbers.
    estimator : str
        What scikit-learn calls such an estimator: ``"classifier"`` or ``"regressor"``.
    metric : str
        Name of the default metric.
    splitters : mapping of str to str
        Name of the splitter for each situation: ``"plain"``, ``"large"``, ``"group"``, ``"time"``.
    like : str, default=""
        Name of the built-in task whose algorithms and metrics serve this one too.
    """

    name: str
    matches: Callable[[Target], int]
    encode: Callable[[Target], Encoded]
    values: Callable[[Any, Any, int], NDArray[np.float64]]
    constant: Callable[[NDArray[Any], NDArray[np.float64] | None, int], NDArray[np.float64]]
    decide: Callable[[NDArray[np.float64]], NDArray[Any]]
    estimator: str
    metric: str
    splitters: Mapping[str, str]
    like: str = ""

    def __post_init__(self) -> None:
        _check_name(self)
        for name in ("matches", "encode", "values", "constant", "decide"):
            _check_callable(self, name)

    @property
    def names(self) -> frozenset[str]:
        """Names under which an algorithm or a metric may claim this task."""
        return frozenset({self.name, self.like}) - {""}


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRequest:
    """What a splitter is told.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        The encoded target.
    n_folds : int
        Folds wanted; fewer may be given where the data allows no more.
    groups : ndarray of shape (n_rows,), dtype=int64, or None
    time : ndarray of shape (n_rows,), dtype=float64, or None
    seed : int
    repeats : int, default=1
        How often the rows are split anew; the test sets of one repeat do not overlap.
    """

    y: NDArray[Any]
    n_folds: int
    groups: NDArray[np.int64] | None
    time: NDArray[np.float64] | None
    seed: int
    repeats: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Splitter:
    """A way to hold rows out.

    Parameters
    ----------
    name : str
    split : callable (request) -> sequence of (train, test)
        Row numbers (int64, sorted). Test sets of one repeat do not overlap.
    """

    name: str
    split: Callable[[SplitRequest], Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]]

    def __post_init__(self) -> None:
        _check_name(self)
        _check_callable(self, "split")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A way to read a table from a place that a string names.

    Parameters
    ----------
    name : str
    matches : callable (source) -> bool
        Whether it is in charge of this path or URL; looks at the string, and at most at the first
        bytes of a file.
    read : callable (source) -> table
        Anything that narwhals takes, or a dict of columns.
    requires : tuple of str, default=()
    """

    name: str
    matches: Callable[[str], bool]
    read: Callable[[str], Any]
    requires: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_name(self)
        _check_callable(self, "matches")
        _check_callable(self, "read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Something that follows a run.

    Parameters
    ----------
    name : str
    start : callable () -> callable (event) -> None, or None
        Called once a run; what it returns is called with each event. None: not interested (no
        terminal, say).
    """

    name: str
    start: Callable[[], Callable[[Event], None] | None]

    def __post_init__(self) -> None:
        _check_name(self)
        _check_callable(self, "start")


Contribution = Algorithm | Preprocessor | Metric | Task | Splitter | Reader | Listener
"""Anything a plugin can give."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def _refuse(given: Any, name: str, value: object, expected: str) -> None:
    raise PluginError(
        "E_PLUGIN_FIELD",
        f"{type(given).__name__}({given.name!r}): {name}={value!r} is not {expected}.",
    )


def _check_name(given: Any) -> None:
    if not isinstance(given.name, str) or not _NAME.fullmatch(given.name):
        _refuse(given, "name", given.name, "a lower-case word such as 'nearest_neighbors'")


def _check_words(given: Any, *names: str) -> None:
    for name in names:
        words = getattr(given, name)
        if not isinstance(words, frozenset) or not words:
            _refuse(given, name, words, "a non-empty frozenset of words")


def _check_callable(given: Any, name: str) -> None:
    if not callable(getattr(given, name)):
        _refuse(given, name, getattr(given, name), "callable")
