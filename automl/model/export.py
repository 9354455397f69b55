"""Taking a model out: written by an exporter, opened again, compared, and only then put in place.

``docs/plugins.md#automl_exporters`` says what an exporter is.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.apply import apply
from automl.data.frame import take_in
from automl.errors import AutoMLError, ExportError
from automl.model.export_note import NOTE, write_note
from automl.model.hard_rows import hard_rows
from automl.plugin.catalog import Giver
from automl.plugin.contributions import Exporter

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from automl.model.predictor import Predictor
    from automl.plugin.contributions import Opened

N_HARD = 1_000
"""Rows that are compared beside the sample that the model keeps."""

_SHOWN = 3
"""Rows that are named where values differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """An export that is in place.

    Parameters
    ----------
    path : Path
        The folder.
    exporter : str
    giver : Giver
        Who gave the exporter.
    n_rows : int
        Rows of which the values were compared.
    largest_difference : float
        Of a value from the predictor's own, as a share of what `scales` says.
    files : tuple of str
        By their path inside the folder, parts separated by ``/``.
    """

    path: Path
    exporter: str
    giver: Giver
    n_rows: int
    largest_difference: float
    files: tuple[str, ...]


def export(predictor: Predictor, to: str | Exporter, path: str | os.PathLike[str]) -> Exported:
    """Write a model in another form, and prove that it says the same.

    What learns again is compared with a twin of the predictor (see `automl.model.twin`).

    Parameters
    ----------
    predictor : Predictor
    to : str or Exporter
        Name of an installed exporter, or one that is handed over.
    path : path
        A folder that is new or empty.

    Returns
    -------
    Exported

    Raises
    ------
    PluginError
        ``E_PLUGIN_UNKNOWN`` where there is no such exporter, ``E_PLUGIN_LIBRARY`` where it needs
        what is not installed.
    ExportError
        ``E_EXPORT_EXISTS`` where something is there, ``E_EXPORT_REFUSED`` where this model cannot
        be exported so, ``E_EXPORT_BROKEN`` where the exporter fails, ``E_EXPORT_DIFFERS`` where
        what it made says something else than the predictor, ``E_EXPORT_WRITE`` where the files
        cannot be written. Nothing is left behind.
    """
    exporter: Exporter = to if isinstance(to, Exporter) else predictor.catalog.get("exporter", to)
    giver = _giver(exporter, predictor)
    target = Path(path)
    _refuse_taken(target)
    _ask_first(exporter, giver, predictor)
    twin, rows, expected = _to_match(predictor, exporter)
    with _making(target) as (making, moved):
        with _calling(exporter, giver, "export"):
            exporter.export(predictor, making)
        files = _written(making, exporter, giver)
        # Opened where it was not written: what remembers its place fails here, not at its user's.
        making.rename(moved)
        got = _asked_of(exporter, giver, moved, rows)
        if twin is not None:
            _refuse_no_values(got, expected, exporter, giver)
            got = _asked_of_twin(twin, exporter, giver, rows)
        spread = spread_of(predictor, expected)
        largest = compare(got, expected, rows, exporter, spread)
        verified = {"rows": len(expected), "largest_difference": largest}
        verified |= {"spread": spread} if spread else {}
        write_note(moved, predictor, exporter, giver, files, verified)
        if target.exists():
            target.rmdir()
        moved.rename(target)
    return Exported(
        path=target,
        exporter=exporter.name,
        giver=giver,
        n_rows=len(expected),
        largest_difference=largest,
        files=(*files, NOTE),
    )


def _to_match(
    predictor: Predictor, exporter: Exporter
) -> tuple[Predictor | None, dict[str, list[Any]], NDArray[np.float64]]:
    """Return the twin of an export that learns again, the rows to ask about, and their values."""
    if exporter.refits:
        from automl.model.twin import twin_of

        return twin_of(predictor)
    rows = rows_to_compare(predictor)
    return None, rows, own_values(predictor, rows)


def _asked_of(
    exporter: Exporter, giver: Giver, folder: Path, rows: dict[str, list[Any]]
) -> NDArray[np.float64]:
    with _calling(exporter, giver, "load"):
        return asked(exporter.load(folder), rows)


