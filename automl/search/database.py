"""The SQLite file of a run: made, opened, checked, and put right from its copy."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from automl import files
from automl.errors import RunError
from automl.search.budget import wall_time

STORE = "run.db"
"""Name of the file in the run's folder."""

BACKUP = "run.db.backup"
"""Name of its last copy."""

APPLICATION = 0x41754D4C
"""Marks the file as ours (``PRAGMA application_id``): "AuML"."""

VERSION = 1
"""Version of the tables (``PRAGMA user_version``); a later one is refused."""

ADDED = {"latency_ms": "REAL", "n_bytes": "INTEGER"}
"""Columns of outcomes that the first stores of this version have not: others may read past them."""

_TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE trials (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    candidate TEXT NOT NULL,
    proposal TEXT
);
CREATE TABLE attempts (
    number INTEGER NOT NULL,
    started TEXT NOT NULL,
    ended TEXT NOT NULL DEFAULT ''
);
CREATE TABLE outcomes (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    number INTEGER NOT NULL UNIQUE,
    status TEXT NOT NULL,
    cv_score REAL,
    fold_scores TEXT NOT NULL DEFAULT '[]',
    seconds REAL NOT NULL,
    rounds TEXT NOT NULL DEFAULT '[]',
    message TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '',
    hash TEXT NOT NULL DEFAULT '',
    members TEXT NOT NULL DEFAULT '{}',
    drawn TEXT NOT NULL DEFAULT '{}',
    finished TEXT NOT NULL,
    latency_ms REAL,
    n_bytes INTEGER
);
CREATE INDEX attempts_by_number ON attempts (number);
"""


def heal(home: Path) -> str:
    """Put the last copy in the place of a damaged store; return what there is to say of it."""
    file, copy = home / STORE, home / BACKUP
    if not file.exists() and not copy.exists():
        return ""
    fault = _fault(file)
    if not fault:
        return ""
    seen = [int(found[0]) for one in (home / "members").glob("*") if (found := _number(one.name))]
    highest = max(seen, default=0)
    if not highest and not copy.exists():
        # It died while it was made.
        files.remove(file)
        return ""
    if _fault(copy):
        raise RunError(
            "E_RUN_STORE",
            f"{file} is damaged ({fault}) and there is no copy of it: the outcomes of "
            f"{highest} trials are lost.",
            "Remove the folder or name another one.",
        )
    stamp = re.sub(r"\D", "", wall_time())[:14]
    for ending in ("", "-wal", "-shm"):
        damaged = file.with_name(file.name + ending)
        if damaged.exists():
            files.rename(damaged, damaged.with_name(f"{STORE}.corrupt-{stamp}{ending}"))
    files.replace(file, copy.read_bytes())
    with closing(connect(file, "ro")) as db:
        (known,) = db.execute("SELECT COALESCE(MAX(number), 0) FROM trials").fetchone()
        (kept,) = db.execute("SELECT COUNT(*) FROM outcomes").fetchone()
    lost = max(0, highest - known)
    return (
        f"{STORE} was damaged ({fault}) and is set aside as {STORE}.corrupt-{stamp}. The last "
        f"copy is in its place, with {kept} outcomes; {lost} later trials are lost."
    )


def _number(name: str) -> list[str]:
    return re.findall(r"^\d+", name)


def _fault(file: Path) -> str:
    """Return what is wrong with a store; empty where nothing is."""
    if not file.is_file():
        return "it is not there" if not file.exists() else "it is no file"
    if not file.stat().st_size:
        return "it is empty"
    try:
        with closing(connect(file, "rw")) as db:
            if not db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
                return "it has no tables"
            check(db, file)
            (said,) = db.execute("PRAGMA integrity_check(1)").fetchone()
            for table in ("facts", "trials", "attempts", "outcomes"):
                db.execute(f"SELECT COUNT(*) FROM {table}")  # noqa: S608 - our own names
            return "" if said == "ok" else str(said).splitlines()[0]
    except sqlite3.DatabaseError as error:
        return str(error)


def check(db: sqlite3.Connection, file: Path) -> None:
    """Refuse what is no run store, or of a later version."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise RunError(
            "E_RUN_FOLDER", f"{file} is a database, but not of a run.", "Name another folder."
        )
    if version > VERSION:
        raise RunError(
            "E_RUN_VERSION",
            f"{file} was written by a later automl (version {version} of the store, this one "
            f"knows {VERSION}).",
            "Update automl.",
        )


def columns_of(db: sqlite3.Connection) -> set[str]:
    """Return the names of what is kept of an outcome."""
    return {row[1] for row in db.execute("PRAGMA table_info(outcomes)")}


def connect(file: Path, mode: str) -> sqlite3.Connection:
    """Open a file in a mode of SQLite: ``ro``, ``rw`` or ``rwc``."""
    return sqlite3.connect(
        f"{file.absolute().as_uri()}?mode={mode}", uri=True, timeout=10.0, isolation_level=None
    )


def open_store(file: Path) -> sqlite3.Connection:
    """Open a store that is sound, or make one."""
    try:
        db = connect(file, "rwc")
        db.execute("PRAGMA journal_mode = WAL")
        if not db.execute("PRAGMA user_version").fetchone()[0]:
            db.executescript(
                f"BEGIN; {_TABLES} PRAGMA application_id = {APPLICATION}; "
                f"PRAGMA user_version = {VERSION}; COMMIT;"
            )
        there = columns_of(db)
        for name, kind in ADDED.items():
            if name not in there:
                db.execute(f"ALTER TABLE outcomes ADD COLUMN {name} {kind}")
    except sqlite3.Error as error:
        raise RunError(
            "E_RUN_STORE", f"{file} cannot be written: {error}.", "Free space or name another one."
        ) from error
    return db
