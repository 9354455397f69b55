"""An environment for each contender, and what building it took."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.contenders import Contender
from benchmarks.machine import ROOT, commit, now

OURS = "pluggable-automl"
BUILT = "built.json"
BASE = ("numpy", "pandas", "pyarrow")
"""What the runner needs."""

OVERRIDES = (
    "torchvision ; sys_platform == 'never'",  # its CUDA build does not load beside a CPU torch
    "nvidia-nccl-cu12 ; sys_platform == 'never'",  # 300 MB that XGBoost asks for, for several GPUs
    "nvidia-nccl-cu13 ; sys_platform == 'never'",
)
"""What dependencies ask for and no contender needs here: all run on CPUs."""

IMPORT_TIMES = 3


class SetupError(Exception):
    """An environment that is not there or could not be built."""


def home() -> Path:
    """Return where environments stand: $AUTOML_BENCHMARK_ENVS, else benchmarks/.envs."""
    given = os.environ.get("AUTOML_BENCHMARK_ENVS")
    return Path(given).resolve() if given else Path(__file__).resolve().parent / ".envs"


def python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def interpreter(contender: Contender) -> Path:
    """Return the Python that a contender runs in."""
    if not contender.environment:
        return Path(sys.executable)
    return python_of(home() / contender.environment)


def built(contender: Contender) -> dict[str, Any]:
    """Return what is known of a contender's environment.

    Raises
    ------
    SetupError
        If it was not built.
    """
    if not contender.environment:
        return {"version": "", "environment": "", "python": sys.version.split()[0]}
    path = home() / contender.environment / BUILT
    if not path.exists():
        raise SetupError(
            f"{contender.name} has no environment yet: python -m benchmarks setup {contender.name}"
        )
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if said["requirements"] != _asked(contender):
        raise SetupError(
            f"the environment {contender.environment} was built for other requirements: "
            f"python -m benchmarks setup {contender.name}"
        )
    return said


def set_up(contender: Contender, checkout: Path = ROOT, revision: str = "") -> dict[str, Any]:
    """Build an environment anew and measure it.

    Parameters
    ----------
    contender : Contender
    checkout : Path
        This project, for contenders that are it.
    revision : str
        The commit of it to install; its files as they lie where empty.
    """
    if not contender.environment:
        return built(contender)
    folder = home() / contender.environment
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    ours = any(one.startswith(OURS) for one in contender.requirements)
    with tempfile.TemporaryDirectory(prefix="setup-") as place:
        source = checkout.resolve()
        version = commit(source) if ours else ""
        if ours and revision:
            source, version = archive(source, revision, Path(place))
        requirements = [_located(one, source) for one in (*contender.requirements, *BASE)]
        tool = _tool()
        _run([*tool["venv"], str(folder)])
        bare = _size_mb(folder)
        overrides = Path(place) / "overrides.txt"
        overrides.write_text("\n".join(OVERRIDES) + "\n", encoding="utf-8")
        start = time.perf_counter()
        _run(_install(tool, python_of(folder), requirements, overrides))
        seconds = time.perf_counter() - start
    said = {
        "requirements": _asked(contender),
        "environment": contender.environment,
        "installer": tool["name"],
        "install_s": round(seconds, 1),
        "install_mb": round(_size_mb(folder) - bare, 1),
        "import_s": round(_import_seconds(python_of(folder), contender.imports), 2),
        "commit": version,
        "date": now(),
        **_versions(python_of(folder), contender.package),
    }
    if version:
        said["version"] += f"+{version}"
    _keep(contender, said)
    return said


def time_again(contender: Contender) -> dict[str, Any]:
    """Time the imports of an environment that is there, on a machine that was busy before."""
    said = built(contender)
    if contender.environment:
        said["import_s"] = round(_import_seconds(interpreter(contender), contender.imports), 2)
        _keep(contender, said)
    return said


def _keep(contender: Contender, said: dict[str, Any]) -> None:
    path = home() / contender.environment / BUILT
    path.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def _asked(contender: Contender) -> list[str]:
    return list(contender.requirements)


def _located(requirement: str, source: Path) -> str:
    """Point requirements of this project at its files."""
    return f"{requirement} @ {source.as_uri()}" if requirement.startswith(OURS) else requirement


def archive(checkout: Path, revision: str, place: Path) -> tuple[Path, str]:
    """Lay a commit out in a folder; return it with the short name of the commit."""
    words = ["git", "rev-parse", "--short=10", revision]
    said = subprocess.run(words, cwd=checkout, capture_output=True, text=True, check=False)
    if said.returncode:
        raise SetupError(f"{checkout} has no commit {revision}: {said.stderr.strip()}")
    packed, folder = place / "source.tar", place / "source"
    place.mkdir(exist_ok=True)
    _run(["git", "-C", str(checkout), "archive", "-o", str(packed), revision])
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder, said.stdout.strip()


def _tool() -> dict[str, Any]:
    """Return the commands of uv where there is one, else of venv and pip."""
    beside = Path(sys.executable).with_name("uv.exe" if os.name == "nt" else "uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv:
        venv = [uv, "venv", "--quiet", "--python", sys.executable]
        return {"name": "uv", "venv": venv, "uv": uv}
    return {"name": "pip", "venv": [sys.executable, "-m", "venv"], "uv": None}


def _install(
    tool: dict[str, Any], python: Path, requirements: list[str], overrides: Path
) -> list[str]:
    if not tool["uv"]:  # pip knows no overrides: more is installed than needed
        return [str(python), "-m", "pip", "install", "--quiet", *requirements]
    words = [tool["uv"], "pip", "install", "--quiet", "--python", str(python), *requirements]
    words += ["--overrides", str(overrides), "--compile-bytecode"]
    words += ["--refresh-package", OURS, "--reinstall-package", OURS]
    links = os.environ.get("PIP_FIND_LINKS")
    if links:  # where wheels for CPUs lie, uv reads no setting of pip's
        words += [word for link in links.split() for word in ("--find-links", link)]
    elif any(one.startswith("torch") for one in requirements):
        words += ["--torch-backend", "cpu"]
    return words


def _import_seconds(python: Path, names: tuple[str, ...]) -> float:
    """Return the quickest of a few fresh imports, the start of Python left out."""
    code = f"import {', '.join(names)}"
    times = {code: [], "pass": []}  # type: dict[str, list[float]]
    for _ in range(IMPORT_TIMES):
        for words, taken in times.items():
            start = time.perf_counter()
            _run([str(python), "-I", "-c", words])
            taken.append(time.perf_counter() - start)
    return min(times[code]) - min(times["pass"])


def _versions(python: Path, package: str) -> dict[str, Any]:
    code = (
        "import importlib.metadata as m, json, platform;"
        f"print(json.dumps({{'version': m.version({package!r}), "
        "'python': platform.python_version(), "
        "'packages': {d.name: d.version for d in m.distributions()}}))"
    )
    said: dict[str, Any] = json.loads(_run([str(python), "-I", "-c", code]))
    return said


def _size_mb(folder: Path) -> float:
    files = [path for path in folder.rglob("*") if not path.is_symlink() and path.is_file()]
    return sum(path.stat().st_size for path in files) / 1e6


def _run(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join(done.stderr.strip().splitlines()[-15:])
        raise SetupError(f"{' '.join(words[:4])} ... ended with {done.returncode}:\n{tail}")
    return done.stdout
