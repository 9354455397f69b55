"""A run's trials in an Optuna storage, for optuna-dashboard: copied, never asked."""

from __future__ import annotations

import math
import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from automl.search.outcome import Evaluation, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from optuna.storages import BaseStorage
    from optuna.study import Study

    from automl.candidate.recipe import Candidate
    from automl.search.outcome import Outcome

NUMBER = "number"
"""User attribute with the number of a trial in its run."""

SAMPLE = "sample"
"""Status of what was fitted on a part of the rows."""

LONGEST = 2_000
"""Characters of a message that are copied; some databases cut at 2,048."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What Optuna is told of an outcome.

    Parameters
    ----------
    number : int
    algorithm : str
    status : str
    score : float or None
    params : mapping
    space : mapping of str to str
        Distributions as JSON.
    attributes : mapping
        What else stands beside.
    """

    number: int
    algorithm: str
    status: str
    score: float | None
    params: Mapping[str, Any]
    space: Mapping[str, str]
    attributes: Mapping[str, Any]


def copy_of(outcome: Outcome, drawn: Mapping[str, Any]) -> Copy:
    """Return what Optuna is told of an outcome.

    Parameters
    ----------
    outcome : Outcome
    drawn : mapping
        ``params`` and ``space``, as `Copy` has them; empty where Optuna has no words for it.
    """
    status, score, message = "complete", None, ""
    if isinstance(outcome, Evaluation):
        # Scores of other rows would lead the dashboard's plots astray.
        whole = outcome.candidate.rows is None
        status, score = ("complete", outcome.cv_score) if whole else (SAMPLE, None)
    else:
        status, message = outcome.reason.value, outcome.message
    return Copy(
        number=outcome.number,
        algorithm=outcome.candidate.algorithm,
        status=status,
        score=score,
        params=drawn.get("params", {}),
        space=drawn.get("space", {}),
        attributes=attributes_of(outcome.candidate, outcome.seconds, message),
    )


def attributes_of(candidate: Candidate, seconds: float, message: str) -> dict[str, Any]:
    """Return what stands beside the parameters of a trial."""
    return {
        "candidate": candidate.to_json(),
        "seconds": seconds,
        "message": message[:LONGEST],
    }


def study_name(home: Path, facts: Mapping[str, Any]) -> str:
    """Return what the studies of a run are called, before their algorithms."""
    return "-".join(part for part in (home.name, facts.get("id")) if part)


class Writer:
    """Writes trials into one study for each algorithm, ``<name>/<algorithm>``.

    Parameters
    ----------
    storage : str or optuna storage
    name : str
        Of the run.
    greater_is_better : bool
    """

    def __init__(self, storage: str | BaseStorage, name: str, *, greater_is_better: bool) -> None:
        self._storage = storage
        self._name = name
        self._direction: Literal["maximize", "minimize"] = (
            "maximize" if greater_is_better else "minimize"
        )
        self._studies: dict[str, tuple[Study, set[int]]] = {}

    def write(self, copy: Copy) -> bool:
        """Add a trial that is not there yet; return whether it was added."""
        from optuna.distributions import json_to_distribution
        from optuna.trial import TrialState, create_trial

        study, there = self._study(copy.algorithm)
        if copy.number in there:
            return False
        usable = copy.score is not None and math.isfinite(copy.score)
        state = TrialState.PRUNED if copy.status in {Reason.PRUNED, SAMPLE} else TrialState.FAIL
        distributions = {name: json_to_distribution(text) for name, text in copy.space.items()}
        trial = create_trial(
            state=TrialState.COMPLETE if usable else state,
            value=copy.score if usable else None,
            params=dict(copy.params),
            distributions=distributions,
            user_attrs={NUMBER: copy.number, "status": copy.status, **copy.attributes},
        )
        study.add_trial(trial)
        there.add(copy.number)
        return True

    def _study(self, algorithm: str) -> tuple[Study, set[int]]:
        if algorithm not in self._studies:
            import optuna

            level = optuna.logging.get_verbosity()
            optuna.logging.set_verbosity(optuna.logging.WARNING)
            try:
                if isinstance(self._storage, str):
                    self._storage = optuna.storages.get_storage(self._storage)
                study = optuna.create_study(
                    storage=self._storage,
                    study_name=f"{self._name}/{algorithm}",
                    direction=self._direction,
                    load_if_exists=True,
                )
            finally:
                optuna.logging.set_verbosity(level)
            there = {trial.user_attrs.get(NUMBER, -1) for trial in study.get_trials(deepcopy=False)}
            self._studies[algorithm] = (study, there)
        return self._studies[algorithm]


class Mirror:
    """Copies outcomes to a storage while the run goes on, in a thread of its own.

    Parameters
    ----------
    writer : Writer
    past : iterable of Copy
        What is copied first, where it is not there yet.
    note : callable (code, message)
        Hears once of a storage that fails; from then on nothing is copied.
    """

    def __init__(
        self, writer: Writer, past: Iterable[Copy], note: Callable[[str, str], None]
    ) -> None:
        self._writer = writer
        self._note = note
        self._queue: queue.SimpleQueue[Copy | None] = queue.SimpleQueue()
        self._fault = ""
        self._told = False
        for copy in past:
            self._queue.put(copy)
        self._thread = threading.Thread(target=self._work, name="automl-mirror", daemon=True)
        self._thread.start()

    def put(self, copy: Copy) -> None:
        """Have an outcome copied, soon."""
        if not self._tell():
            self._queue.put(copy)

    def close(self, seconds: float) -> None:
        """Wait for what is left, so long at most."""
        self._queue.put(None)
        self._thread.join(max(seconds, 0.0))
        if not self._tell() and self._thread.is_alive():
            self._note(
                "W_RUN_MIRROR",
                "The Optuna storage was too slow: the last outcomes were not copied to it.",
            )

    def _work(self) -> None:
        try:
            while (copy := self._queue.get()) is not None:
                self._writer.write(copy)
        except Exception as error:
            lines = str(error).strip().splitlines()
            self._fault = f"{type(error).__name__}: {lines[0] if lines else ''}"

    def _tell(self) -> bool:
        if self._fault and not self._told:
            self._told = True
            self._note(
                "W_RUN_MIRROR",
                f"The Optuna storage failed and is not written to any more ({self._fault}). The "
                "run goes on.",
            )
        return bool(self._fault)
