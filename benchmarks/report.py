"""The report of a race: the same content as Markdown and as one HTML page with pictures."""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import pairwise
from math import inf, isnan
from pathlib import Path

import numpy as np

from benchmarks import analysis
from benchmarks.analysis import Field
from benchmarks.rows import Header, Row, latest, read, read_header

Cells = Sequence[Sequence[str]]

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 62em; padding: 0 1em; }
table { border-collapse: collapse; font-size: 13px; margin: 1em 0; display: block; overflow: auto; }
td, th { border-bottom: 1px solid #ddd; padding: .2em .6em; text-align: right; }
td:first-child, th:first-child { text-align: left; }
svg { max-width: 100%; height: auto; }
"""


def write(folder: Path) -> tuple[Path, Path]:
    """Write ``report.md`` and ``report.html`` beside the rows of a race.

    Parameters
    ----------
    folder : Path
        What `benchmarks.rows` wrote.

    Returns
    -------
    tuple of Path
        The Markdown file and the page.
    """
    rows = latest(read(folder))
    report = _Report(rows, read_header(folder))
    markdown, page = folder / "report.md", folder / "report.html"
    markdown.write_text(report.markdown(), encoding="utf-8")
    page.write_text(report.page(), encoding="utf-8")
    return markdown, page


class _Report:
    """Blocks of a report: headings, paragraphs, tables and pictures, in order."""

    def __init__(self, rows: list[Row], header: Header | None) -> None:
        self.rows = rows
        self.header = header
        self.blocks: list[tuple[str, object]] = []
        self._say("h1", "Race" if header is None else f"Race: {header.suite}")
        if not rows:
            self._say("p", "No job has ended yet.")
            return
        fields = analysis.fields_of(rows)
        for field in fields:
            self._field(field)
        if len(fields) > 1:
            self._say("h2", "Quality against time")
            self._draw("any_time", fields)
        self._resources()
        self._overruns()
        self._failures()
        self._conditions()

    def markdown(self) -> str:
        """Return the report without pictures."""
        return _markdown(self.blocks)

    def page(self) -> str:
        """Return the report as one HTML page."""
        parts = []
        for kind, content in self.blocks:
            if kind == "table":
                parts.append(_html_table(content))  # type: ignore[arg-type]  # a table's cells
            elif kind == "svg":
                parts.append(f"<figure>{content}</figure>")
            else:
                parts.append(f"<{kind}>{html.escape(str(content))}</{kind}>")
        body = "\n".join(parts)
        return (
            f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Race</title>'
            f"<style>{STYLE}</style>\n<body>\n{body}\n</body></html>\n"
        )

    def _say(self, kind: str, content: object) -> None:
        self.blocks.append((kind, content))

    def _draw(self, name: str, *content: object) -> None:
        try:
            from benchmarks import pictures
        except ModuleNotFoundError as error:
            self._say("p", f"No picture: {error.name} is not installed.")
            return
        drawn = getattr(pictures, name)(*content)
        if drawn:
            self._say("svg", drawn)

    def _field(self, field: Field) -> None:
        self._say("h2", f"{field.budget:g} seconds, {len(field.tables)} tables")
        if field.left_out:
            self._say("p", f"Not run by every contender: {', '.join(field.left_out)}.")
        if not field.tables:
            return
        test = analysis.rank_test(field)
        self._say("table", _standings(field))
        self._say(
            "p",
            "Mean rank over tables, 1 is best. Gap: share of the way from the best contender of a "
            "table to the constant answer. A failure counts as the constant answer.",
        )
        if not isnan(test.p):
            self._say(
                "p",
                f"Friedman's test that all are equal: p = {test.p:.2g}. Nemenyi's critical "
                f"difference of mean ranks at 5 %: {test.difference:.2f}; ranks that are closer "
                "are not told apart by these tables.",
            )
            self._draw("critical_difference", field)
            self._draw("gaps", field)
        if len(field.contenders) > 1:
            self._say("h3", "Who is ahead of whom")
            self._say("table", _duels(field))
            self._say(
                "p",
                "Share of tables on which the row is ahead of the column (ties half), "
                "with Wilson's 95 % interval.",
            )
        self._say("h3", "Test error by table")
        self._say("table", _errors(field))
        self._say(
            "p",
            "1 - AUC for two classes, log loss for more, RMSE for numbers; mean over "
            "the folds. The best of each table is bold.",
        )
        self._say("h3", "Accuracy against latency")
        self._draw("latency", field, self.rows)

    def _resources(self) -> None:
        self._say("h2", "Time, memory, size")
        names = list(dict.fromkeys(row.contender for row in self.rows))
        heads = [*analysis.MEASURES.values(), "largest overrun s", "jobs", "failed"]
        cells = [["contender", *heads, "install s", "install MB", "import s"]]
        for name in names:
            found = analysis.resources(self.rows, name)
            facts = {} if self.header is None else self.header.contenders.get(name, {})
            once = [facts.get(key) for key in ("install_s", "install_mb", "import_s")]
            cells.append([name, *(_number(value) for value in [*found.values(), *once])])
        self._say("table", cells)
        self._say("p", "Medians over the jobs; memory is the peak of the whole process tree.")

    def _overruns(self) -> None:
        self._say("h2", "Seconds beyond the budget")
        for kind, content in overrun_blocks(self.rows):
            self._say(kind, content)
        self._draw("overrun", self.rows)

    def _failures(self) -> None:
        self._say("h2", "Failures")
        found = analysis.failures(self.rows)
        if not found:
            self._say("p", "None.")
            return
        head = ["contender", "status", "phase", "cause", "jobs"]
        self._say("table", [head, *([*map(str, line)] for line in found)])

    def _conditions(self) -> None:
        self._say("h2", "Conditions")
        rows, header = self.rows, self.header
        cores = sorted({row.cores for row in rows})
        days = sorted({row.date[:10] for row in rows if row.date})
        said = [f"{len(rows)} jobs on {', '.join(map(str, cores))} cores"]
        if days:
            said.append(f"run from {days[0]} to {days[-1]}")
        if header is not None:
            machine = ", ".join(f"{key} {value}" for key, value in header.machine.items())
            said += [f"machine: {machine}", f"harness at {header.commit}"]
            said.append(f"memory as {header.memory_of.upper()}")
            took = [float(one["seconds"]) for one in header.calibration]
            if took:
                said.append(
                    f"a fixed fit, timed {len(took)} times from {header.calibration[0]['date']} to "
                    f"{header.calibration[-1]['date']}, took {min(took):.3f} to {max(took):.3f} s"
                )
        self._say("p", "; ".join(said) + ".")
        versions = sorted({(row.contender, row.version) for row in rows})
        self._say("table", [["contender", "version"], *([*pair] for pair in versions)])
        remarks = sorted({(row.contender, row.remarks) for row in rows if row.remarks})
        if remarks:
            self._say("p", "What a contender's file had to drop or encode:")
            self._say("table", [["contender", "remark"], *([*pair] for pair in remarks)])


def overrun_blocks(rows: Sequence[Row]) -> list[tuple[str, object]]:
    """Return the tables of how long contenders took beyond their budgets, with what they mean."""
    found = analysis.overruns(rows)
    head = ["contender", "budget s", "jobs", "no model", "median", "90 %", "99 %", "largest"]
    summary = [
        [
            *(one.contender, f"{one.budget:g}", str(one.jobs), str(one.without)),
            *(_number(round(one.percentile(share), 3)) for share in (50, 90, 99, 100)),
            *(f"{one.allowed:g}", str(one.beyond)),
        ]
        for one in found
    ]
    counts = [
        [one.contender, f"{one.budget:g}", *(str(n or "") for n in one.counts)] for one in found
    ]
    bins = [_bin(low, high) for low, high in pairwise(analysis.EDGES)]
    meaning = (
        "Wall seconds from the call to the fitted object, less the budget. Allowed is what automl "
        f"promises: the larger of {analysis.SECONDS_OVER:g} s and {analysis.SHARE_OVER:.0%} of "
        "the budget."
    )
    return [
        ("table", [[*head, "allowed", "beyond it"], *summary]),
        ("p", meaning),
        ("table", [["contender", "budget s", *bins], *counts]),
        ("p", "Jobs by their seconds beyond the budget; the upper end belongs to a bin."),
    ]


def overrun_text(folders: Sequence[Path]) -> str:
    """Return those tables for the rows of several folders together, as Markdown."""
    rows = latest(row for folder in folders for row in read(folder))
    return _markdown(overrun_blocks(rows)) if rows else "No job has ended yet.\n"


def _bin(low: float, high: float) -> str:
    if low == -inf:
        return f"to {high:g}"
    return f"over {low:g}" if high == inf else f"{low:g} to {high:g}"


def _standings(field: Field) -> Cells:
    head = ["contender", "mean rank", "best on", "mean gap", "median gap"]
    ranks, gaps = field.ranks, field.gaps
    lines = [
        [
            name,
            f"{ranks[:, i].mean():.2f}",
            f"{int((ranks[:, i] < 2).sum())}",
            f"{gaps[:, i].mean():.3f}",
            f"{np.median(gaps[:, i]):.3f}",
        ]
        for i, name in enumerate(field.contenders)
    ]
    return [head, *lines]


def _duels(field: Field) -> Cells:
    lines = [["", *field.contenders]]
    for i, name in enumerate(field.contenders):
        cells = []
        for j in range(len(field.contenders)):
            found = analysis.duel(field, i, j)
            text = f"{found.rate:.0%} ({found.low:.0%} to {found.high:.0%})"
            cells.append("" if i == j else text)
        lines.append([name, *cells])
    return lines


def _errors(field: Field) -> Cells:
    lines = [["table", *field.contenders, "constant"]]
    for table, errors, constant in zip(field.tables, field.errors, field.constant, strict=True):
        best = errors.min()
        cells = [f"**{_number(e)}**" if e == best else _number(e) for e in errors]
        lines.append([table, *cells, _number(constant)])
    return lines


def _number(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if isnan(value) else f"{value:.4g}"
    return str(value)


def _markdown(blocks: Sequence[tuple[str, object]]) -> str:
    parts = []
    for kind, content in blocks:
        if kind in {"h1", "h2", "h3"}:
            parts.append(f"{'#' * int(kind[1])} {content}")
        elif kind == "table":
            parts.append(_markdown_table(content))  # type: ignore[arg-type]  # a table's cells
        elif kind == "p":
            parts.append(str(content))
    return "\n\n".join(parts) + "\n"


def _markdown_table(cells: Cells) -> str:
    def line(row: Sequence[str]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |"

    rule = "|---|" + "--:|" * (len(cells[0]) - 1)
    return "\n".join([line(cells[0]), rule, *(line(row) for row in cells[1:])])


def _html_table(cells: Cells) -> str:
    def line(row: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{_html_cell(cell)}</{tag}>" for cell in row) + "</tr>"

    return "<table>" + line(cells[0], "th") + "".join(line(r, "td") for r in cells[1:]) + "</table>"


def _html_cell(cell: str) -> str:
    strong = cell.startswith("**") and cell.endswith("**") and len(cell) > 4
    return f"<b>{html.escape(cell[2:-2])}</b>" if strong else html.escape(cell)
