"""``automl explain``: what each column contributed to predictions, and how much it matters."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automl import files
from automl.cli.face import face_of, one_line, shared
from automl.cli.tables import number, text_table
from automl.cli.write import as_csv, check_out, without_password, write_file
from automl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from automl.cli.face import Face
    from automl.cli.write import Columns
    from automl.data.frame import Raw
    from automl.explain.explanation import Explanation
    from automl.explain.game import Game
    from automl.explain.importance import Importance
    from automl.model.predictor import Predictor

PREDICTION, VALUE, BASE, CONTRIBUTION = "prediction", "value", "base", "contribution_"
"""Names of the columns of a table of contributions; the last one stands before a column's name."""

PART = 100
"""Rows that are explained and written at once."""

MOST = 200
"""Rows whose contributions are averaged, evenly spread."""

WIDEST = 60
"""Characters of a cell that are shown."""

EXAMPLES = """\b
Examples:
  automl explain model new.csv --out contributions.csv
  automl explain model new.csv --row 1
  automl explain model test.csv --importance --picture importance.svg
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is asked for."""

    data: str
    out: str | None
    row: int | None
    label: str | None
    picture: str | None
    background: str | None
    importance: bool
    impute: bool

    @property
    def on_missing(self) -> str:
        return "impute" if self.impute else "error"


@click.command("explain", short_help="Tell what columns contributed.", epilog=EXAMPLES)
@click.argument("model")
@click.argument("data")
@click.option("--row", type=click.IntRange(min=1), help="Explain this row alone; the first is 1.")
@click.option("--importance", is_flag=True, help="How much each column matters over all rows.")
@click.option(
    "--class", "label", metavar="LABEL", help="Of this class; default: the predicted one."
)
@click.option("--out", metavar="FILE", help="A .csv, .tsv, .parquet, .arrow or .jsonl file.")
@click.option("--picture", metavar="FILE", help="An .svg file: bars of --row, or of --importance.")
@click.option("--background", metavar="DATA", help="Rows to compare with; default: the model's.")
@click.option("--impute", is_flag=True, help="Take a column that DATA lacks as missing everywhere.")
@click.option("--trust", multiple=True, metavar="TYPE", help="A type that the model may build.")
@shared
@click.pass_context
def command(
    context: click.Context, /, model: str, data: str, trust: tuple[str, ...], **asked: Any
) -> None:
    """Tell what each column of DATA contributed to what the folder MODEL says of each row.

    The contributions of a row and the base, which is what the model says on average, add up to the
    value: the probability of the predicted class, or the number. They tell what the model did, not
    what causes what. With --importance a table over all rows comes instead: the mean size of the
    contributions, and where DATA holds the target, what the score loses when a column is mixed up.
    In CSV a string that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    face = face_of(context)
    want = _Asked(data=data, **asked)
    _check(want)

    import automl

    predictor = automl.load(model, trusted=trust)
    document: dict[str, Any] = {"model": model, "data": without_password(data)}
    text: str | None
    if want.importance or (want.picture and want.row is None):
        text = _importance(predictor, want, document)
    elif want.row is not None:
        text = _one_row(predictor, want, document)
    else:
        text = _all_rows(predictor, want, document, face)
    document["warnings"] = face.say_warnings()
    if text is not None or face.as_json:
        face.show(text or "", document)


def _check(want: _Asked) -> None:
    if want.out is not None:
        check_out(want.out)
    if want.importance and want.row is not None:
        raise InputError("E_INPUT_ROW", "--row is about one row, --importance about all.")
    if want.picture is not None:
        path = Path(want.picture)
        if path.suffix.lower() != ".svg" or path.is_dir() or not path.absolute().parent.is_dir():
            raise InputError(
                "E_INPUT_OUT",
                f"--picture {want.picture!r} is no .svg file in a folder that is there.",
            )


def _all_rows(
    predictor: Predictor, want: _Asked, document: dict[str, Any], face: Face
) -> str | None:
    """Write the contributions of all rows; a row of the table each."""
    parts = _counted(_parts(predictor, want), document)
    if want.out is not None:
        write_file(parts, want.out)
        document["out"] = want.out
        return f"Contributions to {document['n_rows']} predictions are in {want.out}."
    if face.as_json:
        whole: dict[str, list[Any]] = {}
        for part in parts:
            for name, cells in part.items():
                whole.setdefault(name, []).extend(cells.tolist())  # type: ignore[attr-defined]  # an array
        document["contributions"] = whole
        return None
    for place, part in enumerate(parts):
        click.echo(as_csv(part, header=not place), nl=False)
    return None


def _counted(parts: Iterator[Columns], document: dict[str, Any]) -> Iterator[Columns]:
    document["n_rows"] = 0
    progress = sys.stderr.isatty()
    for part in parts:
        document["n_rows"] += len(part[PREDICTION])
        yield part
        if progress:
            click.echo(f"\r{document['n_rows']:,} rows", nl=False, err=True)
    if progress:
        click.echo(err=True)


def _parts(predictor: Predictor, want: _Asked) -> Iterator[Columns]:
    from automl.data.source import open_batches
    from automl.model.explained import explain_table
    from automl.model.reading import bring

    game = _game(predictor, want)
    for source in open_batches(want.data, predictor.catalog.readers):
        table = bring(_taken(source), predictor.schema, want.on_missing)
        for start in range(0, max(table.n_rows, 1), PART):
            part = table.take(slice(start, start + PART))
            yield _columns(explain_table(predictor, part, game), want)


def _columns(found: Explanation, want: _Asked) -> Columns:
    one = found.of(_label(found, want))
    columns: dict[str, Any] = {PREDICTION: found.labels, VALUE: one.values, BASE: one.base}
    for place, name in enumerate(found.columns):
        columns[f"{CONTRIBUTION}{name}"] = one.contributions[:, place]
    return columns


def _one_row(predictor: Predictor, want: _Asked, document: dict[str, Any]) -> str:
    """Tell what one row's value is made of."""
    from automl.data.source import open_source

    raw = _taken(open_source(want.data, predictor.catalog.readers))
    row = want.row or 1
    if row > raw.n_rows:
        raise InputError("E_INPUT_ROW", f"There is no row {row}: the table has {raw.n_rows}.")
    here = _numbers(row - 1, row)
    found = _explained(predictor, raw, here, want)
    label = _label(found, want)
    one = found.of(label)
    cells = {column.name: column.take(here).plain()[0] for column in raw.columns}
    reasons = found.reasons(0, len(found.columns), label)
    said = found.labels.tolist()[0]
    document |= {
        "row": row,
        "prediction": said,
        "class": None if found.classes is None else said if label is None else label,
        "value": float(one.values[0]),
        "base": float(one.base[0]),
        "exact": found.exact,
        "contributions": [
            {"column": one.column, "cell": cells.get(one.column), "contribution": one.contribution}
            for one in reasons
        ],
    }
    if want.out is not None:
        lines = document["contributions"]
        table = {name: [one[name] for one in lines] for name in ("column", "cell", "contribution")}
        table["cell"] = [None if cell is None else str(cell) for cell in table["cell"]]
        write_file([table], want.out)
        document["out"] = want.out
    if want.picture is not None:
        from automl.explain.picture import bars

        sizes = [(one.column, *3 * (one.contribution,)) for one in reasons]
        title = f"{predictor.target} of row {row}: {said}"
        note = f"value {document['value']:.4g}, base {document['base']:.4g}"
        _draw(want.picture, bars(sizes, title=title, note=note), document)
    return _told(document)


