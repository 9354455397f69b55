"""What holds for every listener."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from automl import events
from automl.plugin.guard import watch
from automl.testing.checks import CheckFailedError, Property, says

if TYPE_CHECKING:
    from automl.testing.plain import Bench

SECTION = "automl_listeners"


@says("start() gives a function that takes every kind of event, or None.", SECTION)
def _every_event_is_taken(bench: Bench) -> None:
    receiver = bench.contribution.start()
    if receiver is None:
        return
    if not callable(receiver):
        raise CheckFailedError(
            f"start() returned {receiver!r}.", "Return a function of one event, or None."
        )
    for event in _events():
        receiver(event)


@says("Two runs can follow each other, and global state is left alone.", SECTION)
def _a_run_starts_it_anew(bench: Bench) -> None:
    with watch() as watched, contextlib.suppress(Exception):  # every_event_is_taken says it
        for _ in range(2):
            receiver = bench.contribution.start()
            for event in _events():
                if receiver is not None:
                    receiver(event)
    if watched.changed:
        raise CheckFailedError(
            f"It changes {' and '.join(watched.changed)}.", "Leave global state alone."
        )


@says("A hundred events take less than a second.", SECTION)
def _events_are_taken_quickly(bench: Bench) -> None:
    started = time.perf_counter()
    with contextlib.suppress(Exception):  # every_event_is_taken says it
        receiver = bench.contribution.start()
        started = time.perf_counter()
        for number in range(100):
            if receiver is not None:
                receiver(events.Stage(elapsed=float(number), name="search"))
    seconds = time.perf_counter() - started
    if seconds > 1:
        raise CheckFailedError(
            f"A hundred events take {seconds:.1f} s, and the search waits as long.",
            "Do slow work in a thread of its own, or at the end of the run.",
        )


def _events() -> list[events.Event]:
    started = events.RunStarted(
        elapsed=0.0,
        target="y",
        task="any",
        metric="any",
        n_rows=9,
        n_columns=2,
        n_folds=3,
        workers=1,
        seconds=None,
        trials=2,
    )
    return [
        events.Event(elapsed=0.0),
        started,
        events.DataFound(elapsed=0.1, code="W_DATA_ANY", message="Something.", warn=True),
        events.Stage(elapsed=0.1, name="search"),
        events.TrialStarted(elapsed=0.2, number=0, algorithm="any"),
        events.TrialFinished(
            elapsed=0.3, number=0, algorithm="any", status="complete", score=0.5, seconds=0.1
        ),
        events.Improved(elapsed=0.3, number=0, algorithm="any", score=0.5),
        events.Blended(elapsed=0.3, score=0.5),
        events.TrialFinished(
            elapsed=0.4, number=1, algorithm="any", status="exception", score=None, seconds=0.1
        ),
        events.RunFinished(
            elapsed=0.5, score=0.5, metric="any", n_complete=1, n_failed=1, members=("any",)
        ),
    ]


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
