"""What every export says of itself, and opening one by it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl._version import __version__
from automl.errors import ExportError
from automl.model.archive import safe_name
from automl.plugin.catalog import Giver
from automl.plugin.exporting import givers_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from automl.model.predictor import Predictor
    from automl.plugin.contributions import Exporter, Opened

NOTE = "export.json"
"""What says, in every export, who made it of what."""

KIND = "automl-export"
"""What the note says it is."""

FORMAT = 1
"""Version of what the note holds."""


def write_note(
    folder: Path,
    predictor: Predictor,
    exporter: Exporter,
    giver: Giver,
    files: Iterable[str],
    verified: dict[str, float],
) -> None:
    """Write down who made an export of what, with the hash of every file."""
    classes = predictor.classes
    note = {
        "kind": KIND,
        "format": FORMAT,
        "exporter": _said("exporter", exporter.name, giver),
        "created_with": {"automl": __version__},
        "target": predictor.target,
        "task": predictor.task.name,
        "classes": None if classes is None else classes.tolist(),
        "columns": list(predictor.schema.learned),
        "contributions": [
            _said(kind, name, one) for (kind, name), one in givers_of(predictor).items()
        ],
        "verified": {**verified, "tolerance": exporter.tolerance},
        "files": {name: _digest(folder / name) for name in files},
    }
    text = json.dumps(note, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / NOTE).write_text(text + "\n", encoding="utf-8", newline="\n")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _said(kind: str, name: str, giver: Giver) -> dict[str, str]:
    return {
        "kind": kind,
        "name": name,
        "plugin": giver.plugin,
        "distribution": giver.distribution,
        "version": giver.version,
    }


def open_export(path: str | os.PathLike[str], plugins: object = None) -> Opened:
    """Open what was exported, by the exporter that made it.

    Parameters
    ----------
    path : path
        A folder that `export` made.
    plugins : Plugins, sequence or None, default=None
        As for `automl.fit`.

    Returns
    -------
    callable (rows) -> ndarray
        As `Exporter.load` returns it.

    Raises
    ------
    ExportError
        ``E_EXPORT_FORMAT`` where it is no export, ``E_EXPORT_DAMAGED`` where a file is not what
        was exported, ``E_EXPORT_PLUGIN`` where its exporter is not installed: the message names
        the command that installs it.
    """
    from automl.plugin.discovery import discover
    from automl.plugin.selection import Plugins

    folder = Path(path)
    note = _read_note(folder)
    for name, digest in note["files"].items():
        file = folder / name
        if not file.is_file() or _digest(file) != digest:
            raise ExportError(
                "E_EXPORT_DAMAGED", f"{str(file)!r} is not what was exported.", "Export again."
            )
    made = {key: str(note["exporter"].get(key, "")) for key in _said("", "", Giver())}
    catalog = discover(Plugins.of(plugins))
    exporter = catalog.exporters.get(made["name"])
    if exporter is None:
        pinned = f"{made['distribution']}=={made['version']}"
        remedy = f"Run `pip install {pinned}`."
        needed = catalog.unavailable.get(("exporter", made["name"]))
        if needed:
            remedy = f"It {needed}."
        elif not made["plugin"]:
            remedy = "It was handed over in code: do the same with plugins=[...]."
        raise ExportError(
            "E_EXPORT_PLUGIN",
            f"The exporter {made['name']!r} of {made['distribution']} {made['version']}, which "
            "made this, is not installed or switched off.",
            remedy,
        )
    return exporter.load(folder)


def _read_note(folder: Path) -> dict[str, Any]:
    try:
        note = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(
            "E_EXPORT_FORMAT", f"{str(folder)!r} is no export: {NOTE} cannot be read.", ""
        ) from error
    if not isinstance(note, dict) or note.get("kind") != KIND:
        raise ExportError("E_EXPORT_FORMAT", f"{NOTE} in {str(folder)!r} is not that of an export.")
    if note.get("format") != FORMAT:
        raise ExportError(
            "E_EXPORT_FORMAT",
            f"{str(folder)!r} is of format {note.get('format')!r}, this automl ({__version__}) "
            f"reads {FORMAT}.",
            "Update with `pip install -U pluggable-automl`.",
        )
    made, files = note.get("exporter"), note.get("files")
    if not isinstance(made, dict) or not isinstance(files, dict) or not all(map(safe_name, files)):
        raise ExportError("E_EXPORT_FORMAT", f"{NOTE} in {str(folder)!r} lacks what it has to say.")
    return note
