"""The folder that the exporter writes, and what opens it."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import Formula
from automl.plugin.plain import plain, strings
from automl.plugin.wording import Terms
from automl_onnx import cells
from automl_onnx.inputs import Input, inputs_of, way_of
from automl_onnx.texts import unpacked

if TYPE_CHECKING:
    from pathlib import Path

    from automl.data.schema import Feature
    from automl.plugin import FittedModel, Opened, Rows
    from automl.plugin.plain import Plain

LARGEST = 2_000_000_000
"""Bytes that an ONNX file can hold (protobuf's limit, less what is around them)."""

ROWS, TEXTS = 20_000, 100
"""Rows that are asked about in one go, without and with texts."""

VERSION = "1"
"""Of what the folder holds; it rises where files or inputs change their meaning."""

_README = """\
# Predictions of {target}

`model.onnx` predicts `{target}` (task `{task}`) in [onnxruntime](https://onnxruntime.ai), without
automl: preparation, all members and their blend are in the graph (opset {opset}, ai.onnx.ml
{opset_ml}). Outputs: {outputs}.

```python
import json

import onnxruntime
from cells import Reader

read = Reader(json.load(open("inputs.json", encoding="utf-8"))["inputs"])
session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
rows = {example}
print(session.run(None, read(rows)))
```

It needs `pip install numpy onnxruntime` and is started in this folder.

## Inputs

A tensor of shape (n, 1) for each column, of texts several; `inputs.json` has all of them with their
levels.

| input | column | tensor | missing |
|---|---|---|---|
{table}

**In the graph:** levels of categories and what is done with unseen ones, missing and infinite
numbers, scales, steps, members, the blend, bounds and weights of classes.
**Outside:** what a cell *means*. `cells.py` reads `"1,234"`, `"?"`, `2024-05-01` or `1.0` for the
level `1` as the model was taught to (it needs the standard library and NumPy alone); whoever has
clean numbers, seconds and levels can hand over tensors directly.

Thresholds of trees and all arithmetic are float64, but sums over trees behind probabilities, which
are float32. `export.json` says how far values were from the model's own when it was verified. A
batch takes memory for all its rows at once: hand over 10,000 to 100,000 rows at a time, or 100
where there are texts.
"""


def refused(model: FittedModel) -> list[str]:
    """Return what of a model cannot be written, one line each."""
    found = plain(model)
    if found.refused:
        return [*found.refused, *_hint(model)]
    if not inputs_of(found):
        return ["it reads no column"]
    if len(way_of(found).how) > 1:
        return ["its steps take texts apart in ways unlike each other"]
    return [*_unreadable(found), *_unwritable(found)]


def _hint(model: FittedModel) -> list[str]:
    """Say what of the blend could be exported without the rest."""
    able = [
        name
        for name in dict.fromkeys(part.candidate.algorithm for part in model.parts)
        if (one := model.catalog.algorithms.get(name)) is not None
        and (one.trees or one.coefficients or one.formula)
    ]
    return [f"of the blend {', '.join(able)} could be exported alone"] if able else []


def _unreadable(model: Plain) -> list[str]:
    """Name what no operator computes, with the share of the blend that stands on it."""
    from automl_onnx.operations import lacking

    chains = [
        {name for formula in chain.formulas for name in lacking(formula)} for chain in model.chains
    ]
    names: set[str] = set()
    share = 0.0
    for member in model.members:
        mine = {name for number in member.chains for name in chains[number]}
        mine |= lacking(member.learned) if isinstance(member.learned, Formula) else set()
        names |= mine
        share += member.share if mine else 0.0
    if not names:
        return []
    said = ", ".join(sorted(names))
    return [f"there are no operators for {said} ({share:.0%} of the blend)"]


def _unwritable(model: Plain) -> list[str]:
    texts = [model.target, *(str(label) for label in model.labels or ())]
    for feature in model.schema.features:
        texts += [feature.name, *feature.levels]
    for chain in model.chains:
        for formula in chain.formulas:
            for one in formula.operations:
                texts += (
                    [*unpacked(one.words), *unpacked(one.pieces)] if isinstance(one, Terms) else []
                )
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return ["a name, level, label or word is no valid Unicode (a lone surrogate)"]
    return []


def write(model: FittedModel, folder: Path) -> None:
    """Write the folder."""
    from automl_onnx.build import build

    found = plain(model)
    inputs = inputs_of(found)
    facts = _facts(found, inputs)
    made = build(found, inputs, facts)
    size = made.ByteSize()
    if size > LARGEST:
        raise ValueError(f"the file would have {size:,} bytes, ONNX allows {LARGEST:,}")
    (folder / "model.onnx").write_bytes(made.SerializeToString(deterministic=True))
    features = {(one.name, str(one.kind)): one for one in found.schema.features}
    document = {
        "version": VERSION,
        "target": found.target,
        "task": found.task,
        "classes": found.labels,
        "inputs": [
            _described(one, features[one.column, one.kind])
            | (way_of(found).how[0] if one.part else {})
            for one in inputs
        ],
    }
    cells_text = inspect.getsource(cells).replace("from automl.plugin.plain import", "import")
    texts = {
        "inputs.json": json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n",
        "cells.py": cells_text,
        "strings.py": inspect.getsource(strings),
        "README.md": _readme(model, found, inputs),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def opened(folder: Path) -> Opened:
    """Open a folder as its README says; what reads cells is our own `cells`, not the copy there."""
    import onnxruntime

    document = json.loads((folder / "inputs.json").read_text(encoding="utf-8"))
    session = onnxruntime.InferenceSession(
        (folder / "model.onnx").read_bytes(), providers=["CPUExecutionProvider"]
    )
    output = "value" if document["classes"] is None else "probabilities"

    read = cells.Reader(document["inputs"])

    step = TEXTS if any(one["kind"] == "text" for one in document["inputs"]) else ROWS

    def ask(rows: Rows) -> Any:
        n_rows = max((len(cells) for cells in rows.values()), default=0)
        parts = [
            session.run([output], read({name: c[at : at + step] for name, c in rows.items()}))[0]
            for at in range(0, max(1, n_rows), step)
        ]
        return np.concatenate(parts).astype(np.float64)

    return ask


def _facts(model: Plain, inputs: list[Input]) -> dict[str, str]:
    from automl import __version__

    facts = {
        "automl_version": __version__,
        "format": VERSION,
        "target": model.target,
        "task": model.task,
        "inputs": json.dumps({one.name: one.kind for one in inputs}, ensure_ascii=False),
    }
    if model.labels is not None:
        facts["classes"] = json.dumps(model.labels, ensure_ascii=False)
    return facts


def _described(one: Input, feature: Feature) -> dict[str, Any]:
    found: dict[str, Any] = {
        "column": one.column,
        "input": one.name,
        "kind": one.kind,
        "type": "string" if one.text else "float64",
        "missing": "" if one.text else "NaN",
        "format": feature.format,
    }
    if one.part:
        return found | {"part": one.part}
    if one.kind == "date":
        found["unit"] = "seconds since 1970-01-01 UTC"
    if one.text:
        found["levels"] = list(feature.levels)
    return found


def _readme(model: FittedModel, found: Plain, inputs: list[Input]) -> str:
    from automl_onnx.graph import OPSET, OPSET_ML

    sample = list((model.info.get("sample") or {}).get("rows", ()))
    row = sample[0] if sample else {}
    example: dict[str, Any] = {one.column: [row.get(one.column)] for one in inputs}
    table = [
        f"| `{_cell(one.name)}` | `{_cell(one.column)}` | {_type(one)} | "
        f"{'empty' if one.text else 'NaN'} |"
        for one in inputs
    ]
    outputs = (
        "`value` (n,)"
        if found.labels is None
        else "`label` (n,) and `probabilities` (n, classes in the order of `inputs.json`)"
    )
    return _README.format(
        target=found.target,
        task=found.task,
        opset=OPSET,
        opset_ml=OPSET_ML,
        outputs=outputs,
        example=repr(example),
        table="\n".join(table),
    )


def _type(one: Input) -> str:
    if one.part:
        kind = "string" if one.text else "float64"
        return f"{kind}, its {one.part}: shape (n, {one.width if one.part == 'shape' else 'any'})"
    if one.text:
        return "string"
    return "float64" if one.kind == "number" else "float64, seconds since 1970-01-01 UTC"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("`", "'")
