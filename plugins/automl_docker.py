"""Exporter: a Docker build context whose image serves the model, and predicts tables.

The image runs the two commands `automl serve` and `automl predict`; nothing of its own. Neither
making nor verifying it needs Docker: what is verified is the command that predicts tables, run in a
new process of this Python, whose versions the image pins.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.errors import PluginError
from automl.plugin import Exporter, FittedModel, Opened, Rows, givers_of, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

OURS = "pluggable-automl[serve]"
"""The distribution whose commands the image runs."""

SECONDS = 600
"""Longest time that verifying may take."""

LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": ""}
"""What an image is, whatever this machine is."""

_MAIN = "from automl.cli import main; main()"

_DOCKERFILE = """\
FROM python:{python}-slim

# Compiled learners share the OpenMP runtime, which the slim image does not have.
RUN apt-get update \\
    && apt-get install -y --no-install-recommends libgomp1 \\
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 10001 automl
WORKDIR /home/automl

COPY wheels/ /tmp/wheels/
COPY requirements.txt .
RUN pip install --no-cache-dir --find-links /tmp/wheels -r requirements.txt

COPY model/ /model/
RUN chmod -R a+rX /model

USER 10001
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/ready')"]
ENTRYPOINT ["automl"]
# Whoever starts it hands AUTOML_TOKEN over; without one the server refuses to listen to others.
CMD ["serve", "/model", "--host", "0.0.0.0"]
"""

_README = """\
# Predictions of {target}

A Docker image that predicts `{target}` (task `{task}`) from the columns
{columns}.

```bash
docker build -t predictor .
```

Over HTTP; `/schema` has an example, `/openapi.json` all routes, the page at `/` is for people:

```bash
export AUTOML_TOKEN=$(python3 -c 'import secrets; print(secrets.token_urlsafe())')
docker run --rm --read-only --tmpfs /tmp -e AUTOML_TOKEN -p 127.0.0.1:8000:8000 predictor
curl -H "Authorization: Bearer $AUTOML_TOKEN" http://127.0.0.1:8000/schema
```

A table (CSV, Parquet, Arrow or JSON lines) at once:

```bash
docker run --rm --network none -v "$PWD:/data:ro" predictor predict /model /data/new.csv > said.csv
```

{more}Options of both commands: `docker run --rm predictor serve --help`, `... predict --help`.

- `model/` is the model folder, `requirements.txt` pins what it was verified with (Python {python}).
- A distribution that no package index has (yours, say) goes into `wheels/` as a wheel before the
  image is built: `pip wheel --no-deps PATH --wheel-dir wheels`.
- `export.json` says who gave which part of the model, and how it was verified.
"""

_WHEELS = "Wheels of distributions that no package index has; the image looks here first.\n"


def export(model: FittedModel, folder: Path) -> None:
    """Write the build context."""
    model.save(folder / "model")
    manifest = _manifest(folder)
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    columns = ", ".join(f"`{name}`" for name in model.schema.learned)
    more = "`--proba` adds the probability of each class. " if model.classes is not None else ""
    texts = {
        "Dockerfile": _DOCKERFILE.format(python=python),
        "README.md": _README.format(
            target=model.target, task=model.task.name, python=python, columns=columns, more=more
        ),
        "requirements.txt": requirements([OURS, *manifest["libraries"], *_givers(model)]),
        "wheels/README.md": _WHEELS,
    }
    (folder / "wheels").mkdir()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def refuses(model: FittedModel) -> list[str]:
    """Say what an image could not install or the command would not write."""
    reasons = []
    for (kind, name), giver in givers_of(model).items():
        if not giver.plugin:
            reasons.append(f"the {kind} {name!r} was handed over in code, and no image installs it")
        elif getattr(model.catalog.get(kind, name), "saved", ()) is None:
            reasons.append(f"the {kind} {name!r} of {giver} cannot be saved (saved=None)")
    if all(_is_number(name) for name in model.schema.learned):
        reasons.append("its columns are named by numbers, which a CSV file holds as a row of cells")
    if model.classes is None:
        some = np.array([-1.25, 0.5, 2.75])
        if not np.array_equal(np.asarray(model.task.decide(some.copy())), some):
            reasons.append(
                f"the task {model.task.name!r} decides on another number than its value, and the "
                "command writes what is decided"
            )
    return reasons


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def load(folder: Path) -> Opened:
    """Return what asks the image's command, in a new process."""
    manifest = _manifest(folder)
    labels = None if manifest["classes"] is None else manifest["classes"]["labels"]

    def values(rows: Rows) -> NDArray[np.float64]:
        with tempfile.TemporaryDirectory(prefix="automl-docker-") as name:
            given, written = Path(name) / "rows.csv", Path(name) / "values.csv"
            _write_csv(rows, given)
            words = ["predict", str(folder.absolute() / "model"), str(given), "--out", str(written)]
            _run([*words, *(["--proba"] if labels is not None else [])], name)
            return _read_csv(written, labels)

    return values


