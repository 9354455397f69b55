"""Any scikit-learn estimator as an algorithm, in one call.

What an estimator can do is read from its class: the tags say whether it takes missing cells and
CSR matrices and more than two classes, the signatures whether it takes weights, a seed, threads,
and whether it can learn in rounds. A class given as ``"package.module:Class"`` is imported and
read when a search is about to try it or a model with it is loaded (`Algorithm.known`), not before.
What is declared is not read. All other fields can be set with ``dataclasses.replace``.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from automl.errors import PluginError
from automl.plugin.code import Code
from automl.plugin.contributions import Algorithm, Params, Saved
from automl.plugin.stepwise import NO_ROUNDS, learn, way_of

if TYPE_CHECKING:
    from automl.plugin.context import Context
    from automl.plugin.contributions import Space

TASKS = {
    "classifier": frozenset({"binary", "multiclass"}),
    "regressor": frozenset({"regression"}),
}
"""What scikit-learn's two kinds of estimator can do."""

_SEEDS = ("random_state", "random_seed", "seed")
_THREADS = ("n_jobs", "thread_count", "num_threads")
_CAREFUL = frozenset({"number"})


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
        estimator = class_of(given, self.name)
        known = _parameters(estimator)
        chosen: dict[str, Any] = {}
        for names, value in ((_SEEDS, context.seed), (_THREADS, context.threads)):
            chosen |= dict.fromkeys([name for name in names if name in known][:1], value)
        if known.get("verbose", False) not in (False, 0, "no default"):
            chosen["verbose"] = False
        return estimator(**{**chosen, **params})


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a class says of itself.

    Parameters
    ----------
    type_ : str
        Its name as skops writes it.
    traits : frozenset of str
        What it accepts beside numbers.
    weights, threads, in_rounds, two_classes : bool
        ``two_classes``: whether it can tell two classes apart at most.
    """

    type_: str
    traits: frozenset[str]
    weights: bool
    threads: bool
    in_rounds: bool
    two_classes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Reads what was not declared from the classes.

    Parameters
    ----------
    classes : tuple of str or type
        The classifier, the regressor, or both.
    declared : frozenset of str
        Fields that stay as they are.
    """

    classes: tuple[str | type, ...]
    declared: frozenset[str]

    def __call__(self, algorithm: Algorithm) -> Algorithm:
        """Return the algorithm with what its classes say.

        Where a class cannot be imported or asked, the careful defaults stay, and the trial says
        why it cannot be built.
        """
        try:
            found = [_facts(class_of(one, algorithm.name)) for one in self.classes]
        except Exception:
            return algorithm
        both = frozenset.intersection(*(one.traits for one in found))
        in_rounds = any(one.in_rounds for one in found) and algorithm.fit is None
        said: dict[str, Any] = {
            "accepts": _CAREFUL | both,
            "weights": all(one.weights for one in found),
            "threads": any(one.threads for one in found),
            "fit": learn if in_rounds else algorithm.fit,
        }
        if algorithm.max_classes is None and any(one.two_classes for one in found):
            said["max_classes"] = 2
        if isinstance(algorithm.saved, tuple):
            types = (one.type_ for one in found)
            said["saved"] = tuple(dict.fromkeys((*algorithm.saved, *types)))
        return replace(
            algorithm, **{name: v for name, v in said.items() if name not in self.declared}
        )


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
        As for `Algorithm`. None: ``number``, and ``missing`` and ``sparse`` where the tags say so.
    weights : bool or None, default=None
        As for `Algorithm`. None: whether ``fit`` takes ``sample_weight``.
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
    classes = tuple(used.values())
    words = {"accepts": accepts, "weights": weights}
    made = Algorithm(
        name=name,
        tasks=frozenset().union(*(TASKS[kind] for kind in used)),
        build=Wrapped(name=name, classifier=classifier, regressor=regressor),
        accepts=_CAREFUL if accepts is None else frozenset(accepts),
        space={} if space is None else space,
        starts=tuple(starts),
        code=code_of,
        imports=tuple({one.partition(":")[0]: None for one in classes if isinstance(one, str)}),
        weights=bool(weights),
        saved=saved if isinstance(saved, Saved) or saved is None else tuple(saved),
        read=Reading(
            classes=classes,
            declared=frozenset(word for word, value in words.items() if value is not None),
        ),
    )
    # A class that is here already costs nothing to ask.
    return made if any(isinstance(one, str) for one in classes) else made.known()


def code_of(estimators: Sequence[Any]) -> Code:
    """Return the call of a class, with as many rounds as were learned."""
    first = estimators[0]
    way = way_of(first)
    if way.partial:
        raise PluginError(
            "E_PLUGIN_CODE", f"a {type(first).__name__} learns epoch by epoch, not in one call"
        )
    known = first.get_params(deep=False)
    changed: dict[str, Any] = {
        name: False for name in ("warm_start", "early_stopping") if name in known
    }
    if way.limit:
        sizes = [getattr(one, way.limit) for one in estimators]
        changed[way.limit] = max(1, round(sum(sizes) / len(sizes)))
    return Code.of(first, changed)


def class_of(given: str | type, name: str) -> Any:
    """Return the class that ``"package.module:Class"`` names, for the algorithm of a name.

    Raises
    ------
    PluginError
        ``E_PLUGIN_WRAP`` where the module has no such class.
    """
    if isinstance(given, type):
        return given
    module, _, attribute = given.partition(":")
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise PluginError(
                "E_PLUGIN_WRAP", f"{name!r}: there is no {attribute!r} in {module!r}."
            )
        found = getattr(found, part)
    return found


@lru_cache(maxsize=256)
def _facts(estimator: Any) -> Facts:
    tags = _tags(estimator)
    way = way_of(estimator)
    learns = estimator.fit if way is NO_ROUNDS else way.method(estimator)
    asked: Mapping[str, bool] = (
        {"missing": tags.input_tags.allow_nan, "sparse": tags.input_tags.sparse} if tags else {}
    )
    of_classes = tags.classifier_tags if tags else None
    return Facts(
        type_=f"{estimator.__module__}.{estimator.__qualname__}",
        traits=frozenset(trait for trait, true in asked.items() if true),
        weights="sample_weight" in inspect.signature(learns).parameters,
        threads=not _parameters(estimator).keys().isdisjoint(_THREADS),
        in_rounds=way is not NO_ROUNDS,
        two_classes=of_classes is not None and not of_classes.multi_class,
    )


def _parameters(estimator: Any) -> dict[str, Any]:
    """Return the constructor's parameters with their defaults, also those that it hands on."""
    found = {
        name: "no default" if one.default is one.empty else one.default
        for name, one in inspect.signature(estimator).parameters.items()
    }
    listed = getattr(estimator, "_get_param_names", None)
    return dict.fromkeys(listed() if callable(listed) else (), "no default") | found


def _tags(estimator: Any) -> Any:
    """Return scikit-learn's tags; None where there are none, or arguments are needed first."""
    from sklearn.utils import get_tags

    try:
        return get_tags(estimator())
    except (AttributeError, TypeError):
        return None
