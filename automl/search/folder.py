"""The folder of a run: the user's, or a temporary one that does not outlive its process.

``docs/run_folder.md`` describes what is in it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from automl import files
from automl.errors import RunError
from automl.search.database import BACKUP, STORE
from automl.search.history import History
from automl.search.lock import LOCK, RunLock
from automl.search.records import MEMBERS, OUTCOMES
from automl.search.store import RunStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PREFIX = "automl-run-"
"""Temporary run folders are called this, then the process that owns them."""

WORK = "work"
"""Folder of the data that the workers map, and of what they write to their logs."""

BEGUN = frozenset({LOCK, WORK, MEMBERS, OUTCOMES, STORE, f"{STORE}-wal", f"{STORE}-shm"})
"""What a run makes before it is in its store; what else its caller may have put there before it."""

OURS = ("automl-error-*.log", "arguments.json", f"*{files.TEMPORARY}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """Where a run works.

    Parameters
    ----------
    home : Path
    history : History
    """

    home: Path
    history: History

    @property
    def work(self) -> Path:
        """Gone when the run ends."""
        return self.home / WORK

    @property
    def members(self) -> Path:
        """Fitted pipelines."""
        return self.home / MEMBERS

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Say E_RUN_FOLDER where what a run cannot begin without cannot be written."""
        try:
            yield
        except OSError as error:
            raise _unusable(self.home, str(error)) from error


@contextmanager
def run_folder(
    given: str | os.PathLike[str] | None, note: Callable[[str, str], None]
) -> Iterator[RunFolder]:
    """Open the folder of a run; the working files in it are gone at the end.

    Parameters
    ----------
    given : path or None
        Kept, and gone on with where it holds a run; a temporary folder where None.
    note : callable (code, message)
        Says what the owner of the run should know.

    Raises
    ------
    RunError
        E_RUN_FOLDER where it cannot be written or holds something else, E_RUN_LOCKED where another
        process has it, E_RUN_STORE where its store is lost, E_RUN_VERSION where a later version
        wrote it.
    """
    with ExitStack() as closing:
        if given is None:
            _sweep()
            home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
            closing.callback(shutil.rmtree, home, ignore_errors=True)
            _make(home)
            yield RunFolder(home=home, history=History(home, None, note))
            return
        home = _claim(Path(given))
        try:
            lock = RunLock(home)
        except OSError as error:
            raise _unusable(home, str(error)) from error
        closing.callback(lock.release)
        closing.callback(files.remove, home / WORK)
        try:
            _make(home)
            history = History(home, RunStore(home), note)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(home, str(error)) from error
        closing.callback(history.close)
        if lock.stale is not None:
            note("W_RUN_TAKEN_OVER", f"The run was left by {lock.stale}; it is taken up again.")
        yield RunFolder(home=home, history=history)


def is_run(home: Path) -> bool:
    """Whether a folder holds a run that was begun."""
    return (home / STORE).exists() or (home / BACKUP).exists()


def _make(home: Path) -> None:
    files.remove(home / WORK)
    for name in (WORK, MEMBERS, OUTCOMES):
        (home / name).mkdir(exist_ok=True)


def _claim(home: Path) -> Path:
    try:
        home.mkdir(parents=True, exist_ok=True)
        there = [path for path in home.iterdir() if not any(path.match(one) for one in OURS)]
    except OSError as error:
        raise _unusable(home, str(error)) from error
    if not is_run(home) and not BEGUN.issuperset(path.name for path in there):
        raise RunError(
            "E_RUN_FOLDER",
            f"The run folder {str(home)!r} is not empty and holds no run.",
            "Name another one, or remove it.",
        )
    return home.resolve()


def _unusable(home: Path, why: str) -> RunError:
    return RunError(
        "E_RUN_FOLDER",
        f"The run folder {str(home)!r} cannot be used: {why}.",
        "Name a folder that can be written.",
    )


def _sweep() -> None:
    """Remove what processes that are gone have left behind."""
    import psutil

    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
