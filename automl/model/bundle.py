"""Saved models: a folder, or one zip file, that nothing is executed from.

``docs/model_folder.md`` describes the format.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.recipe import Candidate
from automl.candidate.storage import PICKLE
from automl.data import schema_json
from automl.errors import AutoMLError, BundleError, BundleWarning, PluginError
from automl.model import archive
from automl.model import manifest as manifests
from automl.model.manifest import classes_of, dump, giver_of, parse, plain
from automl.model.member import Member, Part
from automl.model.predictor import Predictor
from automl.model.rooted import absent_metric
from automl.model.sample import sample_json, verify
from automl.plugin.exporting import used_by

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Metric, Task

PROFILE = "profile.json"
SAMPLE = "sample.json"

BY_VERSIONS = frozenset({"E_BUNDLE_SAMPLE", "E_BUNDLE_MEMBER"})
"""Errors for which other versions of libraries may be the reason."""


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
        files[SAMPLE] = dump(sample)
    files[PROFILE] = dump(predictor.info.get("profile") or {})
    sealed = manifests.seal(manifests.describe(predictor, parts), files)
    archive.write({manifests.MANIFEST: sealed, **files}, target)


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
    manifest = manifests.read(files)
    catalog = discover(Plugins.of(plugins))
    try:
        _check_contributions(manifest, catalog)
        predictor = _rebuild(files, manifest, catalog, tuple(trusted))
        predictor.ready(quick=False)
        if SAMPLE in files:
            verify(predictor, predictor.info["sample"])
        _warn_of_versions(manifest, checked=SAMPLE in files)
    except BundleError as error:
        others = manifests.other_versions(manifest)
        if not others or error.code not in BY_VERSIONS:
            raise
        message = f"{error.message} It was saved with {others}."
        raise BundleError(error.code, message, error.remedy) from error
    except (AutoMLError, KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise BundleError(
            "E_BUNDLE_MANIFEST",
            f"The model in {str(path)!r} does not fit together: {type(error).__name__}: {error}.",
            "Get it again from who made it.",
        ) from error
    return predictor


def _warn_of_versions(manifest: Mapping[str, Any], *, checked: bool) -> None:
    others = manifests.other_versions(manifest)
    if others:
        said = "; its sample rows get the same values" if checked else ""
        message = f"The model was saved with {others}{said}."
        warnings.warn(BundleWarning("W_BUNDLE_VERSIONS", message), stacklevel=3)


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
                "cv_score": plain(part.cv_score),
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
        for kind, name in sorted(used_by(part, catalog))
        if catalog.get(kind, name).saved is None
    ]
    said = [f"{kind} {name!r} ({giver_of(kind, name, catalog)['plugin']})" for kind, name in closed]
    raise BundleError(
        "E_BUNDLE_UNSAVED",
        f"The model holds what cannot be saved, since its plugin says saved=None: "
        f"{', '.join(said)}.",
        f"It predicts in this process; to save one, learn again with "
        f"plugins={[f'-{name}' for _, name in closed]!r}.",
    )


def _check_contributions(manifest: Mapping[str, Any], catalog: Catalog) -> None:
    for used in manifest["contributions"]:
        kind, name = used["kind"], used["name"]
        if (kind, name) in catalog:
            continue
        wanted = str(used["distribution"])
        remedy = f"Run `pip install {wanted}`."
        left = [one for one in catalog.skipped if one.plugin == used["plugin"]]
        if left:
            remedy = left[0].message
        elif (kind, name) in catalog.unavailable:
            remedy = f"It {catalog.unavailable[kind, name]}."
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
        "profile": parse(files[PROFILE], PROFILE),
    }
    if SAMPLE in files:
        info["sample"] = parse(files[SAMPLE], SAMPLE)
    return Predictor(
        schema=schema_json.from_json(manifest["schema"]),
        task=task,
        metric=_metric(manifest["metric"], task, catalog),
        target=str(manifest["target"]),
        classes=classes_of(manifest["classes"]),
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
                manifests.read_alone(files)
                return
        except BundleError:
            pass
    raise BundleError(
        "E_BUNDLE_EXISTS",
        f"{str(target)!r} is there and is not a saved model.",
        "Choose another name, or remove it first.",
    )
