"""A fitted pipeline as files: each part in the way that its contribution declares.

::

    pipeline.json     the structure, and how each part is saved
    estimator.skops   where skops writes it, or estimator/ with the files of the declared pair
    step_0.skops ...  the same for each step of the preparation, in order
    unsafe.pkl        in a run's own folder only: parts that are not in a portable form
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from automl import files
from automl.candidate import lineage
from automl.candidate.pipeline import FittedChain, FittedStep, Pipeline, Preparation
from automl.candidate.recipe import Candidate
from automl.candidate.session import session_types
from automl.data.table import Kind
from automl.errors import BundleError, PluginError
from automl.plugin.contributions import Saved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Algorithm, Preprocessor

FORMAT = 1
"""Version of this layout."""

STRUCTURE = "pipeline.json"
"""Name of the file with the structure."""

PICKLE = "unsafe.pkl"
"""Name of the one pickle in a run's own folder."""

SKOPS = ".skops"
"""Ending of a part's file where skops writes it."""

ALWAYS_TRUSTED = frozenset({"numpy.dtype"})
"""What skops asks about in nearly every file though it is plain data."""

_PAIR, _SKOPS, _UNSAFE = "pair", "skops", "unsafe"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    slot: str
    kind: str
    name: str
    fitted: Any


def save_pipeline(
    pipeline: Pipeline,
    folder: Path,
    catalog: Catalog,
    *,
    portable: bool = True,
    twin: Path | None = None,
) -> None:
    """Write a fitted pipeline into an existing folder.

    Parameters
    ----------
    pipeline : Pipeline
    folder : Path
        Existing and empty.
    catalog : Catalog
        Where the contributions say how their parts are saved.
    portable : bool, default=True
        False writes what skops would write as a pickle instead, which spares the import and the
        check of skops; such a folder can be read by the run that wrote it only.
    twin : Path or None, default=None
        Folder of a saved pipeline with the same fitted preparation, whose files are copied: equal
        files are read once.

    Raises
    ------
    PluginError
        ``E_PLUGIN_SAVED`` where a part holds a type that its contribution does not declare, or
        cannot be written as declared.
    """
    how: dict[str, str] = {}
    pickled: dict[str, Any] = {}
    copied = {} if twin is None else _read_structure(twin)["how"]
    for part in _parts(pipeline):
        if part.kind == "preprocessor" and copied.get(part.slot, _UNSAFE) != _UNSAFE:
            how[part.slot] = copied[part.slot]
            _copy(cast("Path", twin), folder, part.slot)
            continue
        saved = catalog.get(part.kind, part.name).saved
        if isinstance(saved, Saved):
            how[part.slot] = _PAIR
            _save_pair(part, saved, folder)
        elif saved is None or not portable:
            how[part.slot] = _UNSAFE
            pickled[part.slot] = part.fitted
        else:
            how[part.slot] = _SKOPS
            _save_skops(part, saved, folder)
    if pickled:
        from automl.candidate import unsafe

        unsafe.dump(pickled, folder / PICKLE)
    text = json.dumps(_structure(pipeline, how), allow_nan=False)
    files.write(folder / STRUCTURE, text.encode())


def load_pipeline(
    folder: Path,
    catalog: Catalog,
    trusted: Sequence[str] = (),
    *,
    allow_unsafe: bool = False,
    kept: dict[str, Any] | None = None,
) -> Pipeline:
    """Read a fitted pipeline back.

    Parameters
    ----------
    folder : Path
    catalog : Catalog
        Where the contributions say how their parts are read.
    trusted : sequence of str, default=()
        Names of types that skops may build beside those that the contributions declare.
    allow_unsafe : bool, default=False
        Whether a pickle is read, which runs what it says: for a run's own folder only.
    kept : dict or None, default=None
        Parts read before, by their content; found again here, and new ones added.

    Raises
    ------
    BundleError
        ``E_BUNDLE_MEMBER`` where a file is not what it has to be, ``E_BUNDLE_UNTRUSTED`` where a
        type is not declared, ``E_BUNDLE_UNSAFE`` where there is a pickle.
    PluginError
        ``E_PLUGIN_UNKNOWN`` where a contribution is not installed.
    """
    structure = _read_structure(folder)
    pickled: dict[str, Any] = {}
    if _UNSAFE in structure["how"].values():
        if not allow_unsafe:
            raise BundleError(
                "E_BUNDLE_UNSAFE",
                f"{folder.name} holds a pickle, which can run any code when it is read.",
                "Save the model again with the automl that made it.",
            )
        from automl.candidate import unsafe

        pickled = unsafe.load(folder / PICKLE)
    parts = _Parts(
        folder=folder,
        catalog=catalog,
        how=structure["how"],
        trusted=tuple(trusted),
        pickled=pickled,
        kept={} if kept is None else kept,
    )
    try:
        return _rebuild(structure, catalog, parts.load)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, BundleError):
            raise
        raise _broken(folder, f"{STRUCTURE} does not describe a pipeline") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """The parts of one saved pipeline, read when they are asked for."""

    folder: Path
    catalog: Catalog
    how: Mapping[str, str]
    trusted: tuple[str, ...]
    pickled: Mapping[str, Any]
    kept: dict[str, Any]

    def load(self, slot: str, kind: str, name: str) -> Any:
        """Return one part, the same object for the same content."""
        contribution = self.catalog.get(kind, name)
        how = self.how.get(slot)
        if how == _UNSAFE:
            return self.pickled[slot]
        key = _content(self.folder, slot, kind, name)
        if key not in self.kept:
            self.kept[key] = self._read(slot, contribution, how)
        return self.kept[key]

    def _read(self, slot: str, contribution: Algorithm | Preprocessor, how: str | None) -> Any:
        if how == _PAIR and isinstance(contribution.saved, Saved):
            return _load_pair(slot, contribution, self.folder)
        if how == _SKOPS:
            return _load_skops(slot, contribution, self.folder, self.trusted)
        message = f"{contribution.name!r} is saved in a way ({how}) that it does not declare"
        raise _broken(self.folder, message)