def _manifest(folder: Path) -> dict[str, Any]:
    text = (folder / "model" / "manifest.json").read_text(encoding="utf-8")
    manifest: dict[str, Any] = json.loads(text)
    return manifest


def _run(words: Sequence[str], place: str) -> None:
    done = subprocess.run(  # noqa: S603 - this interpreter, with the command of the image
        [sys.executable, "-c", _MAIN, *words],
        cwd=place,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        raise PluginError(
            "E_PLUGIN_DOCKER",
            "The command of the image failed: "
            + (said[-1].removeprefix("error: ") if said else f"exit code {done.returncode}."),
        )


def _write_csv(rows: Rows, file: Path) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(rows)
        writer.writerows(zip(*rows.values(), strict=True))


def _read_csv(file: Path, labels: Sequence[object] | None) -> NDArray[np.float64]:
    with file.open(encoding="utf-8", newline="") as stream:
        header, *lines = csv.reader(stream)
    if labels is None:
        return np.array([float(line[0]) for line in lines], dtype=np.float64)
    expected = ["prediction", *(f"probability_{label}" for label in labels)]
    if header != expected:
        raise PluginError(
            "E_PLUGIN_DOCKER", f"The command wrote the columns {header}, expected {expected}."
        )
    values = [[float(cell) for cell in line[1:]] for line in lines]
    return np.array(values, dtype=np.float64).reshape(-1, len(labels))


def _givers(model: FittedModel) -> list[str]:
    """Return the distributions of a model's contributions, and what these require."""
    names = []
    for (kind, name), giver in givers_of(model).items():
        names += [giver.distribution, *getattr(model.catalog.get(kind, name), "requires", ())]
    return names


def requirements(roots: Iterable[str]) -> str:
    """Return the lines that pin distributions, and all that they need, to what is installed here.

    What Linux needs and this machine has not is stated as it was declared.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(root) for root in roots]
    while waiting:
        wanted = waiting.pop()
        name = str(canonicalize_name(wanted.name))
        new = [extra for extra in ("", *sorted(wanted.extras)) if (name, extra) not in seen]
        if not new:
            continue
        seen |= {(name, extra) for extra in new}
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            lines.setdefault(name, f"{name}{wanted.specifier}")
            continue
        note = "  # from a folder: its wheel goes into wheels/" if _local(found) else ""
        lines[name] = f"{name}=={found.version}{note}"
        for text in found.requires or ():
            needed = Requirement(text)
            if needed.marker is None or any(
                needed.marker.evaluate({**LINUX, "extra": extra}) for extra in new
            ):
                waiting.append(needed)
    return "".join(f"{lines[name]}\n" for name in sorted(lines))


def _local(found: metadata.Distribution) -> bool:
    """Whether a distribution was installed from a folder of this machine."""
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    return str(origin.get("url", "")).startswith("file:")


@hookimpl
def automl_exporters() -> list[Exporter]:
    """Give the exporter."""
    return [
        Exporter(
            name="docker",
            export=export,
            load=load,
            refuses=refuses,
            description="A Docker build context: requests or tables in, predictions out.",
        )
    ]
