"""How far a race is: a bar on a terminal, a line for each job elsewhere."""

from __future__ import annotations

import math
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from benchmarks.job import Task
    from benchmarks.rows import Row


class Progress:
    """Counts jobs, and says when the rest will be done by what a job has taken so far."""

    def __init__(self, n_jobs: int) -> None:
        from rich.console import Console

        self.n_jobs = n_jobs
        self.n_skipped = self.n_done = self.n_bad = 0
        self.began = time.monotonic()
        self.console = Console(highlight=False, soft_wrap=True)
        self.status = self.console.status("") if self.console.is_terminal else None

    def __enter__(self) -> Self:
        if self.status:
            self.status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.status:
            self.status.stop()
        words = f"{self.n_done} jobs done, {self.n_bad} of them not well"
        self.console.print(f"{words}, {self.n_skipped} were there already")

    def skip(self) -> None:
        self.n_skipped += 1

    def start(self, task: Task) -> None:
        if self.status:
            name = f"{task.asked.table.name} {task.asked.fold} {task.contender.name}"
            self.status.update(f"{self._place()} {name}")

    def done(self, row: Row) -> None:
        self.n_done += 1
        self.n_bad += row.status != "ok"
        score = "" if math.isnan(row.score) else f"{row.score:.5g}"
        seconds = "" if math.isnan(row.fit_s) else f"{row.fit_s:.1f} s"
        self.console.print(
            f"{self._place():>24}  {row.table:22} {row.fold} {row.contender:22} {row.status:7} "
            f"{row.metric:8} {score:>9} {seconds:>9}  {row.cause}",
            markup=False,
        )

    def _place(self) -> str:
        done = self.n_done + self.n_skipped
        left = ""
        if self.n_done:
            each = (time.monotonic() - self.began) / self.n_done
            left = f", {timedelta(seconds=round(each * (self.n_jobs - done)))} left"
        return f"{done}/{self.n_jobs}{left}"
