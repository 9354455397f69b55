"""The parts of a blend fitted on other rows, by the workers and the loop of a search."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from automl.events import Stage
from automl.model.assemble import assemble, baseline
from automl.search.budget import Clock
from automl.search.call import CLOSING
from automl.search.folder import run_folder
from automl.search.loop import Limits, Search
from automl.search.memory import Memory
from automl.search.outcome import Evaluation
from automl.search.plan import plan_run
from automl.search.race import Race
from automl.search.repeat import Repeat
from automl.search.reserve import SearchClock
from automl.search.shared import write_run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from automl.candidate.recipe import Candidate
    from automl.model.member import Part
    from automl.model.predictor import Predictor
    from automl.plugin.contributions import Algorithm
    from automl.search.call import Call
    from automl.search.folder import RunFolder
    from automl.search.interrupts import Interrupts
    from automl.search.outcome import Outcome
    from automl.search.question import Question
    from automl.search.shared import RunData
    from automl.search.workers import Pool

ASKING = 2.0
"""Times as long as the old predictor takes to answer the rows of the check is kept for the new
one, which is loaded first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitAgain:
    """What is to be fitted again.

    Parameters
    ----------
    parts : tuple of Part
        Of the predictor.
    question : Question
        About the new rows.
    call : Call
    asking : float
        Seconds that the predictor takes to answer the rows of the check.
    """

    parts: tuple[Part, ...]
    question: Question
    call: Call
    asking: float

    def run(self, stop: Interrupts) -> tuple[Predictor | None, list[Outcome]]:
        """Fit until all is done or the time is up.

        Parameters
        ----------
        stop : Interrupts

        Returns
        -------
        Predictor or None
            The blend of what was done, in the proportions that it had; None where nothing was.
        list of Outcome
            The first is the constant answer.
        """
        call, question = self.call, self.question
        candidates = {part.candidate.key: part.candidate for part in self.parts}
        known = question.catalog.algorithms
        learning = [one for one in candidates.values() if one.algorithm in known]
        algorithms = {one.algorithm: known[one.algorithm].known() for one in learning}
        catalog = replace(question.catalog, algorithms=algorithms)
        with (
            run_folder(None, call.note) as folder,
            call.pool(catalog, folder.work) as pool,
        ):
            seconds = call.budget.seconds
            data = plan_run(question, call.strategy, seconds, call.seed, call.workers)
            with folder.writing():
                write_run(folder.work, data)
            pool.set_up(call.spec(question, folder))
            call.say_started(question, data)
            with folder.writing():
                first = baseline(question, data, folder.work)
            # There is a predictor to go on with, whatever comes.
            stop.may_finish()
            outcomes: list[Outcome] = [first]
            if learning:
                call.say(Stage, name="search")
                search = self._search(data, pool, folder, first, stop, learning, algorithms)
                outcomes += search.run()
            call.say(Stage, name="blend")
            done = [
                o for o in outcomes if isinstance(o, Evaluation) and o.candidate.key in candidates
            ]
            new = self._blend(outcomes, data, call.patience(stop)) if done else None
        return new, outcomes

    def _search(
        self,
        data: RunData,
        pool: Pool,
        folder: RunFolder,
        first: Evaluation,
        stop: Interrupts,
        learning: Sequence[Candidate],
        algorithms: dict[str, Algorithm],
    ) -> Search:
        call, question = self.call, self.question
        n_rows = max(len(fold.train) for fold in data.plan.folds)

        def rehearse(outcomes: Sequence[Outcome], seconds: float) -> float:
            taken = Clock(seconds)
            self._blend([first, *outcomes], data, lambda: taken.left)
            return taken.elapsed

        return Search(
            pool=pool,
            schedule=Repeat(learning),
            data=data,
            question=question,
            limits=Limits(
                clock=SearchClock(call.clock, CLOSING + ASKING * self.asking, rehearse),
                trials=call.budget.trials,
                interrupts=stop,
                memory=Memory(
                    algorithms,
                    question.context(n_rows, call.seed, call.strategy),
                    call.workers,
                    call.budget.memory,
                ),
            ),
            race=Race(data, question, first, every=True),
            say=call.say,
            history=folder.history,
        )

    def _blend(
        self, outcomes: Sequence[Outcome], data: RunData, left: Callable[[], float]
    ) -> Predictor:
        weights: dict[str, float] = {}
        for part in self.parts:
            key = part.candidate.key
            weights[key] = weights.get(key, 0.0) + part.weight
        seed = self.call.seed
        return assemble(outcomes, self.question, data, len(weights), seed, left, weights)[0]
