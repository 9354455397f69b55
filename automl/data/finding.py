"""What was found in the data and done about it, as a value with a stable code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found in a table.

    Parameters
    ----------
    code : str
        Stable identifier, ``W_DATA_*`` at fit time and ``W_SCHEMA_*`` at predict time; every code
        stands in ``docs/data_rules.md``.
    message : str
        What was found and what was done, in a sentence.
    columns : tuple of str, default=()
    count : int, default=0
        Number of cells or rows concerned.
    warn : bool, default=True
        Whether the user is warned; False for what is only listed (a kind that was inferred).
    """

    code: str
    message: str
    columns: tuple[str, ...] = ()
    count: int = 0
    warn: bool = True
