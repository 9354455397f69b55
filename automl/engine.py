"""The corridor: from a source to a predictor, every room in order."""

from __future__ import annotations

import json
import math
import secrets
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl import files
from automl._version import __version__
from automl.data.columns import Columns
from automl.errors import DataWarning, RunWarning
from automl.events import DataFound, RunFinished, Stage
from automl.model.assemble import baseline
from automl.model.early import Early
from automl.model.front import finish
from automl.plugin.discovery import discover
from automl.plugin.notify import Notifier, warn_about
from automl.plugin.selection import Plugins
from automl.search.budget import Budget, Clock, wall_time
from automl.search.call import CLOSING, Call, workers_of
from automl.search.folder import run_folder
from automl.search.interrupts import interrupts
from automl.search.loop import Limits, Search
from automl.search.memory import Memory
from automl.search.mirror import Mirror, Writer, study_name
from automl.search.plan import plan_run
from automl.search.question import ask
from automl.search.race import Race
from automl.search.reserve import SearchClock
from automl.search.resume import as_before, check_same, facts_of
from automl.search.rungs import Rungs
from automl.search.schedule import Schedule
from automl.search.shared import write_run
from automl.search.strategy import Strategy
from automl.search.study import AlgorithmStudy

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from automl.candidate.space import AlgorithmSpace
    from automl.data.finding import Finding
    from automl.model.front import Compromise
    from automl.model.predictor import Predictor
    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Metric
    from automl.search.folder import RunFolder
    from automl.search.history import History
    from automl.search.interrupts import Interrupts
    from automl.search.leaderboard import Leaderboard
    from automl.search.outcome import Evaluation, Outcome
    from automl.search.question import Question
    from automl.search.shared import RunData
    from automl.search.workers import Pool

SLOWEST = 30.0
"""Seconds to wait for a user's Optuna storage, where the budget has no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run gave.

    Parameters
    ----------
    predictor : Predictor
    leaderboard : Leaderboard
    findings : tuple of Finding
        What was found in the data and done about it.
    seconds : float
        Wall seconds of the whole call.
    interrupted : bool, default=False
        Whether Ctrl-C or SIGTERM ended the search.
    front : tuple of Compromise, default=()
        Where the strategy has objectives or a limit: blends that no other beats in the score and in
        every cost, the best score first.
    """

    predictor: Predictor
    leaderboard: Leaderboard
    findings: tuple[Finding, ...]
    seconds: float
    interrupted: bool = False
    front: tuple[Compromise, ...] = ()

    def __repr__(self) -> str:
        return f"{self.predictor!r}\n\n{self.leaderboard!r}"


