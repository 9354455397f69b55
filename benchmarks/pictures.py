"""Pictures of a report, each as the text of an SVG element that needs no other file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from math import isnan
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.analysis import Field, alike, median, rank_test
from benchmarks.rows import Row

WIDTH = 7.2
"""Inches."""


def critical_difference(field: Field) -> str:
    """Mean ranks on a line; a bar joins neighbours that the tables do not tell apart."""
    means = field.ranks.mean(axis=0)
    runs = alike(field, rank_test(field).difference)
    n = len(means)
    figure, axes = _figure(0.32 * n + 0.25 * len(runs) + 0.9)
    for place, (name, mean) in enumerate(zip(field.contenders, means, strict=True)):
        axes.plot([mean, mean], [0, -place - 1], color="0.6", linewidth=0.8)
        axes.plot([mean], [0], "o", color="C0")
        axes.text(mean + 0.05, -place - 1, f"{name}  {mean:.2f}", va="center", fontsize=9)
    for height, (first, last) in enumerate(runs, start=1):
        axes.plot([means[first], means[last]], [0.5 * height] * 2, linewidth=3, color="0.3")
    axes.set_xlim(0.8, n + 1.6)
    axes.set_ylim(-n - 0.7, 0.5 * len(runs) + 0.6)
    axes.set_xlabel("mean rank (1 is best)")
    axes.set_yticks([])
    return _svg(figure)


def gaps(field: Field) -> str:
    """How far each contender stays behind the best one of each table."""
    figure, axes = _figure(0.32 * len(field.contenders) + 0.9)
    axes.boxplot(list(field.gaps.T[::-1]), orientation="horizontal", showmeans=True)
    axes.set_yticks(range(1, len(field.contenders) + 1), field.contenders[::-1], fontsize=9)
    axes.set_xlabel("share of the way from the best contender to the constant answer")
    axes.set_xlim(-0.02, 1.02)
    return _svg(figure)


def any_time(fields: Sequence[Field]) -> str:
    """Mean gap to the best of all budgets against the seconds given."""
    figure, axes = _figure(3.4)
    lines: dict[str, list[tuple[float, float]]] = {}
    for field in fields:
        for name, gap in zip(field.contenders, field.gaps.mean(axis=0), strict=True):
            lines.setdefault(name, []).append((field.budget, float(gap)))
    for name, points in sorted(lines.items()):
        axes.plot(*zip(*points, strict=True), marker="o", label=name)
    axes.set_xscale("log")
    axes.set_xlabel("budget, seconds")
    axes.set_ylabel("mean gap to the best")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return _svg(figure)


def latency(field: Field, rows: Sequence[Row]) -> str:
    """Mean rank against the time for one row."""
    figure, axes = _figure(3.4)
    for name, rank in zip(field.contenders, field.ranks.mean(axis=0), strict=True):
        own = [r.row_ms for r in rows if r.contender == name and r.budget == field.budget]
        ms = median(own)
        if not isnan(ms):
            axes.plot([ms], [rank], "o", color="C0")
            axes.annotate(name, (ms, rank), xytext=(5, 3), textcoords="offset points", fontsize=8)
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.set_xlabel("one row in a call, median milliseconds")
    axes.set_ylabel("mean rank (1 is best)")
    return _svg(figure)


def overrun(rows: Sequence[Row]) -> str:
    """Fit seconds beyond the budget, of contenders that have used half of it at least once."""
    over: dict[str, list[float]] = {}
    for row in rows:
        if not isnan(row.fit_s):
            over.setdefault(row.contender, []).append(row.fit_s - row.budget)
    half = -0.5 * min(row.budget for row in rows)
    shown = {name: values for name, values in sorted(over.items()) if max(values) > half}
    if not shown:
        return ""
    figure, axes = _figure(0.9 * len(shown) + 0.8, n_rows=len(shown))
    ends = [value for values in shown.values() for value in values]
    bins = np.linspace(min(*ends, 0.0), max(*ends, 1.0), 41)
    for one, (name, values) in zip(np.ravel(axes), shown.items(), strict=True):
        one.hist(values, bins=bins)
        one.axvline(0, color="0.3", linewidth=0.8)
        one.set_title(name, fontsize=8, loc="left", pad=2)
        one.tick_params(labelsize=7)
    np.ravel(axes)[-1].set_xlabel("fit seconds beyond the budget")
    return _svg(figure)


def _figure(height: float, n_rows: int = 1) -> tuple[Figure, Any]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes: Any = figure.subplots(n_rows, sharex=True)
    for one in np.ravel(axes):
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(buffer, format="svg", metadata=nothing)
    text = buffer.getvalue()
    return text[text.index("<svg") :]
