"""The store of a run: whole after a kill, put right after damage, one writer at a time."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from automl import files
from automl.errors import RunError
from automl.search.database import ADDED, APPLICATION, BACKUP, STORE, VERSION
from automl.search.lock import LOCK, RunLock, owner_of
from automl.search.store import Record, RunStore, read_all, read_facts


def record(number: int, score: float = 0.5) -> Record:
    return Record(number=number, status="complete", cv_score=score, members={"a": "b"}, drawn={})


def filled(home: Path, n: int = 3) -> None:
    store = RunStore(home)
    store.set_facts(target="y", greater_is_better=True)
    for number in range(1, n + 1):
        store.begin(number, f"key{number}", {"algorithm": "a"}, None)
        store.finish(record(number, number / 10))
        (home / "members" / f"{number:05d}-0").mkdir(parents=True)
    store.close()


def test_what_was_kept_is_read_back_in_its_order(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    for number in (1, 2, 3):
        store.begin(number, f"key{number}", {"algorithm": "a"}, {"x": 0.1})
    store.finish(record(2, 1 / 3))
    store.finish(Record(number=1, status="exception", message="no", members={}, drawn={}))
    store.close()
    again = RunStore(tmp_path)
    assert [one.number for one in again.records()] == [2, 1]
    assert again.records()[0] == record(2, 1 / 3)
    assert [one.ends for one in again.trials()] == [("exception",), ("complete",), ("",)]
    assert again.trials()[0].proposal == {"x": 0.1}
    again.close()
    facts = read_facts(tmp_path)
    assert (facts["n_outcomes"], facts["n_complete"], facts["best"]) == (2, 1, 1 / 3)
    assert not list(tmp_path.glob("*-wal"))


def test_a_store_from_before_latencies_were_kept_goes_on(tmp_path: Path) -> None:
    filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / STORE)) as db:
        for name in ADDED:
            db.execute(f"ALTER TABLE outcomes DROP COLUMN {name}")
    assert [one.latency_ms for one in read_all(tmp_path)[1]] == [None] * 3
    store = RunStore(tmp_path)
    store.begin(4, "key4", {"algorithm": "a"}, None)
    store.finish(replace(record(4), latency_ms=0.5, n_bytes=1000))
    store.close()
    kept = read_all(tmp_path)[1]
    assert [(one.latency_ms, one.n_bytes) for one in kept[2:]] == [(None, None), (0.5, 1000)]


@pytest.mark.case("F18", "it is set aside, the last copy takes its place, and what is lost is said")
@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
        lambda file: file.write_bytes(bytes(100) + file.read_bytes()[100:]),
        lambda file: file.write_bytes(file.read_bytes()[:4096] + bytes(4096)),
        lambda file: file.write_bytes(os.urandom(9000)),
        lambda file: file.unlink(),
    ],
    ids=["empty", "truncated", "no header", "no page", "noise", "gone"],
)
def test_a_damaged_store_is_set_aside_and_the_copy_takes_its_place(
    tmp_path: Path, damage: object
) -> None:
    filled(tmp_path)
    damage(tmp_path / STORE)  # type: ignore[operator]  # a function
    (tmp_path / "members" / "00005-0").mkdir()
    store = RunStore(tmp_path)
    assert [one.number for one in store.records()] == [1, 2, 3]
    assert "3 outcomes; 2 later trials are lost" in store.restored
    store.close()
    kept = [path.name for path in tmp_path.glob(f"{STORE}.corrupt-*")]
    assert len(kept) == (0 if "gone" in os.environ["PYTEST_CURRENT_TEST"] else 1)
    again = RunStore(tmp_path)
    assert not again.restored
    again.close()


@pytest.mark.case("F18", "without a copy E_RUN_STORE says what is lost, and nothing is touched")
def test_without_a_copy_the_error_says_what_is_lost(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / BACKUP).write_bytes(b"nothing")
    (tmp_path / STORE).write_bytes(b"nothing")
    with pytest.raises(RunError, match="outcomes of 3 trials are lost") as caught:
        RunStore(tmp_path)
    assert caught.value.code == "E_RUN_STORE"
    assert (tmp_path / STORE).read_bytes() == b"nothing"


def test_a_store_that_died_while_it_was_made_is_made_again(tmp_path: Path) -> None:
    (tmp_path / STORE).write_bytes(b"")
    store = RunStore(tmp_path)
    assert store.records() == []
    store.close()


@pytest.mark.case("F18", "another program's file is E_RUN_FOLDER, a later version's E_RUN_VERSION")
@pytest.mark.parametrize(
    ("application", "version", "code"),
    [(1, 1, "E_RUN_FOLDER"), (APPLICATION, VERSION + 1, "E_RUN_VERSION")],
)
def test_what_is_not_ours_or_too_new_is_refused(
    tmp_path: Path, application: int, version: int, code: str
) -> None:
    db = sqlite3.connect(tmp_path / STORE)
    db.execute("CREATE TABLE theirs (x)")
    db.execute(f"PRAGMA application_id = {application}")
    db.execute(f"PRAGMA user_version = {version}")
    db.close()
    before = (tmp_path / STORE).read_bytes()
    with pytest.raises(RunError, match=code):
        RunStore(tmp_path)
    assert (tmp_path / STORE).read_bytes() == before


def copied(home: Path) -> int:
    db = sqlite3.connect(home / BACKUP)
    (n,) = db.execute("SELECT COUNT(*) FROM outcomes").fetchone()
    db.close()
    return int(n)


def test_the_copy_follows_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RunStore(tmp_path)
    for number in range(1, 21):
        store.begin(number, str(number), {"algorithm": "a"}, None)
        store.finish(record(number))
    assert 1 <= copied(tmp_path) <= 20
    monkeypatch.setattr("automl.search.store.BACKUP_SHARE", 1e9)
    store.back_up()
    time.sleep(0.01)
    store.begin(21, "21", {"algorithm": "a"}, None)
    store.finish(record(21))
    assert copied(tmp_path) == 21
    store.begin(22, "22", {"algorithm": "a"}, None)
    store.finish(record(22))
    store.close()
    assert copied(tmp_path) == 22


def test_a_reader_does_not_disturb_the_writer(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.begin(1, "a", {"algorithm": "a"}, None)
    store.finish(record(1))
    trials, records = read_all(tmp_path)
    assert len(trials) == len(records) == 1
    store.begin(2, "b", {"algorithm": "a"}, None)
    store.close()


@pytest.mark.parametrize("kind", ["commit", "sync", "rename", "write"])
def test_a_step_that_fails_leaves_what_was(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path)
    place = tmp_path / "file"
    place.write_bytes(b"old")
    store = RunStore(tmp_path)

    def fail(step: str, at: Path) -> None:
        if step == kind:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_on_step", fail)
    with pytest.raises(OSError, match="No space"):
        store.finish(record(4)) if kind == "commit" else files.replace(place, b"new")
    monkeypatch.setattr(files, "_on_step", None)
    assert place.read_bytes() == b"old"
    assert not list(tmp_path.glob("*.tmp"))
    assert len(store.records()) == 3
    store.finish(record(4))
    assert len(store.records()) == 4
    store.close()


HOLDER = """
import sys, time
from pathlib import Path
from automl.search.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.case("F20", "the second is refused with E_RUN_LOCKED, which names the owner")
@pytest.mark.case("F21", "it is taken over")
def test_a_second_process_is_refused_by_name_and_a_dead_one_is_followed(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(RunError, match=f"process {process.pid} on .*, since 20") as caught:
            RunLock(tmp_path)
        assert caught.value.code == "E_RUN_LOCKED"
        owner = owner_of(tmp_path)
        assert owner is not None
        assert owner.lives
        process.kill()
        process.wait()
    assert not owner.lives
    lock = RunLock(tmp_path)
    assert lock.stale == owner
    with pytest.raises(RunError, match=f"process {os.getpid()}"):
        RunLock(tmp_path)
    lock.release()
    assert (tmp_path / LOCK).read_bytes() == b""
    second = RunLock(tmp_path)
    assert second.stale is None
    second.release()


@pytest.mark.case("F21", "a process of the same number that began at another time is no owner")
def test_a_number_that_another_process_has_now_is_no_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    RunLock(tmp_path).release()
    said = {"pid": os.getpid(), "host": platform.node(), "since": "then", "born": 1.0}
    (tmp_path / LOCK).write_text(json.dumps(said), encoding="utf-8")
    monkeypatch.setattr("automl.search.lock._lock", lambda handle: None)
    lock = RunLock(tmp_path)
    assert lock.stale is not None
    with pytest.raises(RunError, match="E_RUN_LOCKED"):
        RunLock(tmp_path)
    lock.release()
