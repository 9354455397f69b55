"""What a run came to, in plain language."""

from __future__ import annotations

import shlex
import textwrap
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.cli.tables import failures, number

if TYPE_CHECKING:
    from automl.engine import Result

WIDTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The end of ``automl fit``.

    Parameters
    ----------
    result : Result
    run, model : Path
    seconds : float
        Of the whole command.
    score, baseline : float or None
        ``cv_score`` of the predictor and of always giving the same answer.
    """

    result: Result
    run: Path
    model: Path
    seconds: float
    score: float | None
    baseline: float | None

    @classmethod
    def of(cls, result: Result, *, run: Path, model: Path, seconds: float) -> Summary:
        """Take out of a result what a person wants to know first."""
        baseline = next((row.cv_score for row in result.leaderboard if row.number == 0), None)
        score = result.predictor.info.get("cv_score")
        return cls(
            result=result,
            run=run,
            model=model,
            seconds=seconds,
            score=score,
            baseline=baseline,
        )

    @property
    def better(self) -> bool:
        """Whether the predictor beats always giving the same answer."""
        if self.score is None:
            return False
        if self.baseline is None:
            return True
        sign = 1 if self.result.leaderboard.greater_is_better else -1
        return sign * self.score > sign * self.baseline

    def document(self) -> dict[str, Any]:
        """Return everything as plain values."""
        predictor, board = self.result.predictor, self.result.leaderboard
        return {
            "run": self.run,
            "model": self.model,
            "target": predictor.target,
            "task": predictor.task.name,
            "metric": board.metric,
            "greater_is_better": board.greater_is_better,
            "cv_score": self.score,
            "baseline": self.baseline,
            "better_than_baseline": self.better,
            "seconds": round(self.seconds, 3),
            "lines": list(predictor.info.get("lines", ())),
            "columns": list(predictor.feature_names),
            "dropped": [asdict(one) for one in predictor.schema.dropped],
            "members": [
                {"algorithm": part.candidate.algorithm, "weight": part.weight}
                for part in predictor.parts
            ],
            "findings": [asdict(one) for one in self.result.findings],
            "leaderboard": board.to_dicts(),
        }

    def text(self) -> str:
        """Return everything as text for a person."""
        lines = [self._learned(), self._good(), *self._said(), self._tried(), *self._data()]
        folder = shlex.quote(str(self.model))
        lines += [
            f"The model is in {self.model}, the run in {self.run}.",
            f"Next: automl predict {folder} NEW_DATA.csv --out predictions.csv",
        ]
        wrapped = [
            textwrap.fill(
                line, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
            )
            for line in lines
        ]
        board = self.result.leaderboard
        return "\n".join([*wrapped, "", repr(board), *failures(board.to_dicts())])

    def _learned(self) -> str:
        predictor = self.result.predictor
        n_rows = predictor.info.get("n_rows")
        of = "" if n_rows is None else f" of {n_rows:,} rows"
        return (
            f"Learned to predict {predictor.target} ({predictor.task.name}) from "
            f"{len(predictor.feature_names)} columns{of} in {self.seconds:.0f} s."
        )

    def _good(self) -> str:
        metric = self.result.leaderboard.metric
        way = "higher" if self.result.leaderboard.greater_is_better else "lower"
        always = f"always giving the same answer: {number(self.baseline)}"
        if not self.better:
            return (
                f"Nothing is better than always giving the same answer "
                f"({metric} {number(self.score)}, {always})."
            )
        parts = Counter[str]()
        for part in self.result.predictor.parts:
            parts[part.candidate.algorithm] += round(100 * part.weight)
        blend = ", ".join(f"{name} {share} %" for name, share in parts.most_common())
        return (
            f"{metric} {number(self.score)} on held-out rows ({way} is better, {always}), "
            f"by {blend}. The search chose by this score, so expect slightly less on new rows."
        )

    def _said(self) -> list[str]:
        lines = self.result.predictor.info.get("lines", ())
        return [f"On held-out rows: {line}" for line in lines[:1]] + [*map(str, lines[1:])]

    def _tried(self) -> str:
        rows = [row for row in self.result.leaderboard if row.number != 0]
        failed = sum(row.status.startswith("failed") for row in rows)
        end = f", {failed} of them failed (the reasons stand below)." if failed else "."
        s = "" if len(rows) == 1 else "s"
        return f"Tried {len(rows)} candidate{s}{end}"

    def _data(self) -> list[str]:
        lines = []
        target = self.result.predictor.target
        dropped = [one for one in self.result.predictor.schema.dropped if one.name != target]
        if dropped:
            names = ", ".join(f"{one.name} ({one.reason})" for one in dropped)
            lines.append(f"Not learned from: {names}.")
        lines += [
            f"In the data: {one.message} [{one.code}]" for one in self.result.findings if one.warn
        ]
        return lines
