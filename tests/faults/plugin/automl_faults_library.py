"""Stands for a learning library that goes wrong when it is imported."""

from __future__ import annotations

import os

import automl_faults

automl_faults.do(os.environ.pop("FAULTS_IMPORT", "nothing"))
automl_faults.do(os.environ.get("FAULTS_PRELOAD", "nothing"))
