"""The line from each column of a matrix back to the user's own columns."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Sources = tuple[int, ...]
"""Numbers of the columns that one column was made of."""

Lineage = tuple[tuple[str, ...], ...]
"""For each column the user's columns that it was made of."""

_MARK = re.compile("\N{LEFT WHITE SQUARE BRACKET}([0-9]+)\N{RIGHT WHITE SQUARE BRACKET}")
_REFUSALS = (AttributeError, IndexError, KeyError, NotImplementedError, TypeError, ValueError)


def sources_of(transformer: Any, n_in: int, n_out: int) -> tuple[Sources, ...]:
    """Return for each column that comes out the columns of the input that it was made of.

    Parameters
    ----------
    transformer : object
        Fitted. One with ``lineage(n_in)`` is asked that, one with ``get_feature_names_out(names)``
        is asked in which of its names those of the input occur.
    n_in, n_out : int

    Returns
    -------
    tuple of tuple of int
        All columns of the input where nothing was declared, or not for ``n_out`` columns.
    """
    whole = tuple(range(n_in))
    declared = None
    if hasattr(transformer, "lineage"):
        declared = [tuple(int(j) for j in sources) for sources in transformer.lineage(n_in)]
    elif hasattr(transformer, "get_feature_names_out"):
        declared = _read(transformer, n_in)
    if declared is None or len(declared) != n_out:
        return (whole,) * n_out
    return tuple(sources or whole for sources in declared)


def through(before: Sequence[Sources], sources: Sequence[Sources]) -> tuple[Sources, ...]:
    """Return the lines through one step and those before it together."""
    return tuple(tuple(sorted({j for one in made for j in before[one]})) for made in sources)


def column_names(kind: str, sources: Sequence[Sources], names: Sequence[str]) -> list[str]:
    """Return a readable name for each column: its one source's, numbered where that gave several.

    Parameters
    ----------
    kind : str
        Stands for several sources.
    sources : sequence of tuple of int
    names : sequence of str
        The user's names of the columns that these are numbers of.
    """
    stems = [names[made[0]] if len(made) == 1 else kind for made in sources]
    total = Counter(stems)
    seen = dict.fromkeys(total, 0)
    found = []
    for stem, made in zip(stems, sources, strict=True):
        alone = total[stem] == 1 and len(made) == 1
        found.append(stem if alone else f"{stem}[{seen[stem]}]")
        seen[stem] += 1
    return found


def to_json(lineage: Lineage) -> list[Any]:
    """Return the lineage as runs of columns with the same sources."""
    return [[len(list(run)), list(sources)] for sources, run in groupby(lineage)]


def from_json(runs: Sequence[Any]) -> Lineage:
    """Return the lineage that `to_json` wrote."""
    return tuple(
        sources
        for length, names in runs
        for sources in [tuple(str(name) for name in names)] * int(length)
    )


def _read(transformer: Any, n_in: int) -> list[Sources] | None:
    """Find the names of the input in those of the output, as scikit-learn's steps write them."""
    left, right = "\N{LEFT WHITE SQUARE BRACKET}", "\N{RIGHT WHITE SQUARE BRACKET}"
    try:
        names = transformer.get_feature_names_out([f"{left}{j}{right}" for j in range(n_in)])
    except _REFUSALS:
        return None
    found = [tuple(sorted({int(j) for j in _MARK.findall(str(name))})) for name in names]
    return found if all(j < n_in for made in found for j in made) else None
