"""A fitted pipeline kept as bytes, built when it is first needed."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.errors import BundleError
from automl.model.threads import OneThread, in_threads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from automl.candidate.pipeline import Pipeline
    from automl.candidate.recipe import Candidate
    from automl.data.table import Table
    from automl.plugin.catalog import Catalog


BLOCK = 1_000
"""Rows that go through all members at once: memory does not grow with the table, and what is said
of a row does not depend on the number of cores. Few enough that all cores have some early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """The files of one saved pipeline.

    Parameters
    ----------
    files : mapping of str to bytes
        By their path inside the pipeline's folder, parts separated by ``/``.
    own : bool, default=False
        Whether a run wrote them for itself, so that a pickle among them may be read.
    trusted : tuple of str, default=()
        Types that skops may build beside those that contributions declare.
    """

    files: Mapping[str, bytes]
    own: bool = False
    trusted: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Member:
        """Take in the folder of a pipeline that this run saved.

        Parameters
        ----------
        folder : Path
        """
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        return cls(files=files, own=True)

    @property
    def lineage(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """For each column of its matrix a name, and the user's columns that it was made of."""
        from automl.candidate import lineage
        from automl.candidate.storage import STRUCTURE

        structure = json.loads(self.files[STRUCTURE])
        lines = lineage.from_json(structure.get("lineage", ()))
        return tuple(zip(structure["names"], lines, strict=False))

    def load(self, catalog: Catalog, kept: dict[str, Any] | None = None) -> Pipeline:
        """Build the pipeline.

        Parameters
        ----------
        catalog : Catalog
            Where the contributions are found.
        kept : dict or None, default=None
            As in `automl.candidate.storage.load_pipeline`.
        """
        from automl.candidate.storage import load_pipeline

        with tempfile.TemporaryDirectory(prefix="automl-member-", ignore_cleanup_errors=True) as at:
            folder = Path(at) / "member"
            folder.mkdir()
            for name, content in self.files.items():
                place = folder / _inside(name)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
            return load_pipeline(folder, catalog, self.trusted, allow_unsafe=self.own, kept=kept)

    def portable(self, catalog: Catalog) -> Member:
        """Return the member without a pickle, unless a contribution declares ``saved=None``.

        Raises
        ------
        PluginError
            ``E_PLUGIN_SAVED`` where a part holds a type that its contribution does not declare.
        """
        from automl.candidate.storage import PICKLE, save_pipeline

        if PICKLE not in self.files:
            return self
        pipeline = self.load(catalog)
        with tempfile.TemporaryDirectory(prefix="automl-member-", ignore_cleanup_errors=True) as at:
            save_pipeline(pipeline, Path(at), catalog)
            return Member.read(Path(at))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A candidate in the blend: the mean over its fold members.

    Parameters
    ----------
    candidate : Candidate
    weight : float
        Share in the blend.
    cv_score : float
        Its own score, used for choosing.
    members : tuple of Member
        One for each fold, or a single refit.
    """

    candidate: Candidate
    weight: float
    cv_score: float
    members: tuple[Member, ...]

    @property
    def lineage(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """As of its first member; the columns of the others may differ in number."""
        return self.members[0].lineage


class Shelf:
    """The pipelines of some parts, each built once, by whichever thread comes first."""

    def __init__(self, parts: tuple[Part, ...]) -> None:
        self.parts = parts
        self._built: dict[tuple[int, int], Pipeline] = {}
        self._kept: dict[str, Any] = {}
        self._lock = Lock()
        self._one_thread = OneThread()

    def get(self, part: int, member: int, catalog: Catalog) -> Pipeline:
        """Return one pipeline."""
        key = (part, member)
        if key not in self._built:
            with self._lock:
                if key not in self._built:
                    self._built[key] = self.parts[part].members[member].load(catalog, self._kept)
        return self._built[key]

    def members(self, catalog: Catalog) -> list[tuple[float, Pipeline]]:
        """Return every pipeline with its share in the blend."""
        return [
            (part.weight / len(part.members), self.get(number, index, catalog))
            for number, part in enumerate(self.parts)
            for index in range(len(part.members))
        ]

    def values(self, table: Table, catalog: Catalog) -> NDArray[np.float64]:
        """Return the blend's values: weighted over parts, the mean over each one's members.

        Pipelines with the same fitted preparation share its matrix. Members learned with a thread
        each, so blocks of rows are shared out among threads.
        """
        alike: dict[tuple[Any, ...], list[tuple[float, Pipeline]]] = {}
        for share, pipeline in self.members(catalog):
            alike.setdefault(pipeline.preparation.identity, []).append((share, pipeline))
        groups = list(alike.values())
        if table.n_rows <= BLOCK:
            with self._one_thread():  # others would only wait for each other
                return _average(groups, table)
        starts = range(0, table.n_rows, BLOCK)
        blocks = (table.take(slice(start, start + BLOCK)) for start in starts)

        def answer(block: Table) -> NDArray[np.float64]:
            with self._one_thread():
                return _average(groups, block)

        return np.concatenate(in_threads(answer, blocks))


def _average(groups: list[list[tuple[float, Pipeline]]], table: Table) -> NDArray[np.float64]:
    """Return the weighted sum of what pipelines say; those of a group are prepared for alike."""
    total: NDArray[np.float64] = np.zeros(())
    for group in groups:
        X = group[0][1].preparation.transform(table)
        for share, pipeline in group:
            total = total + share * pipeline.values_of(X)
    return total


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.parts:
        raise BundleError("E_BUNDLE_PATH", f"The file name {name!r} leads out of its folder.")
    return path
