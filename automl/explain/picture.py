"""Bar charts as SVG, which need no library and hold no code."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    Bar = tuple[str, float, float, float]

MOST = 30
"""Bars at most."""

LONGEST = 32
"""Characters of a name that are shown; the whole name is in the bar's title."""

WIDTH, LINE, TOP, LEFT, RIGHT = 720, 24, 64, 230, 90

STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2937}.h{font-weight:600;font-size:15px}"
    ".n{fill:#6b7280;font-size:12px}.p{fill:#2563eb}.m{fill:#dc2626}"
    ".w{stroke:#1f2937;stroke-width:1.5}.z{stroke:#9ca3af}"
)


def bars(rows: Sequence[Bar], *, title: str, note: str) -> str:
    """Return a chart of bars to the right and left of zero.

    Parameters
    ----------
    rows : sequence of (name, value, low, high)
        From top to bottom; `MOST` of them are shown. A line goes from low to high, where they
        differ.
    title, note : str
        Above the bars.
    """
    shown = rows[:MOST]
    ends = [0.0, *(end for _, *ends in shown for end in ends if math.isfinite(end))]
    largest = max(map(abs, ends)) or 1.0
    least, most = min(ends) / largest, max(ends) / largest
    span = (most - least) or 1.0

    def x(value: float) -> float:
        inside = min(max(value / largest, least), most) if math.isfinite(value) else 0.0
        return LEFT + (inside - least) / span * (WIDTH - LEFT - RIGHT)

    height = TOP + LINE * len(shown) + 16
    more = f"; {len(rows) - MOST} more columns" if len(rows) > MOST else ""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" role="img">',
        f"<title>{_text(title)}</title><style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text class="h" x="16" y="28">{_text(title)}</text>',
        f'<text class="n" x="16" y="48">{_text(note + more)}</text>',
    ]
    for number, (name, value, low, high) in enumerate(shown):
        top = TOP + LINE * number
        start, end = sorted((x(0.0), x(value)))
        parts += [
            f"<g><title>{_text(name)}: {value:.6g}</title>",
            f'<text x="{LEFT - 8}" y="{top + 15}" text-anchor="end">{_text(_short(name))}</text>',
            _bar(start, top + 4, end - start, "m" if value < 0 else "p"),
        ]
        if low < high:
            parts.append(
                f'<line class="w" x1="{x(low):.1f}" x2="{x(high):.1f}" '
                f'y1="{top + LINE / 2}" y2="{top + LINE / 2}"/>'
            )
        parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{top + 15}">{value:.4g}</text></g>')
    zero = f'<line class="z" x1="{x(0.0):.1f}" x2="{x(0.0):.1f}" y1="{TOP}" y2="{height - 12}"/>'
    return "\n".join([*parts, zero, "</svg>", ""])


def _bar(x: float, y: float, width: float, kind: str) -> str:
    size = f'width="{width:.1f}" height="{LINE - 8}"'
    return f'<rect class="{kind}" x="{x:.1f}" y="{y}" {size}/>'


def _short(name: str) -> str:
    line = " ".join(name.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _text(text: str) -> str:
    """Return text as XML takes it: escaped, without the characters that XML forbids."""
    allowed = (
        one
        if one in "\t\n" or (one >= " " and one != "\x7f" and not _forbidden(ord(one)))
        else "\N{REPLACEMENT CHARACTER}"
        for one in text
    )
    return escape("".join(allowed))


def _forbidden(code: int) -> bool:
    return 0xD800 <= code <= 0xDFFF or code & 0xFFFE == 0xFFFE or 0x80 <= code < 0xA0
