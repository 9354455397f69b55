"""A predictor built from real parts, without a search."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest

TOYS = Path(__file__).parent / "toys"


@pytest.fixture(scope="session")
def toys():
    """The toy plugin, importable by name as an installed one is."""
    sys.path.insert(0, str(TOYS))
    import model_toys

    yield model_toys
    sys.path.remove(str(TOYS))


@pytest.fixture(scope="session")
def catalog(toys):
    from automl.plugin.discovery import discover
    from automl.plugin.selection import Plugins

    return discover(Plugins(add=(toys,)))


def table(n_rows=120, seed=0):
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n_rows)
    color = np.array(["red", "green", "blue"], dtype=object)[rng.integers(0, 3, n_rows)]
    score = size + (color == "red") + rng.normal(scale=0.3, size=n_rows)
    size[::10] = np.nan
    labels = {
        "binary": np.where(score > 0, "yes", "no").astype(object),
        "multiclass": np.digitize(score, [-0.5, 1.0]).astype(np.int64),
        "regression": np.round(score, 3),
    }
    return {"size": size, "color": color, "weight_kg": rng.normal(5, 1, n_rows)}, labels


@dataclass(frozen=True)
class Maker:
    catalog: object
    folder: Path

    def __call__(self, algorithms=("toy_pair",), task="binary", *, portable=True, classes=None):
        from automl.candidate.pipeline import Setting, fit_pipeline, fit_preparation
        from automl.candidate.recipe import Candidate, Step
        from automl.candidate.storage import save_pipeline
        from automl.data.apply import apply
        from automl.data.columns import Columns
        from automl.data.given import separate
        from automl.data.infer import infer
        from automl.data.profile import profile
        from automl.model.member import Member, Part
        from automl.model.predictor import Predictor

        columns, labels = table()
        target = labels[task] if classes is None else classes(labels[task])
        given = separate(columns | {"answer": target}, "answer", Columns())
        schema, _ = infer(given.raw, Columns())
        rows = apply(schema, given.raw).table
        kind = self.catalog.get("task", task)
        encoded = kind.encode(given.target)
        n_classes = 0 if encoded.classes is None else len(encoded.classes)
        setting = Setting(task=kind, n_classes=n_classes, metric=kind.metric, seed=0, threads=1)
        parts = []
        for name in algorithms:
            candidate = Candidate(
                algorithm=name,
                preparation={
                    "number": (Step(name="toy_fill"),),
                    "category": (Step(name="toy_indicators"),),
                },
            )
            members = []
            for fold in range(2):
                train = np.flatnonzero(np.arange(rows.n_rows) % 2 != fold)
                y = encoded.y[train]
                prepared = fit_preparation(
                    candidate, rows.take(train), y, schema, self.catalog, setting
                )
                pipeline = fit_pipeline(
                    candidate,
                    prepared,
                    y,
                    None,
                    None,
                    self.catalog.get("algorithm", name),
                    setting,
                    lambda round_, score=None: False,
                )
                self.folder.mkdir(parents=True, exist_ok=True)
                place = Path(mkdtemp(dir=self.folder))
                save_pipeline(pipeline, place, self.catalog, portable=portable)
                members.append((pipeline, Member.read(place)))
            parts.append((candidate, members))
        share = 1 / len(parts)
        shown = given.raw.take(np.arange(20))
        few = rows.take(np.arange(20))
        values = sum(
            share * np.mean([pipeline.values(few) for pipeline, _ in members], axis=0)
            for _, members in parts
        )
        cells = {column.name: column.plain() for column in shown.columns}
        sample = [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]
        return Predictor(
            schema=schema,
            task=kind,
            metric=self.catalog.get("metric", kind.metric),
            target="answer",
            classes=encoded.classes,
            parts=tuple(
                Part(
                    candidate=candidate,
                    weight=share,
                    cv_score=0.5,
                    members=tuple(member for _, member in members),
                )
                for candidate, members in parts
            ),
            catalog=self.catalog,
            info={
                "cv_score": 0.5,
                "n_rows": rows.n_rows,
                "profile": profile(schema, rows),
                "sample": {"rows": sample, "values": values.tolist()},
            },
        )


@pytest.fixture
def make(catalog, tmp_path):
    return Maker(catalog, tmp_path / "members")


@pytest.fixture
def new():
    """Rows to predict, as a dict of columns."""
    return table(n_rows=40, seed=1)[0]


@pytest.fixture
def truth():
    """Labels of the rows to predict, by task."""
    return table(n_rows=40, seed=1)[1]
