"""What a candidate will take of the memory that is left, and who is not worth the try."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from automl.candidate.pipeline import device_of
from automl.search.cores import memory_left

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automl.candidate.recipe import Candidate
    from automl.plugin.context import Context
    from automl.plugin.contributions import Algorithm

MARGIN = 0.1
"""Share of the free memory that is left to others."""

LEAST = 512 << 20
"""Bytes that a worker is granted however little seems to be free."""

EMPTY = 200 << 20
"""Bytes of a worker with its libraries, before any row."""

COPIES = 2.5
"""Matrices that are there anyway: the table's rows, the prepared ones, those held out."""

FACTOR = 5.0
"""Matrices that a fit takes beside, where nothing is declared or measured."""


class Memory:
    """Expects what candidates take, and learns from what they took.

    Parameters
    ----------
    algorithms : mapping of str to Algorithm
    context : Context
        Rows and columns that a candidate is fitted on.
    workers : int
    limit : int or None, default=None
        Bytes that all workers may hold together; what the machine and the cgroups leave free, less
        a margin, where None.

    Attributes
    ----------
    share : int
        Bytes that one worker may hold.
    """

    def __init__(
        self,
        algorithms: Mapping[str, Algorithm],
        context: Context,
        workers: int,
        limit: int | None = None,
    ) -> None:
        self._algorithms = algorithms
        self._context = context
        self._factors: dict[str, float] = {}
        if limit is None:
            self.share = max(int(memory_left() * (1 - MARGIN) / workers), LEAST)
        else:
            self.share = int(limit / workers)

    def expected(self, candidate: Candidate) -> float:
        """Return the bytes that a worker will hold with a candidate, about."""
        beside, matrix = self._declared(candidate), self._matrix(candidate)
        if beside is None:
            beside = self._factors.get(candidate.algorithm, FACTOR) * matrix
        return EMPTY + COPIES * matrix + beside

    def refusal(self, candidate: Candidate) -> str:
        """Say why a candidate would not fit; nothing where it does."""
        expected = self.expected(candidate)
        if expected <= self.share:
            return ""
        return (
            f"Not tried: it would take about {_megabytes(expected)}, and a worker may hold "
            f"{_megabytes(self.share)}."
        )

    def tell(self, candidate: Candidate, peak: int) -> None:
        """Take the most that a worker held with a candidate; 0 says nothing."""
        if peak:
            name, matrix = candidate.algorithm, self._matrix(candidate)
            beside = max(peak - EMPTY - COPIES * matrix, 0.0) / matrix
            self._factors[name] = max(self._factors.get(name, 0.0), beside)

    def _rows(self, candidate: Candidate) -> int:
        n_rows = self._context.n_rows
        return n_rows if candidate.rows is None else min(candidate.rows, n_rows)

    def _matrix(self, candidate: Candidate) -> float:
        """Return the bytes of the rows that a candidate is fitted on."""
        return 8.0 * self._rows(candidate) * max(self._context.n_columns, 1)

    def _declared(self, candidate: Candidate) -> float | None:
        algorithm = self._algorithms[candidate.algorithm]
        if algorithm.memory is None:
            return None
        device = device_of(algorithm, self._context.device)
        context = replace(self._context, device=device, n_rows=self._rows(candidate))
        try:
            return float(algorithm.memory(context, candidate.params))
        except Exception:  # what it takes is then learned
            return None


def _megabytes(size: float) -> str:
    return f"{size / 2**20:,.0f} MiB"
