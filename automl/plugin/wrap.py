"""Any scikit-learn estimator as an algorithm, in one call.

A class given as ``"package.module:Class"`` is imported when it is first built; until then only what
is declared is known. Read when it is built: whether it takes ``random_state``, ``n_jobs`` or
``thread_count``. What is needed before and therefore declared, or else has the careful default:
``accepts`` (numbers, scaled and without missing cells) and ``weights`` (no). Of a class that is
given itself these are read from its tags and signature. All other fields of the algorithm can be
set with ``dataclasses.replace``.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automl.errors import PluginError
from automl.plugin.contributions import Algorithm, Params, Saved

if TYPE_CHECKING:
    from automl.plugin.context import Context
    from automl.plugin.contributions import Space

TASKS = {
    "classifier": frozenset({"binary", "multiclass"}),
    "regressor": frozenset({"regression"}),
}
"""What scikit-learn's two kinds of estimator can do."""

_SEED, _THREADS = "random_state", ("n_jobs", "thread_count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapped:
    """Builds the classifier where there are classes, else the regressor."""

    name: str
    classifier: str | type | None
    regressor: str | type | None

    def __call__(self, params: Params, context: Context) -> Any:
        """Return an unfitted estimator with the parameters, the seed and the threads."""
        given = self.classifier if context.n_classes else self.regressor
        if given is None:
            raise PluginError(
                "E_PLUGIN_WRAP", f"{self.name!r} has no estimator for the task {context.task!r}."
            )
        estimator = _class_of(given, self.name)
        known = _parameters(estimator)
        chosen = {name: context.threads for name in _THREADS if name in known}
        if _SEED in known:
            chosen[_SEED] = context.seed
        return estimator(**{**chosen, **params})


def wrap(
    name: str,
    *,
    classifier: str | type | None = None,
    regressor: str | type | None = None,
    space: Space | Callable[[Context], Space] | None = None,
    starts: Iterable[Params] = ({},),
    accepts: Iterable[str] | None = None,
    weights: bool | None = None,
    saved: Saved | Iterable[str] | None = (),
) -> Algorithm:
    """Return an algorithm that builds estimators of someone else.

    Parameters
    ----------
    name : str
    classifier, regressor : str, class or None, default=None
        ``"package.module:Class"``, imported at first use, or the class itself.
    space, starts :
        As for `Algorithm`; parameters are the constructor's.
    accepts : iterable of str or None, default=None
        As for `Algorithm`. None: ``number``, and of classes that are given themselves ``missing``
        and ``sparse`` where their tags say so.
    weights : bool or None, default=None
        As for `Algorithm`. None: no, or what ``fit`` of a class that is given says.
    saved : Saved, iterable of str, or None, default=()
        As for `Algorithm`; the classes themselves are declared in any case.

    Raises
    ------
    PluginError
        ``E_PLUGIN_WRAP`` where there is neither class, or one is written in another way.
    """
    given = {"classifier": classifier, "regressor": regressor}
    used: dict[str, Any] = {kind: value for kind, value in given.items() if value is not None}
    if not used:
        raise PluginError("E_PLUGIN_WRAP", f"wrap({name!r}) needs a classifier or a regressor.")
    for kind, value in used.items():
        if not isinstance(value, type) and not (isinstance(value, str) and value.count(":") == 1):
            raise PluginError(
                "E_PLUGIN_WRAP",
                f"wrap({name!r}): {kind}={value!r} is neither 'package.module:Class' nor a class.",
            )
    classes: list[Any] = [value for value in used.values() if isinstance(value, type)]
    whole = len(classes) == len(used)
    read = frozenset.intersection(*(_traits(one) for one in classes)) if whole else frozenset()
    types = (_type_name(value) for value in used.values())
    return Algorithm(
        name=name,
        tasks=frozenset().union(*(TASKS[kind] for kind in used)),
        build=Wrapped(name=name, classifier=classifier, regressor=regressor),
        accepts=frozenset({"number"} | read if accepts is None else accepts),
        space={} if space is None else space,
        starts=tuple(starts),
        weights=(whole and all(_takes_weights(one) for one in classes))
        if weights is None
        else weights,
        threads=any(not _parameters(one).isdisjoint(_THREADS) for one in classes),
        saved=saved if isinstance(saved, Saved) or saved is None else (*saved, *types),
    )


def _class_of(given: str | type, name: str) -> Any:
    if isinstance(given, type):
        return given
    module, _, attribute = given.partition(":")
    found = importlib.import_module(module)
    if not hasattr(found, attribute):
        raise PluginError("E_PLUGIN_WRAP", f"{name!r}: there is no {attribute!r} in {module!r}.")
    return getattr(found, attribute)


def _type_name(given: str | type) -> str:
    return (
        given.replace(":", ".")
        if isinstance(given, str)
        else f"{given.__module__}.{given.__qualname__}"
    )


def _parameters(estimator: Any) -> set[str]:
    """Return the names of the constructor's parameters, also those that it hands on."""
    names = set(inspect.signature(estimator).parameters)
    listed = getattr(estimator, "_get_param_names", None)
    return names | set(listed() if callable(listed) else ())


def _takes_weights(estimator: Any) -> bool:
    return "sample_weight" in inspect.signature(estimator.fit).parameters


def _traits(estimator: Any) -> frozenset[str]:
    """Return what the tags of an estimator say it accepts beside numbers."""
    from sklearn.utils import get_tags

    try:
        tags = get_tags(estimator()).input_tags
    except (AttributeError, TypeError):  # no scikit-learn estimator, or one that needs arguments
        return frozenset()
    found: Mapping[str, bool] = {"missing": tags.allow_nan, "sparse": tags.sparse}
    return frozenset(trait for trait, true in found.items() if true)
