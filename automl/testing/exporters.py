"""What holds for every exporter."""

from __future__ import annotations

import json
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.errors import ExportError
from automl.model.export import asked, export, own_values, rows_to_compare, scales, spread_of
from automl.model.twin import twin_of
from automl.plugin.guard import watch
from automl.testing.checks import CheckFailedError, Property, says
from automl.testing.process import run_new_process

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.model.predictor import Predictor
    from automl.testing.exporting import ExportingBench

SECTION = "automl_exporters"

_IMPORTED = """
import json, sys
import numpy, automl.plugin
before = set(sys.modules)
__import__(sys.argv[1])
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""

LIGHT = frozenset({"automl", "numpy", "pluggy"})
"""What a plugin may import at its top, beside the standard library."""


@says("refuses() answers for any model with lines, none where it can be exported.", SECTION)
def _refusals_are_lines(bench: ExportingBench) -> None:
    for model, _ in bench.asked:
        reasons: object = bench.exporter.refuses(model)
        if not isinstance(reasons, list | tuple) or not all(
            isinstance(one, str) and one.strip() and len(one.splitlines()) == 1 for one in reasons
        ):
            raise CheckFailedError(
                f"refuses() returned {reasons!r} for a model of {model.task.name!r}.",
                "Return a list of str, each one line that names what cannot be exported and why.",
            )


@says("A model of some installed task is not refused.", SECTION)
def _some_model_is_taken(bench: ExportingBench) -> None:
    if not bench.models:
        model, reasons = bench.asked[-1]
        raise CheckFailedError(
            f"All {len(bench.asked)} models are refused, the last (task {model.task.name!r}) for: "
            f"{'; '.join(reasons)}.",
            "Refuse only what cannot be exported.",
        )


@says("What was exported says of 1,000 rows that are hard to read what the model says.", SECTION)
def _an_export_says_the_same(bench: ExportingBench) -> None:
    for model in bench.models.values():
        with tempfile.TemporaryDirectory(prefix="automl-check-") as name:
            try:
                export(model, bench.exporter, Path(name) / "out")
            except ExportError as error:
                raise CheckFailedError(
                    f"Task {model.task.name!r}: {error.message}",
                    "Read cells by the schema's rules, or refuse what cannot be read alike.",
                ) from error


@says(
    "One row gives what it gives among others.",
    SECTION,
    when=lambda bench: not bench.exporter.refits,
)
def _one_row_gives_what_the_batch_gives(bench: ExportingBench) -> None:
    for model in bench.first:
        rows = _usual_rows(model)
        with bench.exported(model) as folder:
            opened = bench.exporter.load(folder)
            batch = asked(opened, rows)
            spread = spread_of(model, batch)
            for row in (0, len(batch) - 1):
                alone = asked(opened, {name: [cells[row]] for name, cells in rows.items()})
                if len(alone) != 1 or not _same(alone[0], batch[row], bench, spread):
                    raise CheckFailedError(
                        f"Row {row} alone gives {alone}, among {len(batch)} rows {batch[row]}.",
                        "Look at each row by itself.",
                    )


@says("A second export, into another folder, holds the same files.", SECTION)
def _a_second_export_is_the_same(bench: ExportingBench) -> None:
    for model in bench.first:
        with bench.exported(model) as first, bench.exported(model) as second:
            one, two = _content(first), _content(second)
        changed = sorted(name for name in {*one, *two} if one.get(name) != two.get(name))
        if changed:
            raise CheckFailedError(
                f"Written twice, {changed[0]!r} differs.",
                "Write no times and no random numbers, and things without order in a sorted one.",
            )


@says("No file names a folder of this machine.", SECTION)
def _no_place_of_this_machine_is_written(bench: ExportingBench) -> None:
    for model in bench.first:
        with bench.exported(model) as folder:
            places = (folder.parent, Path.home(), Path.cwd(), Path(sys.prefix))
            # Names as short as /root say nothing about this machine.
            known = [str(place) for place in places if len(place.parts) > 2]
            for name in _content(folder):
                content = (folder / name).read_bytes()
                for place in known:
                    spelled = (place.encode(), json.dumps(place)[1:-1].encode())
                    if any(one in content for one in spelled):
                        raise CheckFailedError(
                            f"{name!r} holds {place!r}.", "Write paths relative to the export."
                        )


@says("It writes into its folder alone, prints nothing, and changes nothing else.", SECTION)
def _nothing_else_changes(bench: ExportingBench) -> None:
    for model in bench.first:
        before = _state(model)
        rows = twin_of(model)[1] if bench.exporter.refits else _usual_rows(model)
        given = {name: list(cells) for name, cells in rows.items()}
        with watch() as watched, bench.exported(model) as folder:
            bench.exporter.load(folder)(given)
            beside = sorted(one.name for one in folder.parent.iterdir() if one != folder)
        if beside:
            raise CheckFailedError(f"It wrote {beside[0]!r} beside its folder.", "Write inside it.")
        if watched.changed:
            raise CheckFailedError(
                f"It changes {' and '.join(watched.changed)}.", "Leave global state alone."
            )
        if watched.printed:
            raise CheckFailedError(
                f"It prints {watched.printed[:60]!r}.", "Log it, or say nothing."
            )
        if given != rows:
            raise CheckFailedError("It changes the rows that it is given.", "Copy them first.")
        if _state(model) != before:
            raise CheckFailedError("It changes the model.", "Only read what the model holds.")


def _importable(bench: ExportingBench) -> bool:
    name = _module_of(bench)
    if not name or name == "__main__":
        return False
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


@says("Importing its module loads no library.", SECTION, _importable)
def _importing_it_is_light(bench: ExportingBench) -> None:
    name = _module_of(bench)
    loaded = set(json.loads(run_new_process(_IMPORTED, name).splitlines()[-1]))
    heavy = sorted(loaded - LIGHT - sys.stdlib_module_names - {name.partition(".")[0]})
    if heavy:
        raise CheckFailedError(
            f"Importing {name!r} loads {', '.join(heavy[:5])}.",
            "Import libraries inside export and load.",
        )


def _module_of(bench: ExportingBench) -> str:
    return str(getattr(bench.exporter.export, "__module__", None) or "")


def _usual_rows(model: Predictor) -> dict[str, list[Any]]:
    """Return the rows of the sample: where hard ones fail, another check says so."""
    n_rows = len(model.info["sample"]["rows"])
    return {name: cells[:n_rows] for name, cells in rows_to_compare(model).items()}


def _same(
    one: NDArray[np.float64], other: NDArray[np.float64], bench: ExportingBench, spread: float
) -> bool:
    allowed = bench.exporter.tolerance * scales(other, spread)
    return one.shape == other.shape and bool((np.abs(one - other) <= allowed).all())


def _content(folder: Path) -> dict[str, bytes]:
    """Return all files, with the name of the folder itself taken out of them."""
    own = str(folder).encode()
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().replace(own, b".")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _state(model: Predictor) -> tuple[Any, ...]:
    return (
        model.schema,
        model.target,
        model.parts,
        own_values(model, _usual_rows(model)).tobytes(),
    )


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
