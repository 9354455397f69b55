"""automl with one part off, to see what each brings; changed inside: no user needs a switch."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pandas as pd

from benchmarks.contenders.automl import IMPORTS, PACKAGE, REQUIREMENTS, load, predict, save
from benchmarks.inside.job import Job

__all__ = ["IMPORTS", "PACKAGE", "REQUIREMENTS", "fit", "load", "predict", "save"]

ENVIRONMENT = "automl"

# What it is called inside, and what takes its place. Only the process that searches is changed.
PARTS: dict[str, tuple[str, Any]] = {
    # All candidates are fitted on all folds, but those that are far behind.
    "race": ("automl.search.race.Race._adds", lambda *_: True),
    # Large tables are not looked at by samples of their rows first.
    "looks": ("automl.search.rungs.sizes_for", lambda _: (None,)),
    # What is not done in time is thrown away.
    "partial": ("automl.search.loop.partial_of", lambda *_: None),
    # Nothing comes after the portfolio.
    "search": ("automl.search.study.AlgorithmStudy._varied", {}),
    # Each algorithm has one start, then it is searched.
    "portfolio": ("automl.candidate.space.AlgorithmSpace.start_candidates", None),
    # Neither certainty nor a threshold is fitted to the blend.
    "calibration": ("automl.model.mix.tune", lambda values, *_, **__: (None, values)),
}
VARIANTS: dict[str, dict[str, Any]] = {
    f"automl-no-{part}": {"part": part} for part in (*PARTS, "features", "blend")
}


def fit(train: pd.DataFrame, job: Job) -> Any:
    import automl
    from automl.candidate.space import AlgorithmSpace

    part = job.settings["part"]
    if part in PARTS:
        place, other = PARTS[part]
        starts = AlgorithmSpace.start_candidates
        patch(place, other if other is not None else (lambda space: starts(space)[:1])).start()
    kind = "category" if job.classifies else "number"
    return automl.fit(
        train,
        job.target,
        budget=job.budget,
        seed=job.seed,
        n_jobs=job.cores,
        columns=automl.Columns(kinds={job.target: kind}),
        plugins=["-features"] if part == "features" else None,
        strategy=automl.Strategy(members=1 if part == "blend" else 12),
    ).predictor
