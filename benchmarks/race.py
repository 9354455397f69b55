"""Race `automl fit` against default LightGBM on the tables of a catalogue.

    python benchmarks/race.py FOLDER                       # all tables, 30 s each
    python benchmarks/race.py FOLDER --only car --budget 10
    python benchmarks/race.py --summary                    # only the table of results

Who takes part (`CONTENDERS`), what is asked (`questions`) and how long it may take (`--budget`) are
three separate lists. A contender gets two files and gives values back; it never sees the answers
and never scores itself. Whatever goes wrong with it is a row of the results. A row that is there
already is not run again, so a race that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from contenders import CONTENDERS, TIMELESS, Answer, Job, LateError, version
from questions import METRICS, Question, questions, test_rows
from results import Row, append, read_rows, summary

RESULTS = Path(__file__).resolve().parent / "results" / "race.csv"


def score(answer: Answer, truth: pd.Series, known: list[str], task: str) -> float:
    """Score values against the truth, over the classes of the training rows."""
    from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error

    if not np.isfinite(answer.values).all() or len(answer.values) != len(truth):
        raise ValueError("values are missing or not finite")
    if task == "regression":
        return float(root_mean_squared_error(truth.to_numpy(float), answer.values))
    if unknown := set(answer.classes) - set(known):
        raise ValueError(f"classes that were not in training: {sorted(unknown)}")
    shares = np.zeros((len(truth), len(known)))
    for label, column in zip(answer.classes, np.transpose(answer.values), strict=True):
        shares[:, known.index(label)] = column
    if task == "binary":
        return float(roc_auc_score(truth == known[1], shares[:, 1]))
    shares = np.clip(shares, 1e-15, None)
    shares /= shares.sum(axis=1, keepdims=True)
    return float(log_loss(truth, shares, labels=known))


def race(question: Question, name: str, args: argparse.Namespace) -> Row:
    """Let one contender answer one question."""
    table = pd.read_parquet(question.path)
    table = table[table[question.target].notna()].reset_index(drop=True)
    held = np.zeros(len(table), dtype=bool)
    held[test_rows(table[question.target], question)] = True
    train, test = table[~held], table[held]
    n_dropped, known = 0, []
    if question.task != "regression":
        known = sorted(train[question.target].astype(str).unique())
        seen = test[question.target].astype(str).isin(known)
        n_dropped, test = int((~seen).sum()), test[seen]
    truth = test[question.target]
    truth = truth if question.task == "regression" else truth.astype(str)
    status, number, seconds, message = "ok", float("nan"), float("nan"), ""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="race-") as place:
        folder = Path(place)
        train.to_parquet(folder / "train.parquet", index=False)
        test.drop(columns=question.target).to_parquet(folder / "test.parquet", index=False)
        job = Job(
            train=folder / "train.parquet",
            test=folder / "test.parquet",
            task=question.task,
            target=question.target,
            budget=args.budget,
            jobs=args.jobs,
            folder=folder,
        )
        try:
            answer = CONTENDERS[name](job)
            seconds = answer.seconds
            number = score(answer, truth, known, question.task)
        except Exception as error:  # a guest's crash is a row
            status = "late" if isinstance(error, LateError) else "failed"
            message = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            seconds = time.perf_counter() - start if np.isnan(seconds) else seconds
    return Row(
        table=question.table,
        split=question.split,
        contender=name,
        budget="" if name in TIMELESS else f"{args.budget:g}",
        jobs="" if args.jobs is None else str(args.jobs),
        task=question.task,
        metric=METRICS[question.task],
        status=status,
        score="" if status != "ok" else float(f"{number:.6g}"),
        seconds=round(seconds, 2),
        n_train=len(train),
        n_test=len(test),
        n_dropped=n_dropped,
        version=version(name),
        message=message,
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "folder", type=Path, nargs="?", help="folder with catalog.csv and the tables"
    )
    parser.add_argument("--budget", type=float, default=30, help="seconds for each fit (30)")
    parser.add_argument(
        "--only", action="append", default=[], metavar="TABLE", help="may be repeated"
    )
    parser.add_argument("--jobs", type=int, help="cores for each contender (all)")
    parser.add_argument("--contender", action="append", choices=sorted(CONTENDERS), help="all")
    parser.add_argument("--splits", type=int, default=3, help="at most so many of each table (3)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV that rows are appended to")
    parser.add_argument("--again", action="store_true", help="run what has failed before once more")
    parser.add_argument("--summary", action="store_true", help="race nothing, write the summary")
    args = parser.parse_args()
    if args.folder is None and not args.summary:
        parser.error("FOLDER is needed to race")
    return args


def main() -> None:
    args = arguments()
    budget = f"{args.budget:g}"
    rows = {row.key: row for row in read_rows(args.out)}
    asked = [] if args.summary else list(questions(args.folder, args.only))
    jobs = "" if args.jobs is None else str(args.jobs)
    for question in asked:
        for name in args.contender or CONTENDERS:
            key = (
                question.table,
                str(question.split),
                name,
                "" if name in TIMELESS else budget,
                jobs,
            )
            done = key in rows and not (args.again and rows[key].status != "ok")
            if question.split >= args.splits or done:
                continue
            row = race(question, name, args)
            rows[key] = row
            append(args.out, row)
            print(
                f"{row.table:20} {row.split} {row.contender:9} {row.status:6} {row.metric:8} "
                f"{row.score!s:>10} {row.seconds:>7} s  {row.message}",
                flush=True,
            )
    text = summary([row for row in rows.values() if row.jobs == jobs], budget)
    args.out.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
