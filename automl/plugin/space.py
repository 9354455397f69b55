"""Ranges of parameters as plain values, turned into Optuna distributions when a search starts.

A plugin that writes its space with these imports nothing heavy; one that prefers
``optuna.distributions`` may use those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from automl.errors import PluginError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Option = bool | int | float | str | None
"""A value that a choice may offer."""

When = Mapping[str, Option | tuple[Option, ...]]
"""For other parameters of the space the value, or the values, with which a parameter is used."""


@dataclass(frozen=True, slots=True)
class Float:
    """A float between two bounds, both included.

    Parameters
    ----------
    low, high : float
    log : bool, default=False
        Draw the logarithm uniformly; needs ``low > 0``.
    when : mapping of str to value or tuple of values, default={}
        Other parameters of the same space, and what each has to be: else this one is neither drawn
        nor handed over.
    """

    low: float
    high: float
    log: bool = False
    when: When = field(default_factory=dict, kw_only=True, hash=False)

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
    when : mapping of str to value or tuple of values, default={}
        As for `Float`.
    """

    low: int
    high: int
    log: bool = False
    when: When = field(default_factory=dict, kw_only=True, hash=False)

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
    when : mapping of str to value or tuple of values, default={}
        As for `Float`.
    """

    options: tuple[Option, ...]
    when: When = field(default_factory=dict, hash=False)

    def __init__(self, *options: Option, when: When | None = None) -> None:
        if not options or not all(isinstance(o, bool | int | float | str | None) for o in options):
            raise PluginError(
                "E_PLUGIN_SPACE",
                f"Choice() takes one or more of bool, int, float, str or None, got {options!r}.",
            )
        object.__setattr__(self, "options", options)
        object.__setattr__(self, "when", {} if when is None else when)
        _check_when(self)

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
    _check_when(given)


def _check_when(given: Range) -> None:
    when: Any = given.when
    pairs = when.items() if isinstance(when, Mapping) else ((None, None),)
    for name, value in pairs:
        options = value if isinstance(value, tuple) else (value,)
        if not isinstance(name, str) or not all(isinstance(one, Option) for one in options):
            raise PluginError(
                "E_PLUGIN_SPACE",
                f"{given!r}: when={when!r} is not a mapping of other parameters to a value or a "
                'tuple of values, such as {"kernel": "rbf"}.',
            )
