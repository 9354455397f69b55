"""Answers with the shares of the classes, and counts how often it was asked to fit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from benchmarks.inside.job import numbers, shares

REQUIREMENTS = ()
PACKAGE = ""
IMPORTS = ()
ENVIRONMENT = ""


def fit(train, job):
    if tally := os.environ.get("TOY_TALLY"):
        with Path(tally).open("a", encoding="utf-8") as file:
            file.write("fit\n")
    if not job.classifies:
        return float(train[job.target].mean())
    return train[job.target].value_counts(normalize=True).sort_index()


def predict(model, rows, job):
    if not job.classifies:
        return numbers(np.full(len(rows), model))
    return shares(np.tile(model.to_numpy(), (len(rows), 1)), model.index)
