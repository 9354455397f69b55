"""A real model behind a real server in a process of its own."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra `serve`")
sys.path.insert(0, str(Path(__file__).parent))

from servers import ROW, SITE, Server, serving


def _table() -> dict[str, list[Any]]:
    rng = np.random.default_rng(0)
    size = rng.normal(size=120)
    tall = size + rng.normal(size=120) / 4 > 0
    return {
        "id": [f"k{number}" for number in range(120)],
        "size": size.round(4).tolist(),
        "colour": ["red", "green", "blue"] * 40,
        "since": [f"2024-{1 + number % 12:02}-{1 + number % 28:02}" for number in range(120)],
        "fit": rng.integers(2, size=120).astype(bool).tolist(),
        "x": rng.integers(9, size=120).tolist(),
        "tall": np.where(tall, "yes", "no").tolist(),
    }


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folders of two models, `first` and `second`, which says the opposite."""
    import automl
    from automl.model.predictor import Predictor

    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SITE)
        result = automl.fit(
            _table(),
            "tall",
            columns=automl.Columns(ignored=("id",)),
            budget=automl.Budget(trials=1),
            plugins=automl.Plugins(only=("moody",), without=("listener:*",)),
            strategy=automl.Strategy(folds=2, isolation="none"),
            n_jobs=1,
        )
        first = result.predictor
        assert [part.candidate.algorithm for part in first.parts] == ["moody"]
        first.save(folder / "first")
        facts = (first.schema, first.task, first.metric, first.target)
        opposite = Predictor(*facts, first.classes_[::-1], first.parts, first.catalog, first.info)
        opposite.save(folder / "second")
    return {name: folder / name for name in ("first", "second")}


@pytest.fixture(scope="session")
def shared_server(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("served")
    words = ("--v2", "--watch", "0", "--max-rows", "50", "--max-mb", "0.1", "--patience", "2")
    with serving(models["first"], folder, *words) as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """Return the server that most tests share; each leaves it answering."""
    yield shared_server
    assert shared_server.predict(ROW).status == 200


@pytest.fixture
def copy(models: dict[str, Path], tmp_path: Path) -> Path:
    """Return a copy of the first model, which may be replaced."""
    return Path(shutil.copytree(models["first"], tmp_path / "model"))
