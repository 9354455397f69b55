"""Exporters that break one property each."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import automl
from automl.plugin import Exporter


def save(model: Any, folder: Path) -> None:
    model.save(folder / "model")


def ask(folder: Path) -> Any:
    predictor = automl.load(folder / "model")
    return predictor.predict if predictor.classes is None else predictor.predict_proba


SOUND = Exporter(name="some_form", export=save, load=ask)


def turned_round(folder: Path) -> Any:
    opened = ask(folder)
    return lambda rows: opened(rows)[..., ::-1]


def of_singles(folder: Path) -> Any:
    opened = ask(folder)
    return lambda rows: opened(rows).astype(np.float16)


def without_missing(folder: Path) -> Any:
    opened = ask(folder)

    def values(rows):
        filled = {
            name: [next(one for one in cells if one is not None) if cell is None else cell
                   for cell in cells] if any(cell is not None for cell in cells) else cells
            for name, cells in rows.items()
        }  # fmt: skip
        return opened(filled)

    return values


def failing_on_odd_cells(folder: Path) -> Any:
    opened = ask(folder)

    def values(rows):
        if any("never seen before" in cells for cells in rows.values()):
            raise KeyError("never seen before")
        return opened(rows)

    return values


def by_batch(folder: Path) -> Any:
    opened = ask(folder)

    def values(rows):
        found = opened(rows)
        return found if len(found) > 5 else found * 0.5

    return values


def tidy(folder: Path) -> Any:
    opened = ask(folder)

    def values(rows):
        for cells in rows.values():
            cells[:] = ["" if cell is None else cell for cell in cells]
        return opened(rows)

    return values


_NUMBER = itertools.count()


def stamped(model: Any, folder: Path) -> None:
    save(model, folder)
    (folder / "STAMP").write_text(str(next(_NUMBER)), encoding="utf-8")


def placed(model: Any, folder: Path) -> None:
    save(model, folder)
    (folder / "place.txt").write_text(str(folder.absolute()), encoding="utf-8")


def talking(model: Any, folder: Path) -> None:
    print("exported")
    save(model, folder)


def beside(model: Any, folder: Path) -> None:
    save(model, folder)
    (folder.parent / "log.txt").write_text("exported", encoding="utf-8")


def setting(model: Any, folder: Path) -> None:
    os.environ["EXPORTS"] = str(int(os.environ.get("EXPORTS", "0")) + 1)
    save(model, folder)


BROKEN: dict[str, tuple[str, Exporter]] = {
    "classes turned round": ("an_export_says_the_same", replace(SOUND, load=turned_round)),
    "half the bits": ("an_export_says_the_same", replace(SOUND, load=of_singles)),
    "missing cells filled": ("an_export_says_the_same", replace(SOUND, load=without_missing)),
    "known levels only": ("an_export_says_the_same", replace(SOUND, load=failing_on_odd_cells)),
    "looks at the batch": ("one_row_gives_what_the_batch_gives", replace(SOUND, load=by_batch)),
    "stamped": ("a_second_export_is_the_same", replace(SOUND, export=stamped)),
    "knows its place": ("no_place_of_this_machine_is_written", replace(SOUND, export=placed)),
    "prints": ("nothing_else_changes", replace(SOUND, export=talking)),
    "writes beside": ("nothing_else_changes", replace(SOUND, export=beside)),
    "sets the environment": ("nothing_else_changes", replace(SOUND, export=setting)),
    "tidies the rows": ("nothing_else_changes", replace(SOUND, load=tidy)),
    "refuses with a string": ("refusals_are_lines", replace(SOUND, refuses=lambda model: "")),
    "refuses everything": ("some_model_is_taken", replace(SOUND, refuses=lambda model: ["no"])),
}
