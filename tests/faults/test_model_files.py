"""Files of models that real algorithms left, damaged and hostile: refused, never run."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import zipfile

import numpy as np
import pytest
from small import base, learn

import automl
from automl.errors import BundleError
from automl.model.manifest import dump

case = pytest.mark.case
ALGORITHMS = ["linear", "decision_tree", "lightgbm", "xgboost"]


class Trap:
    """Makes a folder where it is unpickled."""

    def __init__(self, place):
        self.place = str(place)

    def __reduce__(self):
        return os.mkdir, (self.place,)


@pytest.fixture(scope="module", params=ALGORITHMS)
def model(request, tmp_path_factory):
    result, _ = learn(
        *base(), plugins=[request.param], strategy=automl.Strategy(isolation="none", folds=2)
    )
    place = tmp_path_factory.mktemp(request.param) / "model"
    result.predictor.save(place)
    assert automl.load(place).parts[0].candidate.algorithm == request.param
    return place


def files(place):
    return [path for path in sorted(place.rglob("*")) if path.is_file()]


def seal(place):
    """Make the manifest true to the files, as whoever makes a model can."""
    manifest = json.loads((place / "manifest.json").read_bytes())
    manifest.pop("sha256")
    for name in manifest["files"]:
        content = (place / name).read_bytes()
        manifest["files"][name] = {
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    manifest["sha256"] = hashlib.sha256(dump(manifest)).hexdigest()
    (place / "manifest.json").write_bytes(dump(manifest))


def refuse(place):
    with pytest.raises(BundleError) as caught:
        automl.load(place)
    assert "\n" not in str(caught.value)
    return caught.value


@case("A01", "refused for every file of real algorithms, never run")
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_pickles_are_never_run(model, tmp_path, protocol):
    payload = pickle.dumps(Trap(tmp_path / "trap"), protocol=protocol)
    for number, path in enumerate(files(model)):
        place = tmp_path / str(number)
        shutil.copytree(model, place)
        (place / path.relative_to(model)).write_bytes(payload)
        refuse(place)
        if path.name != "manifest.json":
            seal(place)
            refuse(place)
    assert not (tmp_path / "trap").exists()


@case("A01", "the same for skops archives that hold a pickle, and for joblib's")
def test_pickles_inside_archives_are_never_run(model, tmp_path):
    payload = pickle.dumps(Trap(tmp_path / "trap"))
    for number, path in enumerate(path for path in files(model) if path.suffix == ".skops"):
        place = tmp_path / str(number)
        shutil.copytree(model, place)
        with zipfile.ZipFile(place / path.relative_to(model), "w") as archive:
            archive.writestr("schema.json", payload)
            archive.writestr("1.npy", payload)
        seal(place)
        refuse(place)
    assert not (tmp_path / "trap").exists()


@case("A03", "any file of real algorithms, cut off anywhere, is refused")
@case("A04", "the same for a flipped bit")
@pytest.mark.parametrize("seed", range(3))
def test_damage_is_refused(model, tmp_path, seed):
    random = np.random.default_rng(seed)
    place = tmp_path / "model"
    shutil.copytree(model, place)
    for path in files(place):
        content = path.read_bytes()
        for at in random.integers(0, len(content), 3).tolist():
            path.write_bytes(content[:at])
            refuse(place)
            flipped = bytearray(content)
            flipped[at] ^= 1 << int(random.integers(0, 8))
            path.write_bytes(flipped)
            refuse(place)
        path.write_bytes(content)
    automl.load(place)


@case("A03", "cut off and described so, a member is refused, `E_BUNDLE_MEMBER`")
def test_members_cut_off_on_purpose_are_refused(model, tmp_path):
    for number, path in enumerate(path for path in files(model) if "members" in path.parts):
        place = tmp_path / str(number)
        shutil.copytree(model, place)
        cut = place / path.relative_to(model)
        cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
        seal(place)
        refuse(place)


@case("A08", "hidden files, folders with files, and other models in it are refused")
@pytest.mark.parametrize("name", [".hidden", "members/0/0/more.bin", "__pycache__/x.pyc", "a.py"])
def test_more_files_are_refused(model, tmp_path, name):
    place = tmp_path / "model"
    shutil.copytree(model, place)
    (place / name).parent.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(b"x")
    assert refuse(place).code == "E_BUNDLE_FILES"


@case("A12", "deep, wide and endless JSON is refused in every file")
@pytest.mark.parametrize("content", [b"[" * 10**6, b'{"a":' * 10**6, b"9" * 10**6, b'"' * 10**6])
def test_bombs_are_refused(model, tmp_path, content):
    for number, path in enumerate(path for path in files(model) if path.suffix == ".json"):
        place = tmp_path / str(number)
        shutil.copytree(model, place)
        (place / path.relative_to(model)).write_bytes(content)
        if path.name != "manifest.json":
            seal(place)
        refuse(place)
