"""What this process may use: cores and memory, by the machine, the affinity and the cgroups."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_UNLIMITED = 1 << 60
"""Bytes from which on a limit of a cgroup stands for none."""


def cores(root: Path = Path("/")) -> int:
    """Return how many cores this process may keep busy, at least 1.

    Parameters
    ----------
    root : Path, default=Path("/")
        Where ``proc`` and ``sys`` of Linux are found.

    Returns
    -------
    int
        The least of: the cores of the machine, those that the process is bound to, and the CPU
        quota of each cgroup that it is in, rounded down.
    """
    found = [_machine_cores()]
    for group in _groups("cpu", root):
        quota = _quota_v2(group) if group.version == 2 else _quota_v1(group)
        if quota is not None:
            found.append(int(quota))
    return max(min(found), 1)


def memory_left(root: Path = Path("/")) -> int:
    """Return how many bytes of memory can still be taken, at least 0.

    Parameters
    ----------
    root : Path, default=Path("/")
        Where ``proc`` and ``sys`` of Linux are found.

    Returns
    -------
    int
        The least of: what the machine has available, and what each cgroup that the process is in
        leaves up to its limit. Cached files that the kernel can drop count as free.
    """
    import psutil

    found = [int(psutil.virtual_memory().available)]
    for group in _groups("memory", root):
        left = _left(group, *(_FILES_V2 if group.version == 2 else _FILES_V1))
        if left is not None:
            found.append(left)
    return max(min(found), 0)


_FILES_V2 = ("memory.max", "memory.current", "inactive_file")
_FILES_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """A cgroup that this process is in.

    Parameters
    ----------
    version : int
        1 or 2.
    folder : Path
    """

    version: int
    folder: Path

    def read(self, name: str) -> list[str]:
        """Return the words of a file; none where it cannot be read."""
        return _text(self.folder / name).split()

    def number(self, name: str) -> int | None:
        """Return the number in a file, if there is one."""
        words = self.read(name)
        with suppress(ValueError):
            return int(words[0]) if words else None
        return None


def _machine_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        with suppress(OSError):
            return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _groups(controller: str, root: Path) -> list[_Group]:
    """Return the cgroup of this process that has a controller, and all above it."""
    found = []
    for version, mount, inner, own in _mounts(controller, root):
        # A container may see the path of its cgroup from outside, but only its own part mounted.
        inside = own.removeprefix(inner.rstrip("/")) if own.startswith(inner) else "/"
        top = root / mount.lstrip("/")
        folder = top / inside.strip("/")
        if ".." in folder.parts or "\0" in inside or not folder.is_dir():
            folder = top
        found.append(_Group(version=version, folder=folder))
        while folder != top:
            folder = folder.parent
            found.append(_Group(version=version, folder=folder))
    return found


def _mounts(controller: str, root: Path) -> list[tuple[int, str, str, str]]:
    """Return version, place, mounted part, and path of this process, for each hierarchy."""
    paths: dict[str, str] = {}
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, names, path = (*line.split(":", 2), "", "")[:3]
        paths |= dict.fromkeys(names.split(","), path)
    found = []
    for line in _text(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = (*after.split(" ", 2), "", "")[:3]
        inner, place = (*before.split(" "), *[""] * 5)[3:5]
        if kind == "cgroup2" and "" in paths:
            found.append((2, place, inner, paths[""]))
        elif kind == "cgroup" and controller in options.split(",") and controller in paths:
            found.append((1, place, inner, paths[controller]))
    return found


def _quota_v2(group: _Group) -> float | None:
    words = group.read("cpu.max")
    with suppress(ValueError, ZeroDivisionError):
        return int(words[0]) / int(words[1]) if len(words) == 2 else None
    return None


def _quota_v1(group: _Group) -> float | None:
    quota = group.number("cpu.cfs_quota_us")
    period = group.number("cpu.cfs_period_us")
    return quota / period if quota is not None and quota > 0 and period else None


def _left(group: _Group, limit_file: str, usage_file: str, cache_field: str) -> int | None:
    limit, usage = group.number(limit_file), group.number(usage_file)
    if limit is None or usage is None or limit >= _UNLIMITED:
        return None
    words = group.read("memory.stat")
    cache = dict(zip(words[::2], words[1::2], strict=False)).get(cache_field, "")
    return limit - usage + (int(cache) if cache.isdecimal() else 0)


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""
