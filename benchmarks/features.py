"""What features made of several columns bring to LightGBM, and what they cost.

``python -m benchmarks.features folder:PATH`` fits the first start of LightGBM on the tables of a
suite, without and with each step of `automl_features`, by the engine's own way: rows held back
first (30 %), three folds of the others, the three models averaged. For each it notes the score of
the rows that no model has seen, the out-of-fold score that a search would decide by, and seconds
of CPU. Rows go to ``--out`` as they come, and what is there is not fitted again.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from automl.candidate.recipe import Candidate
from automl.plugin.catalog import Catalog
from automl.plugin.discovery import discover
from automl.search.evaluate import Evaluator, FoldJob
from automl.search.outcome import FoldResult
from benchmarks.portfolio.questions import Prepared, prepare
from benchmarks.suites import suite
from benchmarks.tables import Table

ALGORITHM = "lightgbm"
FOLDS = 3
FIELDS = ("table", "split", "metric", "variant", "error", "cv_error", "seconds")
AS_WITHOUT = "as without"
"""Stands for the seconds where a step found nothing to make, which a search sees in one fold."""

VARIANTS: dict[str, tuple[str, ...]] = {
    "without": (),
    "arithmetic": ("arithmetic",),
    "group_contrast": ("group_contrast",),
    "level_counts": ("level_counts",),
    "all": ("arithmetic", "group_contrast", "level_counts"),
}


def main() -> None:
    """Fit what is asked for, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("suite")
    parser.add_argument("--only", default="", help="names of tables, separated by commas")
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--rows", type=int, default=4_000, help="larger tables are sampled")
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results/features.csv")
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    catalog = discover()
    done = _read(given.out)
    for table in suite(given.suite, [name for name in given.only.split(",") if name])[0]:
        for split in range(given.splits):
            known = done[(done.table == table.name) & (done.split == split)].variant
            wanted = [name for name in given.variants.split(",") if name not in set(known)]
            if wanted:
                _append(given.out, _rows(table, split, wanted, catalog, given.rows))
    print(summary(_read(given.out)))


def _rows(
    table: Table, split: int, variants: list[str], catalog: Catalog, n_rows: int
) -> Iterator[dict[str, Any]]:
    # Rows are drawn by the table's name.
    drawn = replace(table, name=f"{table.name}/{split}") if split else table
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        given = prepare(drawn, catalog, folder / "run", n_rows=n_rows, n_folds=FOLDS)
        evaluator = Evaluator(given.spec)
        # What only the first fit pays for is paid before.
        evaluator(FoldJob(number=0, candidate=_candidate(given, ()), fold=0, seconds=None))
        for number, name in enumerate(variants, start=1):
            candidate = _candidate(given, VARIANTS[name])
            found = {"table": table.name, "split": split, "variant": name}
            yield found | {"metric": given.asked.metric} | _fit(given, evaluator, number, candidate)


def _candidate(given: Prepared, steps: tuple[str, ...]) -> Candidate:
    space = given.spaces[ALGORITHM]
    start = dict(space.starts[0])
    start["prepare"] = {**start.get("prepare", {}), **{step: step for step in steps}}
    return replace(space, starts=(start,)).start_candidates()[0]


def _fit(
    given: Prepared, evaluator: Evaluator, number: int, candidate: Candidate
) -> dict[str, Any]:
    started = time.process_time()
    results = []
    for fold in range(FOLDS):
        job = FoldJob(number=number, candidate=candidate, fold=fold, seconds=None)
        result = evaluator(job)
        if not isinstance(result, FoldResult):
            return {"error": "", "cv_error": "", "seconds": AS_WITHOUT}
        results.append(result)
    seconds = time.process_time() - started
    metric = given.question.metric

    def error(score: float) -> float:
        return metric.best - score if metric.greater_is_better else score - metric.best

    parts = [result.values for result in results]  # noqa: PD011 - of a fold, not of a frame
    values = given.data.plan.gather(dict(enumerate(parts)))
    unseen = np.mean([result.sample for result in results], axis=0)
    return {
        "error": f"{error(given.score(unseen, unseen=True)):.6g}",
        "cv_error": f"{error(given.score(values, unseen=False)):.6g}",
        "seconds": f"{seconds:.3f}",
    }


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.exists() else pd.DataFrame(columns=list(FIELDS))


def _append(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    for row in rows:
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)


def summary(rows: pd.DataFrame) -> str:
    """Return a table in Markdown: the change of the error of unseen rows in percent, and the cost.

    ``kept`` is what a search would have: the change where the out-of-fold score is better, else 0.
    Splits that lack a variant are left out.
    """
    last = rows.drop_duplicates(["table", "split", "variant"], keep="last")
    names = [name for name in VARIANTS if name in set(last.variant) and name != "without"]
    last = last[last.variant.isin([*names, "without"])]
    whole = last.groupby(["table", "split"]).variant.transform("size") == len(names) + 1
    last = last[whole].assign(
        seconds=pd.to_numeric(last.seconds.replace(AS_WITHOUT, np.nan), errors="coerce")
    )

    def change(value: str) -> pd.DataFrame:
        wide = last.set_index(["table", "split", "variant"])[value].unstack("variant")  # noqa: PD010 - pivot() loses what is all NaN
        return wide[names].div(wide["without"], axis=0).sub(1).mul(100)

    unseen = change("error").fillna(0.0)  # where nothing was made
    kept = unseen.where(change("cv_error") < 0, 0.0)
    by_table, kept_by_table = (one.groupby("table").mean() for one in (unseen, kept))
    lines = [f"| table | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    lines += [_line(str(table), row) for table, row in by_table.iterrows()]
    for what, values in (
        ("mean", by_table.mean()),
        ("worst", by_table.max()),
        ("mean, where kept", kept_by_table.mean()),
        ("worst, where kept", kept_by_table.max()),
        ("CPU seconds, where something was made", change("seconds").median()),
    ):
        lines.append(_line(f"**{what}**", values))
    return "\n".join(lines)


def _line(what: str, values: pd.Series[float]) -> str:
    return f"| {what} | {' | '.join(f'{value:+.1f}' for value in values)} |"


if __name__ == "__main__":
    main()
