"""What the user says about columns: kinds that override ours, and roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from automl.data.names import did_you_mean, listed
from automl.data.table import Kind
from automl.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Kinds and roles of columns, by the user's names.

    Parameters
    ----------
    kinds : mapping of str to str, default={}
        Name to ``"number"``, ``"category"``, ``"string"``, ``"text"`` or ``"date"``; the target may
        be named too (``"category"`` asks for classes, ``"number"`` for a number).
    ordered : mapping of str to sequence of str, default={}
        Name to its levels from lowest to highest.
    ignored : tuple of str, default=()
        Not learned from.
    group : str or None, default=None
        Rows of one group are never on both sides of a split.
    time : str or None, default=None
        Training rows are never later than the rows they are judged on.
    weight : str or None, default=None
        Weight of each row in fitting and scoring.
    sensitive : tuple of str, default=()
        Kept for reports by group; learned from unless ignored as well.
    monotonic : mapping of str to int, default={}
        Name of a column of numbers to 1 where predictions must not fall while it rises, or to -1
        where they must not rise; of two classes the probability of the second is meant. Algorithms
        that cannot promise that are not tried.
    """

    kinds: Mapping[str, str] = field(default_factory=dict)
    ordered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    sensitive: tuple[str, ...] = ()
    monotonic: Mapping[str, int] = field(default_factory=dict)

    def check(self, names: Sequence[str]) -> None:
        """Refuse kinds and roles of columns that do not exist.

        Parameters
        ----------
        names : sequence of str
            The columns that do.

        Raises
        ------
        DataError
            ``E_DATA_COLUMN_UNKNOWN``, ``E_DATA_KIND`` or ``E_DATA_MONOTONIC``.
        """
        roles = [name for name in (self.group, self.time, self.weight) if name is not None]
        named = (*self.kinds, *self.ordered, *self.ignored, *self.sensitive, *self.monotonic)
        for name in (*named, *roles):
            if name not in names:
                raise DataError(
                    "E_DATA_COLUMN_UNKNOWN",
                    f"No column named {name!r}. Columns: {listed(names)}.",
                    did_you_mean(str(name), names),
                )
        for name, kind in self.kinds.items():
            if kind not in {known.value for known in Kind}:
                raise DataError(
                    "E_DATA_KIND",
                    f"{kind!r} is no kind of column (asked for {name!r}).",
                    f"Kinds: {', '.join(known.value for known in Kind)}.",
                )
        for name, sign in self.monotonic.items():
            if isinstance(sign, bool) or sign not in {1, -1}:
                raise DataError(
                    "E_DATA_MONOTONIC",
                    f"Column {name!r} is to be monotonic in the direction {sign!r}, expected 1 "
                    "(predictions must not fall while it rises) or -1 (must not rise).",
                )
