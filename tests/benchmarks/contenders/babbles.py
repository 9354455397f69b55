"""Prints megabytes of bytes that are no text, and then answers well."""

from __future__ import annotations

import os

from benchmarks.inside.job import numbers, shares

REQUIREMENTS = ()
PACKAGE = ""
IMPORTS = ()
ENVIRONMENT = ""


def fit(train, job):
    for _ in range(20):
        os.write(1, b'\xff\x00\x1b[2J\r\n,"' * 10_000)


def predict(model, rows, job):
    if not job.classifies:
        return numbers([0.0] * len(rows))
    return shares([[1 / job.n_classes] * job.n_classes] * len(rows), range(job.n_classes))
