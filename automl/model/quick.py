"""The short way of a predictor for a row at a time: read, prepared and answered at once."""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.pipeline import FEW
from automl.data.apply import apply
from automl.data.frame import take_in
from automl.data.single import SingleRow
from automl.model.hard_rows import hard_rows
from automl.model.threads import OneThread, one_thread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from automl.data.schema import Schema
    from automl.data.table import Table
    from automl.model.compiled import Compiled
    from automl.model.member import Shelf
    from automl.plugin.catalog import Catalog

logger = logging.getLogger("automl.model.quick")

PATIENCE = 50
"""After so many single rows the next ones are worth getting ready for: seconds of a large blend."""

HARD_ROWS = 24
"""Rows with odd cells by which the short way is compared with the usual one."""


class Quick:
    """Answers single rows from what was made ready for them.

    Tables go the usual way, so that their values are the same bits whatever was asked before.

    Parameters
    ----------
    schema : Schema
    shelf : Shelf
    catalog : Catalog
    info : mapping
        Of the predictor.
    """

    def __init__(
        self, schema: Schema, shelf: Shelf, catalog: Catalog, info: Mapping[str, Any]
    ) -> None:
        self._schema = schema
        self._shelf = shelf
        self._catalog = catalog
        self._info = info
        self._read: SingleRow | None = None
        self._compiled: Compiled | None = None
        self._seen = 0
        self._tried = False
        self._lock = Lock()
        self._one_thread = OneThread()

    def row(self, source: object) -> Table | None:
        """Return a single row in canonical form, None where the usual way has to look at it."""
        if self._read is None:
            self._read = SingleRow(self._schema)
        return self._read(source)

    def values(self, table: Table) -> NDArray[np.float64]:
        """Return the blend's values."""
        if table.n_rows != 1:
            return self._shelf.values(table, self._catalog)
        if not self._tried:
            self._seen += 1
            if self._seen > PATIENCE:
                self.ready()
        if self._compiled is None:
            return self._shelf.values(table, self._catalog)
        if not self._compiled.asks:
            return self._compiled(table)
        with self._one_thread():
            return self._compiled(table)

    def ready(self) -> None:
        """Make ready what single rows need, unless that was tried before."""
        with self._lock:
            if self._tried:
                return
            try:
                with one_thread():
                    compiled = self._compile()
                with self._one_thread():
                    self._compiled = compiled
            except Exception:
                logger.warning("single rows go the usual way", exc_info=True)
            self._tried = True

    def _compile(self) -> Compiled | None:
        from automl.model.compiled import Compiled, alike

        rows, usual = self._compared()
        members = self._shelf.members(self._catalog)
        compiled = Compiled(members, self._schema, self._catalog, rows)
        if alike(compiled(rows), usual):
            return compiled
        logger.warning("what was made ready for single rows says something else")
        return None

    def _compared(self) -> tuple[Table, NDArray[np.float64]]:
        """Return rows with what the members say of them; odd ones where they answer these."""
        rows = self._rows(HARD_ROWS)
        try:
            return rows, self._shelf.values(rows, self._catalog)
        except Exception:
            logger.info("a member cannot answer odd rows", exc_info=True)
        rows = self._rows(0)
        return rows, self._shelf.values(rows, self._catalog)

    def _rows(self, n_hard: int) -> Table:
        """Return the sample rows, and some with odd cells."""
        sample = list((self._info.get("sample") or {}).get("rows") or ())[:FEW]
        hard = hard_rows(self._schema, self._info.get("profile") or {}, sample, n_hard)
        if sample and not n_hard:
            hard = {name: [] for name in hard}
        columns = {
            name: [*cells, *(row.get(name) for row in sample)] for name, cells in hard.items()
        }
        return apply(self._schema, take_in(columns), on_missing="impute").table
