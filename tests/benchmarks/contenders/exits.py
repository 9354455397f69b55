"""Ends without a word."""

from __future__ import annotations

import os

REQUIREMENTS = ()
PACKAGE = ""
IMPORTS = ()
ENVIRONMENT = ""


def fit(train, job):
    os._exit(0)


def predict(model, rows, job): ...
