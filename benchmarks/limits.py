"""How long a job may take, from `limits.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("limits.toml")


class LimitError(Exception):
    """A budget that is neither a name nor a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All in seconds."""

    budget: float
    until_fit: float  # from the start of the process to the fitted model
    after_fit: float
    row_calls: int
    row_seconds: float


def limits(budget: str, file: Path = FILE) -> Limits:
    """Return the limits for a budget, given by its name or in seconds."""
    with file.open("rb") as opened:
        said = tomllib.load(opened)
    try:
        seconds = float(said["budgets"].get(budget, budget))
    except ValueError as error:
        names = ", ".join(said["budgets"])
        raise LimitError(f"--budget is a number of seconds or one of {names}") from error
    killed, rows = said["killed"], said["rows"]
    return Limits(
        budget=seconds,
        until_fit=killed["factor"] * seconds + killed["plus"],
        after_fit=killed["after_fit"],
        row_calls=rows["calls"],
        row_seconds=rows["seconds"],
    )
