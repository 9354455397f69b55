"""How the network learns: in rounds, by AdamW, towards an average of its own weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from automl.plugin import Patience
from automl_boosting import ABSOLUTE
from automl_mlp.encoding import EMBEDDING, N_BINS, N_WAVES, bins_of, encoding_of, width_of
from automl_mlp.network import CHUNK, ROUND, batch_of, softmax, widest
from automl_mlp.slopes import passed, slopes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.plugin import Report, Validation
    from automl_mlp.network import Arrays, Network

    Cells = NDArray[np.float32]

WATCHED = 8_192
"""Validation rows that are watched at most."""

FLOOR, MOST_ROUNDS = 8, 400
"""Rounds without improvement that are granted, and rounds at most, or more of many rows."""

SIGMA = 0.1
"""Spread of the frequencies of waves at the start (RealMLP)."""

SMOOTHING = 0.1
"""Share of a label that is spread over all classes (RealMLP)."""

OF_LABELS = frozenset({"accuracy", "balanced_accuracy", "mcc", "f1", "f1_macro", "f1_micro"})
"""Metrics of labels; probabilities that smoothed labels teach are worse by any other."""

FIXED = frozenset({"left", "rise"})
"""Arrays that are not learned."""

MASKS = 8
"""Layers of masks that are drawn; each use begins at another place of them."""

LARGEST_GRADIENT = 1.0
"""Longer gradients are cut (TabM)."""

BETAS, EPSILON = (0.9, 0.999), 1e-8
"""Of AdamW (Loshchilov and Hutter, arXiv 1711.05101), as torch has them."""


class Rows:
    """Rows as the network reads them, in float32."""

    def __init__(
        self, network: Network, X: Any, y: NDArray[Any], weight: NDArray[np.float64] | None
    ) -> None:
        scaled, flags, codes = network.encoding_.read(X)
        self.inputs = (scaled.astype(np.float32), flags.astype(np.float32), codes)
        if network.regression:
            y = ((y - network.center_) / network.spread_).astype(np.float32)
        self.y = y
        self.weight = None if weight is None else (weight / np.mean(weight)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: Any) -> tuple[tuple[Any, ...], Any, Any]:
        """Return inputs, target and weights of some rows."""
        weight = None if self.weight is None else self.weight[rows]
        return tuple(one[rows] for one in self.inputs), self.y[rows], weight


class Learner(Protocol):
    """The network while it learns."""

    def round(self) -> None:
        """Learn from the next rows, `ROUND` at most."""

    def values(self, inputs: tuple[Any, ...]) -> NDArray[Any]:
        """Return what it says now: (n_rows, n_classes) shares, or (n_rows, 1) scaled numbers."""

    def arrays(self) -> Arrays:
        """Return what the network has become, for NumPy."""


def train(
    network: Network,
    X: Any,
    y: NDArray[Any],
    weight: NDArray[np.float64] | None,
    validation: Validation | None,
    report: Report,
    learner: Any = None,
) -> None:
    """Learn round by round; keep the best one on the validation rows.

    Parameters
    ----------
    network : Network
    X, y, weight, validation, report
        As for an algorithm's ``fit``.
    learner : callable (network, rows, start, rng) -> Learner, or None, default=None
        By NumPy where None.
    """
    X = np.asarray(X, dtype=np.float64)
    rng = np.random.default_rng(network.params["seed"])
    network.encoding_ = encoding_of(X, network.categories, network.n_levels)
    if network.regression:
        network.bounds_ = (float(np.min(y)), float(np.max(y)))
        network.center_, network.spread_ = float(np.mean(y)), float(np.std(y)) or 1.0
    rows = Rows(network, X, y, weight)
    start = starting(network, rows, 1 if network.regression else int(y.max()) + 1, rng)
    watched = None if validation is None else _watched(network, validation, rng)
    learning: Learner = (learner or Descent)(network, rows, start, rng)
    n_epoch = len(y) // ROUND  # rounds of an epoch of a large table
    most = network.rounds if validation is None else max(MOST_ROUNDS, 30 * n_epoch)
    patience = Patience(report, floor=max(FLOOR, n_epoch))
    network.arrays_, best = start, {}
    for round_ in range(1, most + 1):
        learning.round()
        done = patience(round_, None if watched is None else _score(network, learning, watched))
        if patience.best_round == round_ and (watched is not None or done):
            best = learning.arrays()
        if done:
            break
    network.arrays_ = best or learning.arrays()
    network.learned_ = patience.best_round


class Descent:
    """The network while it learns by NumPy, and the average of what its weights were lately.

    All that is learned is one vector, of which each array is a view.
    """

    def __init__(
        self, network: Network, rows: Rows, start: Arrays, rng: np.random.Generator
    ) -> None:
        self.network, self.rows, self.rng = network, rows, rng
        learned = {name: array for name, array in start.items() if name not in FIXED}
        self._shapes = {name: array.shape for name, array in learned.items()}
        self._fixed = {name: array for name, array in start.items() if name in FIXED}
        self._live = np.concatenate([one.ravel() for one in learned.values()]).astype(np.float32)
        self._average = self._live.copy()
        self._slope, self._mean, self._square = np.zeros((3, len(self._live)), dtype=np.float32)
        fixed = {name: array.astype(np.float32) for name, array in self._fixed.items()}
        self._arrays = self._views(self._live) | fixed
        self._averages = self._views(self._average) | fixed
        self._slopes = self._views(self._slope)
        rates = {name: rates_of(name, network.params) for name in learned}
        rate, decay = np.empty((2, len(self._live)), dtype=np.float32)
        for name, view in self._views(rate).items():
            view[...] = rates[name][0]
        for name, view in self._views(decay).items():
            view[...] = 1.0 - rates[name][0] * rates[name][1]
        self._rate, self._decay = rate, decay
        self._batch = batch_of(len(rows))
        self._masks = self._drawn_masks() if network.params["dropout"] else None
        self._smoothing = smoothing_of(network)
        self._steps = 0
        self._queue = np.zeros(0, dtype=np.int64)

    def round(self) -> None:
        """Learn from the next rows."""
        n_rows = min(len(self.rows), ROUND)
        for start in range(0, n_rows, self._batch):
            self._step(self._next(min(self._batch, n_rows - start)))

    def values(self, inputs: tuple[Any, ...]) -> NDArray[Any]:
        """Return what the average network says."""
        scores = passed(self._averages, inputs).scores
        shares = scores if self.network.regression else softmax(np, scores)
        return np.asarray(shares.mean(axis=0))

    def arrays(self) -> Arrays:
        """Return the average network; bins as they are, so that they have no gaps."""
        found = {name: one.astype(np.float64) for name, one in self._views(self._average).items()}
        return found | self._fixed

    def _views(self, flat: Cells) -> Arrays:
        views, begin = {}, 0
        for name, shape in self._shapes.items():
            end = begin + int(np.prod(shape))
            views[name] = flat[begin:end].reshape(shape)
            begin = end
        return views

    def _next(self, n_rows: int) -> NDArray[np.int64]:
        while len(self._queue) < n_rows:
            self._queue = np.concatenate((self._queue, self.rng.permutation(len(self.rows))))
        taken, self._queue = self._queue[:n_rows], self._queue[n_rows:]
        return taken

    def _step(self, rows: NDArray[np.int64]) -> None:
        inputs, y, weight = self.rows.take(rows)
        way = passed(self._arrays, inputs, None if self._masks is None else self._drop)
        wanted = self._wanted(way.scores, y)
        if weight is not None:
            wanted *= weight[:, None]
        slopes(self._arrays, way, wanted, self._slopes)
        self._steps += 1
        self._descend()
        # The average reaches back an epoch, or some rounds of it; at first it is younger.
        reach = min(len(self.rows), 4 * ROUND) / self._batch
        share = np.float32(1.0 / max(1.0, min(self._steps, reach)))
        self._average += share * (self._live - self._average)

    def _wanted(self, scores: Cells, y: NDArray[Any]) -> Cells:
        """Return the slope of the mean loss by the scores."""
        n_members, n_rows, n_outputs = scores.shape
        if self.network.regression:
            error = scores - y[:, None]
            slope = np.sign(error) if self.network.metric in ABSOLUTE else 2.0 * error
        else:
            slope = np.exp(scores - scores.max(axis=2, keepdims=True))
            slope /= slope.sum(axis=2, keepdims=True)
            slope[:, np.arange(n_rows), y] -= 1.0 - self._smoothing
            slope -= self._smoothing / n_outputs
        return np.asarray(slope / np.float32(n_members * n_rows), dtype=np.float32)

    def _descend(self) -> None:
        """Take a step of AdamW."""
        slope, (first, second) = self._slope, BETAS
        length = float(np.sqrt(slope @ slope))
        if length > LARGEST_GRADIENT:
            slope *= np.float32(LARGEST_GRADIENT / length)
        self._mean += np.float32(1.0 - first) * (slope - self._mean)
        self._square += np.float32(1.0 - second) * (slope * slope - self._square)
        size = np.sqrt(self._square)
        size *= np.float32(1.0 / np.sqrt(1.0 - second**self._steps))
        size += np.float32(EPSILON)
        step = self._mean / size
        step *= self._rate
        step *= np.float32(1.0 / (1.0 - first**self._steps))
        self._live *= self._decay
        self._live -= step

    def _drawn_masks(self) -> Cells:
        """Draw masks for some steps: to draw them anew each time takes longer than the layers."""
        params = self.network.params
        size = MASKS * self._batch * params["members"] * params["width"]
        kept = np.float32(1.0 - params["dropout"])
        drawn = self.rng.random(size, dtype=np.float32) < kept
        return np.asarray(drawn / kept, dtype=np.float32)

    def _drop(self, size: int) -> Cells:
        masks = self._masks
        assert masks is not None  # asked for where there are some  # noqa: S101
        start = int(self.rng.integers(len(masks) - size + 1))
        return np.asarray(masks[start : start + size], dtype=np.float32)


def smoothing_of(network: Network) -> float:
    """Return the share of a label that is spread over all classes."""
    waves = network.params["embedding"] == "waves"
    return SMOOTHING if waves and network.metric in OF_LABELS else 0.0


def rates_of(name: str, params: dict[str, Any]) -> tuple[float, float]:
    """Return the rate and the decay of an array: only what units are multiplied by is decayed.

    With waves at RealMLP's rates: a tenth for these and for biases, six times for factors.
    """
    rate = 1.0
    if params["embedding"] == "waves":
        slow = name in {"frequency", "phase", "mix"} or name.startswith("bias")
        rate = 0.1 if slow else 6.0 if name == "factor" else 1.0
    decays = name == "head" or name.startswith("weight")
    return rate * params["learning_rate"], params["weight_decay"] if decays else 0.0


def starting(network: Network, rows: Rows, n_outputs: int, rng: np.random.Generator) -> Arrays:
    """Return the arrays before learning, see `forward`."""
    params = network.params
    scaled = rows.inputs[0].astype(np.float64)
    n_numbers, n_flags = scaled.shape[1], rows.inputs[1].shape[1]

    def spread(*shape: int, fan_in: int) -> NDArray[np.float64]:
        return np.asarray(rng.uniform(-1.0, 1.0, shape) / np.sqrt(fan_in))

    made: Arrays = {}
    width = width_of(params["embedding"], n_numbers)
    if width and params["embedding"] == "waves":
        made["frequency"] = 2.0 * np.pi * rng.normal(0.0, SIGMA, (n_numbers, N_WAVES))
        made["phase"] = rng.uniform(-np.pi, np.pi, (n_numbers, N_WAVES))
        made["mix"] = spread(n_numbers, N_WAVES, width, fan_in=N_WAVES)
    elif width:
        made["left"], made["rise"] = bins_of(scaled, N_BINS)
        made["steps"] = spread(n_numbers, N_BINS, width, fan_in=N_BINS)
    for place, n_codes in enumerate(network.encoding_.n_codes):
        made[f"table{place}"] = rng.normal(0.0, 1.0, (n_codes + 1, EMBEDDING))
        made[f"table{place}"][0] = 0.0
    n_cells = n_numbers * (1 + width) + n_flags + EMBEDDING * len(network.encoding_.n_codes)
    made["factor"] = rng.normal(0.0, 1.0, (params["members"], n_cells))
    for depth in range(params["layers"]):
        n_in = params["width"] if depth else n_cells
        made[f"weight{depth}"] = spread(n_in, params["width"], fan_in=n_in)
        made[f"bias{depth}"] = spread(params["width"], fan_in=n_in)
    shape = (params["members"], params["width"], n_outputs)
    made["head"] = spread(*shape, fan_in=params["width"])
    made["head_bias"] = np.zeros((params["members"], 1, n_outputs))
    return made


def _score(network: Network, learning: Learner, watched: Rows) -> float:
    """Return what the network scores on watched rows; greater is better."""
    step = max(1, CHUNK // widest(network.arrays_))
    losses = []
    for start in range(0, len(watched), step):
        inputs, y, _ = watched.take(slice(start, start + step))
        values = learning.values(inputs).astype(np.float64)
        if network.regression:
            error = np.abs(values[:, 0] - y)
            losses.append(error if network.metric in ABSOLUTE else error**2)
        else:
            losses.append(-np.log(np.maximum(values[np.arange(len(y)), y], 1e-15)))
    mean = float(np.average(np.concatenate(losses), weights=watched.weight))
    squared = network.regression and network.metric not in ABSOLUTE
    return -(mean**0.5 if squared else mean) * network.spread_


def _watched(network: Network, validation: Validation, rng: np.random.Generator) -> Rows:
    X, y, weight = np.asarray(validation.X, dtype=np.float64), validation.y, validation.weight
    if len(y) > WATCHED:
        rows = np.sort(rng.choice(len(y), WATCHED, replace=False))
        X, y, weight = X[rows], y[rows], None if weight is None else weight[rows]
    return Rows(network, X, y, weight)
