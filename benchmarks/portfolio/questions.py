"""A table's question, asked of the engine, with rows kept aside that no pipeline sees."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from automl.candidate.recipe import Candidate
from automl.candidate.space import AlgorithmSpace
from automl.data.apply import apply
from automl.data.columns import Columns
from automl.data.given import separate
from automl.data.source import open_source
from automl.model.assemble import baseline
from automl.plugin.catalog import Catalog
from automl.plugin.selection import Plugins
from automl.search.plan import plan_run
from automl.search.question import Question, ask
from automl.search.scoring import Truth, score_values
from automl.search.shared import RunData, RunSpec, write_run
from automl.search.strategy import Strategy
from benchmarks.portfolio.records import Asked, Configuration
from benchmarks.tables import Table
from benchmarks.tables import question as split

SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A question that candidates can be fitted for.

    Parameters
    ----------
    asked : Asked
    question : Question
    data : RunData
        Its sample are the rows that no pipeline has seen, so that each fold says what it
        thinks of them.
    spec : RunSpec
    spaces : mapping of str to AlgorithmSpace
        Of the algorithms that can do the table.
    """

    asked: Asked
    question: Question
    data: RunData
    spec: RunSpec
    spaces: Mapping[str, AlgorithmSpace]

    def candidate(self, configuration: Configuration) -> Candidate | None:
        """Return what a configuration means here; None where its algorithm cannot do the table."""
        space = self.spaces.get(configuration.algorithm)
        if space is None:
            return None
        return replace(space, starts=(configuration.start,)).start_candidates()[0]

    def score(self, values: NDArray[Any], *, unseen: bool) -> float:
        """Return the metric of values, out of fold or of the unseen rows."""
        truth = self.data.truth(self.data.plan.covered)
        if unseen:
            truth = Truth(y=self.asked.y_unseen)
        return score_values(self.question.metric, self.question.task.decide, truth, values)


def prepare(table: Table, catalog: Catalog, folder: Path, *, n_rows: int, n_folds: int) -> Prepared:
    """Ask the engine about a table, and write the data of the run into an empty folder.

    Parameters
    ----------
    table : Table
    catalog : Catalog
    folder : Path
    n_rows : int
        Larger tables are sampled; which rows is decided by the table's name.
    n_folds : int
    """
    handed = split(replace(table, load=lambda: _sample(table, n_rows)), 0)
    kind = "number" if table.task == "regression" else "category"
    columns = Columns(
        kinds={handed.target: kind}, group=table.group or None, time=table.time or None
    )
    strategy = Strategy(folds=n_folds)
    question = ask(handed.train, handed.target, columns, None, strategy, catalog)
    unseen = handed.test.assign(**{handed.target: handed.truth})
    rows = separate(open_source(unseen, catalog.readers), handed.target, columns).raw
    data = plan_run(question, strategy, None, SEED, 1)
    data = replace(data, sample=apply(question.schema, rows).table)
    (folder / "members").mkdir(parents=True)
    write_run(folder, data)
    spec = RunSpec(
        folder=folder,
        members=folder / "members",
        durable=False,
        schema=question.schema,
        plugins=Plugins.of(None),
        task=question.task.name,
        n_classes=question.n_classes,
        metric=question.metric,
        seed=SEED,
        threads=1,
    )
    largest = max(len(fold.train) for fold in data.plan.folds)
    spaces = question.spaces(largest, SEED, strategy, named=True)
    constant = baseline(question, data, folder)
    fold = np.full(len(data.y), -1, dtype=np.int8)
    for number, one in enumerate(data.plan.folds):
        fold[one.test] = number
    covered = data.plan.covered
    truth = _codes(handed.truth, question)
    asked = Asked(
        table=table.name,
        split=handed.split,
        task=table.task,
        metric=question.metric.name,
        greater_is_better=question.metric.greater_is_better,
        n_classes=question.n_classes,
        n_folds=len(data.plan.folds),
        seed=SEED,
        constant=constant.cv_score,
        constant_unseen=score_values(
            question.metric, question.task.decide, Truth(y=truth), constant.sample
        ),
        y=np.asarray(data.y[covered]),
        fold=fold[covered],
        y_unseen=truth,
    )
    return Prepared(
        asked=asked,
        question=question,
        data=data,
        spec=spec,
        spaces={space.algorithm.name: space for space in spaces},
    )


def _codes(truth: NDArray[Any], question: Question) -> NDArray[Any]:
    """Say labels in the engine's codes."""
    if question.encoded.classes is None:
        return truth
    codes = {int(label): code for code, label in enumerate(question.encoded.classes)}
    return np.array([codes[int(label)] for label in truth], dtype=np.int64)


def _sample(table: Table, n_rows: int) -> pd.DataFrame:
    frame = table.load()
    frame = frame[frame[table.target].notna()].reset_index(drop=True)
    if len(frame) <= n_rows:
        return frame
    digest = hashlib.sha256(f"{table.name}/rows".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    rows = np.sort(rng.permutation(len(frame))[:n_rows])
    return frame.iloc[rows].reset_index(drop=True)
