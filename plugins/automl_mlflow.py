"""Exporter: an MLflow model folder (pyfunc) with signature, input example and pinned environment.

MLflow calls `_load_pyfunc` of this module with the model folder, so nothing in the export is a
pickle or code. MLflow itself runs in processes of its own alone: importing it changes global state.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.errors import PluginError
from automl.plugin import Exporter, FittedModel, Opened, Rows, givers_of, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

OURS = "pluggable-automl[mlflow]"
"""The distribution that MLflow has to install to load the model."""

SECONDS = 600
"""Longest time that MLflow may take to write, or to load and predict."""

N_EXAMPLE = 5
"""Rows of the input example."""

N_LETTERS = 1_000
"""Longest piece of MLflow's own error that is shown."""

MOMENT = "a date, in ISO 8601"
"""What stands for a date while cells are JSON."""

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_UV_AUTO_DETECT": "0"}
"""What keeps MLflow from telling others, and from looking around, while it works for us."""

_README = """\
# Predictions of {target}

An MLflow model that predicts `{target}` (task `{task}`).

```python
import mlflow

model = mlflow.pyfunc.load_model(".")
model.predict(model.input_example)
```

The answer is a table with the column `prediction`{more}. `MLmodel` has the signature and
`requirements.txt` the versions that the model was verified with. MLflow's own server takes
`dataframe_split` and `dataframe_records`:

```bash
mlflow models serve --model-uri . --env-manager local --port 5001
curl -H "Content-Type: application/json" --data @serving_input_example.json \\
    http://127.0.0.1:5001/invocations
```

Columns of type `any` in the signature take what automl reads: numbers however they are spelled, and
dates. `data/model` is the model as `automl.load` takes it. A distribution that no package index has
is installed by hand before the model is loaded. `export.json` says how the export was verified.
"""


class Loaded:
    """What MLflow calls to predict.

    Parameters
    ----------
    predictor : automl.Predictor
    """

    def __init__(self, predictor: Any) -> None:
        self._predictor = predictor

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return a DataFrame: ``prediction``, and ``probability_<label>`` for each class."""
        import pandas as pd

        if self._predictor.classes is None:
            return pd.DataFrame({"prediction": self._predictor.predict(model_input)})
        values = self._predictor.predict_proba(model_input)
        labels = self._predictor.classes_
        said = {"prediction": labels[self._predictor.task.decide(values)]}
        said |= {_column(label): values[:, j] for j, label in enumerate(labels.tolist())}
        return pd.DataFrame(said)


def _column(label: object) -> str:
    return f"probability_{label}"


def _load_pyfunc(path: str) -> Loaded:
    """Open the model folder; called by MLflow, under this name."""
    import automl

    return Loaded(automl.load(path))


def export(model: FittedModel, folder: Path) -> None:
    """Have MLflow write its folder around the model's own."""
    from automl_docker import requirements

    manifest_of = Path("data") / "model" / "manifest.json"
    with tempfile.TemporaryDirectory(prefix="automl-mlflow-") as name:
        place = Path(name)
        model.save(place / "model")
        manifest = (place / "model" / "manifest.json").read_bytes()
        pins = requirements([OURS, *json.loads(manifest)["libraries"], *_givers(model)])
        asked = {
            "folder": str(folder.absolute()),
            "model": str(place / "model"),
            "inputs": [[name, _type(model, name)] for name in model.schema.learned],
            "outputs": _outputs(model),
            "rows": _example(model),
            "requirements": [line.partition("  #")[0] for line in pins.splitlines()],
            "uuid": hashlib.sha256(manifest).hexdigest()[:32],
        }
        _run("write", asked, place)
    if not (folder / manifest_of).is_file():
        raise PluginError("E_PLUGIN_MLFLOW", "MLflow wrote no model folder.")
    more = ", and `probability_<label>` of each class" if model.classes is not None else ""
    text = _README.format(target=model.target, task=model.task.name, more=more)
    (folder / "README.md").write_text(text, encoding="utf-8", newline="\n")


def _givers(model: FittedModel) -> list[str]:
    """Return the distributions of a model's contributions, and what these require."""
    names = []
    for (kind, name), giver in givers_of(model).items():
        names += [giver.distribution, *getattr(model.catalog.get(kind, name), "requires", ())]
    return names


def _type(model: FittedModel, name: str) -> str:
    """Return MLflow's type of a column: ``any`` where more than one type can be read.

    Its ``double`` refuses whole numbers (int64), its ``string`` categories of pandas.
    """
    feature = next(one for one in model.schema.features if one.name == name)
    if feature.form == "boolean":
        return "boolean"
    many = {"number", "date"} & {feature.form, str(feature.kind)}
    if many or "cat" in feature.dtype.lower() or any(map(_says_number, feature.levels)):
        return "any"
    return "string"


def _says_number(level: str) -> bool:
    try:
        float(level)
    except ValueError:
        return False
    return True


