"""What the user says about columns: kinds that override ours, and roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
    """

    kinds: Mapping[str, str] = field(default_factory=dict)
    ordered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    sensitive: tuple[str, ...] = ()
