"""The manifest of a saved model: what it is, who gave what, and the hash of every file."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from automl._version import __version__
from automl.data import schema_json
from automl.errors import BundleError
from automl.plugin.exporting import givers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from automl.model.predictor import Predictor
    from automl.plugin.catalog import Catalog

KIND = "automl-model"
"""What the manifest says it is."""

FORMAT = 1
"""Version of the format; a later one is refused."""

MANIFEST = "manifest.json"

MAX_JSON = 256 * 2**20
"""Most bytes of one JSON file."""

OURS = "pluggable-automl"
"""This distribution; what it can read is said by the version of the format."""

_ALWAYS = (OURS, "numpy", "scikit-learn", "scipy", "skops")


def describe(predictor: Predictor, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the manifest without the files.

    Parameters
    ----------
    predictor : Predictor
    parts : list of dict
        What it says of each part.
    """
    metric = predictor.metric
    used = givers_of(predictor)
    return {
        "kind": KIND,
        "format": FORMAT,
        "created_with": {
            "automl": __version__,
            "python": platform.python_version(),
            "system": platform.system(),
            "machine": platform.machine(),
        },
        "target": predictor.target,
        "task": predictor.task.name,
        "metric": {
            "name": metric.name,
            "reads": metric.reads,
            "greater_is_better": metric.greater_is_better,
        },
        "cv_score": plain(predictor.info.get("cv_score")),
        "classes": _classes_json(predictor),
        "schema": schema_json.to_json(predictor.schema),
        "parts": parts,
        "contributions": [giver_of(kind, name, predictor.catalog) for kind, name in used],
        "libraries": _libraries(used, predictor.catalog),
        "info": _plain_info(predictor.info),
    }


def giver_of(kind: str, name: str, catalog: Catalog) -> dict[str, str]:
    """Return a contribution with who gave it."""
    giver = catalog.givers.get((kind, name))
    return {
        "kind": kind,
        "name": name,
        "plugin": giver.plugin if giver else "",
        "distribution": giver.distribution if giver else "",
        "version": giver.version if giver else "",
    }


def _libraries(used: Iterable[tuple[str, str]], catalog: Catalog) -> dict[str, str]:
    names = set(_ALWAYS)
    for kind, name in used:
        for requirement in getattr(catalog.get(kind, name), "requires", ()):
            found = re.match(r"[A-Za-z0-9._-]+", requirement)
            names |= {found.group()} if found else set()
    versions = {}
    for name in sorted(names):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def other_versions(manifest: Mapping[str, Any]) -> str:
    """Say which libraries are here in another minor version than the model was saved with."""
    others = []
    for name, saved in manifest["libraries"].items():
        try:
            here = metadata.version(name)
        except metadata.PackageNotFoundError:
            here = "none"
        if name != OURS and here.split(".")[:2] != str(saved).split(".")[:2]:
            others.append(f"{name} {saved} (here {here})")
    return ", ".join(others)


def _plain_info(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return what survives JSON, less what has a place of its own."""
    kept = {}
    for name, value in info.items():
        if name in {"profile", "sample", "cv_score"}:
            continue
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            continue
        kept[name] = value
    return kept


def _classes_json(predictor: Predictor) -> dict[str, Any] | None:
    classes = predictor.classes
    if classes is None:
        return None
    if classes.dtype.kind not in "biufUO":
        raise BundleError(
            "E_BUNDLE_UNSAVED", f"Labels of type {classes.dtype} cannot be written down."
        )
    return {"dtype": classes.dtype.str, "labels": classes.tolist()}


def classes_of(data: Mapping[str, Any] | None) -> NDArray[Any] | None:
    """Return the labels that were written down, with their type."""
    if data is None:
        return None
    dtype = np.dtype(str(data["dtype"]))
    if dtype.kind not in "biufUO":
        raise ValueError(f"labels of type {dtype}")
    labels = list(data["labels"])
    if not all(isinstance(label, bool | int | float | str) for label in labels):
        raise ValueError("a label is neither a truth value, a number nor a string")
    classes: NDArray[Any] = np.empty(len(labels), dtype=dtype)
    classes[:] = labels
    return classes


def seal(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """Return the manifest as it is written, with the hashes of the files and its own."""
    stated = {
        name: {"bytes": len(content), "sha256": _digest(content)}
        for name, content in sorted(files.items())
    }
    whole = {**manifest, "files": stated}
    return dump({**whole, "sha256": _digest(dump(whole))})


def read(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the manifest of a model's files, which are checked against it.

    Raises
    ------
    BundleError
        ``E_BUNDLE_FORMAT``, ``E_BUNDLE_VERSION``, ``E_BUNDLE_DAMAGED`` or ``E_BUNDLE_FILES``.
    """
    manifest = read_alone(files)
    _check_files(files, manifest)
    return manifest


def read_alone(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the manifest, checked by its own hash only."""
    if MANIFEST not in files:
        raise BundleError(
            "E_BUNDLE_FORMAT", f"This is no saved model: it has no {MANIFEST}.", "Check the path."
        )
    data = parse(files[MANIFEST], MANIFEST)
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise BundleError("E_BUNDLE_FORMAT", f"{MANIFEST} is not that of a saved model.")
    version = data.get("format")
    if not isinstance(version, int) or version > FORMAT:
        made = data.get("created_with")
        by = f" by automl {made.get('automl')}" if isinstance(made, dict) else ""
        raise BundleError(
            "E_BUNDLE_VERSION",
            f"The model is of format {version!r}, made{by}; this automl ({__version__}) reads "
            f"formats up to {FORMAT}.",
            "Update with `pip install -U pluggable-automl`.",
        )
    stated = data.pop("sha256", None)
    if stated != _digest(dump(data)) or not isinstance(data.get("files"), dict):
        raise _damaged(f"{MANIFEST} was changed after it was written")
    return data


def _check_files(files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> None:
    stated = manifest["files"]
    there = set(files) - {MANIFEST}
    missing, extra = sorted(set(stated) - there), sorted(there - set(stated))
    if missing or extra:
        said = [f"missing: {', '.join(missing)}"] if missing else []
        said += [f"not from the model: {', '.join(extra)}"] if extra else []
        raise BundleError(
            "E_BUNDLE_FILES",
            f"The files are not those that {MANIFEST} lists; {'; '.join(said)}.",
            "Remove what does not belong there, or get the model again.",
        )
    for name, content in files.items():
        if name != MANIFEST and stated[name] != {
            "bytes": len(content),
            "sha256": _digest(content),
        }:
            raise _damaged(f"{name} was changed or cut off after it was written")


def parse(content: bytes, name: str) -> Any:
    """Return what a JSON file says, within bounds."""
    if len(content) > MAX_JSON:
        raise BundleError("E_BUNDLE_SIZE", f"{name} has {len(content)} bytes, at most {MAX_JSON}.")
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _damaged(f"{name} is not JSON: {type(error).__name__}") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _damaged(message: str) -> BundleError:
    return BundleError(
        "E_BUNDLE_DAMAGED", f"The model is damaged: {message}.", "Get it again from who made it."
    )


def dump(data: object) -> bytes:
    """Return plain values as JSON in the one way in which it is written."""
    return json.dumps(data, allow_nan=False, indent=1).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def plain(score: float | None) -> float | None:
    """Return a score as JSON knows it."""
    return None if score is None or not np.isfinite(score) else float(score)