def _parts(pipeline: Pipeline) -> Iterator[_Part]:
    steps = [step for chain in pipeline.preparation.chains for step in chain.steps]
    for number, step in enumerate(steps):
        yield _Part(
            slot=f"step_{number}", kind="preprocessor", name=step.name, fitted=step.transformer
        )
    if pipeline.estimator is not None:
        name = pipeline.candidate.algorithm
        yield _Part(slot="estimator", kind="algorithm", name=name, fitted=pipeline.estimator)


def _structure(pipeline: Pipeline, how: Mapping[str, str]) -> dict[str, Any]:
    preparation = pipeline.preparation
    return {
        "format": FORMAT,
        "candidate": pipeline.candidate.to_json(),
        "task": pipeline.task.name,
        "n_classes": pipeline.n_classes,
        "present": list(pipeline.present),
        "constant": list(pipeline.constant),
        "sparse": preparation.sparse,
        "categories": list(preparation.categories),
        "n_levels": list(preparation.n_levels),
        "names": list(preparation.names),
        "lineage": lineage.to_json(preparation.lineage),
        "monotonic": list(preparation.monotonic),
        "chains": [
            {
                "kind": chain.kind,
                "steps": [{"name": step.name, "params": dict(step.params)} for step in chain.steps],
            }
            for chain in preparation.chains
        ],
        "how": dict(how),
    }


def _rebuild(structure: Mapping[str, Any], catalog: Catalog, load: Any) -> Pipeline:
    candidate = Candidate.from_json(structure["candidate"])
    chains = []
    number = 0
    for chain in structure["chains"]:
        steps = []
        for step in chain["steps"]:
            transformer = load(f"step_{number}", "preprocessor", step["name"])
            steps.append(
                FittedStep(name=step["name"], params=step["params"], transformer=transformer)
            )
            number += 1
        kind = Kind(chain["kind"]) if chain["kind"] else None
        chains.append(FittedChain(kind=kind, steps=tuple(steps)))
    learned = "estimator" in structure["how"]
    algorithm = catalog.get("algorithm", candidate.algorithm) if learned else None
    return Pipeline(
        candidate=candidate,
        task=catalog.get("task", structure["task"]),
        n_classes=int(structure["n_classes"]),
        preparation=Preparation(
            chains=tuple(chains),
            sparse=bool(structure["sparse"]),
            categories=tuple(structure["categories"]),
            n_levels=tuple(structure["n_levels"]),
            names=tuple(structure["names"]),
            lineage=lineage.from_json(structure.get("lineage", ())),
            monotonic=tuple(int(sign) for sign in structure.get("monotonic", ())),
        ),
        estimator=load("estimator", "algorithm", candidate.algorithm) if learned else None,
        present=tuple(int(code) for code in structure["present"]),
        constant=tuple(float(number) for number in structure["constant"]),
        quick=algorithm and algorithm.quick,
    )


def _read_structure(folder: Path) -> dict[str, Any]:
    try:
        structure = json.loads((folder / STRUCTURE).read_text(encoding="utf-8"))
        known = structure["format"] == FORMAT and isinstance(structure["how"], dict)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _broken(folder, f"{STRUCTURE} cannot be read") from error
    if not known:
        raise _broken(folder, f"{STRUCTURE} has an unknown layout")
    found: dict[str, Any] = structure
    return found


