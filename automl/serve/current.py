"""The model that answers now, and the one that takes over when its folder changes."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.data.frame import take_in
from automl.data.single import SingleRow
from automl.errors import AutoMLError, BundleError
from automl.model.answer import answer
from automl.model.bundle import load
from automl.model.manifest import MANIFEST
from automl.serve.describe import example_of, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from automl.model.predictor import Predictor

logger = logging.getLogger(__name__)

SLOWEST = 60.0
"""Most seconds between two looks at a folder that cannot be loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One model with all that is said about it; a request keeps to one from its start to its end.

    Parameters
    ----------
    predictor : Predictor
    name : str
        As it stands in a URL.
    version : str
        The beginning of the SHA-256 of its manifest, which has the hashes of all its files.
    fields : list of dict
        See `automl.serve.describe.fields_of`.
    read : SingleRow
        The short way of reading one row.
    """

    predictor: Predictor
    name: str
    version: str
    fields: list[dict[str, Any]]
    read: SingleRow

    @property
    def title(self) -> dict[str, str]:
        """What each reply says about the model."""
        return {"name": self.name, "version": self.version}


def open_model(path: Path, name: str = "", trusted: Sequence[str] = ()) -> Served:
    """Load a model and let it predict once, so that the first request finds it warm.

    Parameters
    ----------
    path : Path
    name : str, default=""
        The name of the target where empty.
    trusted : sequence of str, default=()
        As for `automl.load`.

    Raises
    ------
    AutoMLError
        It cannot be loaded, or was replaced meanwhile.
    """
    version = version_of(path)
    predictor = load(path, trusted=trusted)
    if version_of(path) != version:
        raise BundleError("E_BUNDLE_DAMAGED", f"{path} was replaced while it was read.")
    served = Served(
        predictor=predictor,
        name=name or re.sub(r"[^A-Za-z0-9._-]+", "-", predictor.target).strip("-.") or "model",
        version=version,
        fields=fields_of(predictor),
        read=SingleRow(predictor.schema),
    )
    # All that is built when it is first needed, so that the first request finds it.
    predictor.ready()
    row = example_of(served.fields)
    answer(predictor, take_in([row]))
    return served


def version_of(path: Path) -> str:
    """Return what changes whenever another model is saved there.

    Raises
    ------
    BundleError
        ``E_BUNDLE_NONE`` or ``E_BUNDLE_FORMAT``.
    """
    try:
        if path.is_dir():
            content = (path / MANIFEST).read_bytes()
        else:
            with zipfile.ZipFile(path) as archive:
                content = archive.read(MANIFEST)
    except FileNotFoundError as error:
        raise BundleError(
            "E_BUNDLE_NONE", f"There is no model at {str(path)!r}.", "Check the path."
        ) from error
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        raise BundleError("E_BUNDLE_FORMAT", f"{str(path)!r} is no saved model.") from error
    return hashlib.sha256(content).hexdigest()[:12]


class Current:
    """Holds the model that answers, and replaces it at once when another one is ready.

    Parameters
    ----------
    path : Path
    name : str
    trusted : tuple of str
    on_swap : callable (outcome) -> None
        Told ``"swapped"`` or ``"failed"``.
    """

    def __init__(
        self, path: Path, name: str, trusted: tuple[str, ...], on_swap: Callable[[str], None]
    ) -> None:
        self.path = path
        self.served: Served | None = None
        self._name = name
        self._trusted = trusted
        self._on_swap = on_swap
        self._asked = asyncio.Event()

    async def start(self) -> None:
        """Load the first model; raises where it cannot be."""
        self.served = await asyncio.to_thread(open_model, self.path, self._name, self._trusted)

    def ask(self) -> None:
        """Have the folder looked at now."""
        self._asked.set()

    async def watch(self, seconds: float) -> None:
        """Look at the folder for ever; what cannot be loaded changes nothing.

        Parameters
        ----------
        seconds : float
            Between two looks; 0 looks only when asked.
        """
        wait = seconds
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), wait or None)
            self._asked.clear()
            wait = seconds if await self._look() else min(max(2 * wait, 1.0), SLOWEST)

    async def _look(self) -> bool:
        """Take over the model in the folder if it is another one; False where that failed."""
        try:
            version = await asyncio.to_thread(version_of, self.path)
            if self.served is not None and version == self.served.version:
                return True
            served = await asyncio.to_thread(open_model, self.path, self._name, self._trusted)
        except AutoMLError as error:
            logger.warning("The model that answers stays: %s", error)
            self._on_swap("failed")
            return False
        old, self.served = self.served, served
        logger.info("Version %s takes over from %s.", served.version, old and old.version)
        self._on_swap("swapped")
        return True
