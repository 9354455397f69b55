"""The folder of a run: the user's, or a temporary one that does not outlive its process."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from automl.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "automl-run-"
"""Temporary run folders are called this, then the process that owns them."""


@contextmanager
def run_folder(given: str | os.PathLike[str] | None) -> Iterator[Path]:
    """Open the folder of a run; the working files in it are gone at the end.

    Parameters
    ----------
    given : path or None
        Kept, without the working files; a temporary folder where None.

    Raises
    ------
    RunError
        E_RUN_FOLDER where it cannot be written, or holds another run.
    """
    if given is None:
        _sweep()
        home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    else:
        home = _claim(Path(given))
    work = home / "work"
    try:
        (work / "members").mkdir(parents=True)
        yield work
    finally:
        shutil.rmtree(work if given is not None else home, ignore_errors=True)


def _claim(home: Path) -> Path:
    try:
        home.mkdir(parents=True, exist_ok=True)
        if any(home.iterdir()):
            raise RunError(
                "E_RUN_FOLDER",
                f"The run folder {str(home)!r} is not empty.",
                "Name another one, or remove it.",
            )
    except OSError as error:
        raise RunError(
            "E_RUN_FOLDER",
            f"The run folder {str(home)!r} cannot be used: {error}.",
            "Name a folder that can be written.",
        ) from error
    return home.resolve()


def _sweep() -> None:
    """Remove what processes that are gone have left behind."""
    import psutil

    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