def _save_pair(part: _Part, saved: Saved, folder: Path) -> None:
    place = folder / part.slot
    place.mkdir()
    try:
        saved.save(part.fitted, place)
    except Exception as error:
        raise PluginError(
            "E_PLUGIN_SAVED",
            f"{part.kind} {part.name!r} could not save a {type(part.fitted).__name__}: {error}",
            f"Mend its saved=Saved(...) pair, or switch it off with plugins=['-{part.name}'].",
        ) from error


def _save_skops(part: _Part, declared: Sequence[str], folder: Path) -> None:
    from skops.io import dumps, get_untrusted_types

    try:
        data = dumps(part.fitted)
        found = set(get_untrusted_types(data=data))
    except Exception as error:
        raise PluginError(
            "E_PLUGIN_SAVED",
            f"skops cannot save what {part.kind} {part.name!r} fitted "
            f"({type(part.fitted).__name__}): {error}",
            "Declare saved=Saved(save=..., load=...), or saved=None if it cannot be saved.",
        ) from error
    known = {*declared, *ALWAYS_TRUSTED, *session_types(part.fitted, part.name, found)}
    missing = sorted(found - known)
    if missing:
        raise PluginError(
            "E_PLUGIN_SAVED",
            f"{part.kind} {part.name!r} holds types that it does not declare: "
            f"{', '.join(missing)}.",
            f"Declare saved={tuple(sorted({*declared, *missing}))!r}.",
        )
    files.write(folder / (part.slot + SKOPS), data)


def _load_pair(slot: str, contribution: Algorithm | Preprocessor, folder: Path) -> Any:
    place = folder / slot
    place.mkdir(exist_ok=True)  # a pair may have had nothing to write
    try:
        return contribution.saved.load(place)  # type: ignore[union-attr]  # checked by the caller
    except Exception as error:
        message = f"{contribution.name!r} cannot read {slot}: {type(error).__name__}: {error}"
        raise _broken(folder, message) from error


def _load_skops(
    slot: str, contribution: Algorithm | Preprocessor, folder: Path, trusted: Sequence[str]
) -> Any:
    from skops.io import get_untrusted_types, load
    from skops.io.exceptions import UntrustedTypesFoundException

    file = folder / (slot + SKOPS)
    declared = contribution.saved if isinstance(contribution.saved, tuple) else ()
    allowed = {*declared, *ALWAYS_TRUSTED, *trusted}
    try:
        _refuse_compressed(file)
        return load(file, trusted=sorted(allowed))
    except UntrustedTypesFoundException:
        unknown = sorted(set(get_untrusted_types(file=file)) - allowed)
    except Exception as error:
        message = f"{slot}{SKOPS} cannot be read: {type(error).__name__}: {error}"
        raise _broken(folder, message) from error
    raise BundleError(
        "E_BUNDLE_UNTRUSTED",
        f"{folder.name}/{slot} holds types that {contribution.name!r} does not declare: "
        f"{', '.join(unknown)}.",
        f"If you trust these types and who made the file, load with trusted={unknown!r}.",
    )


def _files(folder: Path, slot: str) -> Iterator[Path]:
    """Yield the files of one part, in order."""
    yield from sorted(path for path in (folder / slot).rglob("*") if path.is_file())
    if (folder / (slot + SKOPS)).is_file():
        yield folder / (slot + SKOPS)


def _copy(source: Path, folder: Path, slot: str) -> None:
    for file in _files(source, slot):
        place = folder / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        files.write(place, file.read_bytes())


def _content(folder: Path, slot: str, kind: str, name: str) -> str:
    """Return a hash of a part's files and of who reads them."""
    sha = hashlib.sha256(f"{kind}/{name}".encode())
    for file in _files(folder, slot):
        data = file.read_bytes()
        inside = file.relative_to(folder).as_posix().removeprefix(slot)
        sha.update(f"/{inside}/{len(data)}/".encode() + data)
    return sha.hexdigest()


def _refuse_compressed(file: Path) -> None:
    """Skops stores without compression: what is compressed is not from us, and may be a bomb."""
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    size = sum(entry.file_size for entry in entries)
    stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    if not stored or size > file.stat().st_size:
        raise ValueError("its entries are compressed or overlap")


def _broken(folder: Path, message: str) -> BundleError:
    line = f"{folder.name}: {message.partition(chr(10))[0].rstrip('. ')}."  # no foreign trace
    return BundleError("E_BUNDLE_MEMBER", line, "Get the model again from who made it.")
