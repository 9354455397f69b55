"""Weka's ARFF tables: a header that declares the columns, then rows, dense or sparse.

The format is that of https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable/.
"""

import re
from pathlib import Path

NUMBERS = {"numeric", "real", "integer"}
WORDS = {"string", "date"}

CELL = re.compile(
    r"""\s*(?:'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<plain>[^,'"]*))\s*(?:,|$)"""
)
ATTRIBUTE = re.compile(
    r"""@attribute\s+(?:'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<plain>\S+))\s+(?P<type>.+)""",
    re.IGNORECASE,
)
PAIR = re.compile(r"\s*(\d+)\s+(.*)", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def read_arff(source):
    """Return a dict of columns: numbers as float, all else as str, None where missing."""
    columns, kinds, omitted = {}, [], []
    lines = enumerate(Path(source).read_text(encoding="utf-8").split("\n"), start=1)
    told = ((number, line.strip()) for number, line in lines)
    told = ((number, line) for number, line in told if line and not line.startswith("%"))
    for number, line in told:
        word = line.split(None, 1)[0].lower()
        if word == "@data":
            break
        if word == "@attribute":
            name, kind, absent = attribute(line, number)
            if name in columns:
                raise ValueError(f"line {number}: a second attribute {name!r}")
            columns[name] = []
            kinds.append(kind)
            omitted.append(absent)
        elif word != "@relation":
            raise ValueError(f"line {number}: {line[:50]!r} is no declaration")
    else:
        raise ValueError("there is no @data")
    for number, line in told:
        cells = sparse(line, omitted, number) if line.startswith("{") else split(line, number)
        if len(cells) != len(columns):
            raise ValueError(f"line {number}: {len(cells)} cells for {len(columns)} attributes")
        for column, kind, cell in zip(columns.values(), kinds, cells, strict=True):
            column.append(value(cell, kind, number))
    return columns


def attribute(line, number):
    found = ATTRIBUTE.fullmatch(line)
    if found is None:
        raise ValueError(f"line {number}: {line[:50]!r} has no name or no type")
    name, type_ = said(found)[0], found["type"].strip()
    kind = type_.split(None, 1)[0].lower()
    if type_.startswith("{") and type_.endswith("}"):
        return name, "word", split(type_[1:-1], number)[0]
    if kind in NUMBERS:
        return name, "number", ("0", False)
    if kind in WORDS:
        return name, "word", ("?", False)
    raise ValueError(f"line {number}: attributes of type {type_[:30]!r} are not read")


def split(line, number):
    """Return the cells of a line as pairs: the text, and whether it stood in quotes."""
    cells, place = [], 0
    while place <= len(line):
        found = CELL.match(line, place)
        if found is None:
            raise ValueError(f"line {number}: cannot be read from {line[place : place + 30]!r} on")
        cells.append(said(found))
        if not found[0].endswith(","):
            break
        place = found.end()
    return cells


def said(found):
    if found["plain"] is not None:
        return found["plain"].strip(), False
    quoted = found["single"] if found["single"] is not None else found["double"]
    return re.sub(r"\\(.)", lambda one: ESCAPES.get(one[1], one[1]), quoted), True


def sparse(line, omitted, number):
    cells = list(omitted)
    for text in re.findall(
        r"""(?:[^,'"]|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")+""", line[1:].rpartition("}")[0]
    ):
        found = PAIR.fullmatch(text)
        if found is None or int(found[1]) >= len(cells):
            raise ValueError(f"line {number}: {text.strip()[:30]!r} is no index and value")
        cells[int(found[1])] = split(found[2], number)[0]
    return cells


def value(cell, kind, number):
    text, quoted = cell
    if text == "?" and not quoted:
        return None
    if kind == "word":
        return text
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"line {number}: {text[:30]!r} is no number") from None
