"""Progress of a run on the screen: a live table in a terminal (on stderr) or in a notebook."""

from __future__ import annotations

import html
import sys
import time
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from automl.events import (
    Blended,
    Event,
    Improved,
    RunFinished,
    RunStarted,
    Stage,
    TrialFinished,
    TrialStarted,
)
from automl.plugin import Listener, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console, RenderableType
    from rich.live import Live

RECENT = 5
"""Outcomes that stay in sight."""

FINE = frozenset({"complete", "constraint", "pruned"})
"""What a trial may end with and not have failed."""

PER_SECOND = 4
"""Times a second that a terminal is redrawn; a notebook is redrawn half as often."""


class Board:
    """What is shown: built from events alone, read by whoever draws it."""

    def __init__(self) -> None:
        self.stage = "read"
        self.facts: RunStarted | None = None
        self.best: Improved | None = None
        self.blended: float | None = None
        self.running: dict[int, tuple[str, float]] = {}
        self.recent: deque[TrialFinished] = deque(maxlen=RECENT)
        self.n_done = 0
        self.n_failed = 0
        self._offset = time.monotonic()

    def take(self, event: Event) -> None:
        """Remember what an event says."""
        self._offset = time.monotonic() - event.elapsed
        if isinstance(event, RunStarted):
            self.facts = event
        elif isinstance(event, Stage):
            self.stage = event.name
        elif isinstance(event, TrialStarted):
            self.running[event.number] = (event.algorithm, event.elapsed)
        elif isinstance(event, TrialFinished):
            self.running.pop(event.number, None)
            self.recent.append(event)
            self.n_done += 1
            self.n_failed += event.status not in FINE
        elif isinstance(event, Improved):
            self.best = event
        elif isinstance(event, Blended):
            self.blended = event.score

    @property
    def elapsed(self) -> float:
        """Seconds since the run started."""
        return time.monotonic() - self._offset

    def head(self) -> str:
        """Say the stage, the time and the number of trials in one line."""
        parts = [self.stage, f"{clock(self.elapsed)} elapsed"]
        facts = self.facts
        if facts and facts.seconds is not None:
            parts.append(f"{clock(max(0.0, facts.seconds - self.elapsed))} left")
        of = f" of {facts.trials}" if facts and facts.trials is not None else ""
        failed = f", {self.n_failed} failed" if self.n_failed else ""
        parts.append(f"{self.n_done}{of} trials{failed}")
        return " · ".join(parts)

    def lead(self) -> str:
        """Say the best scores so far."""
        metric = self.facts.metric if self.facts else "score"
        if self.best is None:
            return f"best {metric}: none yet"
        blend = "" if self.blended is None else f" · blend {self.blended:.5g}"
        best = self.best
        return f"best {metric}: {best.score:.5g}  {best.algorithm} #{best.number}{blend}"

    def rows(self) -> list[tuple[str, str, str, str]]:
        """List running trials and the last outcomes: number, algorithm, outcome, seconds."""
        now = self.elapsed
        rows = [
            (f"#{one.number}", one.algorithm, outcome(one), f"{one.seconds:.1f} s")
            for one in tuple(self.recent)
        ]
        for number, (algorithm, since) in sorted(self.running.items()):
            rows.append((f"#{number}", algorithm, "running", f"{max(0.0, now - since):.1f} s"))
        return rows


def clock(seconds: float) -> str:
    """Write seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def outcome(event: TrialFinished) -> str:
    """Say what came of a trial in a few words."""
    if event.score is not None:
        return f"{event.score:.5g}"
    return f"{event.status}: {event.message}".removesuffix(": ")[:60]


def last_words(board: Board, event: RunFinished) -> str:
    """Say in one line how the run ended."""
    score = "" if event.score is None else f", {event.metric} {event.score:.5g}"
    members = ", ".join(dict.fromkeys(event.members))
    return f"{board.n_done} trials in {clock(event.elapsed)}{score}" + (
        f" ({members})" if members else ""
    )


class TerminalProgress:
    """Draws on stderr in a thread of rich's, so that a run never waits for the screen."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live

        self._console = console
        self._board = board = Board()
        self._live: Live = Live(
            console=console,
            get_renderable=lambda: _table(board),
            refresh_per_second=PER_SECOND,
            transient=True,
            # Replacing sys.stdout and sys.stderr would be a change of global state.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        # A run that dies sends no last event: the cursor comes back all the same.
        self._stop = weakref.finalize(self, self._live.stop)

    def __call__(self, event: Event) -> None:
        """Take an event; the screen follows within a fraction of a second."""
        self._board.take(event)
        if isinstance(event, RunFinished):
            self._stop()
            self._console.print(last_words(self._board, event), style="dim", highlight=False)
        elif not self._live.is_started and self._stop.alive:
            self._live.start()


class NotebookProgress:
    """Draws below the cell, in place."""

    def __init__(self, display: Callable[..., Any], wrap: Callable[[str], Any]) -> None:
        self._board = Board()
        self._wrap = wrap
        self._drawn = time.monotonic()
        self._handle = display(wrap("<p>automl</p>"), display_id=True)

    def __call__(self, event: Event) -> None:
        """Take an event, and draw if the last time is long enough ago."""
        self._board.take(event)
        now = time.monotonic()
        if isinstance(event, RunFinished):
            self._handle.update(self._wrap(f"<p>{html.escape(last_words(self._board, event))}</p>"))
        elif now - self._drawn >= 2 / PER_SECOND:
            self._drawn = now
            self._handle.update(self._wrap(_html(self._board)))


def _table(board: Board) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for justify in ("right", "left", "left", "right"):
        grid.add_column(justify=justify, no_wrap=True, overflow="ellipsis")
    for row in board.rows():
        style = "cyan" if row[2] == "running" else "dim"
        grid.add_row(*(Text(cell) for cell in row), style=style)
    return Group(
        Text(board.head(), style="bold", no_wrap=True, overflow="ellipsis"),
        Text(board.lead(), style="green", no_wrap=True, overflow="ellipsis"),
        grid,
    )


def _html(board: Board) -> str:
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in board.rows()
    )
    head, lead = html.escape(board.head()), html.escape(board.lead())
    return f"<p><b>{head}</b><br>{lead}</p><table>{rows}</table>"


def _notebook() -> Any:
    """Return the shell of a notebook, without importing IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell if type(shell).__name__ == "ZMQInteractiveShell" else None


def start() -> Callable[[Event], None] | None:
    """Return what draws here, or None where nobody looks at a screen."""
    if _notebook() is not None:
        from IPython.display import (  # type: ignore[import-not-found,unused-ignore]  # there in a notebook
            HTML,
            display,
        )

        return NotebookProgress(display, HTML)
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    from rich.console import Console

    console = Console(stderr=True)
    return None if console.is_dumb_terminal else TerminalProgress(console)


@hookimpl
def automl_listeners() -> list[Listener]:
    """Give the progress."""
    return [Listener(name="progress", start=start)]
