"""Ranges of parameters as plain values, turned into Optuna distributions when a search starts.

A plugin that writes its space with these imports nothing heavy; one that prefers
``optuna.distributions`` may use those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl.errors import PluginError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Option = bool | int | float | str | None
"""A value that a choice may offer."""


@dataclass(frozen=True, slots=True)
class Float:
    """A float between two bounds, both included.

    Parameters
    ----------
    low, high : float
    log : bool, default=False
        Draw the logarithm uniformly; needs ``low > 0``.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        _check_bounds(self)

    def distribution(self) -> BaseDistribution:
        """Return the Optuna distribution."""
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, log=self.log)


@dataclass(frozen=True, slots=True)
class Int:
    """An integer between two bounds, both included.

    Parameters
    ----------
    low, high : int
    log : bool, default=False
        Draw the logarithm uniformly; needs ``low > 0``.
    """

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        _check_bounds(self)

    def distribution(self) -> BaseDistribution:
        """Return the Optuna distribution."""
        from optuna.distributions import IntDistribution

        return IntDistribution(self.low, self.high, log=self.log)


@dataclass(frozen=True, slots=True, init=False)
class Choice:
    """One of the values listed.

    Parameters
    ----------
    *options : bool, int, float, str or None
        What JSON can say without loss.
    """

    options: tuple[Option, ...]

    def __init__(self, *options: Option) -> None:
        if not options or not all(isinstance(o, bool | int | float | str | None) for o in options):
            raise PluginError(
                "E_PLUGIN_SPACE",
                f"Choice() takes one or more of bool, int, float, str or None, got {options!r}.",
            )
        object.__setattr__(self, "options", options)

    def distribution(self) -> BaseDistribution:
        """Return the Optuna distribution."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.options)


Range = Float | Int | Choice
"""What a space may map a parameter's name to, beside an Optuna distribution."""


def _check_bounds(given: Float | Int) -> None:
    if not given.low <= given.high:
        raise PluginError("E_PLUGIN_SPACE", f"{given!r} has no value: low must not exceed high.")
    if given.log and given.low <= 0:
        raise PluginError("E_PLUGIN_SPACE", f"{given!r} with log=True needs low > 0.")
