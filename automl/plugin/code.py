"""How something that learns is written down, in programs that do not know automl.

An algorithm says it by ``code(estimators)``, a preprocessor by ``code(transformer)``: both return a
`Code`, the call that makes an unfitted one. Exporters that write programs need nothing else::

    def code(estimators):
        depth = round(mean(one.get_depth() for one in estimators))
        return Code(place="sklearn.tree:DecisionTreeRegressor", kwargs={"max_depth": depth})
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from automl.errors import PluginError


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A value that a program has under a name of its own.

    Parameters
    ----------
    name : str
    """

    name: str


LEVELS = Variable(name="levels")
"""In the code of a step: the levels of the columns that it reads, a list of strings for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A call that makes something unfitted.

    Parameters
    ----------
    place : str
        What is called, as ``"package.module:Name"``.
    args : tuple, default=()
        What it is given: plain values (None, numbers, strings, lists, tuples, dicts of them),
        further `Code`, or `LEVELS`.
    kwargs : mapping, default={}
        The same by name.
    copied : bool, default=False
        Whether a program holds the source of it, instead of importing it: for classes of a plugin.
        Copied is what the class needs to fit, transform and predict. It may read other modules of
        the same package and of `automl.plugin`, which are copied likewise, and libraries.

    Raises
    ------
    PluginError
        ``E_PLUGIN_CODE`` where it cannot be written down.
    """

    place: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    copied: bool = False

    def __post_init__(self) -> None:
        if self.place.count(":") != 1:
            raise PluginError("E_PLUGIN_CODE", f"{self.place!r} is not 'package.module:Name'.")
        for value in (*self.args, *self.kwargs.values()):
            _check(value)

    @staticmethod
    def own(fitted: Any, *names: str) -> Code:
        """Return the call of a plugin's own class, whose source is copied.

        Parameters
        ----------
        fitted : object
        names : str
            Parameters of its constructor, which it keeps as attributes.
        """
        kind = type(fitted)
        try:
            kwargs = {name: _plain(getattr(fitted, name)) for name in names}
        except AttributeError as error:
            raise PluginError(
                "E_PLUGIN_CODE", f"a {kind.__name__} of an older version: {error}", "Learn again."
            ) from error
        return Code(place=f"{kind.__module__}:{kind.__qualname__}", kwargs=kwargs, copied=True)

    @staticmethod
    def of(estimator: Any, changed: Mapping[str, Any] | None = None) -> Code:
        """Return the call of a scikit-learn estimator, without parameters at their default.

        Parameters
        ----------
        estimator : object
            Has ``get_params``; its class is one of a library.
        changed : mapping or None, default=None
            Parameters that are other ones.
        """
        kind = type(estimator)
        usual = {name: one.default for name, one in inspect.signature(kind).parameters.items()}
        given = {**estimator.get_params(deep=False), **(changed or {})}
        kwargs = {name: _plain(v) for name, v in given.items() if not _same(v, usual.get(name))}
        return Code(place=_public(kind), kwargs=kwargs)

    def make(self, levels: Sequence[Sequence[str]] = ()) -> Any:
        """Return what the call makes, here and now.

        Parameters
        ----------
        levels : sequence of sequence of str, default=()
            What `LEVELS` stands for.
        """
        module, _, name = self.place.partition(":")

        def value(given: Any) -> Any:
            if isinstance(given, Code):
                return given.make(levels)
            if isinstance(given, Variable):
                return levels
            if isinstance(given, list | tuple):
                return type(given)(value(one) for one in given)
            return given

        named = {key: value(given) for key, given in self.kwargs.items()}
        return getattr(import_module(module), name)(*map(value, self.args), **named)


def _plain(value: Any) -> Any:
    """Return a value without types of NumPy."""
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {_plain(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(one) for one in value)
    return value


def _check(value: Any) -> None:
    if isinstance(value, dict):
        inner: list[Any] = [*value, *value.values()]
    elif isinstance(value, list | tuple):
        inner = list(value)
    elif value is None or type(value) in {bool, int, float, str, Code, Variable}:
        return
    else:
        raise PluginError(
            "E_PLUGIN_CODE",
            f"{value!r} cannot be written down as code.",
            "Plain values can: None, numbers, strings, and lists, tuples and dicts of them.",
        )
    for one in inner:
        _check(one)


def _same(value: Any, usual: Any) -> bool:
    if type(value) is not type(usual):
        return False
    # NaN, the mark of a missing cell, does not equal itself.
    return bool(value == usual) or (value != value and usual != usual)  # noqa: PLR0124


def _public(kind: type) -> str:
    """Return the shortest place that a class can be imported from."""
    parts = kind.__module__.split(".")
    for n in range(1, len(parts) + 1):
        name = ".".join(parts[:n])
        if getattr(import_module(name), kind.__name__, None) is kind:
            return f"{name}:{kind.__name__}"
    raise PluginError("E_PLUGIN_CODE", f"{kind.__name__} cannot be imported.")