def _outputs(model: FittedModel) -> list[list[str]]:
    if model.classes is None:
        return [["prediction", "double"]]
    labels = model.classes.tolist()
    kinds = {bool: "boolean", int: "long", float: "double"}
    label = kinds.get(type(labels[0]), "string")
    return [["prediction", label], *([_column(label), "double"] for label in labels)]


def _example(model: FittedModel) -> list[dict[str, Any]]:
    rows = (model.info.get("sample") or {}).get("rows", ())[:N_EXAMPLE]
    return [{name: row.get(name) for name in model.schema.learned} for row in rows]


def refuses(model: FittedModel) -> list[str]:
    """Say what no other machine could load."""
    reasons = []
    for (kind, name), giver in givers_of(model).items():
        if not giver.plugin:
            reasons.append(
                f"the {kind} {name!r} was handed over in code, and MLflow cannot install it"
            )
        elif getattr(model.catalog.get(kind, name), "saved", ()) is None:
            reasons.append(f"the {kind} {name!r} of {giver} cannot be saved (saved=None)")
    return reasons


def load(folder: Path) -> Opened:
    """Return what asks MLflow for the values, in a new process."""

    def values(rows: Rows) -> NDArray[np.float64]:
        with tempfile.TemporaryDirectory(prefix="automl-mlflow-") as name:
            given = {column: list(cells) for column, cells in rows.items()}
            _run("predict", {"folder": str(folder.absolute()), "rows": given}, Path(name))
            said: NDArray[np.float64] = np.load(Path(name) / "values.npy", allow_pickle=False)
        return said[:, 0] if said.shape[1] == 1 else said[:, 1:]

    return values


def _run(what: str, asked: Mapping[str, Any], place: Path) -> None:
    """Have MLflow do something in a process of its own, which reads and writes in a folder."""
    text = json.dumps(asked, default=_plain)
    (place / "asked.json").write_text(text, encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - this interpreter, with a function of this module
        [sys.executable, "-c", f"import automl_mlflow; automl_mlflow._{what}()"],
        cwd=place,
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        # An error may have many lines; the last traceback ends with it.
        error = re.split(r"^(?=\w[\w.]*(?:Error|Exception): )", done.stderr, flags=re.MULTILINE)[-1]
        said = " ".join(error.split())[:N_LETTERS] or f"exit code {done.returncode}"
        raise PluginError("E_PLUGIN_MLFLOW", f"MLflow failed: {said}")


def _plain(cell: object) -> object:
    """Return what JSON can hold of a cell that it has no word for."""
    if isinstance(cell, date):
        return {MOMENT: cell.isoformat()}
    if isinstance(cell, np.generic):
        return cell.item()
    raise PluginError("E_PLUGIN_MLFLOW", f"A cell is of type {type(cell).__name__}, not plain.")


def _cell(found: dict[str, Any]) -> object:
    moment = found.get(MOMENT)
    return datetime.fromisoformat(moment) if isinstance(moment, str) else found


def _asked() -> dict[str, Any]:
    text = Path("asked.json").read_text(encoding="utf-8")
    asked: dict[str, Any] = json.loads(text, object_hook=_cell)
    return asked


def _write() -> None:
    """Write the folder; runs in a process of its own."""
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.models import Model, ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, DataType, Schema

    asked = _asked()

    def schema(columns: list[list[str]]) -> Any:
        anything: Any = AnyType
        types = {name: anything() if kind == "any" else DataType[kind] for name, kind in columns}
        return Schema([ColSpec(type=kind, name=name) for name, kind in types.items()])

    # What names neither a moment nor a machine is the same when it is written again.
    head = Model(utc_time_created="1970-01-01 00:00:00.000000", model_uuid=asked["uuid"])
    mlflow.pyfunc.save_model(
        path=asked["folder"],
        loader_module="automl_mlflow",
        data_path=asked["model"],
        mlflow_model=head,
        signature=ModelSignature(schema(asked["inputs"]), schema(asked["outputs"])),
        input_example=pd.DataFrame(asked["rows"]) if asked["rows"] else None,
        pip_requirements=asked["requirements"],
    )


def _predict() -> None:
    """Load the folder as its user does and write what it says; runs in a process of its own."""
    import mlflow.pyfunc
    import pandas as pd

    asked = _asked()
    said = mlflow.pyfunc.load_model(asked["folder"]).predict(pd.DataFrame(asked["rows"]))
    numbers = [np.zeros(len(said)) if name == "prediction" else said[name] for name in said]
    if len(numbers) == 1:
        numbers = [said["prediction"]]
    np.save("values.npy", np.column_stack(numbers).astype(np.float64), allow_pickle=False)


@hookimpl
def automl_exporters() -> list[Exporter]:
    """Give the exporter."""
    return [
        Exporter(
            name="mlflow",
            export=export,
            load=load,
            refuses=refuses,
            requires=("mlflow-skinny", "pandas"),
            description="An MLflow model folder (pyfunc) with signature and pinned environment.",
        )
    ]
