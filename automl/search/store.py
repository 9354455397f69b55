"""The state of a run in one SQLite file: every trial that was begun, every outcome that stands."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automl import files
from automl.errors import RunError
from automl.search.budget import Clock, wall_time
from automl.search.database import (
    ADDED,
    BACKUP,
    STORE,
    check,
    columns_of,
    connect,
    heal,
    open_store,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

BACKUP_SHARE = 0.02
"""Share of the time that may go into copies of the store."""

_END = "UPDATE attempts SET ended = ? WHERE number = ? AND ended = ''"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial that was begun.

    Parameters
    ----------
    number : int
    key : str
        Hash of the candidate.
    candidate : mapping
    proposal : mapping or None
        What the study proposed; None for a configuration that came first.
    ends : tuple of str
        How each attempt at it ended; empty where it was in work when its process died.
    """

    number: int
    key: str
    candidate: Mapping[str, Any]
    proposal: Mapping[str, Any] | None
    ends: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An outcome as it is stored.

    Parameters
    ----------
    number : int
    status : str
        ``complete``, or the reason of a failure.
    cv_score : float or None
    fold_scores : tuple of float
    seconds : float
    rounds : tuple of int or None
    message, detail : str
    hash : str
        SHA-256 of the file with the out-of-fold values.
    members : mapping of str to str
        For each fitted pipeline its name and hash.
    drawn : mapping
        The parameters of the trial and their distributions, for Optuna; may be empty.
    latency_ms : float or None
    n_bytes : int or None
    """

    number: int
    status: str
    cv_score: float | None = None
    fold_scores: tuple[float, ...] = ()
    seconds: float = 0.0
    rounds: tuple[int | None, ...] = ()
    message: str = ""
    detail: str = ""
    hash: str = ""
    members: Mapping[str, str]
    drawn: Mapping[str, Any]
    latency_ms: float | None = None
    n_bytes: int | None = None


class RunStore:
    """The one writer of a run's state.

    Parameters
    ----------
    home : Path
        The run's folder; a store that is there goes on.

    Raises
    ------
    RunError
        E_RUN_STORE where the store is damaged and there is no copy, E_RUN_VERSION where a later
        version wrote it, E_RUN_FOLDER where the file is no run store.

    Notes
    -----
    WAL, so that readers never wait and a process that is killed leaves a whole transaction or
    none. A commit of an outcome waits for the disk (``synchronous=FULL``): it stands for seconds of
    work, and waiting takes about a millisecond. That a trial was begun need not survive a power
    cut (``NORMAL``).
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._file = home / STORE
        self.restored = heal(home)
        self._db = open_store(self._file)
        self._unsaved = False
        self._pause = Clock(0.0)

    def facts(self) -> dict[str, Any]:
        """Return what is known of the run as a whole."""
        rows = self._db.execute("SELECT name, value FROM facts")
        return {name: json.loads(value) for name, value in rows}

    def set_facts(self, **facts: Any) -> None:
        """Keep facts of the run, in the place of earlier ones of the same names."""
        rows = [(name, json.dumps(value)) for name, value in facts.items()]
        with self._transaction("FULL"):
            self._db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows)

    def begin(
        self,
        number: int,
        key: str,
        candidate: Mapping[str, Any],
        proposal: Mapping[str, Any] | None,
    ) -> None:
        """Note that a trial is in work."""
        told = None if proposal is None else json.dumps(dict(proposal))
        row = (number, key, json.dumps(dict(candidate)), told)
        with self._transaction("NORMAL"):
            self._db.execute("INSERT OR IGNORE INTO trials VALUES (?, ?, ?, ?)", row)
            started = (number, wall_time())
            self._db.execute("INSERT INTO attempts (number, started) VALUES (?, ?)", started)

    def end(self, number: int, how: str) -> None:
        """Note how an attempt ended that gave no outcome."""
        with self._transaction("NORMAL"):
            self._db.execute(_END, (how, number))

    def finish(self, record: Record) -> None:
        """Keep an outcome: one transaction, after which it stands."""
        row = (
            record.number,
            record.status,
            record.cv_score,
            json.dumps(record.fold_scores),
            record.seconds,
            json.dumps(record.rounds),
            record.message,
            record.detail,
            record.hash,
            json.dumps(dict(record.members)),
            json.dumps(dict(record.drawn)),
            wall_time(),
            record.latency_ms,
            record.n_bytes,
        )
        with self._transaction("FULL"):
            self._db.execute(
                "INSERT INTO outcomes (number, status, cv_score, fold_scores, seconds, rounds, "
                "message, detail, hash, members, drawn, finished, latency_ms, n_bytes) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            self._db.execute(_END, (record.status, record.number))
        self._unsaved = True
        if self._pause.up:
            self.back_up()

    def trials(self) -> list[Trial]:
        """Return all trials by number."""
        return _trials(self._db)

    def records(self) -> list[Record]:
        """Return all outcomes in the order in which they came."""
        return _records(self._db)

    def back_up(self) -> None:
        """Copy the store, so that a damaged one can be replaced."""
        took = Clock()
        beside = self.home / (BACKUP + files.TEMPORARY)
        files.remove(beside)
        files.step("write", beside)
        with closing(sqlite3.connect(beside)) as copy:
            self._db.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        files.sync(beside)
        files.rename(beside, self.home / BACKUP)
        files.sync(self.home)
        self._unsaved = False
        self._pause = Clock(took.elapsed / BACKUP_SHARE)

    def close(self) -> None:
        """Copy what is new and let go of the file."""
        try:
            if self._unsaved:
                self.back_up()
            # Whoever only reads a store without a log needs no right to write beside it.
            with suppress(sqlite3.OperationalError):
                self._db.execute("PRAGMA journal_mode = DELETE")
        finally:
            self._db.close()

    @contextmanager
    def _transaction(self, synchronous: str) -> Iterator[None]:
        self._db.execute(f"PRAGMA synchronous = {synchronous}")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            files.step("commit", self._file)
            self._db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise


def read_facts(home: Path) -> dict[str, Any]:
    """Return the facts of a run and the number and best of its outcomes, without touching it.

    Raises
    ------
    RunError
        E_RUN_STORE where that cannot be read.
    """
    with _reading(home) as db:
        facts = {n: json.loads(v) for n, v in db.execute("SELECT name, value FROM facts")}
        count, complete, last, low, high = db.execute(
            "SELECT COUNT(*), SUM(status = 'complete'), MAX(finished), MIN(cv_score), "
            "MAX(cv_score) FROM outcomes"
        ).fetchone()
    facts["n_outcomes"], facts["n_complete"], facts["last"] = count, complete or 0, last
    facts["best"] = high if facts.get("greater_is_better", True) else low
    return facts


def read_all(home: Path) -> tuple[list[Trial], list[Record]]:
    """Return what a run has tried, without touching it.

    Raises
    ------
    RunError
        E_RUN_STORE where that cannot be read.
    """
    with _reading(home) as db:
        return _trials(db), _records(db)


@contextmanager
def _reading(home: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(connect(home / STORE, "ro")) as db:
            check(db, home / STORE)
            yield db
    except (sqlite3.Error, ValueError) as error:
        raise RunError("E_RUN_STORE", f"{home / STORE} cannot be read: {error}.") from error


def _trials(db: sqlite3.Connection) -> list[Trial]:
    ends: dict[int, list[str]] = {}
    for number, how in db.execute("SELECT number, ended FROM attempts ORDER BY rowid"):
        ends.setdefault(number, []).append(how)
    rows = db.execute("SELECT number, key, candidate, proposal FROM trials ORDER BY 1")
    return [
        Trial(
            number=number,
            key=key,
            candidate=json.loads(candidate),
            proposal=None if proposal is None else json.loads(proposal),
            ends=tuple(ends.get(number, ())),
        )
        for number, key, candidate, proposal in rows
    ]


def _records(db: sqlite3.Connection) -> list[Record]:
    there = columns_of(db)
    more = ", ".join(name if name in there else f"NULL AS {name}" for name in ADDED)
    rows = db.execute(
        "SELECT number, status, cv_score, fold_scores, seconds, rounds, message, detail, hash, "  # noqa: S608 - our own names
        f"members, drawn, {more} FROM outcomes ORDER BY place"
    )
    return [
        Record(
            number=row[0],
            status=row[1],
            cv_score=row[2],
            fold_scores=tuple(json.loads(row[3])),
            seconds=row[4],
            rounds=tuple(json.loads(row[5])),
            message=row[6],
            detail=row[7],
            hash=row[8],
            members=json.loads(row[9]),
            drawn=json.loads(row[10]),
            latency_ms=row[11],
            n_bytes=row[12],
        )
        for row in rows
    ]
