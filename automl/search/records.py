"""An outcome as a row of the store and files beside it, and back."""

from __future__ import annotations

import hashlib
import io
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl import files
from automl.search.outcome import Evaluation, Failure, Reason
from automl.search.store import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from automl.candidate.recipe import Candidate
    from automl.search.outcome import Outcome

OUTCOMES = "outcomes"
"""Folder of the out-of-fold values."""

MEMBERS = "members"
"""Folder of the fitted pipelines."""

COMPLETE = "complete"
"""Status of an evaluation; a failure has its reason."""


def write_record(home: Path, outcome: Outcome, drawn: Mapping[str, Any]) -> Record:
    """Write the values of an outcome where it has some, and return its row.

    Parameters
    ----------
    home : Path
        The run's folder.
    outcome : Outcome
    drawn : mapping
        What Optuna would know of it.
    """
    if isinstance(outcome, Failure):
        return Record(
            number=outcome.number,
            status=outcome.reason.value,
            seconds=outcome.seconds,
            message=_plain(outcome.message),
            detail=_plain(outcome.detail),
            members={},
            drawn=drawn,
        )
    names = [folder.name for folder in outcome.members]
    stream = io.BytesIO()
    for array in (outcome.values, outcome.sample):
        np.save(stream, array, allow_pickle=False)
    return Record(
        number=outcome.number,
        status=COMPLETE,
        cv_score=outcome.cv_score,
        fold_scores=outcome.fold_scores,
        seconds=outcome.seconds,
        rounds=outcome.rounds,
        hash=files.replace(_file(home, outcome.number), stream.getvalue()),
        members=dict(zip(names, outcome.digests, strict=True)),
        drawn=drawn,
        latency_ms=outcome.latency_ms,
        n_bytes=outcome.n_bytes,
    )


def read_record(home: Path, record: Record, candidate: Candidate, there: set[str]) -> Outcome:
    """Return an outcome; a failure where the files of an evaluation are not what they were.

    Parameters
    ----------
    home : Path
    record : Record
    candidate : Candidate
    there : set of str
        Names of all fitted pipelines. What is in them is looked at when they are used.
    """
    if record.status != COMPLETE:
        return Failure(
            number=record.number,
            candidate=candidate,
            reason=Reason(record.status),
            message=record.message,
            detail=record.detail,
            seconds=record.seconds,
        )
    content = b""
    with suppress(OSError):
        content = _file(home, record.number).read_bytes()
    sound = hashlib.sha256(content).hexdigest() == record.hash
    if not sound or not there.issuperset(record.members):
        return _damaged(record.number, candidate, record.seconds)
    stream = io.BytesIO(content)
    values, sample = (np.load(stream, allow_pickle=False) for _ in range(2))
    return Evaluation(
        number=record.number,
        candidate=candidate,
        cv_score=float("nan") if record.cv_score is None else record.cv_score,
        fold_scores=record.fold_scores,
        values=values,
        members=tuple(home / MEMBERS / name for name in record.members),
        sample=sample,
        seconds=record.seconds,
        digests=tuple(record.members.values()),
        rounds=record.rounds,
        latency_ms=record.latency_ms,
        n_bytes=record.n_bytes,
    )


def sweep(home: Path, records: Sequence[Record]) -> None:
    """Remove what an outcome that never stood has left behind."""
    kept = {name for record in records for name in record.members}
    kept |= {_file(home, record.number).name for record in records if record.hash}
    for folder in (MEMBERS, OUTCOMES):
        for place in (home / folder).iterdir():
            if place.name not in kept:
                files.remove(place)
    for place in home.glob(f"*{files.TEMPORARY}"):
        files.remove(place)


def intact(evaluation: Evaluation) -> bool:
    """Whether the fitted pipelines are what they were when they were kept."""
    known = dict(zip_longest(evaluation.members, evaluation.digests, fillvalue=""))
    try:
        return all(
            files.digest(Path(folder)) == digest if digest else Path(folder).is_dir()
            for folder, digest in known.items()
        )
    except OSError:
        return False


def damaged(evaluation: Evaluation) -> Failure:
    """Return the failure that an evaluation becomes whose files cannot be used."""
    return _damaged(evaluation.number, evaluation.candidate, evaluation.seconds)


def _damaged(number: int, candidate: Candidate, seconds: float) -> Failure:
    return Failure(
        number=number,
        candidate=candidate,
        reason=Reason.DISK,
        message="Its files are missing or damaged.",
        seconds=seconds,
    )


def _file(home: Path, number: int) -> Path:
    return home / OUTCOMES / f"{number:05d}.npy"


def _plain(text: str) -> str:
    """Return valid Unicode, which is all that SQLite takes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
