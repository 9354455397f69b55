"""Saved models: a folder, or one zip file, that nothing is executed from.

``docs/model_folder.md`` describes the format.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl._version import __version__
from automl.candidate.recipe import Candidate
from automl.candidate.storage import PICKLE
from automl.data import schema_json
from automl.errors import AutoMLError, BundleError, PluginError
from automl.model import archive
from automl.model.member import Member, Part
from automl.model.predictor import Predictor, absent_metric
from automl.model.sample import sample_json, verify

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Metric, Task

KIND = "automl-model"
"""What the manifest says it is."""

FORMAT = 1
"""Version of the format; a later one is refused."""

MANIFEST = "manifest.json"
PROFILE = "profile.json"
SAMPLE = "sample.json"

MAX_JSON = 256 * 2**20
"""Most bytes of one JSON file."""

_ALWAYS = ("pluggable-automl", "numpy", "scikit-learn", "scipy", "skops")


def save(predictor: Predictor, path: str | os.PathLike[str]) -> None:
    """Write a predictor into a folder, or one file where the path ends in ``.zip``.

    Parameters
    ----------
    predictor : Predictor
    path : path
        New, an empty folder, or a saved model, which is replaced at once.

    Raises
    ------
    BundleError
        ``E_BUNDLE_EXISTS`` where something else is there, ``E_BUNDLE_UNSAVED`` where a member
        cannot be saved, ``E_BUNDLE_WRITE`` where the files cannot be written. What was there is
        left as it was.
    """
    target = Path(path)
    _refuse_foreign(target)
    files, parts = _member_files(predictor)
    sample = sample_json(predictor)
    if sample is not None:
        files[SAMPLE] = _dump(sample)
    files[PROFILE] = _dump(predictor.info.get("profile") or {})
    manifest = _manifest(predictor, parts)
    manifest["files"] = {
        name: {"bytes": len(content), "sha256": _digest(content)}
        for name, content in sorted(files.items())
    }
    manifest["sha256"] = _digest(_dump(manifest))
    archive.write({MANIFEST: _dump(manifest), **files}, target)


def load(
    path: str | os.PathLike[str], *, trusted: Sequence[str] = (), plugins: object = None
) -> Predictor:
    """Read a saved model. Every file is checked, and nothing in it is executed.

    Parameters
    ----------
    path : path
    trusted : sequence of str, default=()
        Full names of types that may be built beside those that installed plugins declare.
    plugins : Plugins, sequence or None, default=None
        As for `automl.fit`: which installed plugins may be used, and contributions handed over.

    Returns
    -------
    Predictor

    Raises
    ------
    BundleError
        The model is damaged, unsafe, of a newer version, or needs what is not installed; the code
        says which.
    """
    from automl.plugin.discovery import discover
    from automl.plugin.selection import Plugins

    files = archive.read(Path(path))
    manifest = _read_manifest(files)
    _check_files(files, manifest)
    catalog = discover(Plugins.of(plugins))
    try:
        _check_contributions(manifest, catalog)
        predictor = _rebuild(files, manifest, catalog, tuple(trusted))
        predictor.load_all()
        if SAMPLE in files:
            verify(predictor, predictor.info["sample"])
    except BundleError:
        raise
    except (AutoMLError, KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise BundleError(
            "E_BUNDLE_MANIFEST",
            f"The model in {str(path)!r} does not fit together: {type(error).__name__}: {error}.",
            "Get it again from who made it.",
        ) from error
    return predictor


def _member_files(predictor: Predictor) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """Return every file of every member, and what the manifest says of the parts."""
    files: dict[str, bytes] = {}
    parts = []
    for number, part in enumerate(predictor.parts):
        folders = []
        for index, member in enumerate(part.members):
            folder = f"members/{number}/{index}"
            folders.append(folder)
            for name, content in _portable(member, part, predictor.catalog).files.items():
                files[f"{folder}/{name}"] = content
        parts.append(
            {
                "candidate": part.candidate.to_json(),
                "weight": float(part.weight),
                "cv_score": _plain(part.cv_score),
                "members": folders,
            }
        )
    return files, parts


def _portable(member: Member, part: Part, catalog: Catalog) -> Member:
    try:
        converted = member.portable(catalog)
    except PluginError as error:
        raise BundleError("E_BUNDLE_UNSAVED", error.message, error.remedy) from error
    if PICKLE not in converted.files:
        return converted
    closed = [
        (kind, name)
        for kind, name in sorted(_used_by(part, catalog))
        if catalog.get(kind, name).saved is None
    ]
    said = [f"{kind} {name!r} ({_giver(kind, name, catalog)['plugin']})" for kind, name in closed]
    raise BundleError(
        "E_BUNDLE_UNSAVED",
        f"The model holds what cannot be saved, since its plugin says saved=None: "
        f"{', '.join(said)}.",
        f"It predicts in this process; to save one, learn again with "
        f"plugins={[f'-{name}' for _, name in closed]!r}.",
    )


def _manifest(predictor: Predictor, parts: list[dict[str, Any]]) -> dict[str, Any]:
    metric = predictor.metric
    parts_use = [_used_by(part, predictor.catalog) for part in predictor.parts]
    used = sorted({("task", predictor.task.name)}.union(*parts_use))
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
        "cv_score": _plain(predictor.info.get("cv_score")),
        "classes": _classes_json(predictor),
        "schema": schema_json.to_json(predictor.schema),
        "parts": parts,
        "contributions": [_giver(kind, name, predictor.catalog) for kind, name in used],
        "libraries": _libraries(used, predictor.catalog),
        "info": _plain_info(predictor.info),
    }


def _used_by(part: Part, catalog: Catalog) -> set[tuple[str, str]]:
    """Return the contributions of a part; the constant answer has none."""
    steps = [step for chain in part.candidate.preparation.values() for step in chain]
    used = {("algorithm", part.candidate.algorithm), *(("preprocessor", one.name) for one in steps)}
    return {(kind, name) for kind, name in used if name in catalog.of(kind)}


def _giver(kind: str, name: str, catalog: Catalog) -> dict[str, str]:
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


def _plain_info(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return what survives JSON, less what has a place of its own."""
    plain = {}
    for name, value in info.items():
        if name in {"profile", "sample", "cv_score"}:
            continue
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            continue
        plain[name] = value
    return plain


