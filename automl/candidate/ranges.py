"""The parameters of one contribution: what varies, what is fixed, what depends on what."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from automl.errors import PluginError
from automl.plugin.space import Choice, Float, Int, Option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from optuna.distributions import BaseDistribution

    from automl.plugin.contributions import Params
    from automl.plugin.space import Range, When


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """The space of an algorithm or of a step.

    Parameters
    ----------
    owner : str
        For messages.
    varied : mapping of str to range
    fixed : mapping of str to object, default={}
        Parameters that do not vary.
    conditions : mapping of str to mapping, default={}
        What a range that was replaced depended on; a new one that says nothing keeps it.

    Raises
    ------
    PluginError
        ``E_PLUGIN_SPACE`` where parameters depend on one that does not exist, or in a ring.
    """

    owner: str
    varied: Mapping[str, Range | BaseDistribution]
    fixed: Params = field(default_factory=dict)
    conditions: Mapping[str, When] = field(default_factory=dict)

    def bent(self, given: Mapping[str, Any]) -> Ranges:
        """Return the space with other ranges; a plain value fixes a parameter."""
        fixed = {name: value for name, value in given.items() if isinstance(value, Option)}
        varied = {name: value for name, value in given.items() if name not in fixed}
        kept = {name: value for name, value in self.varied.items() if name not in fixed}
        return replace(
            self,
            varied={**kept, **varied},
            fixed={**self.fixed, **fixed},
            conditions=self.whens(),
        )

    def check(self) -> None:
        """Refuse what cannot be drawn from; the library of the distributions is left alone.

        Raises
        ------
        PluginError
            ``E_PLUGIN_SPACE``.
        """
        for name, given in self.varied.items():
            if not isinstance(given, Float | Int | Choice):
                self._distribution(name)
        self._in_order(self.varied, self.whens())

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return everything that may vary, by name."""
        return {name: self._distribution(name) for name in self.varied}

    def draw(self, ask: Callable[[str], Any]) -> dict[str, Any]:
        """Return a value for each parameter that is used with those of the others.

        Parameters
        ----------
        ask : callable (name) -> value
        """
        whens, values, drawn = self.whens(), dict(self.fixed), {}
        for name in self._in_order(self.varied, whens):
            if _holds(whens.get(name, {}), values):
                drawn[name] = values[name] = ask(name)
        return drawn

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is handed over: with what is fixed, without what is not used.

        A condition on a parameter that nobody gave is up to the contribution.
        """
        whens, whole = self.whens(), {**given, **self.fixed}
        kept: dict[str, Any] = {}
        for name in self._in_order(whole, whens):
            asked = {n: wanted for n, wanted in whens.get(name, {}).items() if n in whole}
            if _holds(asked, kept):
                kept[name] = whole[name]
        return {name: value for name, value in whole.items() if name in kept}

    def used(self, values: Mapping[str, Any]) -> set[str]:
        """Return what varies and is used with these values."""
        whens = self.whens()
        return {name for name in self.varied if _holds(whens.get(name, {}), values)}

    def whens(self) -> dict[str, When]:
        """Return what each conditional parameter depends on."""
        said = {name: getattr(given, "when", None) for name, given in self.varied.items()}
        found = {**self.conditions, **{name: when for name, when in said.items() if when}}
        for name in self.varied:
            for other in found.get(name, {}):
                if other not in self.varied and other not in self.fixed:
                    raise PluginError(
                        "E_PLUGIN_SPACE",
                        f"{self.owner}: {name!r} is used only with a certain {other!r}, which is "
                        "not in the space.",
                        f"Known: {', '.join(sorted({*self.varied, *self.fixed}))}.",
                    )
        return found

    def _in_order(self, names: Iterable[str], whens: Mapping[str, When]) -> list[str]:
        """Each name behind those that it depends on."""
        ordered: list[str] = []
        waiting = list(names)
        while waiting:
            ready = [n for n in waiting if not set(whens.get(n, {})) & set(waiting)]
            if not ready:
                raise PluginError(
                    "E_PLUGIN_SPACE",
                    f"{self.owner}: {', '.join(sorted(waiting))} depend on each other in a ring.",
                    "Let `when` name parameters that do not depend on this one.",
                )
            ordered += ready
            waiting = [n for n in waiting if n not in ready]
        return ordered

    def _distribution(self, name: str) -> BaseDistribution:
        given = self.varied[name]
        if isinstance(given, Float | Int | Choice):
            return given.distribution()
        from optuna.distributions import BaseDistribution

        if isinstance(given, BaseDistribution):
            return given
        raise PluginError(
            "E_PLUGIN_SPACE",
            f"{self.owner}: the range of {name!r} is {given!r},"
            " expected Float, Int, Choice or an Optuna distribution.",
        )


def _holds(when: When, values: Mapping[str, Any]) -> bool:
    return all(other in values and _fits(wanted, values[other]) for other, wanted in when.items())


def _fits(wanted: Any, value: Any) -> bool:
    options = wanted if isinstance(wanted, tuple) else (wanted,)
    # True equals 1 in Python; a choice between them means two things.
    return any(one == value and isinstance(one, bool) == isinstance(value, bool) for one in options)
