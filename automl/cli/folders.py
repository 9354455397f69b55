"""Where a run and its model lie."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from automl.cli.arguments import Arguments
from automl.errors import InputError

RUNS = Path("automl-runs")
"""Folder of all runs, in the working folder."""

LEADERBOARD = "leaderboard.json"
"""The rows of the leaderboard, written by the run."""

ARGUMENTS = "arguments.json"
"""What the run was asked for, to go on with it."""

RESULT = "result.json"
"""What `automl fit` said at the end."""


def run_folder(name: str | None, target: str) -> Path:
    """Make the folder of a new run.

    Parameters
    ----------
    name : str or None
        A name below ``automl-runs``, or a path where it holds a separator; None numbers the runs
        of one target.
    target : str

    Raises
    ------
    InputError
        ``E_INPUT_RUN`` where it is there already and not empty, or cannot be made.
    """
    if name is not None:
        return _make(_path_of(name))
    stem = re.sub(r"\W+", "-", target).strip("-").lower() or "run"
    for number in range(1, 1_000_000):
        folder = RUNS / f"{stem}-{number}"
        if not folder.exists():
            return _make(folder)
    raise InputError("E_INPUT_RUN", f"{RUNS} is full.", "Remove old runs.")


def found_run(name: str) -> Path:
    """Return the folder of a run that is there.

    Raises
    ------
    InputError
        ``E_INPUT_RUN`` where there is none.
    """
    for folder in (_path_of(name), Path(name)):
        if folder.is_dir():
            return folder
    there = sorted(one.name for one in RUNS.iterdir()) if RUNS.is_dir() else []
    raise InputError(
        "E_INPUT_RUN", f"There is no run {name!r}.", f"Runs here: {', '.join(there) or 'none'}."
    )


def check_model(out: str | None) -> None:
    """Refuse a place for the model before the search begins; a saved model may be replaced.

    Raises
    ------
    InputError
        ``E_INPUT_OUT`` where something else is there.
    """
    if out is None or out.endswith(".zip"):
        return
    folder = Path(out)
    taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if taken and not (folder / "manifest.json").is_file():
        raise InputError(
            "E_INPUT_OUT", f"{folder} is there and no model.", "Choose another --out or remove it."
        )


@contextmanager
def gone_if_empty(folder: Path) -> Iterator[None]:
    """Leave no new folder behind where nothing came of its run."""
    try:
        yield
    except BaseException:
        from automl.search.runs import n_outcomes

        if not n_outcomes(folder):
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):
                folder.parent.rmdir()
        raise


def keep_arguments(folder: Path, arguments: Arguments) -> None:
    """Write down what a run is asked for; the password of a database is not."""
    said = {name: value for name, value in asdict(arguments).items() if value not in (None, "", {})}
    said.pop("run", None)
    if Path(arguments.source).exists():
        said["source"] = str(Path(arguments.source).absolute())
    elif "@" in arguments.source:
        del said["source"]
    if arguments.out:
        said["out"] = str(Path(arguments.out).absolute())
    text = json.dumps(said, indent=1, default=str)
    (folder / ARGUMENTS).write_text(text, encoding="utf-8")


def _path_of(name: str) -> Path:
    return Path(name) if re.search(r"[\\/]", name) or name in {".", ".."} else RUNS / name


def _make(folder: Path) -> Path:
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(
            "E_INPUT_RUN",
            f"{folder} is there already.",
            f"Go on with it by --resume {folder.name}, or choose another --run.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("E_INPUT_RUN", f"{folder} cannot be made: {error.strerror}.") from error
    return folder