def _classes_json(predictor: Predictor) -> dict[str, Any] | None:
    classes = predictor.classes
    if classes is None:
        return None
    if classes.dtype.kind not in "biufUO":
        raise BundleError(
            "E_BUNDLE_UNSAVED", f"Labels of type {classes.dtype} cannot be written down."
        )
    return {"dtype": classes.dtype.str, "labels": classes.tolist()}


def _classes(data: Mapping[str, Any] | None) -> NDArray[Any] | None:
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


def _read_manifest(files: Mapping[str, bytes]) -> dict[str, Any]:
    if MANIFEST not in files:
        raise BundleError(
            "E_BUNDLE_FORMAT", f"This is no saved model: it has no {MANIFEST}.", "Check the path."
        )
    data = _parse(files[MANIFEST], MANIFEST)
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
    if stated != _digest(_dump(data)) or not isinstance(data.get("files"), dict):
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


def _check_contributions(manifest: Mapping[str, Any], catalog: Catalog) -> None:
    for used in manifest["contributions"]:
        kind, name = used["kind"], used["name"]
        if name in catalog.of(kind):
            continue
        wanted = str(used["distribution"])
        remedy = f"Run `pip install {wanted}`."
        if name in catalog.unavailable:
            remedy = f"It {catalog.unavailable[name]}."
        elif not used["plugin"]:
            remedy = "It was handed over in code: do the same with load(..., plugins=[...])."
        raise BundleError(
            "E_BUNDLE_PLUGIN",
            f"The model needs the {kind} {name!r} of {wanted} {used['version']}, which is not "
            "installed or switched off.",
            remedy,
        )


def _rebuild(
    files: Mapping[str, bytes],
    manifest: Mapping[str, Any],
    catalog: Catalog,
    trusted: tuple[str, ...],
) -> Predictor:
    task: Task = catalog.get("task", manifest["task"])
    info = {
        **manifest["info"],
        "cv_score": manifest["cv_score"],
        "profile": _parse(files[PROFILE], PROFILE),
    }
    if SAMPLE in files:
        info["sample"] = _parse(files[SAMPLE], SAMPLE)
    return Predictor(
        schema=schema_json.from_json(manifest["schema"]),
        task=task,
        metric=_metric(manifest["metric"], task, catalog),
        target=str(manifest["target"]),
        classes=_classes(manifest["classes"]),
        parts=tuple(_part(part, files, trusted) for part in manifest["parts"]),
        catalog=catalog,
        info=info,
    )


def _metric(data: Mapping[str, Any], task: Task, catalog: Catalog) -> Metric:
    """Return the metric, or a stand-in: one that is not installed does not hinder predictions."""
    found = catalog.metrics.get(data["name"])
    if found is not None:
        return found
    return absent_metric(task, data["name"], data["reads"], data["greater_is_better"])


def _part(data: Mapping[str, Any], files: Mapping[str, bytes], trusted: tuple[str, ...]) -> Part:
    members = []
    for folder in data["members"]:
        start = f"{folder}/"
        inside = {name[len(start) :]: files[name] for name in files if name.startswith(start)}
        if PICKLE in inside:
            raise BundleError(
                "E_BUNDLE_UNSAFE",
                f"{folder} holds a pickle, which can run any code when it is read.",
                "Do not load this model; no automl writes such a file into one.",
            )
        members.append(Member(files=inside, trusted=trusted))
    return Part(
        candidate=Candidate.from_json(data["candidate"]),
        weight=float(data["weight"]),
        cv_score=np.nan if data["cv_score"] is None else float(data["cv_score"]),
        members=tuple(members),
    )


def _refuse_foreign(target: Path) -> None:
    """Never write over what is not a saved model."""
    if not target.exists():
        return
    if target.is_dir() and not any(target.iterdir()):
        if target.suffix.lower() != ".zip":
            return
    else:
        try:
            files = archive.read(target)
            if target.is_dir() != (target.suffix.lower() == ".zip"):
                _read_manifest(files)
                return
        except BundleError:
            pass
    raise BundleError(
        "E_BUNDLE_EXISTS",
        f"{str(target)!r} is there and is not a saved model.",
        "Choose another name, or remove it first.",
    )


def _parse(content: bytes, name: str) -> Any:
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


def _dump(data: object) -> bytes:
    return json.dumps(data, allow_nan=False, indent=1).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _plain(score: float | None) -> float | None:
    return None if score is None or not np.isfinite(score) else float(score)
