"""Pickles in a run's own folder. Nothing that loads a saved model comes here."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "unsafe.pkl"
"""Name of the one pickle in a pipeline's folder."""


def dump(parts: Mapping[str, Any], folder: Path) -> None:
    """Write fitted parts by slot, those of a script's own classes included."""
    import cloudpickle

    (folder / FILE).write_bytes(cloudpickle.dumps(dict(parts), protocol=pickle.HIGHEST_PROTOCOL))


def load(folder: Path) -> dict[str, Any]:
    """Read them back: runs whatever the file says, so only for what this run wrote itself."""
    parts: dict[str, Any] = pickle.loads((folder / FILE).read_bytes())
    return parts
