"""Models that earlier versions have saved: each is loaded and says what it said then."""

from __future__ import annotations

import json
import platform
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

import automl
from automl.errors import BundleWarning, SchemaWarning
from automl.model import manifest as manifests
from automl.plugin.exporting import used_by

SAVED = Path(__file__).parents[1] / "saved"
VERSIONS = sorted(place.parent.name for place in SAVED.glob("*/model.zip"))

EXACT = 1e-12
"""Values on a system as that where the model was saved, with the same libraries."""

CLOSE = 1e-5
"""Values elsewhere: members compute in float32, and no two libraries round alike."""

MOST_BYTES = 1_000_000


@pytest.mark.parametrize("version", VERSIONS)
def test_a_model_of_an_earlier_version_says_what_it_said(version):
    home = SAVED / version
    said = json.loads((home / "values.json").read_text(encoding="utf-8"))
    with zipfile.ZipFile(home / "model.zip") as archive:
        manifest = json.loads(archive.read("manifest.json"))
    with warnings.catch_warnings():
        # What is odd about the rows is said, and so is that libraries are of other versions.
        warnings.simplefilter("ignore", BundleWarning)
        warnings.simplefilter("ignore", SchemaWarning)
        predictor = automl.load(home / "model.zip")
        values = predictor.predict_proba(home / "rows.csv")
        labels = predictor.predict(home / "rows.csv")
    made = manifest["created_with"]
    here = (made["system"], made["machine"]) == (platform.system(), platform.machine())
    same = here and not manifests.other_versions(manifest)
    assert np.abs(values - np.array(said["values"])).max() <= (EXACT if same else CLOSE)
    assert labels.tolist() == said["labels"]
    # The short way for single rows is made of the same files.
    predictor.ready()
    sample = predictor.info["sample"]
    for row, value in list(zip(sample["rows"], sample["values"], strict=True))[:5]:
        assert np.abs(predictor.predict_proba(row)[0] - np.array(value)).max() <= CLOSE


def test_the_newest_holds_whatever_a_default_search_may_bring():
    predictor = automl.load(SAVED / VERSIONS[-1] / "model.zip")
    ours = {
        (kind, name)
        for kind in ("algorithm", "preprocessor")
        for name, one in predictor.catalog.of(kind).items()
        if getattr(one, "default", True) and not one.requires
        if predictor.catalog.givers[kind, name].distribution == "pluggable-automl"
    }
    used = set().union(*(used_by(part, predictor.catalog) for part in predictor.parts))
    assert not ours - used


def test_each_version_leaves_a_small_one():
    assert VERSIONS
    for version in VERSIONS:
        assert sum(file.stat().st_size for file in (SAVED / version).iterdir()) <= MOST_BYTES
