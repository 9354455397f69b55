"""How the network learns: by torch, in rounds, towards an average of its own weights."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from automl.plugin import Patience
from automl_boosting import ABSOLUTE
from automl_torch.encoding import EMBEDDING, N_BINS, N_WAVES, bins_of, encoding_of, width_of
from automl_torch.network import CHUNK, ROUND, batch_of, forward, softmax, widest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from automl.plugin import Report, Validation
    from automl_torch.network import Arrays, Network

__all__ = ["train"]

MANY = 2_000
"""Rows from which more than one thread is used: steps of fewer are shorter than waiting is."""

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


def train(
    network: Network,
    X: Any,
    y: NDArray[Any],
    weight: NDArray[np.float64] | None,
    validation: Validation | None,
    report: Report,
) -> None:
    """Learn round by round; keep the best one on the validation rows."""
    rng = np.random.default_rng(network.params["seed"])
    network.encoding_ = encoding_of(X, network.categories, network.n_levels)
    if network.regression:
        network.bounds_ = (float(np.min(y)), float(np.max(y)))
        network.center_, network.spread_ = float(np.mean(y)), float(np.std(y)) or 1.0
    with _threads(network.params["threads"] if len(y) >= MANY else 1):
        rows = _Rows(network, X, y, weight)
        watched = None if validation is None else _watched(network, validation, rng)
        learner = _Learner(network, rows, 1 if network.regression else int(y.max()) + 1, rng)
        n_epoch = len(y) // ROUND  # rounds of an epoch of a large table
        most = network.rounds if validation is None else max(MOST_ROUNDS, 30 * n_epoch)
        patience = Patience(report, floor=max(FLOOR, n_epoch))
        best: Arrays = {}
        for round_ in range(1, most + 1):
            learner.round()
            done = patience(round_, None if watched is None else learner.score(watched))
            if patience.best_round == round_ and (watched is not None or done):
                best = learner.arrays()
            if done:
                break
        network.arrays_ = best or learner.arrays()


class _Rows:
    """Rows on the device, as the network reads them."""

    def __init__(
        self, network: Network, X: Any, y: NDArray[Any], weight: NDArray[np.float64] | None
    ) -> None:
        device = network.params["device"]
        scaled, flags, codes = network.encoding_.read(X)
        self.inputs = (_sent(scaled, device), _sent(flags, device), torch.tensor(codes).to(device))
        if network.regression:
            y = ((y - network.center_) / network.spread_).astype(np.float32)
        self.y = torch.tensor(y).to(device)
        self.weight = None if weight is None else _sent(weight / np.mean(weight), device)

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: Any) -> tuple[tuple[Any, ...], Any, Any]:
        """Return inputs, target and weights of some rows."""
        weight = None if self.weight is None else self.weight[rows]
        return tuple(one[rows] for one in self.inputs), self.y[rows], weight


def _sent(array: NDArray[Any], device: str) -> Any:
    return torch.tensor(array.astype(np.float32)).to(device)


class _Learner:
    """The network while it learns, and the average of what its weights were lately."""

    def __init__(
        self, network: Network, rows: _Rows, n_outputs: int, rng: np.random.Generator
    ) -> None:
        self.network, self.rows, self.rng = network, rows, rng
        params, device = network.params, network.params["device"]
        start = _start(network, rows, n_outputs, rng)
        self.live = {name: _sent(array, device) for name, array in start.items()}
        learned = [name for name in self.live if name not in FIXED]
        self.fixed = {name: array for name, array in start.items() if name in FIXED}
        self.average = {name: one.clone() for name, one in self.live.items()}
        groups = [_group(name, self.live[name].requires_grad_(), params) for name in learned]
        self.optimizer = torch.optim.AdamW(groups, fused=True)
        self.learned = [(self.live[name], self.average[name]) for name in learned]
        self.batch = batch_of(len(rows))
        self.masks: Any = self._masks() if params["dropout"] else None
        smooth = params["embedding"] == "waves" and network.metric in OF_LABELS
        self.smoothing = SMOOTHING if smooth else 0.0
        self.steps = 0
        self.queue = np.zeros(0, dtype=np.int64)

    def round(self) -> None:
        """Learn from the next rows."""
        n_rows = min(len(self.rows), ROUND)
        for start in range(0, n_rows, self.batch):
            self._step(self._next(min(self.batch, n_rows - start)))

    def score(self, watched: _Rows) -> float:
        """Return what the average network scores on watched rows; greater is better."""
        step = max(1, CHUNK // widest(self.live))
        losses = []
        with torch.no_grad():
            for start in range(0, len(watched), step):
                inputs, y, _ = watched.take(slice(start, start + step))
                losses.append(self._loss_of_mean(forward(torch, self.average, inputs), y))
        each = torch.cat(losses).double().cpu().numpy()
        weight = None if watched.weight is None else watched.weight.double().cpu().numpy()
        mean = float(np.average(each, weights=weight))
        squared = self.network.regression and self.network.metric not in ABSOLUTE
        return -(mean**0.5 if squared else mean) * self.network.spread_

    def arrays(self) -> Arrays:
        """Return the average network for NumPy; bins as they are, so that they have no gaps."""
        average = {name: one.cpu().numpy() for name, one in self.average.items()}
        return {name: one.astype(np.float64) for name, one in average.items()} | self.fixed

    def _next(self, n_rows: int) -> Any:
        while len(self.queue) < n_rows:
            self.queue = np.concatenate((self.queue, self.rng.permutation(len(self.rows))))
        taken, self.queue = self.queue[:n_rows], self.queue[n_rows:]
        return torch.from_numpy(taken).to(self.network.params["device"])

    def _step(self, rows: Any) -> None:
        inputs, y, weight = self.rows.take(rows)
        drop = None if self.masks is None else self._drop
        scores = forward(torch, self.live, inputs, drop)
        losses = self._losses(scores, y)
        if weight is not None:
            losses = losses * weight
        self.optimizer.zero_grad()
        losses.mean().backward()
        live = [one for one, _ in self.learned]
        torch.nn.utils.clip_grad_norm_(live, LARGEST_GRADIENT)
        self.optimizer.step()
        self.steps += 1
        # The average reaches back an epoch, or some rounds of it; at first it is younger.
        reach = min(len(self.rows), 4 * ROUND) / self.batch
        share = 1.0 / max(1.0, min(self.steps, reach))
        with torch.no_grad():
            for now, mean in self.learned:
                mean.lerp_(now, share)

    def _masks(self) -> Any:
        """Draw masks for some steps: to draw them anew each time takes longer than the layers."""
        params = self.network.params
        size = MASKS * self.batch * params["members"] * params["width"]
        kept = 1.0 - params["dropout"]
        drawn = self.rng.random(size, dtype=np.float32) < kept
        return _sent(drawn / np.float32(kept), params["device"])

    def _drop(self, units: Any) -> Any:
        start = int(self.rng.integers(len(self.masks) - units.numel() + 1))
        return units * self.masks[start : start + units.numel()].view_as(units)

    def _losses(self, scores: Any, y: Any) -> Any:
        """Return the loss of each row: the mean of its members' own."""
        if self.network.regression:
            error = scores[:, :, 0] - y[:, None]
            return (error.abs() if self.network.metric in ABSOLUTE else error**2).mean(dim=1)
        n_rows, n_members, n_classes = scores.shape
        losses = torch.nn.functional.cross_entropy(
            scores.reshape(-1, n_classes),
            y.repeat_interleave(n_members),
            reduction="none",
            label_smoothing=self.smoothing,
        )
        return losses.reshape(n_rows, n_members).mean(dim=1)

    def _loss_of_mean(self, scores: Any, y: Any) -> Any:
        if self.network.regression:
            error = scores[:, :, 0].mean(dim=1) - y
            return error.abs() if self.network.metric in ABSOLUTE else error**2
        shares = softmax(torch, scores).mean(dim=1)
        return -shares[torch.arange(len(y)), y].clamp(min=1e-15).log()


