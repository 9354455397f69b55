"""How far a predicted number may leave the range of the target that was learned from.

Linear models, networks and kernels extrapolate without end: one odd row is enough for an answer of
1e12. Sometimes extrapolation is right (a trend over time), so how far answers may go is chosen on
out-of-fold values, each held to the range that its own fold has learned from.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.explain.slopes import secant
from automl.model.judge import bootstrap_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from automl.data.folds import FoldPlan
    from automl.model.judge import Judge

SOFT = 0.1
"""Share of the target's range by which answers may leave it unless there is evidence."""

ERRORS = {0.0: 1.0, np.inf: 2.0}
"""Standard errors by which clipping, and no bound at all, have to beat the soft bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The range of the target, and what may be said beyond it.

    Parameters
    ----------
    low, high : float
        Smallest and largest target that was learned from.
    margin : float
        Answers beyond the range approach ``low - margin`` and ``high + margin``, in their order; 0
        clips them, infinity leaves them as they are.
    """

    low: float
    high: float
    margin: float

    @classmethod
    def of(cls, y: NDArray[Any], share: float = SOFT) -> Bounds:
        """Return the bounds whose margin is a share of the range of ``y``."""
        low, high = float(np.min(y)), float(np.max(y))
        margin = share * (high - low) if share and np.isfinite(share) else share
        return cls(low=low, high=high, margin=margin)

    def __call__(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the answers within the bounds; those inside the range are not touched."""
        if np.isinf(self.margin):
            return values
        inside: NDArray[Any] = np.clip(values, self.low, self.high)
        if self.margin == 0 or np.array_equal(inside, values):
            return inside
        beyond: NDArray[Any] = np.tanh((values - inside) / self.margin)
        return inside + self.margin * beyond

    def slopes(self, before: NDArray[Any], after: NDArray[Any]) -> NDArray[Any]:
        """Return by how much of a change of answers what is said changes, one for each."""
        return secant(before, after, self(before), self(after))

    def to_json(self) -> dict[str, float | None]:
        """Return plain data; an infinite margin is None."""
        return {**asdict(self), "margin": None if np.isinf(self.margin) else self.margin}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Bounds:
        """Return what `to_json` gave."""
        margin = content["margin"]
        return cls(
            low=float(content["low"]),
            high=float(content["high"]),
            margin=np.inf if margin is None else float(margin),
        )


def choose_share(
    values: NDArray[Any],
    y: NDArray[Any],
    plan: FoldPlan,
    judge: Judge,
    *,
    seed: int = 0,
    deadline: Callable[[], float] | None = None,
) -> float:
    """Return the margin that the out-of-fold values speak for, as a share of the target's range.

    Parameters
    ----------
    values : ndarray of shape (n_covered,)
        Out-of-fold values.
    y : ndarray of shape (n_rows,)
    plan : FoldPlan
    judge : Judge
        Of the covered rows.
    seed : int, default=0
    deadline : callable () -> float or None, default=None
        Seconds left; without time the soft bound stays.

    Returns
    -------
    float
        `SOFT`; 0, or infinity, where they score better by more than `ERRORS`.
    """
    sign = 1.0 if judge.metric.greater_is_better else -1.0
    left = deadline or (lambda: np.inf)
    soft = bound_folds(values, y, plan, SOFT)
    best, score = SOFT, sign * judge(soft)
    for share, errors in ERRORS.items():
        other = bound_folds(values, y, plan, share)
        if np.array_equal(other, soft) or not sign * judge(other) > score:
            continue
        noise = bootstrap_error(other, soft, judge, seed, left)
        if sign * (judge(other) - judge(soft)) > errors * noise:
            best, score = share, sign * judge(other)
    return best


def bound_folds(
    values: NDArray[Any], y: NDArray[Any], plan: FoldPlan, share: float
) -> NDArray[Any]:
    """Return out-of-fold values, each within the bounds that its fold has learned from.

    Parameters
    ----------
    values : ndarray of shape (n_covered,)
    y : ndarray of shape (n_rows,)
    plan : FoldPlan
    share : float
        Margin as a share of the target's range.
    """
    place = np.zeros(plan.n_rows, dtype=np.intp)
    place[plan.covered] = np.arange(len(values))
    bounded = np.array(values)
    for fold in plan.folds:
        rows = place[fold.test]
        bounded[rows] = Bounds.of(y[fold.train], share)(values[rows])
    return bounded