def fit(  # noqa: PLR0913 - the whole public face of a run, in one place
    source: object,
    target: object,
    *,
    metric: str | Metric | Callable[..., float] | None = None,
    budget: float | Budget = 60,
    seed: int = 0,
    n_jobs: int | None = None,
    columns: Columns | None = None,
    plugins: object = None,
    run: str | os.PathLike[str] | None = None,
    strategy: Strategy | None = None,
) -> Result:
    """Learn to predict a column of a table.

    Parameters
    ----------
    source : path, URL-like string, dataframe, array, sparse matrix or dict of columns
        The table. Files: CSV and TSV, Parquet, Feather and Arrow, JSON lines; databases by a
        connection URL; dataframes of pandas, polars or pyarrow.
    target : str or array of shape (n_rows,)
        Name of the column to predict, or its values.
    metric : str, Metric, scikit-learn scorer or callable (y_true, y_pred) -> float, default=None
        What to optimise; the task's own where None.
    budget : float or Budget, default=60
        Wall seconds, or a value with seconds, trials or both.
    seed : int, default=0
        With trials alone the same seed gives the same result, with one worker and with several.
    n_jobs : int or None, default=None
        Cores to use; all that this process may use where None.
    columns : Columns or None, default=None
        Kinds that override ours, and roles: group, time, weight, ignored, sensitive.
    plugins : Plugins, sequence or None, default=None
        Names to use or (``"-name"``) to leave, and contributions handed over in code.
    run : path or None, default=None
        Folder of the run, temporary and gone at the end where None. A run that is there goes on:
        its outcomes stand, the seconds of the budget are for this call, the trials for all.
    strategy : Strategy or None, default=None
        Everything else that a person may pick by hand.

    Returns
    -------
    Result

    Raises
    ------
    InputError
        What was handed over cannot be used; the code says why.
    PluginError
        A name is not installed, or a contribution breaks its contract.
    RunError
        The run folder cannot be used, or holds a run that was begun with something else.
    KeyboardInterrupt
        Ctrl-C before there is anything to finish with, or a second one. After one Ctrl-C or
        SIGTERM in the main thread the best so far is returned.
    """
    selection = Plugins.of(plugins)
    spending = Budget.of(budget)
    clock = Clock(spending.seconds)
    catalog = discover(selection)
    warn_about(catalog)
    call = Call(
        budget=spending,
        seed=seed,
        workers=workers_of(n_jobs),
        plugins=selection,
        strategy=strategy or Strategy(),
        clock=clock,
        notifier=Notifier(catalog.listeners),
    )
    with (
        interrupts() as stop,
        run_folder(run, call.note) as folder,
        call.pool(catalog, folder.work) as pool,
    ):
        call.say(Stage, name="read")
        question = ask(source, target, columns or Columns(), metric, call.strategy, catalog)
        _speak(question.findings, call)
        data = _plan(question, folder, call)
        with folder.writing():
            write_run(folder.work, data)
        pool.set_up(call.spec(question, folder))
        call.say_started(question, data, len(folder.history.past.outcomes))
        with folder.writing():
            first = baseline(question, data, folder.work)
        stop.may_finish()
        _mirror(question, folder, call)
        outcomes = [first, *_search(question, data, pool, call, first, folder.history, stop)]
        call.say(Stage, name="blend")
        made = finish(outcomes, question, data, call.strategy, seed, call.patience(stop))
        if made.too_slow:
            call.note("W_RUN_LATENCY", _too_slow(made.front, call))
        _keep(folder, made.predictor, made.leaderboard, call)
        if folder.history.mirror is not None:
            folder.history.mirror.close(min(max(clock.left, CLOSING), SLOWEST))
    _say_finished(made.predictor, made.leaderboard, call)
    return Result(
        predictor=made.predictor,
        leaderboard=made.leaderboard,
        findings=question.findings,
        seconds=clock.elapsed,
        interrupted=stop.came,
        front=made.front,
    )


def _plan(question: Question, folder: RunFolder, call: Call) -> RunData:
    """Split the rows, as the run did before where it goes on."""
    history = folder.history
    before = history.facts()
    strategy = as_before(call.strategy, before)
    data = plan_run(question, strategy, call.budget.seconds, call.seed, call.workers)
    if history.kept:
        facts = facts_of(question, data, call.seed)
        check_same(folder.home, before, facts)
        new = {"automl": __version__, "begun": wall_time(), "id": secrets.token_hex(4)}
        history.settle({**new, **before, **facts, "finished": None})
    return data


def _mirror(question: Question, folder: RunFolder, call: Call) -> None:
    storage, history = call.strategy.storage, folder.history
    if storage is not None:
        name = study_name(folder.home, history.facts())
        greater = question.metric.greater_is_better
        writer = Writer(storage, name, greater_is_better=greater)
        history.mirror = Mirror(writer, history.copies(), call.note)


