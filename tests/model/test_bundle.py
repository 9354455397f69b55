"""Saved models: the round trip, and every way in which a file can be wrong or hostile."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import stat
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from automl.errors import BundleError, BundleWarning
from automl.model import archive
from automl.model import manifest as manifest_file
from automl.model.bundle import load, save

TOYS = Path(__file__).parent / "toys"
TASKS = ["binary", "multiclass", "regression"]
KINDS = ["model", "model.zip"]

READ_AGAIN = """
import sys, json, warnings
import numpy as np
import model_toys
from automl.model.bundle import load
predictor = load(sys.argv[1], plugins=[model_toys])
new = json.load(open(sys.argv[2]))
types = {"color": object}
new = {name: np.array(cells, dtype=types.get(name, float)) for name, cells in new.items()}
json.dump([predictor.predict(new).tolist(), predictor.info["n_rows"]], sys.stdout)
"""


@pytest.fixture
def toy(toys):
    """How the toys are handed over where a model is loaded."""
    return [toys]


def _files(path):
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


def _forge(path, files):
    """Write a model whose manifest is true to changed files, as whoever makes one can."""
    manifest = json.loads(files.pop("manifest.json"))
    manifest.pop("sha256")
    manifest["files"] = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }
    return _sealed(path, manifest, files)


def _sealed(path, manifest, files):
    manifest["sha256"] = hashlib.sha256(manifest_file.dump(manifest)).hexdigest()
    for name, content in ({"manifest.json": manifest_file.dump(manifest)} | files).items():
        place = path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return path


def _refused(path, toy, *codes):
    with pytest.raises(BundleError) as caught:
        load(path, plugins=toy)
    assert caught.value.code in codes, str(caught.value)
    assert caught.value.message
    return caught.value


class _Payload:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.mkdir, (str(self.file),)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", KINDS)
def test_a_loaded_model_is_the_model(make, new, toy, tmp_path, task, name):
    predictor = make(("toy_pair", "toy_declared", "toy_sklearn"), task=task)
    predictor.save(tmp_path / name)
    loaded = load(tmp_path / name, plugins=toy)
    assert np.array_equal(loaded.predict(new), predictor.predict(new))
    assert loaded.predict(new).dtype == predictor.predict(new).dtype
    assert repr(loaded) == repr(predictor)
    assert loaded.schema == predictor.schema
    assert loaded.info["profile"] == predictor.info["profile"]
    if task != "regression":
        assert np.array_equal(loaded.classes_, predictor.classes_)
        assert loaded.classes_.dtype == predictor.classes_.dtype


def test_a_loaded_model_is_saved_again_byte_for_byte(make, toy, tmp_path):
    make(("toy_pair", "toy_declared")).save(tmp_path / "first")
    load(tmp_path / "first", plugins=toy).save(tmp_path / "second")
    assert _files(tmp_path / "first") == _files(tmp_path / "second")


def test_a_new_process_loads_it(make, new, tmp_path):
    predictor = make(("toy_pair", "toy_sklearn"))
    predictor.save(tmp_path / "model")
    plain = {name: cells.tolist() for name, cells in new.items()}
    (tmp_path / "new.json").write_text(json.dumps(plain))
    done = subprocess.run(
        [sys.executable, "-c", READ_AGAIN, str(tmp_path / "model"), str(tmp_path / "new.json")],
        env={**os.environ, "PYTHONPATH": str(TOYS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [predictor.predict(new).tolist(), 120]


def test_what_the_manifest_says(make, tmp_path):
    make(("toy_pair", "toy_sklearn")).save(tmp_path / "model")
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    assert manifest["format"] == 1
    assert manifest["task"] == "binary"
    assert manifest["target"] == "answer"
    assert manifest["cv_score"] == 0.5
    assert manifest["classes"]["labels"] == ["no", "yes"]
    assert {"numpy", "scikit-learn", "skops"} <= set(manifest["libraries"])
    used = {(one["kind"], one["name"]) for one in manifest["contributions"]}
    assert ("algorithm", "toy_pair") in used
    assert ("preprocessor", "toy_fill") in used
    assert ("task", "binary") in used
    named = {one["name"]: one for one in manifest["contributions"]}
    assert named["binary"]["distribution"] == "pluggable-automl"
    assert set(manifest["files"]) == set(_files(tmp_path / "model")) - {"manifest.json"}
    assert [part["weight"] for part in manifest["parts"]] == [0.5, 0.5]
    sample = json.loads((tmp_path / "model" / "sample.json").read_text())
    assert len(sample["rows"]) == len(sample["values"]) == 20
    assert not any(name.endswith((".pkl", ".joblib")) for name in manifest["files"])


@pytest.mark.parametrize("kind", ["bool", "float", "int8", "str", "strange"])
def test_classes_keep_their_type(make, toy, tmp_path, kind):
    make_labels = {
        "bool": lambda labels: labels == "yes",
        "float": lambda labels: np.where(labels == "yes", 1.5, 0.5),
        "int8": lambda labels: np.where(labels == "yes", 1, 0),
        "str": lambda labels: labels,
        "strange": lambda labels: np.where(
            labels == "yes", "\N{SNOWMAN} \U0001f600", "\t'\""
        ).astype(object),
    }
    predictor = make(classes=make_labels[kind])
    predictor.save(tmp_path / "model")
    loaded = load(tmp_path / "model", plugins=toy)
    assert loaded.classes_.tolist() == predictor.classes_.tolist()
    assert loaded.classes_.dtype == predictor.classes_.dtype


def test_a_run_member_with_a_pickle_is_saved_without(make, new, toy, tmp_path):
    predictor = make(("toy_declared",), portable=False)
    assert "unsafe.pkl" in predictor.parts[0].members[0].files
    predictor.save(tmp_path / "model")
    assert not any("unsafe" in name for name in _files(tmp_path / "model"))
    loaded = load(tmp_path / "model", plugins=toy)
    assert np.array_equal(loaded.predict(new), predictor.predict(new))


def test_a_member_that_cannot_be_saved_stops_before_anything_is_written(make, new, tmp_path):
    predictor = make(("toy_pair", "toy_closed"))
    assert len(predictor.predict(new)) == 40
    with pytest.raises(BundleError, match="algorithm 'toy_closed'") as caught:
        predictor.save(tmp_path / "out" / "model")
    assert caught.value.code == "E_BUNDLE_UNSAVED"
    assert not (tmp_path / "out").exists()


def test_undeclared_types_stop_the_saving(make, tmp_path):
    predictor = make(("toy_undeclared",), portable=False)
    with pytest.raises(BundleError, match="LeastSquares") as caught:
        predictor.save(tmp_path / "model")
    assert caught.value.code == "E_BUNDLE_UNSAVED"
    assert "saved=('model_toys.LeastSquares',)" in str(caught.value)


def test_a_pair_that_loses_something_stops_the_saving(make, tmp_path):
    with pytest.raises(BundleError) as caught:
        make(("toy_forgetful",)).save(tmp_path / "model")
    assert caught.value.code == "E_BUNDLE_SAMPLE"


def test_a_model_without_a_sample_is_saved_too(make, new, toy, tmp_path):
    predictor = make()
    predictor.info = {"cv_score": float("nan")}
    predictor.save(tmp_path / "model")
    loaded = load(tmp_path / "model", plugins=toy)
    assert loaded.info["cv_score"] is None
    assert "unknown" in repr(loaded)
    assert np.array_equal(loaded.predict(new), predictor.predict(new))


# Hostile and damaged files


@pytest.mark.case("A01", "refused, never run")
def test_a01_a_pickle_in_the_place_of_any_file_is_never_run(make, toy, tmp_path):
    make(("toy_pair", "toy_declared")).save(tmp_path / "good")
    trap = tmp_path / "trap"
    payload = pickle.dumps(_Payload(trap))
    good = _files(tmp_path / "good")
    for number, name in enumerate(good):
        forged = tmp_path / f"forged{number}"
        if name == "manifest.json":
            _sealed(forged, {}, {**good})
            (forged / name).write_bytes(payload)
        else:
            _forge(forged, {**good, name: payload})
        with pytest.raises(BundleError):
            load(forged, plugins=toy)
        assert not trap.exists()


@pytest.mark.case("A01", "refused, `E_BUNDLE_UNSAFE`, never run")
def test_a01_a_pickle_beside_the_files_of_a_member_is_refused(make, toy, tmp_path):
    make(("toy_declared",), portable=False).save(tmp_path / "good")
    good = _files(tmp_path / "good")
    trap = tmp_path / "trap"
    structure = json.loads(good["members/0/0/pipeline.json"])
    structure["how"] = dict.fromkeys(structure["how"], "unsafe")
    changed = {
        **good,
        "members/0/0/pipeline.json": json.dumps(structure).encode(),
        "members/0/0/unsafe.pkl": pickle.dumps(_Payload(trap)),
    }
    _refused(_forge(tmp_path / "forged", dict(changed)), toy, "E_BUNDLE_UNSAFE")
    changed.pop("members/0/0/unsafe.pkl")
    _refused(_forge(tmp_path / "other", changed), toy, "E_BUNDLE_UNSAFE")
    assert not trap.exists()


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "members/../../evil",
        "/etc/evil",
        "C:/evil",
        "members\\..\\evil",
        "members//evil",
        "./evil",
        "nul\x01byte",
    ],
)
@pytest.mark.case("A02", "a name that leads out is refused, `E_BUNDLE_PATH`; nothing is unpacked")
def test_a02_names_that_lead_out_are_refused(make, toy, tmp_path, name):
    make().save(tmp_path / "good.zip")
    with zipfile.ZipFile(tmp_path / "good.zip", "a") as file:
        file.writestr(zipfile.ZipInfo(name), b"evil")
    before = set(tmp_path.rglob("*"))
    _refused(tmp_path / "good.zip", toy, "E_BUNDLE_PATH")
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.case("A02", "a name in the manifest leads nowhere")
def test_a02_names_in_the_manifest_lead_nowhere(make, toy, tmp_path):
    make().save(tmp_path / "good")
    files = _files(tmp_path / "good")
    manifest = json.loads(files["manifest.json"])
    manifest["parts"][0]["members"] = ["../../etc"]
    files["manifest.json"] = json.dumps(manifest).encode()
    _refused(_forge(tmp_path / "forged", files), toy, "E_BUNDLE_MEMBER")


@pytest.mark.case("A02", "a link is refused, `E_BUNDLE_PATH`")
def test_a02_links_are_refused(make, toy, tmp_path):
    make().save(tmp_path / "model")
    secret = tmp_path / "secret"
    secret.write_text("x")
    file = tmp_path / "model" / "profile.json"
    content = file.read_bytes()
    secret.write_bytes(content)
    file.unlink()
    file.symlink_to(secret)
    _refused(tmp_path / "model", toy, "E_BUNDLE_PATH")
    make().save(tmp_path / "model.zip")
    with zipfile.ZipFile(tmp_path / "model.zip", "a") as archive_file:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive_file.writestr(entry, "/etc/passwd")
    _refused(tmp_path / "model.zip", toy, "E_BUNDLE_PATH")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.case("A02", "a pipe is refused, `E_BUNDLE_PATH`")
def test_a02_a_pipe_in_the_folder_is_refused(make, toy, tmp_path):
    make().save(tmp_path / "model")
    os.mkfifo(tmp_path / "model" / "pipe")
    _refused(tmp_path / "model", toy, "E_BUNDLE_PATH")


@pytest.mark.case("A02", "a zip bomb is refused unread, `E_BUNDLE_SIZE`")
def test_a02_a_zip_bomb_is_refused_unread(toy, tmp_path):
    bomb = tmp_path / "model.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("manifest.json", "{}")
        with file.open("zeros", "w", force_zip64=True) as stream:
            for _ in range(80):
                stream.write(bytes(2**20))
    _refused(bomb, toy, "E_BUNDLE_SIZE")


@pytest.mark.case("A02", "an archive in a member must not be compressed, `E_BUNDLE_MEMBER`")
def test_a02_a_bomb_inside_a_member_is_refused(make, toy, tmp_path):
    make(("toy_declared",)).save(tmp_path / "good")
    files = _files(tmp_path / "good")
    name = "members/0/0/estimator.skops"
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(files[name])) as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file,
    ):
        for entry in old.infolist():
            file.writestr(entry.filename, old.read(entry))
    files[name] = packed.getvalue()
    error = _refused(_forge(tmp_path / "forged", files), toy, "E_BUNDLE_MEMBER")
    assert "compressed" in str(error)


@pytest.mark.case("A02", "a file that is there twice is refused, `E_BUNDLE_FILES`")
def test_a02_a_file_twice_is_refused(make, toy, tmp_path):
    make().save(tmp_path / "model.zip")
    with (
        zipfile.ZipFile(tmp_path / "model.zip", "a") as file,
        pytest.warns(UserWarning, match="Duplicate"),
    ):
        file.writestr("profile.json", "{}")
    _refused(tmp_path / "model.zip", toy, "E_BUNDLE_FILES")


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.99])
@pytest.mark.case("A03", "an archive is refused, `E_BUNDLE_FORMAT` or `E_BUNDLE_DAMAGED`")
def test_a03_a_cut_off_archive_is_refused(make, toy, tmp_path, share):
    make().save(tmp_path / "model.zip")
    content = (tmp_path / "model.zip").read_bytes()
    (tmp_path / "model.zip").write_bytes(content[: int(len(content) * share)])
    _refused(tmp_path / "model.zip", toy, "E_BUNDLE_FORMAT", "E_BUNDLE_DAMAGED")


@pytest.mark.case("A03", "any file is refused, `E_BUNDLE_DAMAGED`")
def test_a03_a_cut_off_file_is_refused(make, toy, tmp_path):
    make().save(tmp_path / "model")
    for file in sorted(path for path in (tmp_path / "model").rglob("*") if path.is_file()):
        content = file.read_bytes()
        file.write_bytes(content[:-1])
        _refused(tmp_path / "model", toy, "E_BUNDLE_DAMAGED")
        file.write_bytes(content)
    load(tmp_path / "model", plugins=toy)


@pytest.mark.case("A04", "in any file refused, `E_BUNDLE_DAMAGED`")
def test_a04_a_flipped_bit_anywhere_is_refused(make, toy, tmp_path):
    make().save(tmp_path / "model")
    rng = np.random.default_rng(0)
    for file in sorted(path for path in (tmp_path / "model").rglob("*") if path.is_file()):
        content = file.read_bytes()
        for place in rng.integers(0, len(content), 12):
            flipped = bytearray(content)
            flipped[place] ^= 1 << int(rng.integers(0, 8))
            file.write_bytes(flipped)
            _refused(
                tmp_path / "model",
                toy,
                "E_BUNDLE_DAMAGED",
                "E_BUNDLE_FORMAT",
                "E_BUNDLE_VERSION",
            )
        file.write_bytes(content)


@pytest.mark.case("A04", "in an archive refused, or in a place that nobody reads")
def test_a04_a_flipped_bit_in_an_archive_is_refused(make, new, toy, tmp_path):
    predictor = make()
    predictor.save(tmp_path / "model.zip")
    content = (tmp_path / "model.zip").read_bytes()
    expected = predictor.predict(new)
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, len(content), 60):
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(0, 8))
        (tmp_path / "model.zip").write_bytes(flipped)
        try:
            loaded = load(tmp_path / "model.zip", plugins=toy)
        except BundleError:
            refused += 1
        else:  # a bit that nobody reads, such as one of a time stamp
            assert np.array_equal(loaded.predict(new), expected)
    assert refused >= 40


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x05\x06", b"\x80\x04K\x01.", b"\x00" * 99])
@pytest.mark.case("A05", "a file is refused, `E_BUNDLE_FORMAT`")
def test_a05_what_is_no_model_is_refused(toy, tmp_path, content):
    (tmp_path / "model.zip").write_bytes(content)
    _refused(tmp_path / "model.zip", toy, "E_BUNDLE_FORMAT", "E_BUNDLE_DAMAGED")


@pytest.mark.case("A05", "a folder is refused, `E_BUNDLE_FORMAT`")
def test_a05_a_folder_that_is_no_model_is_refused(toy, tmp_path):
    _refused(tmp_path, toy, "E_BUNDLE_FORMAT")
    (tmp_path / "manifest.json").write_text('{"kind": "other"}')
    _refused(tmp_path, toy, "E_BUNDLE_FORMAT")
    _refused(tmp_path / "nothing", toy, "E_BUNDLE_NONE")


@pytest.mark.parametrize("version", [2, 99, "1", None])
@pytest.mark.case("A06", "refused, `E_BUNDLE_VERSION`, with who made it")
def test_a06_a_newer_format_is_refused(make, toy, tmp_path, version):
    make().save(tmp_path / "good")
    files = _files(tmp_path / "good")
    manifest = json.loads(files.pop("manifest.json"))
    manifest.pop("sha256")
    manifest["format"] = version
    error = _refused(_sealed(tmp_path / "forged", manifest, files), toy, "E_BUNDLE_VERSION")
    assert "pip install -U" in str(error)


@pytest.mark.case("A07", "refused, `E_BUNDLE_DAMAGED`")
def test_a07_a_manifest_that_is_not_true_to_the_files_is_refused(make, toy, tmp_path):
    make().save(tmp_path / "model")
    file = tmp_path / "model" / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["cv_score"] = 0.99
    file.write_bytes(manifest_file.dump(manifest))
    _refused(tmp_path / "model", toy, "E_BUNDLE_DAMAGED")


@pytest.mark.case("A08", "refused by name, `E_BUNDLE_FILES`; a missing one too")
def test_a08_extra_and_missing_files_are_refused_by_name(make, toy, tmp_path):
    make().save(tmp_path / "model")
    extra = tmp_path / "model" / "members" / "more.txt"
    extra.write_text("hello")
    assert "members/more.txt" in str(_refused(tmp_path / "model", toy, "E_BUNDLE_FILES"))
    extra.unlink()
    (tmp_path / "model" / "profile.json").unlink()
    assert "profile.json" in str(_refused(tmp_path / "model", toy, "E_BUNDLE_FILES"))


@pytest.mark.case("A09", "refused, `E_BUNDLE_PLUGIN`, naming the plugin")
def test_a09_a_plugin_that_is_not_installed_is_named(make, tmp_path):
    make().save(tmp_path / "model")
    error = _refused(tmp_path / "model", None, "E_BUNDLE_PLUGIN")
    assert "'toy_pair'" in str(error)
    assert "plugins=[...]" in str(error)


@pytest.mark.case("A09", "it is said what to install")
def test_a09_what_to_install_is_said(make, toy, tmp_path):
    make().save(tmp_path / "good")
    files = _files(tmp_path / "good")
    manifest = json.loads(files["manifest.json"])
    manifest["contributions"].append(
        {
            "kind": "algorithm",
            "name": "gone",
            "plugin": "gone",
            "distribution": "automl-gone",
            "version": "1.2",
        }
    )
    files["manifest.json"] = json.dumps(manifest).encode()
    error = _refused(_forge(tmp_path / "forged", files), toy, "E_BUNDLE_PLUGIN")
    assert "pip install automl-gone" in str(error)


@pytest.mark.case("A09", "a type that no plugin declares needs `trusted=`, `E_BUNDLE_UNTRUSTED`")
def test_a09_a_type_that_no_plugin_declares_needs_trust(make, toys, new, tmp_path):
    predictor = make(("toy_declared",))
    predictor.save(tmp_path / "model")
    stranger = [
        one if one.name != "toy_declared" else toys._algorithm("toy_declared", toys._build, ())
        for one in toys.automl_algorithms()
    ]
    given = [*stranger, *toys.automl_preprocessors()]
    error = _refused(tmp_path / "model", given, "E_BUNDLE_UNTRUSTED")
    assert "trusted=['model_toys.LeastSquares']" in str(error)
    loaded = load(tmp_path / "model", trusted=["model_toys.LeastSquares"], plugins=given)
    assert np.array_equal(loaded.predict(new), predictor.predict(new))


@pytest.mark.case("A10", "refused, `E_BUNDLE_MEMBER`, never run")
def test_a10_an_array_of_objects_is_refused(make, toy, tmp_path):
    make().save(tmp_path / "good")
    files = _files(tmp_path / "good")
    trap = tmp_path / "trap"
    stream = io.BytesIO()
    np.save(stream, np.array([_Payload(trap)], dtype=object), allow_pickle=True)
    files["members/0/0/estimator/weights.npy"] = stream.getvalue()
    _refused(_forge(tmp_path / "forged", files), toy, "E_BUNDLE_MEMBER")
    assert not trap.exists()


@pytest.mark.case("A10", "inside skops refused as well")
def test_a10_an_array_of_objects_inside_skops_is_refused(make, toy, tmp_path):
    make(("toy_declared",)).save(tmp_path / "good")
    files = _files(tmp_path / "good")
    trap = tmp_path / "trap"
    stream = io.BytesIO()
    np.save(stream, np.array([_Payload(trap)], dtype=object), allow_pickle=True)
    name = "members/0/0/estimator.skops"
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(files[name])) as old,
        zipfile.ZipFile(packed, "w") as file,
    ):
        for entry in old.infolist():
            hostile = entry.filename.endswith(".npy")
            file.writestr(entry.filename, stream.getvalue() if hostile else old.read(entry))
    files[name] = packed.getvalue()
    _refused(_forge(tmp_path / "forged", files), toy, "E_BUNDLE_MEMBER")
    assert not trap.exists()


@pytest.mark.case(
    "A11", "no part of a model is ONNX; names of other places in a member's structure find nothing"
)
def test_a11_no_file_of_a_member_is_read_from_outside(make, toy, tmp_path):
    """A structure that names other places finds nothing: places are never taken from a file."""
    make().save(tmp_path / "good")
    files = _files(tmp_path / "good")
    structure = json.loads(files["members/0/0/pipeline.json"])
    structure["how"] = {f"../{slot}": how for slot, how in structure["how"].items()}
    files["members/0/0/pipeline.json"] = json.dumps(structure).encode()
    _refused(_forge(tmp_path / "forged", files), toy, "E_BUNDLE_MEMBER")


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"kind": "automl-model", "format": 1e999}',
        b'{"kind": "automl-model", "format": NaN}',
        b'"' + b"x" * 100,
        b"\xff\xfe",
        b'{"kind": "automl-model", "format": ' + b"9" * 10_000 + b"}",
    ],
)
@pytest.mark.case("A12", "refused in the manifest, `E_BUNDLE_DAMAGED`")
def test_a12_json_bombs_are_refused(make, toy, tmp_path, content):
    make().save(tmp_path / "model")
    (tmp_path / "model" / "manifest.json").write_bytes(content)
    _refused(tmp_path / "model", toy, "E_BUNDLE_DAMAGED", "E_BUNDLE_VERSION", "E_BUNDLE_FORMAT")


@pytest.mark.parametrize("name", ["sample.json", "profile.json", "members/0/0/pipeline.json"])
@pytest.mark.case("A12", "refused in any other file")
def test_a12_json_bombs_anywhere_are_refused(make, toy, tmp_path, name):
    make().save(tmp_path / "good")
    files = _files(tmp_path / "good")
    files[name] = b"[" * 200_000
    _refused(_forge(tmp_path / "forged", files), toy, "E_BUNDLE_DAMAGED", "E_BUNDLE_MEMBER")


@pytest.mark.case("A12", "refused where it is too large, `E_BUNDLE_SIZE`; nothing is read as YAML")
def test_a12_json_that_is_too_large_is_refused(make, toy, tmp_path, monkeypatch):
    make().save(tmp_path / "model")
    monkeypatch.setattr(manifest_file, "MAX_JSON", 100)
    _refused(tmp_path / "model", toy, "E_BUNDLE_SIZE")


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("parts", []),
        ("parts", [{"weight": 1.0}]),
        ("schema", {"version": 99}),
        ("classes", {"dtype": "object", "labels": [{}]}),
        ("classes", {"dtype": "M8[s]", "labels": [1]}),
        ("contributions", [1]),
        ("task", 7),
        ("info", 3),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(make, toy, tmp_path, place, wrong):
    make().save(tmp_path / "good")
    files = _files(tmp_path / "good")
    manifest = json.loads(files["manifest.json"])
    manifest[place] = wrong
    files["manifest.json"] = json.dumps(manifest).encode()
    _refused(_forge(tmp_path / "forged", files), toy, "E_BUNDLE_MANIFEST")


@pytest.mark.case("F27", "a model that predicts otherwise than when saved is E_BUNDLE_SAMPLE")
def test_a_model_that_predicts_otherwise_is_refused(make, toy, tmp_path):
    make().save(tmp_path / "good")
    files = _files(tmp_path / "good")
    sample = json.loads(files["sample.json"])
    sample["values"][0][0] += 0.01
    files["sample.json"] = json.dumps(sample).encode()
    _refused(_forge(tmp_path / "forged", files), toy, "E_BUNDLE_SAMPLE")


def _saved_with(place, **versions):
    """Return the files of a saved model as if it had been saved with other libraries."""
    files = _files(place)
    manifest = json.loads(files["manifest.json"])
    manifest["libraries"] |= versions
    files["manifest.json"] = json.dumps(manifest).encode()
    return files


@pytest.mark.case("F27", "other minor versions of its libraries are named, W_BUNDLE_VERSIONS")
def test_other_versions_are_named(make, new, toy, tmp_path):
    model = make()
    model.save(tmp_path / "good")
    files = _saved_with(tmp_path / "good", numpy="1.26.4", gone_lib="3.1")
    _forge(tmp_path / "old", files)
    with pytest.warns(BundleWarning, match=r"numpy 1\.26\.4 \(here 2") as caught:
        loaded = load(tmp_path / "old", plugins=toy)
    assert len(caught) == 1
    assert "gone_lib 3.1 (here none)" in caught[0].message.message
    assert np.array_equal(loaded.predict(new), model.predict(new))
    near = metadata.version("numpy").rpartition(".")[0] + ".999"
    _forge(tmp_path / "near", _saved_with(tmp_path / "good", numpy=near))
    load(tmp_path / "near", plugins=toy)


@pytest.mark.case("F27", "where it predicts otherwise they stand in the error")
def test_other_versions_are_named_where_they_matter(make, toy, tmp_path):
    make().save(tmp_path / "good")
    files = _saved_with(tmp_path / "good", numpy="1.26.4")
    sample = json.loads(files["sample.json"])
    sample["values"][0][0] += 0.01
    files["sample.json"] = json.dumps(sample).encode()
    said = _refused(_forge(tmp_path / "forged", files), toy, "E_BUNDLE_SAMPLE")
    assert "It was saved with numpy 1.26.4 (here " in said.message


# Writing


@pytest.mark.parametrize("name", KINDS)
def test_a_saved_model_is_replaced(make, new, toy, tmp_path, name):
    make(("toy_sklearn",)).save(tmp_path / name)
    second = make(("toy_pair",))
    second.save(tmp_path / name)
    assert np.array_equal(load(tmp_path / name, plugins=toy).predict(new), second.predict(new))
    assert [path.name for path in tmp_path.iterdir() if path.name != "members"] == [name]


def test_a_folder_is_replaced_where_the_system_cannot_exchange(
    make, new, toy, tmp_path, monkeypatch
):
    monkeypatch.setattr(archive, "_exchange", lambda first, second: False)
    make(("toy_sklearn",)).save(tmp_path / "model")
    second = make(("toy_pair",))
    second.save(tmp_path / "model")
    assert np.array_equal(load(tmp_path / "model", plugins=toy).predict(new), second.predict(new))
    assert [path.name for path in tmp_path.iterdir() if path.name != "members"] == ["model"]


def test_an_empty_folder_is_filled(make, toy, tmp_path):
    (tmp_path / "model").mkdir()
    make().save(tmp_path / "model")
    load(tmp_path / "model", plugins=toy)


@pytest.mark.parametrize("name", KINDS)
def test_what_is_no_model_is_not_replaced(make, tmp_path, name):
    target = tmp_path / name
    mine = target / "thesis.txt"
    if name == "model":
        target.mkdir()
        mine.write_text("years of work")
    else:
        target.write_text("years of work")
    with pytest.raises(BundleError, match="not a saved model") as caught:
        make().save(target)
    assert caught.value.code == "E_BUNDLE_EXISTS"
    assert (mine if name == "model" else target).read_text() == "years of work"


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("step", [1, 4, 9])
def test_a_write_that_fails_midway_leaves_the_old_model(
    make, new, toy, tmp_path, monkeypatch, name, step
):
    old = make(("toy_sklearn",))
    old.save(tmp_path / name)
    calls = []

    def failing(handle):
        calls.append(handle)
        if len(calls) >= (step if name == "model" else 1):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(BundleError, match="No space left") as caught:
        make(("toy_pair",)).save(tmp_path / name)
    assert caught.value.code == "E_BUNDLE_WRITE"
    monkeypatch.undo()
    assert np.array_equal(load(tmp_path / name, plugins=toy).predict(new), old.predict(new))
    assert [path.name for path in tmp_path.iterdir() if path.name != "members"] == [name]


def test_a_folder_that_cannot_be_moved_leaves_the_old_model(make, toy, tmp_path, monkeypatch):
    make(("toy_sklearn",)).save(tmp_path / "model")
    before = _files(tmp_path / "model")
    rename = Path.rename

    def failing(self, target):
        if self.suffix == ".tmp":
            raise OSError(1, "not today")
        return rename(self, target)

    monkeypatch.setattr(archive, "_exchange", lambda first, second: False)
    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(BundleError, match="not today"):
        make(("toy_pair",)).save(tmp_path / "model")
    assert _files(tmp_path / "model") == before


def test_a_large_archive_that_compresses_well_can_be_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "FREE_BYTES", 1000)
    files = {"zeros": bytes(1_000_000)}
    archive.write(files, tmp_path / "model.zip")
    assert archive.read(tmp_path / "model.zip") == files


def test_folders_that_are_missing_are_made(make, tmp_path):
    make().save(tmp_path / "a" / "b" / "model")
    assert (tmp_path / "a" / "b" / "model" / "manifest.json").is_file()


def test_saving_twice_gives_the_same_bytes(make, tmp_path):
    predictor = make()
    save(predictor, tmp_path / "one.zip")
    save(predictor, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
