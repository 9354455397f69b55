"""A user's own PostgreSQL as Optuna's storage, on a real server; skipped where none is."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import automl
from automl.search.runs import export_run

DRIVERS = ("psycopg", "psycopg2", "pg8000")
PLACES = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"))]


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """Start a server; give the URL of its database, and the words that stop it."""
    found = shutil.which("initdb", path=os.pathsep.join([*PLACES, os.environ["PATH"]]))
    driver = next((name for name in DRIVERS if importlib.util.find_spec(name)), None)
    if found is None or driver is None:
        pytest.skip(f"needs PostgreSQL and one of {', '.join(DRIVERS)}")
    place = Path(tempfile.mkdtemp(prefix="automl-pg-"))
    options: dict[str, Any] = {"cwd": place, "stdout": subprocess.DEVNULL, "check": True}
    if hasattr(os, "getuid") and os.getuid() == 0:
        # The server refuses to be run by root.
        shutil.chown(place, "postgres")
        options["user"] = "postgres"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = str(place / "data")
    subprocess.run([found, "-D", data, "-U", "automl", "--auth=trust", "--no-sync"], **options)
    control = [str(Path(found).with_name("pg_ctl")), "-D", data, "-w", "-l", str(place / "log")]
    settings = f"-p {port} -k {place} -c listen_addresses=127.0.0.1"
    subprocess.run([*control, "-o", settings, "start"], **options)
    stop = [*control, "-m", "immediate", "stop"]
    try:
        yield f"postgresql+{driver}://automl@127.0.0.1:{port}/postgres", stop
    finally:
        subprocess.run(stop, **{**options, "check": False, "stderr": subprocess.DEVNULL})
        shutil.rmtree(place, ignore_errors=True)


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3))
    return x, x[:, 0] + rng.normal(size=80) > 0


@pytest.mark.slow
def test_a_real_server_mirrors_a_run(tmp_path: Path, server: tuple[str, list[str]]) -> None:
    import optuna

    url, _ = server
    x, y = data()
    found = automl.fit(
        x,
        y,
        plugins=["naive_bayes", "decision_tree"],
        budget=automl.Budget(trials=8),
        strategy=automl.Strategy(isolation="none", folds=2, storage=url),
        run=tmp_path / "run",
    )
    scores = {}
    for summary in optuna.get_all_study_summaries(url):
        study = optuna.load_study(study_name=summary.study_name, storage=url)
        scores |= {t.user_attrs["number"]: t.value for t in study.trials}
    assert scores == {row.number: row.cv_score for row in found.leaderboard if row.number}
    assert export_run(tmp_path / "run", url) == 0


@pytest.mark.slow
def test_a_server_that_goes_away_does_not_end_a_run(
    tmp_path: Path, server: tuple[str, list[str]]
) -> None:
    url, stop = server
    owner = {"user": "postgres"} if os.getuid() == 0 else {}
    subprocess.run(stop, check=True, stdout=subprocess.DEVNULL, **owner)  # type: ignore[call-overload]  # words
    x, y = data()
    with pytest.warns(automl.errors.RunWarning, match="The Optuna storage failed"):
        found = automl.fit(
            x,
            y,
            plugins=["naive_bayes"],
            budget=automl.Budget(trials=2),
            strategy=automl.Strategy(isolation="none", folds=2, storage=url),
        )
    assert len(found.leaderboard) == 3