def _asked_of_twin(
    twin: Predictor, exporter: Exporter, giver: Giver, rows: dict[str, list[Any]]
) -> NDArray[np.float64]:
    with tempfile.TemporaryDirectory(prefix="automl-export-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "twin"
        folder.mkdir()
        with _calling(exporter, giver, "export"):
            exporter.export(twin, folder)
        return _asked_of(exporter, giver, folder, rows)


def _refuse_no_values(
    got: NDArray[np.float64], expected: NDArray[np.float64], exporter: Exporter, giver: Giver
) -> None:
    """Raise where what learned again did not come to values for all rows."""
    if got.shape == expected.shape and np.isfinite(got).all():
        return
    raise ExportError(
        "E_EXPORT_BROKEN",
        f"The exporter {exporter.name!r} ({giver}) wrote what learns, and then gives no value for "
        "every row.",
        f"Tell who made it; `automl check {exporter.name}` tests it.",
    )


def rows_to_compare(predictor: Predictor) -> dict[str, list[Any]]:
    """Return the sample that the model keeps, and `N_HARD` rows that are hard, as columns."""
    info = predictor.info
    sample = list((info.get("sample") or {}).get("rows", ()))
    profile = info.get("profile") or {}
    hard = hard_rows(predictor.schema, profile, sample, N_HARD)
    return {name: [row.get(name) for row in sample] + cells for name, cells in hard.items()}


def own_values(predictor: Predictor, rows: dict[str, list[Any]]) -> NDArray[np.float64]:
    """Return what the predictor says of rows, without warning of what they hold."""
    return predictor.ensemble.values(
        apply(predictor.schema, take_in(rows), on_missing="impute").table
    )


def asked(opened: Opened, rows: dict[str, list[Any]]) -> NDArray[np.float64]:
    """Return what an opened export says of rows, which are kept from what it may do to them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = opened({name: list(cells) for name, cells in rows.items()})
        return np.asarray(given, dtype=np.float64)


def compare(
    got: NDArray[np.float64],
    expected: NDArray[np.float64],
    rows: dict[str, list[Any]],
    exporter: Exporter,
    spread: float = 0.0,
) -> float:
    """Return the largest difference, as a share of what `scales` says.

    Raises
    ------
    ExportError
        ``E_EXPORT_DIFFERS``, naming rows and values, where it is above the tolerance.
    """
    remedy = "The export cannot be trusted with this model, and was not kept; tell who made it."
    if got.shape != expected.shape:
        raise ExportError(
            "E_EXPORT_DIFFERS",
            f"The export to {exporter.name!r} gives values of shape {got.shape}, the predictor of "
            f"shape {expected.shape}.",
            remedy,
        )
    apart = np.abs(got - expected) / scales(expected, spread)
    apart = np.where(np.isnan(apart), np.inf, apart).reshape(len(apart), -1).max(axis=1, initial=0)
    wrong = np.flatnonzero(apart > exporter.tolerance)
    if len(wrong):
        worst = wrong[np.argsort(-apart[wrong], kind="stable")][:_SHOWN].tolist()
        said = "; ".join(_words(row, got, expected, rows) for row in worst)
        raise ExportError(
            "E_EXPORT_DIFFERS",
            f"The export to {exporter.name!r} differs from the predictor by more than "
            f"{exporter.tolerance:g} in {len(wrong)} of {len(apart)} rows. {said}.",
            remedy,
        )
    return float(apart.max(initial=0.0))


def spread_of(predictor: Predictor, values: NDArray[np.float64]) -> float:
    """Return how far apart numbers usually are; 0 where classes are predicted, or nothing is known.

    Parameters
    ----------
    predictor : Predictor
    values : ndarray of shape (n_rows,) or (n_rows, n_classes)
        Of its sample, and then of other rows.

    Returns
    -------
    float
        Standard deviation over the sample, in the unit of the target.
    """
    sample = values[: len((predictor.info.get("sample") or {}).get("rows", ()))]
    return float(np.std(sample)) if predictor.classes is None and len(sample) else 0.0


def scales(values: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    """Return what differences are a share of: the value, but at least the spread, or 1.

    Near 0 a value may be what is left of large sums, which are as exact as their parts.
    """
    return np.maximum(np.abs(values), spread if spread > 0.0 else 1.0)


def _words(
    row: int,
    got: NDArray[np.float64],
    expected: NDArray[np.float64],
    rows: dict[str, list[Any]],
) -> str:
    cells = ", ".join(f"{name}={column[row]!r:.40}" for name, column in list(rows.items())[:12])
    cells += ", ..." if len(rows) > 12 else ""
    return f"Row {row} ({cells}): {_short(got[row])} instead of {_short(expected[row])}"


def _short(values: NDArray[np.float64]) -> str:
    return np.array2string(np.asarray(values), precision=8, threshold=8)


def _giver(exporter: Exporter, predictor: Predictor) -> Giver:
    if predictor.catalog.exporters.get(exporter.name) is exporter:
        return predictor.catalog.givers.get(("exporter", exporter.name), Giver())
    return Giver()


def _ask_first(exporter: Exporter, giver: Giver, predictor: Predictor) -> None:
    with _calling(exporter, giver, "refuses"):
        reasons = [str(reason) for reason in exporter.refuses(predictor)]
    if not predictor.schema.learned:
        reasons = ["it learned from no column and gives every row the same answer"]
    if reasons:
        raise ExportError(
            "E_EXPORT_REFUSED",
            f"This model cannot be exported to {exporter.name!r}: {'; '.join(reasons)}.",
            "Export to another form, or learn again without what is named.",
        )


def _refuse_taken(target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        if not any(target.iterdir()):
            return
    elif not target.exists() and not target.is_symlink():
        return
    raise ExportError(
        "E_EXPORT_EXISTS",
        f"{str(target)!r} is there already and is no empty folder.",
        "Choose another place, or remove it first.",
    )


@contextmanager
def _making(target: Path) -> Iterator[tuple[Path, Path]]:
    """Give an empty folder beside the target and the name of another; neither is left behind."""
    token = secrets.token_hex(4)
    making = target.parent / f".{target.name}.{token}.making"
    moved = target.parent / f".{target.name}.{token}.tmp"
    above = [folder for folder in target.absolute().parents if not folder.exists()]
    try:
        making.mkdir(parents=True)
        yield making, moved
    except OSError as error:
        raise ExportError(
            "E_EXPORT_WRITE",
            f"The export could not be written to {str(target)!r}: {error}.",
            "Free space or choose another place.",
        ) from error
    finally:
        for folder in (making, moved):
            shutil.rmtree(folder, ignore_errors=True)
        if not target.exists():
            for folder in above:
                with suppress(OSError):
                    folder.rmdir()


@contextmanager
def _calling(exporter: Exporter, giver: Giver, what: str) -> Iterator[None]:
    """Say which exporter failed, in which of its functions."""
    try:
        yield
    except AutoMLError:
        raise
    except Exception as error:
        raise ExportError(
            "E_EXPORT_BROKEN",
            f"The exporter {exporter.name!r} ({giver}) raised {type(error).__name__} in {what}(): "
            f"{error}".rstrip(". ")
            + ".",
            f"Tell who made it; `automl check {exporter.name}` tests it.",
        ) from error


def _written(folder: Path, exporter: Exporter, giver: Giver) -> tuple[str, ...]:
    """Return the files that an exporter wrote, which have to be plain ones."""
    found = sorted(folder.rglob("*"))
    names = [path.relative_to(folder).as_posix() for path in found if path.is_file()]
    wrong = [path.name for path in found if path.is_symlink()]
    if wrong:
        said = f"wrote a link, {wrong[0]!r}, which leads nowhere on another machine"
    elif NOTE in names:
        said = f"wrote {NOTE!r}, a name that is the engine's"
    elif not names:
        said = "wrote no file"
    else:
        return tuple(names)
    raise ExportError("E_EXPORT_BROKEN", f"The exporter {exporter.name!r} ({giver}) {said}.")
