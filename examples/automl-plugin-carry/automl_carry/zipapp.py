"""A model as one file that any Python with the right packages runs."""

import importlib.resources
import json
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

from automl.plugin import givers_of

FILE = "model.pyz"
SECONDS = 600


def export(model, folder):
    with tempfile.TemporaryDirectory() as place:
        packed = Path(place) / "model.zip"
        model.save(packed)
        with zipfile.ZipFile(packed) as archive:
            libraries = json.loads(archive.read("manifest.json"))["libraries"]
        with zipfile.ZipFile(folder / FILE, "w", zipfile.ZIP_DEFLATED) as archive:
            code = importlib.resources.files("automl_carry") / "run.py"
            archive.writestr("__main__.py", code.read_text(encoding="utf-8"))
            archive.writestr("requirements.txt", requirements(model, libraries))
            archive.write(packed, "model.zip", zipfile.ZIP_STORED)


def requirements(model, libraries):
    """Pin automl, who gave a part of the model, and what they import."""
    names = {giver.distribution for giver in givers_of(model).values()}
    names |= {"pluggable-automl", *libraries}
    return "".join(f"{name}=={version(name)}\n" for name in sorted(names))


def refuses(model):
    return [
        f"the {kind} {name!r} was handed over in code, and nobody else could install it"
        for (kind, name), giver in givers_of(model).items()
        if not giver.plugin
    ]


def load(folder):
    """Return what asks the file itself, in a new process."""

    def values(rows):
        done = subprocess.run(
            [sys.executable, str(folder / FILE), "--values"],
            input=json.dumps({name: list(cells) for name, cells in rows.items()}),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{FILE} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        return np.array(json.loads(done.stdout), dtype=np.float64)

    return values
