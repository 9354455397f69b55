"""What the engine takes beside the learners: CPU seconds of a search by what they went into.

```text
python -m benchmarks.overhead FOLDER TABLE...
```

FOLDER holds a ``catalog.csv`` as in README.md. A number of candidates is tried in this process, in
which every call of a learner, of the preparation and of the saving is timed; ``isolation.py`` says
what processes of their own take beside that.
"""

from __future__ import annotations

import csv
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pandas as pd

TRIALS = 20


class Watch:
    """CPU seconds by name; what is called inside counts for itself alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inside: list[float] = []

    def around(self, owner: Any, attribute: str, name: str) -> None:
        """Time each call of a function from now on."""
        call: Callable[..., Any] = getattr(owner, attribute)

        def timed(*args: Any, **kwargs: Any) -> Any:
            begun = time.process_time()
            self._inside.append(0.0)
            try:
                return call(*args, **kwargs)
            finally:
                taken = time.process_time() - begun
                self.seconds[name] += taken - self._inside.pop()
                if self._inside:
                    self._inside[-1] += taken

        setattr(owner, attribute, timed)


def watched() -> Watch:
    """Time what a search calls."""
    from automl.candidate.pipeline import Pipeline
    from automl.candidate.preparation import Preparation
    from automl.search import evaluate
    from automl.search.loop import Search
    from automl.search.race import Race
    from automl.search.schedule import Schedule

    watch = Watch()
    watch.around(Search, "run", "rest")
    watch.around(evaluate, "fit_pipeline", "learning")
    watch.around(Pipeline, "values_of", "predicting")
    watch.around(evaluate, "fit_preparation", "preparing")
    watch.around(Preparation, "transform", "preparing")
    watch.around(evaluate, "save_pipeline", "saving")
    watch.around(evaluate.Evaluator, "_latency", "timing a row")
    watch.around(evaluate.Evaluator, "_check_order", "checking")
    watch.around(evaluate, "score_values", "scoring")
    for name in ("verdict", "after"):
        watch.around(Race, name, "racing")
    for name in ("ask", "tell"):
        watch.around(Schedule, name, "proposing")
    return watch


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.argument("tables", nargs=-1)
@click.option("--trials", default=TRIALS)
def main(folder: Path, tables: tuple[str, ...], trials: int) -> None:
    """Print a line for each table."""
    import automl

    warnings.simplefilter("ignore")
    with (folder / "catalog.csv").open(newline="", encoding="utf-8") as file:
        known = {row["name"]: row for row in csv.DictReader(file)}
    watch = watched()
    for table in tables:
        row = known[table]
        watch.seconds.clear()
        automl.fit(
            pd.read_parquet(folder / row["file"]),
            row["target"],
            budget=automl.Budget(trials=trials),
            n_jobs=1,
            strategy=automl.Strategy(isolation="none", task=row["task"]),
        )
        total = sum(watch.seconds.values())
        parts = sorted(watch.seconds.items(), key=lambda pair: -pair[1])
        said = ", ".join(f"{name} {seconds / total:.1%}" for name, seconds in parts)
        print(f"{table}: {total:.0f} CPU s: {said}", flush=True)


if __name__ == "__main__":
    main()
