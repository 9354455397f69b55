"""How the network learns: by torch, in rounds, towards an average of its own weights."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from automl_boosting import ABSOLUTE
from automl_mlp import learning
from automl_mlp.learning import FIXED, LARGEST_GRADIENT, MASKS, rates_of, smoothing_of
from automl_mlp.network import ROUND, batch_of, forward, softmax

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from automl.plugin import Report, Validation
    from automl_mlp.learning import Rows
    from automl_mlp.network import Arrays, Network

__all__ = ["train"]

MANY = 2_000
"""Rows from which more than one thread is used: steps of fewer are shorter than waiting is."""


def train(
    network: Network,
    X: Any,
    y: NDArray[Any],
    weight: NDArray[np.float64] | None,
    validation: Validation | None,
    report: Report,
) -> None:
    """Learn as `automl_mlp.learning.train` does, on the network's device."""
    with _threads(network.params["threads"] if len(y) >= MANY else 1):
        learning.train(network, X, y, weight, validation, report, _Learner)


class _Learner:
    """The network while it learns, and the average of what its weights were lately."""

    def __init__(
        self, network: Network, rows: Rows, start: Arrays, rng: np.random.Generator
    ) -> None:
        self.network, self.rng = network, rng
        params, device = network.params, network.params["device"]
        self.inputs = self._sent(rows.inputs)
        self.y = torch.tensor(rows.y).to(device)
        self.weight = None if rows.weight is None else _sent(rows.weight, device)
        self.live = {name: _sent(array, device) for name, array in start.items()}
        learned = [name for name in self.live if name not in FIXED]
        self.fixed = {name: array for name, array in start.items() if name in FIXED}
        self.average = {name: one.clone() for name, one in self.live.items()}
        groups = [_group(name, self.live[name].requires_grad_(), params) for name in learned]
        self.optimizer = torch.optim.AdamW(groups, fused=True)
        self.learned = [(self.live[name], self.average[name]) for name in learned]
        self.batch = batch_of(len(rows))
        self.masks: Any = self._masks() if params["dropout"] else None
        self.smoothing = smoothing_of(network)
        self.steps = 0
        self.queue = np.zeros(0, dtype=np.int64)

    def round(self) -> None:
        """Learn from the next rows."""
        n_rows = min(len(self.y), ROUND)
        for start in range(0, n_rows, self.batch):
            self._step(self._next(min(self.batch, n_rows - start)))

    def values(self, inputs: tuple[Any, ...]) -> NDArray[Any]:
        """Return what the average network says."""
        with torch.no_grad():
            scores = forward(torch, self.average, self._sent(inputs))
            values = scores if self.network.regression else softmax(torch, scores)
            return np.asarray(values.mean(dim=1).cpu().numpy())

    def arrays(self) -> Arrays:
        """Return the average network for NumPy; bins as they are, so that they have no gaps."""
        average = {name: one.cpu().numpy() for name, one in self.average.items()}
        return {name: one.astype(np.float64) for name, one in average.items()} | self.fixed

    def _next(self, n_rows: int) -> Any:
        while len(self.queue) < n_rows:
            self.queue = np.concatenate((self.queue, self.rng.permutation(len(self.y))))
        taken, self.queue = self.queue[:n_rows], self.queue[n_rows:]
        return torch.from_numpy(taken).to(self.network.params["device"])

    def _step(self, rows: Any) -> None:
        inputs = tuple(one[rows] for one in self.inputs)
        drop = None if self.masks is None else self._drop
        scores = forward(torch, self.live, inputs, drop)
        losses = self._losses(scores, self.y[rows])
        if self.weight is not None:
            losses = losses * self.weight[rows]
        self.optimizer.zero_grad()
        losses.mean().backward()
        live = [one for one, _ in self.learned]
        torch.nn.utils.clip_grad_norm_(live, LARGEST_GRADIENT)
        self.optimizer.step()
        self.steps += 1
        # The average reaches back an epoch, or some rounds of it; at first it is younger.
        reach = min(len(self.y), 4 * ROUND) / self.batch
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

    def _sent(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(torch.tensor(one).to(self.network.params["device"]) for one in inputs)


def _sent(array: NDArray[Any], device: str) -> Any:
    return torch.tensor(array.astype(np.float32)).to(device)


def _group(name: str, array: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Return how an array is optimised."""
    rate, decay = rates_of(name, params)
    return {"params": [array], "lr": rate, "weight_decay": decay}


@contextmanager
def _threads(n_threads: int) -> Iterator[None]:
    """Let torch use so many threads, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
