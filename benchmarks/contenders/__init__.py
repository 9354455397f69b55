"""Who takes part: a file for each system, read here and run in an environment of its own.

A file has

- `REQUIREMENTS`: what pip installs; `pluggable-automl` is taken from the checkout
- `PACKAGE`: the distribution whose version is the contender's
- `IMPORTS`: modules imported before the fit is timed
- `fit(train, job) -> model`, `predict(model, rows, job) -> Answer`

and may have

- `VARIANTS`: settings by contender name, handed over in `job.settings`; else one, named as the file
- `ENVIRONMENT`: another name than the file's, to share one; "" is the harness's own interpreter
- `REMARK`: what `fit` drops or encodes before the system sees the table
- `start(job)` before the fit, `warm(model)` after it, neither timed
- `save(model, job)` and `load(job)`, else the model is pickled
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One name on the list."""

    name: str
    file: Path
    environment: str
    package: str
    imports: tuple[str, ...]
    requirements: tuple[str, ...]
    settings: dict[str, Any]
    remark: str


def contenders(*folders: Path) -> dict[str, Contender]:
    """Return all contenders of this folder and of further ones, by name."""
    found = {}
    for folder in (HERE, *folders):
        for file in sorted(folder.glob("*.py")):
            if file.stem.startswith("_"):
                continue
            for contender in _read(file):
                found[contender.name] = contender
    return found


def _read(file: Path) -> list[Contender]:
    spec = importlib.util.spec_from_file_location(f"benchmarks.contenders.{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    name = file.stem.replace("_", "-")
    return [
        Contender(
            name=variant,
            file=file,
            environment=getattr(module, "ENVIRONMENT", name),
            package=module.PACKAGE,
            imports=tuple(module.IMPORTS),
            requirements=tuple(module.REQUIREMENTS),
            settings=settings,
            remark=getattr(module, "REMARK", ""),
        )
        for variant, settings in getattr(module, "VARIANTS", {name: {}}).items()
    ]