def _search(
    question: Question,
    data: RunData,
    pool: Pool,
    call: Call,
    first: Evaluation,
    history: History,
    stop: Interrupts,
) -> list[Outcome]:
    if question.n_classes == 1 or not question.schema.features:
        return []
    n_rows = max(len(fold.train) for fold in data.plan.folds)
    named = call.plugins.narrows("algorithm")
    greater = question.metric.greater_is_better
    spaces = question.spaces(n_rows, call.seed, call.strategy, named=named)
    _warn_unsaved(spaces, question.catalog)
    costs = call.strategy.costs
    studies = [
        AlgorithmStudy(
            space,
            call.seed,
            greater_is_better=greater,
            sampler=call.strategy.sampler,
            n_costs=len(costs),
        )
        for space in spaces
    ]
    seconds = call.budget.seconds
    measured = seconds is not None
    early = Early(seconds)

    def rehearse(outcomes: Sequence[Outcome], most: float) -> float:
        taken = Clock(most)
        known = [first, *outcomes]
        made = finish(known, question, data, call.strategy, call.seed, lambda: taken.left)
        elapsed = taken.elapsed
        early(made.predictor)
        return elapsed

    search = Search(
        pool=pool,
        schedule=Schedule(
            studies,
            greater_is_better=greater,
            measured=measured,
            costs=costs,
            rungs=Rungs(
                n_rows,
                math.inf if seconds is None else seconds * call.workers,
                first.cv_score,
                greater_is_better=greater,
                in_rounds={one.algorithm.name for one in spaces if one.algorithm.fit is not None},
            ),
        ),
        data=data,
        question=question,
        limits=Limits(
            clock=SearchClock(call.clock, CLOSING, rehearse),
            trials=call.budget.trials,
            interrupts=stop,
            memory=Memory(
                {space.algorithm.name: space.algorithm for space in spaces},
                question.context(n_rows, call.seed, call.strategy),
                call.workers,
                call.budget.memory,
            ),
        ),
        race=Race(data, question, first, every=bool(costs)),
        say=call.say,
        history=history,
    )
    call.say(Stage, name="search")
    return search.run()


def _warn_unsaved(spaces: tuple[AlgorithmSpace, ...], catalog: Catalog) -> None:
    """Say before the search what would predict but could not be saved."""
    steps = sorted({name for space in spaces for name in space.step_names})
    names = [space.algorithm.name for space in spaces if space.algorithm.saved is None]
    names += [name for name in steps if catalog.preprocessors[name].saved is None]
    if names:
        message = (
            f"These predict but cannot be saved (saved=None): {', '.join(names)}. A predictor with "
            "one of them in it works, its save() is refused."
        )
        warnings.warn(RunWarning("W_RUN_UNSAVED", message), stacklevel=4)


def _speak(findings: tuple[Finding, ...], call: Call) -> None:
    for finding in findings:
        if finding.warn:
            warnings.warn(DataWarning(finding.code, finding.message), stacklevel=3)
        call.say(DataFound, code=finding.code, message=finding.message, warn=finding.warn)


def _too_slow(front: Sequence[Compromise], call: Call) -> str:
    quickest = min(one.latency_ms for one in front)
    return (
        f"Nothing that was found answers a row in {call.strategy.max_ms:g} ms; the predictor is "
        f"the quickest, with {quickest:.3g} ms. Allow more, or search among quick algorithms."
    )


def _say_finished(predictor: Predictor, leaderboard: Leaderboard, call: Call) -> None:
    call.say(
        RunFinished,
        score=predictor.info["cv_score"],
        metric=leaderboard.metric,
        n_complete=sum(row.status in {"complete", "sample"} for row in leaderboard),
        n_failed=sum(row.status.startswith("failed") for row in leaderboard),
        members=tuple(part.candidate.algorithm for part in predictor.parts),
    )


def _keep(folder: RunFolder, predictor: Predictor, leaderboard: Leaderboard, call: Call) -> None:
    history = folder.history
    if not history.kept:
        return
    text = json.dumps(leaderboard.to_dicts(), indent=1, default=str)
    try:
        files.replace(folder.home / "leaderboard.json", text.encode())
    except OSError as error:
        call.note("W_RUN_STORE", f"The leaderboard could not be written: {error}.")
    history.settle({"finished": wall_time(), "cv_score": predictor.info["cv_score"]})
