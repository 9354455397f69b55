"""Save a small model with this version, with rows and what it says of them.

``python tests/saved/make.py`` writes ``tests/saved/<version>/``: ``model.zip``, ``rows.csv`` and
``values.json``. It is run once before a release, and what it wrote is never changed afterwards:
`tests/model/test_saved.py` holds every later version to loading it.
"""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

import automl
from automl.data.apply import apply
from automl.data.frame import take_in
from automl.model.predictor import Predictor
from automl.plugin.discovery import discover

PREPARED: dict[str, dict[str, str]] = {
    "lightgbm": {"string": "as_category", "arithmetic": "arithmetic"},
    "xgboost": {"category": "target_mean", "group_contrast": "group_contrast"},
    "hist_boosting": {"text": "text_svd", "level_counts": "level_counts"},
    "random_forest": {"category": "frequency", "text": "text_score"},
    "extra_trees": {"category": "one_hot_dense", "string": "target_mean_string"},
    "decision_tree": {"category": "ordinal"},
    "linear": {"category": "one_hot", "string": "string_ngrams", "text": "ngrams"},
    "mlp": {"text": "text_score"},
    "svm": {"number": "impute > scale", "category": "target_mean > scale"},
    "nearest_neighbors": {"number": "impute > scale", "text": "text_svd > scale"},
    "naive_bayes": {"number": "impute > quantile", "category": "one_hot_dense"},
}
"""All algorithms that come with automl, and what each is prepared by: every step is there once."""

SMALL = {
    "lightgbm": {"learning_rate": 0.1, "num_leaves": 8},
    "xgboost": {"learning_rate": 0.15, "max_depth": 3},
    "hist_boosting": {"learning_rate": 0.3, "max_leaf_nodes": 8, "text_svd__dims": 20},
    "random_forest": {"min_samples_leaf": 20},
    "extra_trees": {"min_samples_leaf": 20},
    "mlp": {"members": 2, "width": 64, "layers": 1},
    "nearest_neighbors": {"text_svd__dims": 20},
}
"""Few trees, and small ones."""

WORDS = (
    *("late", "early", "broken", "fine", "returned", "gift", "heavy", "light", "blue", "paid"),
    *("twice", "lost", "found", "again"),
)


STEMS = ("Aker", "Bjork", "Dal", "Elv", "Fjell", "Grann", "Hav", "Is", "Lund", "Nord", "Sol", "Vik")
ENDS = ("by", "torp", "vik", "dal", "nes", "stad", "havn", "lund", "heim", "berg")


def table(n_rows: int, seed: int) -> dict[str, list[Any]]:
    """Return orders of a shop that never was: numbers, categories, a date, a text, and gaps."""
    rng = np.random.default_rng(seed)
    country = rng.choice(["no", "se", "dk", "fi"], n_rows, p=[0.4, 0.3, 0.2, 0.1])
    channel = rng.choice(["web", "shop", "phone"], n_rows)
    usual = np.select([channel == "web", channel == "shop"], [1.0, 4.0], 16.0)
    weight = np.round(usual * rng.gamma(2.0, 3.0, n_rows), 2)
    price = np.round(weight * rng.lognormal(0.0, 0.8, n_rows), 2)
    days = rng.integers(0, 900, n_rows)
    place = rng.choice([f"{a}{b}" for a in STEMS for b in ENDS], n_rows)
    note = [" ".join(rng.choice(WORDS, rng.integers(3, 9))) for _ in range(n_rows)]
    score = (
        0.4 * (weight / usual - 6)
        + 4.0 * np.log(price / weight)
        + 1.2 * (country == "se")
        - 0.8 * (channel == "web")
        + 0.002 * (days - 450)
        + 0.8 * np.array([one.startswith(("Aker", "Sol")) for one in place])
        + 1.5 * np.array(["broken" in one for one in note])
        + rng.normal(scale=0.7, size=n_rows)
    )
    ordered = [(date(2021, 1, 1) + timedelta(days=int(day))).isoformat() for day in days]
    columns: dict[str, list[Any]] = {
        "weight": weight.tolist(),
        "price": price.tolist(),
        "items": rng.integers(1, 12, n_rows).tolist(),
        "country": country.tolist(),
        "channel": channel.tolist(),
        "place": place.tolist(),
        "ordered": ordered,
        "note": note,
    }
    for name in ("weight", "country", "place", "ordered", "note"):
        for row in np.flatnonzero(rng.random(n_rows) < 0.08).tolist():
            columns[name][row] = None
    columns["returned"] = np.where(score > 0.5, "yes", "no").tolist()
    return columns


def learned(columns: dict[str, list[Any]]) -> Predictor:
    """Return one predictor with a part of each algorithm."""
    each = [
        automl.fit(
            columns,
            "returned",
            budget=automl.Budget(trials=1),
            plugins=[name],
            strategy=automl.Strategy(
                folds=2,
                isolation="none",
                spaces={name: {k: v for k, v in SMALL.get(name, {}).items() if "__" not in k}},
                starts={name: ({**SMALL.get(name, {}), "prepare": prepared},)},
            ),
        ).predictor
        for name, prepared in PREPARED.items()
    ]
    first, catalog = each[0], discover()
    parts = tuple(replace(one.parts[0], weight=1 / len(each)) for one in each)
    kept = ("weight", "n_rows", "n_folds", "splitter", "split", "seed", "automl", "profile")
    info = {name: first.info[name] for name in kept}
    made = [first.schema, first.plain_task, first.metric, first.target, first.classes]
    whole = Predictor(*made, parts, catalog, info)
    rows = first.info["sample"]["rows"]
    sample = apply(whole.schema, take_in(rows), on_missing="impute").table
    info["sample"] = {"rows": rows, "values": whole.ensemble.values(sample).tolist()}
    return Predictor(*made, parts, catalog, info)


def odd(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return rows without the target, some with cells that training had not."""
    rows = {name: list(cells) for name, cells in columns.items() if name != "returned"}
    rows["country"][0], rows["country"][1] = "is", ""
    rows["weight"][2], rows["items"][3] = 1e6, -3
    rows["ordered"][4], rows["ordered"][5] = "1999-12-31", "2030-01-01"
    rows["note"][6], rows["note"][7] = "ÅÆØ 日本語 🙂", "unheard of"
    for cells in rows.values():
        cells[8] = None
    return rows


def main(home: Path) -> None:
    """Write the model, the rows and what it says of them."""
    home.mkdir()
    predictor = learned(table(400, 0))
    predictor.save(home / "model.zip")
    rows = odd(table(60, 1))
    with (home / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(rows)
        out.writerows(zip(*rows.values(), strict=True))
    loaded = automl.load(home / "model.zip")
    said = {
        "labels": loaded.predict(home / "rows.csv").tolist(),
        "values": loaded.predict_proba(home / "rows.csv").tolist(),
    }
    (home / "values.json").write_text(json.dumps(said) + "\n", encoding="utf-8")


if __name__ == "__main__":
    place = Path(__file__).parent / automl.__version__
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else place)
