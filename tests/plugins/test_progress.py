"""The progress on the screen."""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
import types

import pytest
from rich.console import Console

import automl_progress
from automl.events import (
    Blended,
    Improved,
    RunFinished,
    RunStarted,
    Stage,
    TrialFinished,
    TrialStarted,
)

STARTED = RunStarted(
    elapsed=1.0,
    target="income",
    task="binary",
    metric="roc_auc",
    n_rows=100,
    n_columns=4,
    n_folds=5,
    workers=2,
    seconds=61.0,
    trials=9,
)
EVENTS = (
    Stage(elapsed=0.0, name="read"),
    STARTED,
    Stage(elapsed=1.0, name="search"),
    TrialStarted(elapsed=1.0, number=1, algorithm="oak"),
    TrialStarted(elapsed=1.1, number=2, algorithm="elm"),
    TrialFinished(
        elapsed=2.0, number=1, algorithm="oak", status="complete", score=0.8125, seconds=0.9
    ),
    Improved(elapsed=2.0, number=1, algorithm="oak", score=0.8125),
    Blended(elapsed=2.0, score=0.82),
    TrialFinished(
        elapsed=2.5,
        number=2,
        algorithm="elm",
        status="exception",
        score=None,
        seconds=1.4,
        message="ValueError: <no>",
    ),
    TrialStarted(elapsed=2.5, number=3, algorithm="ash"),
)
FINISHED = RunFinished(
    elapsed=60.0, score=0.83, metric="roc_auc", n_complete=1, n_failed=1, members=("oak", "oak")
)


def test_the_board_says_what_is_asked_for() -> None:
    board = automl_progress.Board()
    for event in EVENTS:
        board.take(event)
    assert board.head() == "search · 0:02 elapsed · 0:58 left · 2 of 9 trials, 1 failed"
    assert board.lead() == "best roc_auc: 0.8125  oak #1 · blend 0.82"
    assert board.rows()[0] == ("#1", "oak", "0.8125", "0.9 s")
    assert board.rows()[1][2] == "exception: ValueError: <no>"
    assert board.rows()[2][:3] == ("#3", "ash", "running")


def test_a_long_run_is_told_in_hours() -> None:
    assert automl_progress.clock(59.9) == "0:59"
    assert automl_progress.clock(3_661) == "1:01:01"


def test_a_terminal_is_drawn_and_left_with_one_line() -> None:
    screen = io.StringIO()
    progress = automl_progress.TerminalProgress(
        Console(file=screen, force_terminal=True, width=90, _environ={})
    )
    for event in EVENTS:
        progress(event)
    progress(FINISHED)
    text = screen.getvalue()
    assert "best roc_auc: 0.8125" in text
    assert "2 trials in 1:00, roc_auc 0.83 (oak)" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor is shown again"


def test_a_run_that_dies_gives_the_cursor_back() -> None:
    screen = io.StringIO()
    progress = automl_progress.TerminalProgress(
        Console(file=screen, force_terminal=True, width=90, _environ={})
    )
    progress(EVENTS[0])
    del progress
    gc.collect()
    text = screen.getvalue()
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_nobody_at_the_screen_means_no_progress() -> None:
    code = (
        "import sys, automl_progress\n"
        "assert automl_progress.start() is None\n"
        "assert 'rich' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_a_real_terminal_is_written_to_through_stderr() -> None:
    import pty

    code = (
        "import automl_progress\n"
        "from automl.events import Stage, RunFinished\n"
        "tell = automl_progress.start()\n"
        "tell(Stage(elapsed=0.0, name='search'))\n"
        "tell(RunFinished(elapsed=2.0, score=0.5, metric='m', n_complete=0, n_failed=0,"
        " members=('oak',)))\n"
        "print('done')\n"
    )
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        stderr=theirs,
        stdout=subprocess.PIPE,
        check=True,
        env=environment,
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.stdout == b"done\n"
    assert "search · 0:0" in shown
    assert "0 trials in 0:02, m 0.5 (oak)" in shown


class _Handle:
    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, text: str) -> None:
        self.shown.append(text)


def test_a_notebook_is_drawn_in_place_and_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = _Handle()

    class ZMQInteractiveShell:
        pass

    ipython = types.ModuleType("IPython")
    ipython.get_ipython = ZMQInteractiveShell  # type: ignore[attr-defined]  # a stand-in
    screen = types.ModuleType("IPython.display")
    screen.HTML = str  # type: ignore[attr-defined]  # a stand-in
    screen.display = lambda what, display_id: handle  # type: ignore[attr-defined]  # a stand-in
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", screen)
    monkeypatch.setattr(automl_progress, "PER_SECOND", 1e9)
    tell = automl_progress.start()
    assert tell is not None
    for event in (*EVENTS, FINISHED):
        tell(event)
    assert "ValueError: &lt;no&gt;" in handle.shown[-2]
    assert "<table>" in handle.shown[-2]
    assert handle.shown[-1] == "<p>2 trials in 1:00, roc_auc 0.83 (oak)</p>"


def test_a_notebook_is_not_drawn_for_each_event(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = _Handle()
    progress = automl_progress.NotebookProgress(lambda what, display_id: handle, str)
    for event in EVENTS * 50:
        progress(event)
    assert len(handle.shown) <= 2
