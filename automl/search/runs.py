"""Runs that are there: what became of each, and its trials for Optuna."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automl.candidate.recipe import Candidate
from automl.errors import RunError
from automl.search.folder import is_run
from automl.search.lock import owner_of
from automl.search.mirror import Copy, Writer, attributes_of, study_name
from automl.search.store import read_all, read_facts

if TYPE_CHECKING:
    from pathlib import Path

    from optuna.storages import BaseStorage


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """A run, as far as it can be known without taking it.

    Parameters
    ----------
    folder : Path
    state : str
        ``running``, ``finished``, ``interrupted`` or ``damaged``.
    facts : mapping
        ``target``, ``task``, ``metric``, ``best``, ``n_outcomes``, ``begun``, ``last``, ...
    n_bytes : int
        What it takes on disk.
    note : str
        Who has it, or what is wrong with it.
    """

    folder: Path
    state: str
    facts: dict[str, Any]
    n_bytes: int
    note: str


def list_runs(folder: Path) -> list[RunInfo]:
    """Return the run that a folder is, or the runs in it, the latest last.

    Parameters
    ----------
    folder : Path
    """
    places = [folder] if is_run(folder) else [one for one in folder.glob("*") if is_run(one)]
    found = [_look(place) for place in places]
    return sorted(found, key=lambda one: (str(one.facts.get("last") or ""), one.folder.name))


def n_outcomes(home: Path) -> int:
    """Return how many outcomes a folder holds; 0 where there is no run that can be read."""
    try:
        return int(read_facts(home)["n_outcomes"])
    except RunError:
        return 0


def export_run(home: Path, storage: str | BaseStorage) -> int:
    """Copy the trials of a run to an Optuna storage, those that are not there yet.

    Parameters
    ----------
    home : Path
        The run's folder; a running one may be read.
    storage : str or optuna storage
        A URL such as ``"sqlite:///studies.db"``.

    Returns
    -------
    int
        How many were copied, to studies called ``<run>-<id>/<algorithm>``.

    Raises
    ------
    RunError
        E_RUN_STORE where the run cannot be read, E_RUN_STORAGE where the storage cannot be written.
    """
    facts = read_facts(home)
    trials, records = read_all(home)
    known = {trial.number: Candidate.from_json(trial.candidate) for trial in trials}
    greater = facts.get("greater_is_better", True)
    writer = Writer(storage, study_name(home, facts), greater_is_better=greater)
    copies = [
        Copy(
            number=one.number,
            algorithm=known[one.number].algorithm,
            status=one.status,
            score=one.cv_score,
            params=one.drawn.get("params", {}),
            space=one.drawn.get("space", {}),
            attributes=attributes_of(known[one.number], one.seconds, one.message),
        )
        for one in sorted(records, key=lambda one: one.number)
    ]
    try:
        return sum(writer.write(copy) for copy in copies)
    except Exception as error:
        raise RunError(
            "E_RUN_STORAGE",
            f"The Optuna storage {storage!s} cannot be written: {type(error).__name__}: {error}.",
            "Check the URL, and that the driver of the database is installed.",
        ) from error


def _look(home: Path) -> RunInfo:
    facts: dict[str, Any] = {}
    owner = owner_of(home)
    try:
        facts = read_facts(home)
        state, note = ("finished" if facts.get("finished") else "interrupted"), ""
    except RunError as error:
        state, note = "damaged", error.message
    if owner is not None and owner.lives:
        state, note = "running", str(owner)
    sizes = (one.stat().st_size for one in home.rglob("*") if one.is_file())
    return RunInfo(folder=home, state=state, facts=facts, n_bytes=sum(sizes), note=note)
