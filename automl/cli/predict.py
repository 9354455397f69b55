"""``automl predict``: a saved model, new rows, a file of predictions."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from automl.cli.arguments import listed
from automl.cli.face import face_of, shared
from automl.cli.write import as_csv, as_list, check_out, without_password, write_file
from automl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from automl.cli.write import Columns
    from automl.errors import AutoMLWarning
    from automl.model.answer import Answer
    from automl.model.predictor import Predictor

LABEL = "prediction"
"""Name of the column with the prediction."""

PROBABILITY = "probability_"
"""What the name of a class is put behind."""

FLAGS = "flags"
"""Name of the column with the codes of what is odd about a row."""

EXAMPLES = """\b
Examples:
  automl predict automl-runs/income-1/model new.csv --out predictions.csv
  automl predict model new.parquet --proba --keep id,name --out predictions.parquet
  automl predict model "sqlite:///shop.db?table=new" --out "sqlite:///shop.db?table=predicted"
"""


@click.command("predict", short_help="Predict each row of a table.", epilog=EXAMPLES)
@click.argument("model")
@click.argument("data")
@click.option(
    "--out",
    metavar="PLACE",
    help="A .csv, .tsv, .parquet, .arrow or .jsonl file, or a new table of a database "
    "(default: CSV to stdout).",
)
@click.option("--proba", is_flag=True, help="Add the probability of each class.")
@click.option("--flags", is_flag=True, help="Add the codes of what is odd about each row.")
@click.option("--keep", multiple=True, metavar="COLUMNS", help="Columns of DATA to put in front.")
@click.option("--impute", is_flag=True, help="Take a column that DATA lacks as missing everywhere.")
@click.option("--trust", multiple=True, metavar="TYPE", help="A type that the model may build.")
@shared
@click.pass_context
def command(
    context: click.Context,
    /,
    model: str,
    data: str,
    out: str | None,
    keep: tuple[str, ...],
    trust: tuple[str, ...],
    **asked: bool,
) -> None:
    """Predict each row of the table DATA with the folder MODEL, in the order of the rows.

    DATA is read, predicted and written a part at a time, so it may be larger than memory. The
    column `prediction` has the label or the number. In CSV a string that a spreadsheet would take
    for a formula gets an apostrophe in front; the other formats are exact.
    """
    face = face_of(context)
    if out is not None and "://" not in out:
        check_out(out)

    import automl
    from automl.data.source import open_batches

    predictor = automl.load(model, trusted=trust)
    job = _Job(predictor, listed(keep), progress=sys.stderr.isatty(), **asked)
    parts = job.parts(open_batches(data, predictor.catalog.readers))
    document: dict[str, Any] = {"model": model, "data": without_password(data)}
    if out is not None:
        _write(parts, out, predictor)
        document["out"] = without_password(out)
    elif face.as_json:
        document["predictions"] = _joined(parts)
    else:
        for number, columns in enumerate(parts):
            click.echo(as_csv(columns, header=not number), nl=False)
    face.warned += job.warnings()
    document |= {"n_rows": job.n_rows, "columns": job.columns, "warnings": face.say_warnings()}
    if out is not None or face.as_json:
        face.show(f"{job.n_rows} predictions are in {document.get('out')}.", document)


def _write(parts: Iterator[Columns], out: str, predictor: Predictor) -> None:
    """Write into a file, or where a reader that can write is in charge."""
    if "://" not in out:
        write_file(parts, out)
        return
    from automl.data.source import reader_of

    reader = reader_of(out, predictor.catalog.readers)
    if reader.write is None:
        raise InputError(
            "E_INPUT_OUT",
            f"The reader {reader.name!r} reads {without_password(out)!r} and does not write.",
        )
    reader.write(out, ({name: as_list(part[name]) for name in part} for part in parts))


def _joined(parts: Iterator[Columns]) -> dict[str, list[Any]]:
    whole: dict[str, list[Any]] = {}
    for part in parts:
        for name, cells in part.items():
            whole.setdefault(name, []).extend(as_list(cells))
    return whole


class _Job:
    """Predicts the parts of a table, and sums up what is to be said of them."""

    def __init__(
        self,
        predictor: Predictor,
        keep: tuple[str, ...],
        *,
        proba: bool,
        flags: bool,
        impute: bool,
        progress: bool,
    ) -> None:
        if proba and predictor.classes is None:
            raise InputError(
                "E_INPUT_PROBA",
                f"The task {predictor.task.name!r} has no classes, hence no probabilities.",
                "Leave --proba out.",
            )
        self.n_rows = 0
        self.columns: list[str] = []
        self._predictor = predictor
        self._keep = keep
        self._proba = proba
        self._flags = flags
        self._on_missing = "impute" if impute else "error"
        self._progress = progress
        self._found: dict[str, tuple[dict[str, None], int]] = {}

    def parts(self, tables: Iterator[Any]) -> Iterator[Columns]:
        """Yield what is written; a part without rows only where there is no other."""
        empty: Columns | None = None
        for table in tables:
            columns = self._predicted(table)
            self.columns = list(columns)
            if not len(columns[LABEL]):
                empty = columns
                continue
            self.n_rows += len(columns[LABEL])
            yield columns
            if self._progress:
                click.echo(f"\r{self.n_rows:,} rows", nl=False, err=True)
        if self._progress:
            click.echo(err=True)
        if not self.n_rows and empty is not None:
            yield empty

    def warnings(self) -> list[AutoMLWarning]:
        """Return one warning for each code, about all parts together."""
        from automl.data.rules import finding
        from automl.errors import SchemaWarning

        all_ = [finding(code, list(names), count) for code, (names, count) in self._found.items()]
        return [SchemaWarning(one.code, one.message) for one in all_ if one.warn]

    def _predicted(self, table: Any) -> Columns:
        from automl.data.frame import take_in
        from automl.model.answer import answer

        columns = _kept(table, self._keep)
        said = answer(self._predictor, take_in(table), self._on_missing)
        for one in said.findings:
            names, count = self._found.get(one.code, ({}, 0))
            self._found[one.code] = (names | dict.fromkeys(one.columns), count + one.count)
        columns[LABEL] = said.labels
        if self._proba:
            labels = self._predictor.classes_
            for label, values in zip(labels, said.values.T, strict=True):
                columns[f"{PROBABILITY}{label}"] = values
        if self._flags:
            columns[FLAGS] = _codes(said)
        return columns


def _codes(said: Answer) -> list[str]:
    """Return for each row the codes of what is odd about it, with blanks between."""
    codes: list[list[str]] = [[] for _ in said.labels]
    for code, flagged in said.flags.items():
        for number in flagged.nonzero()[0].tolist():
            codes[number].append(code)
    return [" ".join(one) for one in codes]


def _kept(table: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Take columns of the input as they are.

    Raises
    ------
    InputError
        ``E_INPUT_KEEP`` for a name that the table has not, or that is ours.
    """
    if not names:
        return {}
    there, column = _columns_of(table)
    missing = [name for name in names if name not in there]
    if missing:
        message = f"--keep {missing[0]!r} is no column."
        raise InputError("E_INPUT_KEEP", message, f"Columns: {', '.join(there)}.")
    if any(name in {LABEL, FLAGS} or name.startswith(PROBABILITY) for name in names):
        raise InputError(
            "E_INPUT_KEEP",
            f"--keep: {LABEL!r}, {FLAGS!r} and {PROBABILITY!r}... are columns of ours.",
        )
    return {name: column(name) for name in names}


def _columns_of(table: Any) -> tuple[list[str], Callable[[str], Any]]:
    """Return the names of a table's columns, and what gives the cells of one."""
    if isinstance(table, Mapping):
        return list(table), table.__getitem__
    import narwhals as nw

    frame = nw.from_native(table, eager_only=True)
    return frame.columns, lambda name: frame.get_column(name).to_arrow()