def _start(network: Network, rows: _Rows, n_outputs: int, rng: np.random.Generator) -> Arrays:
    """Return the arrays before learning, see `forward`."""
    params = network.params
    scaled = rows.inputs[0].double().cpu().numpy()
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


def _group(name: str, array: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Return how an array is optimised: only what units are multiplied by is drawn to zero.

    With waves at RealMLP's rates: a tenth for these and for biases, six times for factors.
    """
    rate = 1.0
    if params["embedding"] == "waves":
        slow = name in {"frequency", "phase", "mix"} or name.startswith("bias")
        rate = 0.1 if slow else 6.0 if name == "factor" else 1.0
    decays = name == "head" or name.startswith("weight")
    return {
        "params": [array],
        "lr": rate * params["learning_rate"],
        "weight_decay": params["weight_decay"] if decays else 0.0,
    }


def _watched(network: Network, validation: Validation, rng: np.random.Generator) -> _Rows:
    X, y, weight = validation.X, validation.y, validation.weight
    if len(y) > WATCHED:
        rows = np.sort(rng.choice(len(y), WATCHED, replace=False))
        X, y, weight = X[rows], y[rows], None if weight is None else weight[rows]
    return _Rows(network, X, y, weight)


@contextmanager
def _threads(n_threads: int) -> Iterator[None]:
    """Let torch use so many threads, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
