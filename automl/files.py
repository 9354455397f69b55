"""Every durable write of a run or a model: under a temporary name, synced, moved into its place."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TEMPORARY = ".tmp"
"""Ending of what is being written; whatever is called so may be removed when nobody writes."""

_on_step: Callable[[str, Path], None] | None = None
"""Called before each step with its kind and place; tests make it fail or end the process there."""


def step(kind: str, place: Path) -> None:
    """Say that a write is about to take a step.

    Parameters
    ----------
    kind : {"write", "sync", "rename", "commit"}
    place : Path
    """
    if _on_step is not None:
        _on_step(kind, place)


def write(path: Path, content: bytes) -> None:
    """Write a file where it has to be, without more ado: what has it in hand seals it later."""
    step("write", path)
    path.write_bytes(content)


def replace(path: Path, content: bytes) -> str:
    """Put a file in the place of what is there, whole or not at all.

    Parameters
    ----------
    path : Path
    content : bytes

    Returns
    -------
    str
        Its SHA-256.
    """
    beside = path.with_name(path.name + TEMPORARY)
    try:
        write(beside, content)
        sync(beside)
        rename(beside, path)
    except BaseException:
        remove(beside)
        raise
    sync(path.parent)
    return hashlib.sha256(content).hexdigest()


def seal(folder: Path, target: Path) -> str:
    """Sync a folder with all that is in it, and move it to where nothing is.

    Returns
    -------
    str
        The hash that `digest` gives for it.
    """
    for place in sorted(folder.rglob("*")):
        sync(place)
    sync(folder)
    found = digest(folder)
    rename(folder, target)
    sync(target.parent)
    return found


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, would survive a power cut."""
    if path.is_dir() and os.name != "posix":
        return
    step("sync", path)
    # Windows syncs only what is open for writing.
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def rename(source: Path, target: Path) -> None:
    """Move a file over another one, or a folder to where nothing is."""
    step("rename", target)
    source.replace(target)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and hashes of all files in a folder."""
    if not path.is_dir():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    found = hashlib.sha256()
    for place in sorted(path.rglob("*"), key=lambda one: one.relative_to(path).as_posix()):
        if place.is_file():
            found.update(f"{place.relative_to(path).as_posix()}\0{digest(place)}\n".encode())
    return found.hexdigest()


def size(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def remove(path: Path) -> None:
    """Remove a file or a folder, as far as it can be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
