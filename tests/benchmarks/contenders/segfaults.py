"""Dies as broken native code does."""

from __future__ import annotations

import ctypes

REQUIREMENTS = ()
PACKAGE = ""
IMPORTS = ()
ENVIRONMENT = ""


def fit(train, job):
    print("about to read address 0", flush=True)
    ctypes.string_at(0)


def predict(model, rows, job): ...
