"""What all fault tests share: the plugin, a table, and what has to hold after whatever happened."""

from __future__ import annotations

import hashlib
import os
import pickle
import sqlite3
import sys
import tempfile
import tomllib
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil

PLUGIN = Path(__file__).resolve().parent / "plugin"


@contextmanager
def installed() -> Iterator[None]:
    """Have the plugin of the faults installed, as its pyproject says, here and in the workers."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    with tempfile.TemporaryDirectory(prefix="faults-site-") as site:
        info = Path(site) / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
        )
        entries = project["entry-points"]["automl"]
        lines = "".join(f"{key} = {module}\n" for key, module in entries.items())
        (info / "entry_points.txt").write_text(f"[automl]\n{lines}", encoding="utf-8")
        added = [site, str(PLUGIN)]
        sys.path[:0] = added
        try:
            yield
        finally:
            for entry in added:
                sys.path.remove(entry)
            for module in [one for one in sys.modules if one.startswith("automl_faults")]:
                del sys.modules[module]


def table(n_rows: int = 80) -> dict[str, np.ndarray]:
    """Return three columns of numbers and a target that is no secret."""
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(size=n_rows) for name in "abc"}
    hidden = columns["a"] + columns["b"] + rng.normal(scale=0.5, size=n_rows)
    return {**columns, "y": np.where(hidden > 0, "yes", "no").astype(object)}


def new_rows() -> dict[str, np.ndarray]:
    """Return rows to predict."""
    return {name: cells[:7] for name, cells in table().items() if name != "y"}


def kin(*, mark: str = "") -> set[int]:
    """Return the living processes that this one made, and those of runs of its own."""
    found = {
        one.pid
        for one in psutil.Process().children(recursive=True)
        if lives(one) and "resource_tracker" not in _words(one)
    }
    wanted = f"AUTOML_WORKER={mark or os.getpid()}-".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(folder.name) != os.getpid() and wanted in (folder / "environ").read_bytes():
                found.add(int(folder.name))
    return found


def temporary() -> set[Path]:
    """Return the temporary run folders that belong to nobody who lives, or to this process."""
    found = set()
    for place in Path(tempfile.gettempdir()).glob("automl-run-*-*"):
        owner = int(place.name.split("-")[2])
        if owner == os.getpid() or not psutil.pid_exists(owner):
            found.add(place)
    return found


def outcomes(home: Path) -> dict[int, Any]:
    """Return what stands in the store of a run, without touching it."""
    from automl.errors import RunError
    from automl.search.store import read_all

    try:
        return {one.number: one for one in read_all(home)[1]}
    except RunError:
        return {}


def invariants(home: Path, before: Mapping[int, Any], result: Any) -> None:
    """Fail where a run that was gone on with after a fault is not what it has to be.

    Parameters
    ----------
    home : Path
    before : mapping
        `outcomes` after the fault, before the run went on.
    result : automl.Result
        What the run gave when it went on.
    """
    from automl.search.records import MEMBERS, OUTCOMES
    from automl.search.store import read_all

    trials, records = read_all(home)  # I1
    now = {one.number: one for one in records}
    lost = {number: one for number, one in before.items() if now.get(number) != one}
    assert not lost, f"I2: outcomes that stood have changed: {lost}"
    assert np.isfinite(result.predictor.predict_proba(new_rows())).all(), "I3"
    for one in records:
        if one.hash:
            content = (home / OUTCOMES / f"{one.number:05d}.npy").read_bytes()
            assert hashlib.sha256(content).hexdigest() == one.hash, f"I3: trial {one.number}"
        for name, digest in one.members.items():
            assert _digest(home / MEMBERS / name) == digest, f"I3: member {name}"
    assert not [*home.rglob("*.tmp")], "I4"
    assert not (home / "work").exists(), "I4"
    members = {name for one in records for name in one.members}
    assert {path.name for path in (home / MEMBERS).iterdir()} == members, "I4"
    values = {f"{one.number:05d}.npy" for one in records if one.hash}
    assert {path.name for path in (home / OUTCOMES).iterdir()} == values, "I4"
    assert (home / "lock").read_bytes() == b"", "I5: the run still has an owner"
    assert "" not in {trial.ends[-1] for trial in trials}, "I6: a trial is in work"
    assert [trial.number for trial in trials] == [*range(1, len(trials) + 1)], "I6"
    db = sqlite3.connect(home / "run.db")
    try:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",), "I1"
    finally:
        db.close()


def forked(call: Callable[[], Any]) -> Any:
    """Run a call in a fork; return its value, the exception's text, or the signal that ended it."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            answer: Any = ("value", call())
        except BaseException as error:
            code = getattr(error, "code", "")
            answer = ("error", str(code), "".join(traceback.format_exception(error)))
        with os.fdopen(writing, "wb") as stream:
            stream.write(pickle.dumps(answer))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        said = stream.read()
    _, status = os.waitpid(pid, 0)
    return ("killed",) if os.WIFSIGNALED(status) else pickle.loads(said)


def _digest(folder: Path) -> str:
    from automl import files

    return files.digest(folder)


def lives(process: psutil.Process) -> bool:
    """Whether a process is there, and no corpse."""
    with suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def _words(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""
