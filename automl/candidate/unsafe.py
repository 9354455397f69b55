"""Pickles in a run's own folder. Nothing that loads a saved model comes here."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def dump(parts: Mapping[str, Any], file: Path) -> None:
    """Write fitted parts by slot, those of a script's own classes included."""
    import cloudpickle

    file.write_bytes(cloudpickle.dumps(dict(parts), protocol=pickle.HIGHEST_PROTOCOL))


def load(file: Path) -> dict[str, Any]:
    """Read them back: runs whatever the file says, so only for what this run wrote itself."""
    parts: dict[str, Any] = pickle.loads(file.read_bytes())  # noqa: S301 - written by this run
    return parts
