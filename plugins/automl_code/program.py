"""The text of a program that learns a model's recipe, and of what stands beside it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from automl.errors import PluginError
from automl.plugin import Code
from automl_code.copied import FOLDER, copies, leaf

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from automl.plugin import FittedModel

SEED = 0
"""Of the inner folds for steps that read the target."""

LINE = 88
"""Letters that a line may have."""

ALWAYS = frozenset(
    {
        ("sklearn.metrics", "accuracy_score"),
        ("sklearn.metrics", "log_loss"),
        ("sklearn.metrics", "mean_absolute_error"),
        ("sklearn.metrics", "r2_score"),
        ("sklearn.metrics", "roc_auc_score"),
        ("sklearn.model_selection", "train_test_split"),
    }
)
"""What the program imports whatever the model is."""


@dataclass(slots=True)
class Written:
    """Calls as text, and what they need.

    Attributes
    ----------
    imports : set of (module, name)
    copied : set of (module, name)
        Where the classes of plugins are found.
    """

    imports: set[tuple[str, str]] = field(default_factory=set)
    copied: set[tuple[str, str]] = field(default_factory=set)

    def call(self, name: str, args: Iterable[str], indent: int) -> str:
        """Return a call on one line, or with a line for each argument."""
        given = list(args)
        short = f"{name}({', '.join(given)})"
        if indent + len(short) <= LINE and "\n" not in short:
            return short
        inner = " " * (indent + 4)
        return f"{name}(\n" + "".join(f"{inner}{one},\n" for one in given) + " " * indent + ")"

    def code(self, code: Code, indent: int, levels: str = "[]") -> str:
        """Return a call with all that it is given; raises where a name stands for two things."""
        module, _, name = code.place.partition(":")
        place = (module, name)
        (self.copied if code.copied else self.imports).add(place)
        if any(other == name and home != module for home, other in self.imports | self.copied):
            raise PluginError("E_PLUGIN_CODE", f"two classes are called {name!r}")
        args = [self._value(one, indent + 4, levels) for one in code.args]
        args += [
            f"{key}={self._value(one, indent + 4, levels)}" for key, one in code.kwargs.items()
        ]
        return self.call(name, args, indent)

    def _value(self, value: Any, indent: int, levels: str) -> str:
        if isinstance(value, Code):
            return self.code(value, indent, levels)
        if isinstance(value, list | tuple):
            inner = [self._value(one, indent, levels) for one in value]
            comma = "," if isinstance(value, tuple) and len(inner) == 1 else ""
            opened, closed = "[]" if isinstance(value, list) else "()"
            return f"{opened}{', '.join(inner)}{comma}{closed}"
        if isinstance(value, dict):
            pairs = [f"{k!r}: {self._value(v, indent, levels)}" for k, v in value.items()]
            return "{" + ", ".join(pairs) + "}"
        if isinstance(value, float) and not math.isfinite(value):
            return f'float("{value}")'
        if isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        return levels if hasattr(value, "name") else repr(value)

    def libraries(self) -> str:
        """Return the imports of libraries, those of the program itself as well."""
        return _lines(self.imports | ALWAYS)

    def steps(self) -> str:
        """Return the imports of what was copied, each line with its end."""
        found = {(f"{FOLDER}.{leaf(module)}", name) for module, name in self.copied}
        return _lines(found) + "\n" if found else ""


def _lines(places: set[tuple[str, str]]) -> str:
    names: dict[str, list[str]] = {}
    for module, name in sorted(places):
        names.setdefault(module, []).append(name)
    lines = []
    for module, given in names.items():
        line = f"from {module} import {', '.join(given)}"
        if len(line) > LINE + 12:
            line = f"from {module} import (\n" + "".join(f"    {one},\n" for one in given) + ")"
        lines.append(line)
    return "\n".join(lines)


def files_of(model: FittedModel) -> dict[str, str]:
    """Return the text of each file, by its name; raises `PluginError` where there is none."""
    written = Written()
    parts = [_part(model, number, part, written) for number, part in enumerate(_sorted(model), 1)]
    texts = {
        "train.py": _program(model, written, parts),
        "tables.py": _ours("tables"),
        "chains.py": _ours("chains"),
        "schema.json": _schema(model),
    }
    for name, text in copies(written.copied).items() if written.copied else ():
        texts[f"{FOLDER}/{name}"] = text
    return texts


def _ours(name: str) -> str:
    text = (resources.files("automl_code.beside") / f"{name}.py").read_text(encoding="utf-8")
    return text.replace("automl_code.beside.", "")


def _sorted(model: FittedModel) -> list[Any]:
    return sorted(model.parts, key=lambda part: -part.weight)


def fitted_of(model: FittedModel, part: Any) -> list[Any]:
    """Return the pipelines of a part that learned something, one for each fold."""
    pipelines = [member.load(model.catalog) for member in part.members]
    return [one for one in pipelines if one.estimator is not None]


def _part(model: FittedModel, number: int, part: Any, written: Written) -> str:
    pipelines = fitted_of(model, part)
    said = f"{part.candidate.algorithm}: {part.weight:.1%} of the blend"
    if part.cv_score is not None:
        said += f", {model.metric.name} {part.cv_score:.6g} where it was held out"
    head = f'def part_{number}():\n    """{said}."""\n'
    if not pipelines:
        chains, estimator = [], _constant(model)
    else:
        chains = [_chain(model, chain, written) for chain in pipelines[0].preparation.chains]
        algorithm = model.catalog.get("algorithm", part.candidate.algorithm)
        estimator = algorithm.code([one.estimator for one in pipelines])
    prepare = written.call("Chains", chains, 4)
    return f"{head}    prepare = {prepare}\n    return prepare, {written.code(estimator, 4)}\n"


def _constant(model: FittedModel) -> Code:
    if model.classes is None:
        return Code(place="sklearn.dummy:DummyRegressor")
    return Code(place="sklearn.dummy:DummyClassifier", kwargs={"strategy": "prior"})


def _chain(model: FittedModel, chain: Any, written: Written) -> str:
    kind = "table" if chain.kind is None else str(chain.kind)
    levels = f"SCHEMA.levels({json.dumps(kind)})"
    traits, steps = {kind}, [json.dumps(kind)]
    for step in chain.steps:
        given = model.catalog.get("preprocessor", step.name)
        text = written.code(given.code(step.transformer), 12, levels)
        if given.supervised and not given.crossfits:
            text = f"CrossFitted({text})"
        steps.append(text)
        traits = (traits - given.takes - given.removes) | given.emits
    if "category" in traits or (kind == "string" and not chain.steps):
        steps.append("codes=True")
    return written.call("Chain", steps, 8)


def _schema(model: FittedModel) -> str:
    columns = []
    for one in model.schema.features:
        column = {"name": one.name, "kind": str(one.kind)}
        more = {"levels": list(one.levels), "format": one.format, "scale": one.scale}
        usual = {"levels": [], "format": "", "scale": 1.0}
        columns.append(column | {k: v for k, v in more.items() if v != usual[k]})
    text = ",\n  ".join(json.dumps(column, ensure_ascii=False) for column in columns)
    return '{"columns": [\n  ' + text + "\n]}\n"


def _program(model: FittedModel, written: Written, parts: Sequence[str]) -> str:
    weighted = []
    for number, part in enumerate(_sorted(model), 1):
        algorithm = model.catalog.algorithms.get(part.candidate.algorithm)
        takes = bool(algorithm and algorithm.weights)
        weighted.append(f"    ({part.weight!r}, part_{number}, {takes}),")
    classes = None if model.classes is None else model.classes.tolist()
    tuned = model.info.get("tuned") or {}
    values = {
        "target": model.target,
        "task": model.task.name,
        "metric": model.metric.name,
        "TARGET": json.dumps(model.target, ensure_ascii=False),
        "CLASSES": repr(classes),
        "WEIGHT": repr(model.info.get("weight")),
        "MARGIN": repr(_margin(model)),
        "POWER": repr(tuned.get("power")),
        "CLASS_WEIGHTS": repr(list(tuned["weights"]) if "weights" in tuned else None),
        "libraries": written.libraries(),
        "steps": written.steps(),
        "parts": "\n\n".join(parts),
        "blend": "\n".join(weighted),
    }
    text = (resources.files("automl_code.beside") / "train.txt").read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"<<{name}>>", value)
    return text


def _margin(model: FittedModel) -> float | None:
    """Return by which share of its range numbers may leave it, None where they may anyway."""
    bounds = model.info.get("bounds")
    if not bounds or bounds["margin"] is None:
        return None
    return float(bounds["margin"] / ((bounds["high"] - bounds["low"]) or 1.0))
