"""What the first prediction needs, imported while the workers still learn."""

from __future__ import annotations

import logging
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from automl.model.member import Member
    from automl.model.predictor import Predictor
    from automl.plugin.catalog import Catalog

logger = logging.getLogger("automl.model.early")

LONG = 30.0
"""Seconds of a budget from which on the second that libraries take to be imported is not missed."""


class Early:
    """Has the libraries of a blend imported, in the background; the search itself needs none.

    Parameters
    ----------
    seconds : float or None
        Of the run; a short one is left alone.
    """

    def __init__(self, seconds: float | None) -> None:
        self._long = seconds is not None and seconds >= LONG
        self._seen: set[str] = set()

    def __call__(self, predictor: Predictor) -> None:
        """Read one pipeline of each algorithm that was not in a blend before, and forget it."""
        if not self._long:
            return
        new = {part.candidate.algorithm: part.members[0] for part in predictor.parts}
        members = [member for name, member in new.items() if name not in self._seen]
        self._seen.update(new)
        if members:
            arguments = (members, predictor.catalog)
            Thread(target=_read, args=arguments, name="automl-early", daemon=True).start()


def _read(members: Sequence[Member], catalog: Catalog) -> None:
    for member in members:
        try:
            member.load(catalog)
        except Exception:  # who predicts is told
            logger.debug("a pipeline could not be read early", exc_info=True)
