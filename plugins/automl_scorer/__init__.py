"""Exporter: a folder that scores rows with NumPy alone, without automl.

``score.py`` in it is the interface, for Python and for the command line. Its code is that of this
package, copied as it is; what the model has learned is written as JSON and arrays, which cannot run
code. See `automl.plugin.plain` for what can be put so.
"""

from __future__ import annotations

import inspect
import json
import math
import platform
import runpy
from dataclasses import fields
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import Exporter, FittedModel, Formula, Opened, Trees, hookimpl
from automl.plugin.formulas import Sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from automl.plugin.plain import Plain

OURS = "pluggable-automl"

TOLERANCE = 1e-5
"""XGBoost adds its trees up in float32, here they are in float64: so far apart is their sum."""

FORMAT = 1
"""Version of what ``model.json`` holds."""

_CODE = ("score.py", "cells.py", "computing.py")

_README = """\
# Predictions of {target}

`score.py` predicts `{target}` (task `{task}`) with NumPy alone, from the columns
{columns}.

```bash
pip install "numpy>=2.0"
python score.py FILE.csv --proba
```

```python
import sys

sys.path.insert(0, "PATH OF THIS FOLDER")
from score import classes, predict, predict_proba

predict([{{...}}])  # a dict for each row; or columns by name, or one dict
```

- Its values were compared with the model's own before this was handed over, on sample rows and on
  1,000 rows that are hard to read: `export.json` says how many, and how far they were apart (at
  most {tolerance:g}; of numbers, as a share of the number or of their spread).
- Made with automl {version}, NumPy {numpy} and Python {python}; Python 3.11 or later is needed.
- `model.json` and `model.npz` hold what was learned. Reading them runs no code.
- What is better done by automl itself: tables of many rows (trees are walked down in NumPy here),
  warnings about rows that are unlike those of training, other formats than CSV.
"""


def export(model: FittedModel, folder: Path) -> None:
    """Write the folder."""
    from automl.plugin.plain import plain, strings

    found = plain(model)
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    said = json.dumps(_Writer(arrays).model(found), indent=1, allow_nan=False)
    with (folder / "model.npz").open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    own = Path(__file__).parent
    texts = {name: (own / name).read_text(encoding="utf-8") for name in _CODE}
    texts["strings.py"] = inspect.getsource(strings)
    texts["model.json"] = said + "\n"
    texts["README.md"] = _README.format(
        target=found.target,
        task=found.task,
        columns=", ".join(f"`{name}`" for name in found.schema.learned),
        tolerance=TOLERANCE,
        version=metadata.version(OURS),
        numpy=np.__version__,
        python=platform.python_version(),
    )
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


class _Writer:
    """Puts a model down as JSON values; arrays go into a file of their own, each once.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Filled.
    """

    def __init__(self, arrays: dict[str, np.ndarray[Any, Any]]) -> None:
        self.arrays = arrays
        self._known: dict[tuple[object, ...], str] = {}

    def model(self, found: Plain) -> dict[str, Any]:
        """Return all that ``score.py`` reads."""
        widths = [formula.starts[-1] for chain in found.chains for formula in chain.formulas]
        labels = found.labels
        return {
            "format": FORMAT,
            "target": found.target,
            "task": found.task,
            "labels": labels,
            "dtype": None if labels is None else found.dtype,
            "features": [self._feature(feature) for feature in found.schema.features],
            "widest": 1 + sum(widths) + len(found.schema.features),
            "chains": [
                {"kind": chain.kind, "formulas": [self._formula(one) for one in chain.formulas]}
                for chain in found.chains
            ],
            "members": [
                {
                    "share": member.share,
                    "chains": list(member.chains),
                    "present": list(member.present),
                    "learned": self._learned(member.learned),
                }
                for member in found.members
            ],
            "constant": found.constant.tolist(),
            "bounds": found.bounds,
            "power": found.power,
            "weights": found.weights,
        }

    def _feature(self, feature: Any) -> dict[str, Any]:
        said = {name: str(getattr(feature, name)) for name in ("name", "kind", "format")}
        return {**said, "scale": feature.scale, "levels": list(feature.levels)}

    def _learned(self, learned: Any) -> dict[str, Any]:
        if isinstance(learned, Formula):
            return {"is": "Formula", "with": self._formula(learned)}
        said = self._fields(learned)
        if isinstance(learned, Trees):
            highest = max((int(codes.max(initial=-1)) for codes in learned.sets), default=-1)
            inside = np.zeros((len(learned.sets), highest + 2), dtype=bool)
            for number, codes in enumerate(learned.sets):
                inside[number, codes] = True
            del said["sets"]
            said["inside"] = self._value(inside)
        return {"is": type(learned).__name__, "with": said}

    def _formula(self, formula: Formula) -> dict[str, Any]:
        return {
            "n_in": formula.n_in,
            "n_columns": formula.starts[-1],
            "operations": [
                {"is": type(one).__name__, "with": self._fields(one)} for one in formula.operations
            ],
            "out": self._value(formula.out),
        }

    def _fields(self, given: Any) -> dict[str, Any]:
        return {one.name: self._value(getattr(given, one.name)) for one in fields(given)}

    def _value(self, value: Any) -> Any:
        if isinstance(value, Sparse):
            return self._fields(value)
        if isinstance(value, tuple):
            return [self._value(one) for one in value]
        if isinstance(value, float | np.floating):
            value = float(value) if math.isfinite(value) else np.array(value)
        if not isinstance(value, np.ndarray):
            return value
        key = (value.dtype.str, value.shape, value.tobytes())
        name = self._known.setdefault(key, str(len(self._known)))
        self.arrays[name] = value
        return {"@": name}


def refuses(model: FittedModel) -> Sequence[str]:
    """Say what has no table or formula."""
    from automl.plugin.plain import plain

    return plain(model).refused


def load(folder: Path) -> Opened:
    """Open what was written as its user will."""
    values: Opened = runpy.run_path(str(folder / "score.py"))["values"]
    return values


@hookimpl
def automl_exporters() -> list[Exporter]:
    """Give the exporter."""
    return [
        Exporter(
            name="scorer",
            export=export,
            load=load,
            refuses=refuses,
            tolerance=TOLERANCE,
            description="A folder with score.py, which predicts with NumPy alone.",
        )
    ]