def _told(document: dict[str, Any]) -> str:
    """Return what a row's value is made of for a person."""
    lines = [("base", "", f"{document['base']:.6g}")]
    for one in document["contributions"]:
        cell = "-" if one["cell"] is None else one_line(str(one["cell"]))[:WIDEST]
        lines.append((one_line(one["column"]), cell, f"{one['contribution']:+.6g}"))
    of = "" if document["class"] is None else f" of {document['class']}"
    lines.append((f"value{of}", "", f"{document['value']:.6g}"))
    table = text_table(("column", "cell", "contribution"), lines)
    return f"prediction: {document['prediction']}\n\n{table}"


def _importance(predictor: Predictor, want: _Asked, document: dict[str, Any]) -> str:
    """Tell how much columns matter over all rows."""
    from automl.data.source import open_source
    from automl.model.explained import evenly
    from automl.model.importance import permutation_importance

    source = open_source(want.data, predictor.catalog.readers)
    raw = _taken(source)
    if not raw.n_rows:
        raise InputError("E_INPUT_ROW", "The table has no rows.")
    found = _explained(predictor, raw, evenly(raw.n_rows, MOST), want)
    measured = {"contribution": found.importance()}
    if predictor.target in raw.names:
        measured = {"score": permutation_importance(predictor, source), **measured}
    first = next(iter(measured.values()))
    by_name = {name: {one.column: one for one in each.rows} for name, each in measured.items()}
    columns: dict[str, list[Any]] = {"column": [one.column for one in first.rows]}
    for name, each in by_name.items():
        mine = [each[column] for column in columns["column"]]
        columns |= {
            name: [one.importance for one in mine],
            f"{name}_low": [one.low for one in mine],
            f"{name}_high": [one.high for one in mine],
        }
    document["importance"] = columns
    document["measures"] = {name: each.what for name, each in measured.items()}
    document["n_rows"] = {name: each.n_rows for name, each in measured.items()}
    if want.out is not None:
        write_file([columns], want.out)
        document["out"] = want.out
    if want.picture is not None:
        _draw(want.picture, first.picture(), document)
    return "\n\n".join(_listed(each) for each in measured.values())


def _listed(found: Importance) -> str:
    rows = [
        (one_line(one.column), number(one.importance), f"{number(one.low)} to {number(one.high)}")
        for one in found.rows
    ]
    head = f"{found.what[0].upper()}{found.what[1:]}, {found.n_rows} rows"
    return f"{head}\n{text_table(('column', 'importance', '95 % interval'), rows)}"


def _taken(table: Any) -> Raw:
    from automl.data.frame import take_in

    return take_in(table)


def _numbers(start: int, stop: int) -> NDArray[Any]:
    import numpy as np

    return np.arange(start, stop)


def _game(predictor: Predictor, want: _Asked) -> Game:
    """Return what compares rows with others, made once."""
    explainer = predictor.explainer
    return explainer.kept() if want.background is None else explainer.given(want.background)


def _explained(predictor: Predictor, raw: Raw, rows: NDArray[Any], want: _Asked) -> Explanation:
    from automl.model.explained import explain_table
    from automl.model.reading import bring

    table = bring(raw.take(rows), predictor.schema, want.on_missing)
    return explain_table(predictor, table, _game(predictor, want))


def _label(found: Explanation, want: _Asked) -> Any:
    """Return the class that is meant as the model writes it."""
    if want.label is None:
        return None
    if found.classes is None:
        raise InputError("E_INPUT_CLASS", "The model predicts a number: --class says nothing.")
    return {str(label): label for label in found.classes.tolist()}.get(want.label, want.label)


def _draw(place: str, picture: str, document: dict[str, Any]) -> None:
    try:
        files.replace(Path(place).absolute(), picture.encode())
    except OSError as error:
        raise InputError("E_INPUT_OUT", f"{place} cannot be written: {error.strerror}.") from error
    document["picture"] = place
