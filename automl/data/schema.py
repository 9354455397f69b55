"""The promise at predict time: which columns, of what kind, with which levels."""

from __future__ import annotations

from dataclasses import dataclass, field

from automl.data.table import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One column that is learned from.

    Parameters
    ----------
    name : str
        The user's name of the column.
    kind : Kind
    levels : tuple of str, default=()
        Known levels, for ``CATEGORY`` and ``STRING``; a code is an index into it.
    ordered : bool, default=False
        Whether the order of ``levels`` means something.
    boolean : bool, default=False
        Whether a number is a truth value.
    missing : bool, default=False
        Whether a cell was missing in training.
    scale : float, default=1.0
        Numbers are divided by it, so that they fit a 32-bit float.
    low, high : float or None, default=None
        Range seen in training, for numbers and dates.
    dtype : str, default=""
        The type as given, for messages.
    form : str, default=""
        How the cells came in: ``"number"``, ``"boolean"``, ``"date"`` or ``"string"``; empty where
        the source had no types.
    format : str, default=""
        How strings are read: for a date one of `automl.data.parse.DATE_FORMATS`, for a number the
        decimal mark ``","`` (empty: a point).
    monotonic : int, default=0
        1 where predictions must not fall while the number rises, -1 where they must not rise.
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()
    ordered: bool = False
    boolean: bool = False
    missing: bool = False
    scale: float = 1.0
    low: float | None = None
    high: float | None = None
    dtype: str = ""
    form: str = ""
    format: str = ""
    monotonic: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """One column that is not learned from, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """All columns of the training table, in their order.

    Parameters
    ----------
    features : tuple of Feature
        A column of words whose levels repeat stands here twice, as ``STRING`` and as ``TEXT``.
    dropped : tuple of Dropped, default=()
    names : tuple of str, default=()
        All columns of the training table, in its order; without those that have a role.
    positional : bool, default=False
        Whether the training table had no names of its own (an array).
    """

    features: tuple[Feature, ...]
    dropped: tuple[Dropped, ...] = field(default=())
    names: tuple[str, ...] = ()
    positional: bool = False

    @property
    def learned(self) -> tuple[str, ...]:
        """Names of the columns that are learned from, each once."""
        return tuple(dict.fromkeys(feature.name for feature in self.features))

    def of(self, kind: Kind) -> tuple[Feature, ...]:
        """Return the features of one kind, in the order of the table's block."""
        return tuple(feature for feature in self.features if feature.kind is kind)
