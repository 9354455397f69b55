"""Contributions that say what is asked, how it is judged, read and followed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from automl.plugin.fields import check_callable, check_name, check_words, refuse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from automl.data.target import Target
    from automl.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A number that says how good values or labels are.

    Parameters
    ----------
    name : str
    tasks : frozenset of str
    score : callable (y, given, weight) -> float, or (y, given, weight, columns) -> float
        ``y``: encoded target of shape (n_rows,); ``given``: what ``reads`` says; ``weight``: float
        array of shape (n_rows,) or None; with ``columns``: a mapping of each name to the cells of
        these rows.
    reads : {"values", "labels", "both"}
        ``"values"``: probabilities of shape (n_rows, n_classes), or numbers of shape (n_rows,).
        ``"labels"``: the decided class codes (or numbers) of shape (n_rows,).
        ``"both"``: the tuple (values, labels).
    greater_is_better : bool
    best : float
        The score of a perfect prediction; infinite where it depends on the data.
    columns : tuple of str, default=()
        Other columns of the table that the score needs, as the user named them: arrays of shape
        (n_rows,), float64 with NaN where the column holds numbers, truth values (0 and 1) or dates
        (seconds since 1970-01-01 UTC), else objects, str or None. A column with a role, and one
        that is not learned from, can be read too.
    true_class_only : bool, default=False
        Whether, of class probabilities, the score reads nothing but that of the true class, as the
        log loss does. Then many candidates are compared in less time: ``given`` may be these
        probabilities alone, of shape (n_rows, 1), and ``y`` zeros.
    """

    name: str
    tasks: frozenset[str]
    score: Callable[..., float]
    reads: Literal["values", "labels", "both"]
    greater_is_better: bool
    best: float
    columns: tuple[str, ...] = ()
    true_class_only: bool = False

    def __post_init__(self) -> None:
        check_name(self)
        check_words(self, "tasks")
        check_callable(self, "score")
        if self.reads not in {"values", "labels", "both"}:
            refuse(self, "reads", self.reads, "'values', 'labels' or 'both'")
        if self.true_class_only and self.reads != "values":
            refuse(self, "true_class_only", self.true_class_only, "False, as it reads labels")
        columns: object = self.columns
        named = isinstance(columns, tuple) and all(isinstance(name, str) for name in columns)
        if not named or len({*self.columns}) < len(self.columns):
            refuse(self, "columns", columns, "a tuple of different names of columns")


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


def _nothing_to_say(*_: object) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A kind of question: what the target looks like and what an answer is.

    Parameters
    ----------
    name : str
    matches : callable (target) -> int
        How well the target looks like this task's: 0 not at all; the highest number wins.
    encode : callable (target) -> Encoded
        The target without missing rows, encoded. A `DataError` says why a target cannot be; it
        reaches the user as it is.
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
    lines : callable (y, values, weight, classes) -> sequence of str
        What a person wants to read about values beside the truth, a sentence a line: ``y`` and
        ``weight`` of shape (n_rows,) (weight may be None), ``values`` as above, ``classes`` as of
        `Encoded`. Default: nothing.
    weighable : bool, default=False
        Whether classes may be weighed before one is decided on: of ``values * weights``, each row
        divided by its sum, ``decide`` makes an answer that is as sensible, and a class of larger
        weight is said more often. Then, where the metric reads labels, weights are tuned on
        held-out rows.
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
    lines: Callable[
        [NDArray[Any], NDArray[np.float64], NDArray[np.float64] | None, NDArray[Any] | None],
        Sequence[str],
    ] = _nothing_to_say
    weighable: bool = False

    def __post_init__(self) -> None:
        check_name(self)
        for name in ("matches", "encode", "values", "constant", "decide", "lines"):
            check_callable(self, name)

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
        check_name(self)
        check_callable(self, "split")


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
    priority : int, default=50
        Of two in charge the one with the lower number reads, then the one whose name comes first.
        The built-ins, which take any file they can make sense of, have 90.
    batches : callable (source) -> iterator of tables, or None, default=None
        Gives the rows of ``read`` a part at a time, in their order, every part with all columns,
        at least one part: for tables that memory does not hold. None reads all at once.
    write : callable (place, parts) -> None, or None, default=None
        Makes a table at a place that ``matches``, whole or not at all. ``parts`` is an iterator of
        mappings of names to sequences of plain cells. None: such a place is read only.
    """

    name: str
    matches: Callable[[str], bool]
    read: Callable[[str], Any]
    requires: tuple[str, ...] = ()
    priority: int = 50
    batches: Callable[[str], Iterator[Any]] | None = None
    write: Callable[[str, Iterator[Mapping[str, Sequence[Any]]]], None] | None = None

    def __post_init__(self) -> None:
        check_name(self)
        check_callable(self, "matches")
        check_callable(self, "read")
        for name in ("batches", "write"):
            if getattr(self, name) is not None:
                check_callable(self, name)


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
        check_name(self)
        check_callable(self, "start")
