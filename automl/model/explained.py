"""Rows with what each column contributed to what a predictor says of them."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.apply import apply
from automl.data.frame import take_in
from automl.errors import InputError
from automl.explain.explanation import Explanation
from automl.explain.game import Game
from automl.explain.known import wide
from automl.model import reading
from automl.model.threads import OneThread, one_thread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from automl.data.schema import Schema
    from automl.data.table import Table
    from automl.model.ensemble import Ensemble
    from automl.model.predictor import Predictor
    from automl.plugin.catalog import Catalog

MOST_BACKGROUND = 100
"""Rows of a background that are used at most, evenly spread."""


class Explainer:
    """What rows of a predictor are compared with, made ready when it is first needed.

    Parameters
    ----------
    schema : Schema
    ensemble : Ensemble
    catalog : Catalog
    info : mapping
        Of the predictor; ``sample`` is read.

    Attributes
    ----------
    one_thread : OneThread
        For the members, which are loaded once there is a game.
    """

    def __init__(
        self, schema: Schema, ensemble: Ensemble, catalog: Catalog, info: Mapping[str, Any]
    ) -> None:
        self._schema = schema
        self._ensemble = ensemble
        self._catalog = catalog
        self._info = info
        self._game: Game | None = None
        self._lock = Lock()
        self.one_thread = OneThread()

    def kept(self) -> Game:
        """Return what compares with the rows that the model keeps.

        Raises
        ------
        InputError
            ``E_INPUT_BACKGROUND`` where it keeps none.
        """
        with self._lock:
            if self._game is None:
                rows = (self._info.get("sample") or {}).get("rows")
                if not rows:
                    raise InputError(
                        "E_INPUT_BACKGROUND",
                        "The model keeps no rows that others could be compared with.",
                        "Pass background=, a table of typical rows.",
                    )
                table = apply(self._schema, take_in(list(rows)), on_missing="impute").table
                self._game = self._against(table)
            return self._game

    def given(self, background: object) -> Game:
        """Return what compares with the rows of a table.

        Raises
        ------
        InputError
            ``E_INPUT_BACKGROUND`` where it has none.
        """
        raw = reading.open_table(background, self._catalog)
        table = reading.bring(raw, self._schema, "error")
        if table.n_rows == 0:
            raise InputError("E_INPUT_BACKGROUND", "The background has no rows.")
        return self._against(table.take(evenly(table.n_rows, MOST_BACKGROUND)))

    def _against(self, background: Table) -> Game:
        members = self._ensemble.members()
        with one_thread():
            return Game(members, self._ensemble, background, self._schema, self._catalog)


def explain(predictor: Predictor, rows: object, background: object, on_missing: str) -> Explanation:
    """Return what `Predictor.explain` does."""
    raw = reading.open_table(rows, predictor.catalog)
    table = reading.bring(raw, predictor.schema, on_missing)
    explainer = predictor.explainer
    game = explainer.kept() if background is None else explainer.given(background)
    return explain_table(predictor, table, game)


def explain_table(predictor: Predictor, table: Table, game: Game) -> Explanation:
    """Return what is said of rows that were brought into the predictor's form."""
    values = predictor.ensemble.values(table)
    with predictor.explainer.one_thread():
        found = game.contributions(table, wide(values))
    number = predictor.classes is None
    return Explanation(
        columns=game.names,
        classes=predictor.classes,
        labels=reading.decode(values, predictor.task, predictor.classes),
        values=values,
        base=game.base[0] if number else game.base,
        contributions=found[:, :, 0] if number else found,
        n_background=game.n_background,
        exact=game.exact,
    )


def evenly(n_rows: int, most: int) -> NDArray[np.intp]:
    """Return the numbers of evenly spread rows, all where there are not more than ``most``."""
    return np.unique(np.linspace(0, n_rows - 1, min(n_rows, most)).astype(np.intp))
