"""What a run has tried: kept as it happens, taken up again when the run goes on."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.candidate.recipe import Candidate
from automl.search.mirror import Copy, Mirror, copy_of
from automl.search.outcome import Failure, Reason
from automl.search.records import MEMBERS, read_record, sweep, write_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from automl.search.outcome import Outcome
    from automl.search.store import RunStore

LOST = "lost"
"""How an attempt ended whose whole run died with it."""

DEADLY = frozenset({LOST, Reason.KILLED.value, Reason.MEMORY.value, Reason.TIMEOUT.value})
"""Ends of an attempt after which a worker, or the whole run, was gone."""

MOST_DEATHS = 2
"""A configuration that has ended so many of them is not tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a run brings from before.

    Parameters
    ----------
    outcomes : tuple of Outcome, default=()
        In the order in which they came.
    waiting : tuple of (int, Candidate), default=()
        Trials that were in work when the run ended, with their numbers.
    proposals : mapping of int to mapping, default={}
        What their studies had drawn for trials.
    drawn : mapping of int to mapping, default={}
        For each outcome what Optuna would know of it.
    last : int, default=0
        Highest number of a trial.
    """

    outcomes: tuple[Outcome, ...] = ()
    waiting: tuple[tuple[int, Candidate], ...] = ()
    proposals: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    drawn: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    last: int = 0


class History:
    """The trials of a run that is kept, or of one that is not.

    Parameters
    ----------
    home : Path
        The run's folder.
    store : RunStore or None
        None keeps nothing, for a run that ends with its process.
    note : callable (code, message)
        Says what the owner of the run should know.

    Attributes
    ----------
    past : Past
    broken : str
        Why nothing can be kept any more; empty as long as all is well.
    mirror : Mirror or None
        Where each outcome is copied to.
    """

    def __init__(
        self, home: Path, store: RunStore | None, note: Callable[[str, str], None]
    ) -> None:
        self._home = home
        self._store = store
        self.note = note
        self.broken = ""
        self.mirror: Mirror | None = None
        self.past = Past()
        if store is not None:
            if store.restored:
                note("W_RUN_RESTORED", store.restored)
            self.past = _past(home, store, note)

    @property
    def kept(self) -> bool:
        """Whether outcomes outlive the process."""
        return self._store is not None

    def begin(self, number: int, candidate: Candidate, proposal: Mapping[str, Any] | None) -> None:
        """Note that a candidate is in work."""
        self._write(lambda store: store.begin(number, candidate.key, candidate.to_json(), proposal))

    @property
    def recorded(self) -> bool:
        """Whether anybody reads what is finished."""
        return self.kept or self.mirror is not None

    def finish(self, outcome: Outcome, drawn: Mapping[str, Any]) -> None:
        """Keep an outcome; once this returns it survives whatever happens to the process."""
        self._write(lambda store: store.finish(write_record(self._home, outcome, drawn)))
        if self.mirror is not None:
            self.mirror.put(copy_of(outcome, drawn))

    def copies(self) -> list[Copy]:
        """Return what an Optuna storage would be told of the past."""
        return [copy_of(one, self.past.drawn.get(one.number, {})) for one in self.past.outcomes]

    def cut(self, number: int, reason: Reason) -> None:
        """Note that a candidate was not finished, which is no fault of its own."""
        self._write(lambda store: store.end(number, reason.value))

    def settle(self, facts: Mapping[str, Any]) -> None:
        """Keep what is known of the run as a whole."""
        self._write(lambda store: store.set_facts(**facts))

    def facts(self) -> dict[str, Any]:
        """Return what is known of it."""
        return {} if self._store is None else self._store.facts()

    def close(self) -> None:
        """Remove what belongs to no outcome, and let go of the store."""
        self._write(lambda store: sweep(self._home, store.records()))
        self._write(lambda store: store.close())

    def _write(self, call: Callable[[RunStore], None]) -> None:
        if self._store is None or self.broken:
            return
        try:
            call(self._store)
        except (OSError, sqlite3.Error) as error:
            self.broken = f"{type(error).__name__}: {error}"
            self.note(
                "W_RUN_STORE",
                f"The run folder {str(self._home)!r} cannot be written any more ({self.broken}): "
                "the search ends here, with what it has.",
            )


def _past(home: Path, store: RunStore, note: Callable[[str, str], None]) -> Past:
    for trial in store.trials():
        if "" in trial.ends:
            store.end(trial.number, LOST)
    trials, records = store.trials(), store.records()
    sweep(home, records)
    candidates = {trial.number: Candidate.from_json(trial.candidate) for trial in trials}
    there = {path.name for path in (home / MEMBERS).iterdir()}
    outcomes = [read_record(home, one, candidates[one.number], there) for one in records]
    damaged = [
        str(o.number) for o in outcomes if isinstance(o, Failure) and o.reason is Reason.DISK
    ]
    if damaged:
        note(
            "W_RUN_DAMAGED",
            f"Files of {len(damaged)} outcomes in {str(home)!r} are missing or damaged; these are "
            f"not used: trials {', '.join(damaged)}.",
        )
    deaths = Counter[str]()
    for trial in trials:
        deaths[trial.key] += sum(how in DEADLY for how in trial.ends)
    done = {record.number for record in records}
    waiting = []
    for trial in trials:
        if trial.number in done:
            continue
        if deaths[trial.key] < MOST_DEATHS:
            waiting.append((trial.number, candidates[trial.number]))
            continue
        outcome = _given_up(trial.number, candidates[trial.number], deaths[trial.key])
        store.finish(write_record(home, outcome, {}))
        outcomes.append(outcome)
    return Past(
        outcomes=tuple(outcomes),
        waiting=tuple(waiting),
        proposals={one.number: one.proposal for one in trials if one.proposal is not None},
        drawn={record.number: record.drawn for record in records},
        last=max(candidates, default=0),
    )


def _given_up(number: int, candidate: Candidate, deaths: int) -> Failure:
    return Failure(
        number=number,
        candidate=candidate,
        reason=Reason.KILLED,
        message=f"Not tried again: {deaths} processes have died of it.",
        seconds=0.0,
    )
