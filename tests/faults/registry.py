"""The list of what can go wrong, and which test shows what happens then.

A test says which case it shows: ``@pytest.mark.case("D07", "what happens, as a sentence")``, as
often as it shows one, anywhere under ``tests/``. Both must be literals: they are read from the
files, not by running them. ``python tests/faults/page.py`` writes them to ``docs/reliability.md``,
and a test holds that page and this list together.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

GROUPS = {
    "F": "Processes and the machine",
    "D": "Tables to learn from",
    "P": "Tables to predict",
    "A": "Files of a saved model",
    "S": "Requests to a server",
}

CASES = {
    "F01": "the whole run is killed at any moment, and gone on with",
    "F02": "a worker is killed",
    "F03": "the parent alone is killed",
    "F04": "Ctrl-C or SIGTERM, once or twice, at any stage",
    "F05": "a trial hangs: asleep, in a C call, on a lock, deaf to SIGTERM",
    "F06": "a trial crashes or leaves: segmentation fault, abort, exit",
    "F07": "a trial takes all memory, slowly or at once, itself or by a child",
    "F08": "a trial leaves processes or threads behind",
    "F09": "a plugin raises anything at all",
    "F10": "a plugin returns what is no result",
    "F11": "a plugin changes its input or the state of the process",
    "F12": "a plugin's search space is not what it says",
    "F13": "a plugin cannot be imported, or two have one name",
    "F14": "a plugin prints without end",
    "F15": "the disk is full, from the n-th write on",
    "F16": "the folder of the run cannot be used, or vanishes",
    "F17": "few open files, no home, no place for temporary files",
    "F18": "the store of a run is damaged",
    "F19": "the files of a trial are damaged",
    "F20": "two processes use one run",
    "F21": "the lock of a dead owner is left",
    "F22": "the clock jumps",
    "F23": "budgets that are nothing, negative, endless or no number",
    "F24": "fewer cores than threads",
    "F25": "other locales, hash seeds, optimized or strict interpreters",
    "F26": "inside a thread, a daemon, a notebook, a script without a guard",
    "F27": "other versions of packages than a model was saved with",
    "F28": "a run is gone on with under another question",
    "F29": "thousands of trials and levels",
    "F30": "no network",
    "D01": "no rows",
    "D02": "one row",
    "D03": "two to nine rows",
    "D04": "no columns to learn from",
    "D05": "nothing but the target",
    "D06": "no such target",
    "D07": "a target that is missing or infinite, in part or throughout",
    "D08": "a constant number as target",
    "D09": "a single class",
    "D10": "a class of one row",
    "D11": "thousands of classes",
    "D12": "three positives among thousands",
    "D13": "numbers as target that could be codes",
    "D14": "labels of any type, mixed types, blanks, `nan` as a name",
    "D15": "percentages, amounts of money and orders as target",
    "D20": "a column without a value, in training, at predict time or both",
    "D21": "constant, nearly constant, repeated and correlated columns",
    "D22": "identifiers and row numbers",
    "D24": "numbers at the limits of their types",
    "D25": "mixed types, numbers and truth values as strings, spellings of missing",
    "D26": "categories: one, many, one a row, cells of a megabyte",
    "D27": "Unicode and bytes in cells",
    "D28": "objects in cells",
    "D29": "every type of a dataframe",
    "D30": "sparse columns and complex numbers",
    "D31": "names of columns",
    "D32": "indexes, forms of the target, forms of the table, unequal lengths",
    "D33": "tables of unusual shape and emptiness",
    "D34": "weights",
    "D35": "groups and times",
    "D36": "files",
    "P01": "a column is missing",
    "P02": "a column is new",
    "P03": "columns in another order",
    "P04": "a column is spelled otherwise",
    "P05": "a category that training did not have",
    "P06": "a column comes as another type",
    "P07": "a column of whole numbers comes with gaps",
    "P08": "a number that cannot be read",
    "P09": "dates as strings or of another time zone",
    "P10": "no row, one row, a million rows",
    "P11": "a row without a value",
    "P12": "infinite numbers",
    "P13": "an array, a dict, a list in place of a dataframe",
    "P14": "an index that repeats",
    "P15": "numbers outside the range of training",
    "P16": "threads and processes that predict at once",
    "P17": "prediction before there is a model",
    "P18": "a model that is replaced while it predicts",
    "P20": "the same rows twice",
    "A01": "a pickle in place of any file",
    "A02": "an archive that writes elsewhere, or unpacks without end",
    "A03": "a file is cut off",
    "A04": "a bit is flipped",
    "A05": "not a model at all",
    "A06": "a model of a newer version",
    "A07": "a file that is not the one the manifest describes",
    "A08": "a file that the manifest does not know",
    "A09": "a type of model that nobody installed gives",
    "A10": "an array that holds objects",
    "A11": "ONNX with data outside of the folder",
    "A12": "JSON without end",
    "S01": "a body that is not JSON",
    "S02": "JSON of another shape",
    "S03": "NaN, Infinity, numbers beyond all bounds, names given twice",
    "S04": "JSON nested without end",
    "S05": "a body of 100 MB, without a length, packed, or sent slowly",
    "S06": "another content type or encoding",
    "S07": "a million rows",
    "S08": "fields that are missing, unknown or cannot be read",
    "S09": "500 requests at once",
    "S10": "a model that raises",
    "S11": "a client that leaves",
    "S12": "SIGTERM",
    "S13": "a model that is replaced while it answers",
    "S14": "a path that leads out of the server",
    "S15": "headers that are hostile or huge",
    "S16": "a log of predictions on a full disk",
    "S17": "requests before the model is ready",
    "S18": "an address that others can connect to",
    "S19": "connections that are kept, requests that are pipelined",
    "S20": "100,000 requests",
}

LATER = {
    "D23": "of the kinds of leakage only a column that tells the target alone is found (D21)",
    "P19": "a column in another unit: only rows out of range are flagged (P15)",
    "A13": "hostile names in a model card: there is none yet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one test says about one case."""

    case: str
    what: str
    test: str


def shown() -> tuple[Shown, ...]:
    """Return what the tests say they show, in the order of the list."""
    found = [mark for path in sorted((ROOT / "tests").rglob("test_*.py")) for mark in marks(path)]
    unknown = sorted({mark.case for mark in found} - set(CASES))
    if unknown:
        raise ValueError(f"no such case: {', '.join(unknown)}")
    order = list(CASES)
    return tuple(sorted(found, key=lambda mark: (order.index(mark.case), mark.test)))


def marks(path: Path) -> Iterator[Shown]:
    """Yield the marks in a file of tests, read without running it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                called = isinstance(decorator, ast.Call) and ast.unparse(decorator.func)
                if called in {"pytest.mark.case", "case"}:
                    case, what = (ast.literal_eval(argument) for argument in decorator.args)
                    test = f"{path.relative_to(ROOT).as_posix()}::{node.name}"
                    yield Shown(case=case, what=what, test=test)
