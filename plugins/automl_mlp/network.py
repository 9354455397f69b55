"""The network as plain arrays: what it computes, and how it is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from automl_mlp.encoding import EMBEDDING, MOST_FLAGS, N_BINS, STEP_WIDTH, Encoding, width_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from automl.plugin import Context, Params, Report, Validation

    Arrays = dict[str, Any]

CHUNK = 2**23
"""Cells of a layer that are computed at once when predicting."""

ROUND = 8_192
"""Rows of a round at most: an epoch of a small table. Deadlines are kept to a round."""

_FACTS = ("params", "regression", "metric", "categories", "n_levels", "rounds")


class Network:
    """Perceptrons that share most of their weights, and whose answers are averaged.

    Parameters
    ----------
    params : dict
        What the search may vary, complete, and ``seed``.
    regression : bool
    metric : str, default=""
        Name of the metric that the search optimises.
    categories, n_levels : tuple of int, default=()
        As in `Context`.
    rounds : int, default=40
        Rounds to learn where no validation rows are given.

    Attributes
    ----------
    encoding_ : Encoding
        How cells are read.
    arrays_ : dict of str to ndarray of float64
        What was learned, see `forward`.
    learned_ : int
        Rounds that were learned, up to the best.
    center_, spread_ : float
        The target was learned less its mean and divided by its standard deviation.
    bounds_ : tuple of float
        The least and the greatest number of the training rows; no answer goes beyond.
    """

    def __init__(
        self,
        *,
        params: dict[str, Any],
        regression: bool,
        metric: str = "",
        categories: tuple[int, ...] = (),
        n_levels: tuple[int, ...] = (),
        rounds: int = 40,
    ) -> None:
        self.params = params
        self.regression = regression
        self.metric = metric
        self.categories = categories
        self.n_levels = n_levels
        self.rounds = rounds
        self.center_, self.spread_ = 0.0, 1.0
        self.bounds_ = (-np.inf, np.inf)
        self.learned_ = rounds
        self.encoding_: Any = None
        self.arrays_: Arrays = {}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor."""
        return {name: getattr(self, name) for name in _FACTS}

    def fit(
        self, X: Any, y: NDArray[Any], sample_weight: NDArray[np.float64] | None = None
    ) -> Network:
        """Learn a fixed number of rounds."""
        self.learn(X, y, sample_weight, None, lambda round_, score=None: False)
        return self

    def learn(
        self,
        X: Any,
        y: NDArray[Any],
        weight: NDArray[np.float64] | None,
        validation: Validation | None,
        report: Report,
    ) -> None:
        """Learn until the validation score has not improved for long, or until told to stop."""
        from automl_mlp.learning import train

        train(self, X, y, weight, validation, report)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return a probability for each row and class: the mean of those of all members."""
        return np.concatenate([softmax(np, scores).mean(axis=1) for scores in self._scores(X)])

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class, or the number, for each row."""
        if not self.regression:
            return np.asarray(self.predict_proba(X).argmax(axis=1))
        means = np.concatenate([scores.mean(axis=(1, 2)) for scores in self._scores(X)])
        return np.clip(means * self.spread_ + self.center_, *self.bounds_)

    def _scores(self, X: Any) -> list[NDArray[np.float64]]:
        X = np.asarray(X, dtype=np.float64)
        step = max(1, CHUNK // widest(self.arrays_))
        parts = [X[start : start + step] for start in range(0, max(1, len(X)), step)]
        return [forward(np, self.arrays_, self.encoding_.read(part)) for part in parts]


def forward(
    xp: Any,
    arrays: Arrays,
    inputs: tuple[Any, ...],
    drop: Callable[[Any], Any] | None = None,
) -> Any:
    """Return what each member says: (n_rows, n_members, n_outputs) scores before any link.

    Parameters
    ----------
    xp : module
        NumPy or torch, whichever made the arrays.
    arrays : dict of str to array
        The first layer reads, side by side, numbers, flags and the rows of ``table0``, ``table1``,
        ... that belong to the codes. Numbers are embedded by ``steps`` (n_columns, n_bins, width)
        over the bins at ``left`` with slopes ``rise``, or by ``mix`` (n_columns, n_waves, width)
        over cosines with ``frequency`` and ``phase``, or come as they are. Each member has a
        factor for each cell in ``factor``; then come ``weight0``, ``bias0``, ``weight1``, ...,
        which they share, and a ``head`` and ``head_bias`` of its own.
    inputs : tuple of array
        What `Encoding.read` gives.
    drop : callable or None, default=None
        What is done to the units of each layer while learning.
    """
    scaled, flags, codes = inputs
    parts = [embed(xp, arrays, scaled), flags]
    parts += [arrays[f"table{i}"][codes[:, i]] for i in range(codes.shape[1])]
    cells = xp.concatenate(parts, axis=1)
    n_members, n_cells = arrays["factor"].shape
    units = (cells[:, None, :] * arrays["factor"]).reshape(-1, n_cells)
    for depth in range(n_layers(arrays)):
        sums = affine(xp, units, arrays[f"weight{depth}"], arrays[f"bias{depth}"])
        units = activate(xp, sums, smooth="mix" in arrays)
        if drop is not None:
            units = drop(units)
    units = xp.swapaxes(units.reshape(len(cells), n_members, -1), 0, 1)
    return xp.swapaxes(units @ arrays["head"] + arrays["head_bias"], 0, 1)


def embed(xp: Any, arrays: Arrays, scaled: Any) -> Any:
    """Return the cells that numbers become, all of a column side by side."""
    each = scaled[:, :, None]
    if "mix" in arrays:
        made = xp.cos(each * arrays["frequency"] + arrays["phase"])
        mixed = xp.matmul(xp.swapaxes(made, 0, 1), arrays["mix"])
    elif "steps" in arrays:
        made = ((each - arrays["left"]) * arrays["rise"]).clip(0.0, 1.0)
        mixed = xp.matmul(xp.swapaxes(made, 0, 1), arrays["steps"])
    else:
        return scaled
    made = xp.concatenate((each, xp.swapaxes(mixed, 0, 1)), axis=2)
    return made.reshape(len(scaled), -1)


def affine(xp: Any, units: Any, weight: Any, bias: Any) -> Any:
    """Return weighted sums of units."""
    return units @ weight + bias if xp is np else xp.addmm(bias, units, weight)


def activate(xp: Any, sums: Any, *, smooth: bool) -> Any:
    """Return the units of a layer: mish for networks with waves (RealMLP), else rectified."""
    if xp is not np:
        return xp.nn.functional.mish(sums) if smooth else xp.relu(sums)
    if not smooth:
        return np.maximum(sums, 0.0)
    return sums * np.tanh(np.log1p(np.exp(-np.abs(sums))) + np.maximum(sums, 0.0))


def softmax(xp: Any, scores: Any) -> Any:
    """Return the shares of classes, the last axis."""
    e = xp.exp(scores - xp.amax(scores, -1)[..., None])
    return e / e.sum(-1)[..., None]


def n_layers(arrays: Arrays) -> int:
    """Return how many layers the members share."""
    return sum(name.startswith("weight") for name in arrays)


def widest(arrays: Arrays) -> int:
    """Return the cells that one row takes at most."""
    n_members, n_cells = arrays["factor"].shape
    bins = arrays["steps"].shape[:2] if "steps" in arrays else (0, 0)
    return int(max(n_members * max(n_cells, arrays["head"].shape[1]), bins[0] * bins[1]))


def batch_of(n_rows: int) -> int:
    """Return the rows of a step: 256 as in RealMLP and TabM, fewer of few rows, more of many."""
    if n_rows > 100_000:
        return 1024
    return min(256, max(32, 1 << (n_rows // 64).bit_length()))


def rounds_for(n_rows: int) -> int:
    """Return the rounds to learn where no validation rows are given."""
    return max(40, 15 * n_rows // ROUND)


def memory_of(context: Context, params: Params) -> float:
    """Return bytes: rows as they are read, what is computed of some at once, and all weights."""
    n_flags = sum(n if n <= MOST_FLAGS else EMBEDDING for n in context.n_levels)
    n_numbers = context.n_columns - len(context.categories)
    n_cells = n_numbers * (1 + width_of(params["embedding"], n_numbers)) + n_flags
    weights = (n_cells + (params["layers"] - 1) * params["width"]) * params["width"]
    weights += n_numbers * N_BINS * STEP_WIDTH
    rows = 24.0 * context.n_rows * (context.n_columns + n_flags)
    cells = batch_of(context.n_rows) * params["members"] * max(n_cells, params["width"])
    return float(rows + 32.0 * weights + 12.0 * (CHUNK + cells * params["layers"]))


def save(fitted: Network, folder: Path) -> None:
    """Write plain arrays, and the rest as JSON."""
    np.savez(
        folder / "network.npz", allow_pickle=False, **fitted.arrays_, **fitted.encoding_.arrays()
    )
    facts = fitted.get_params() | {
        "learned": fitted.learned_,
        "arrays": list(fitted.arrays_),
        "center": fitted.center_,
        "spread": fitted.spread_,
        "bounds": list(fitted.bounds_) if fitted.regression else None,
    }
    (folder / "network.json").write_text(json.dumps(facts), encoding="utf-8")


def load(folder: Path) -> Network:
    """Return what `save` wrote."""
    facts = json.loads((folder / "network.json").read_text(encoding="utf-8"))
    fitted = Network(**{name: facts[name] for name in _FACTS})
    fitted.categories, fitted.n_levels = tuple(fitted.categories), tuple(fitted.n_levels)
    fitted.learned_ = facts["learned"]
    fitted.center_, fitted.spread_ = facts["center"], facts["spread"]
    if facts["bounds"] is not None:
        fitted.bounds_ = tuple(facts["bounds"])
    # NumPy leaves a file open that it opened itself and cannot read.
    with (
        (folder / "network.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as arrays,
    ):
        fitted.arrays_ = {name: arrays[name] for name in facts["arrays"]}
        fitted.encoding_ = Encoding.of_arrays(arrays)
    return fitted
