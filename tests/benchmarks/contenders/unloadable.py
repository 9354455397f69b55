"""Answers, and its model cannot be read again."""

from __future__ import annotations

from benchmarks.inside.job import numbers, shares

REQUIREMENTS = ()
PACKAGE = ""
IMPORTS = ()
ENVIRONMENT = ""


def fit(train, job):
    return None


def predict(model, rows, job):
    if not job.classifies:
        return numbers([0.0] * len(rows))
    return shares([[1 / job.n_classes] * job.n_classes] * len(rows), range(job.n_classes))


def load(job):
    raise OSError("the model is damaged")
