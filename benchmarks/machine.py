"""Where and when: what a reader needs to judge times by."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def usable_cpus() -> list[int]:
    """Return the CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def commit(folder: Path = ROOT) -> str:
    """Return the commit of a checkout, with -dirty and a hash of what differs, or nothing."""
    try:
        name = _git(folder, "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*").strip()
        if name.endswith("-dirty"):
            changes = _git(folder, "diff", "HEAD", "--", ".", ":!benchmarks", ":!tests", ":!docs")
            name += f".{hashlib.sha256(changes.encode()).hexdigest()[:6]}"
    except OSError:
        return ""
    return name


def _git(folder: Path, *words: str) -> str:
    said = subprocess.run(
        ["git", *words],  # noqa: S607  wherever it is
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return said.stdout


def machine() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "cpu": _cpu(),
        "cores": len(usable_cpus()),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "python": platform.python_version(),
    }


def _cpu() -> str:
    names = Path("/proc/cpuinfo")
    if names.exists():
        for line in names.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
