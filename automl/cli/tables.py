"""Plain text tables."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align cells in columns; the last column is wrapped at the width of the terminal.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequences of str
    """
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header) - 1)]
    indent = sum(widths) + 2 * len(widths)
    width = max(shutil.get_terminal_size((100, 24)).columns - indent, 30)
    lines = []
    for row in cells:
        first, *more = textwrap.wrap(row[-1], width, break_on_hyphens=False) or [""]
        start = "".join(f"{cell:<{wide}}  " for cell, wide in zip(row, widths, strict=False))
        lines.append((start + first).rstrip())
        lines.extend(" " * indent + line for line in more)
    return "\n".join(lines)


def failures(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say why candidates failed, each cause once.

    Parameters
    ----------
    rows : sequence of mappings
        As `Leaderboard.to_dicts` gives them.
    """
    causes: dict[str, list[str]] = {}
    for row in rows:
        if row["status"].startswith("failed") and row["message"]:
            causes.setdefault(f"{row['status']}: {row['message']}", []).append(row["algorithm"])
    return [f"{', '.join(dict.fromkeys(names))} {cause}" for cause, names in causes.items()]


def number(value: float | None) -> str:
    """Write a score; a dash where there is none."""
    return "-" if value is None else f"{value:.5g}"
