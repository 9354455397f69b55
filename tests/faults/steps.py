"""Let each step of the durable writes of a run fail or kill, one after the other.

    python tests/faults/steps.py --how kill            # at the 1st, 2nd, ... step
    python tests/faults/steps.py --how ENOSPC --only my_algorithm --trials 3
    python tests/faults/steps.py --how kill --save     # of `Predictor.save` over another model

After each the run is gone on with, and `around.invariants` looks at it. One process forks for each
run before anything has threads, so that none has to import; what is found is printed as JSON lines.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import around


def fit(home: Path, only: list[str], trials: int) -> Any:
    """Fit in this process."""
    import automl

    warnings.simplefilter("ignore")
    return automl.fit(
        around.table(),
        "y",
        run=home,
        budget=automl.Budget(trials=trials),
        plugins=only,
        strategy=automl.Strategy(isolation="none", folds=2),
    )


def try_run(how: str, n: int, home: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Let the n-th step of a run go wrong, go on with it, and look."""
    import automl_faults_steps

    def first() -> dict[str, Any]:
        switch = automl_faults_steps.Switch(how, n)
        automl_faults_steps.install(switch)
        try:
            found = fit(home, options.only, options.trials)
        except BaseException as error:
            if not getattr(error, "code", "").startswith("E_RUN"):
                raise
            return {"fired": switch.fired, "end": error.code}
        said = found.predictor.predict_proba(around.new_rows())
        assert said.shape == (7, 2)
        return {"fired": switch.fired, "end": "result", "steps": switch.seen}

    def second() -> dict[str, Any]:
        before = around.outcomes(home)
        found = fit(home, options.only, options.trials)
        around.invariants(home, before, found)
        return {"stood": len(before), "now": len(around.outcomes(home))}

    return {"n": n, "first": around.forked(first), "second": around.forked(second)}


def try_save(how: str, n: int, home: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Let the n-th step of saving over another model go wrong, and look at what is there."""
    import automl_faults_steps

    import automl

    target = home / ("model.zip" if options.zip else "model")
    old, new = options.models

    def first() -> dict[str, Any]:
        switch = automl_faults_steps.Switch(how, n)
        automl_faults_steps.install(switch)
        try:
            new.save(target)
        except automl.errors.BundleError as error:
            return {"fired": switch.fired, "end": error.code}
        return {"fired": switch.fired, "end": "result", "steps": switch.seen}

    def second() -> dict[str, Any]:
        rows = around.new_rows()
        said = automl.load(target).predict_proba(rows)
        which = [name for name, one in (("old", old), ("new", new)) if _same(one, rows, said)]
        assert which, "half a model"
        new.save(target)
        assert _same(automl.load(target), rows, new.predict_proba(rows))
        assert [path.name for path in home.iterdir()] == [target.name], "I4"
        return {"there": which[0]}

    home.mkdir()
    old.save(target)
    return {"n": n, "first": around.forked(first), "second": around.forked(second)}


def _same(model: Any, rows: Any, said: Any) -> bool:
    return bool((model.predict_proba(rows) == said).all())


def sound(found: dict[str, Any]) -> bool:
    """Whether a run that went wrong ended as it should and could be gone on with."""
    return found["first"][0] != "error" and found["second"][0] == "value"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--how", default="kill", help="kill, ENOSPC, EIO, EACCES, ...")
    parser.add_argument("--only", nargs="+", default=["toy"], help="algorithms to try")
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--every", type=int, default=1, help="each so many steps alone")
    parser.add_argument("--begin", type=int, default=1, help="with this step")
    parser.add_argument("--save", action="store_true", help="save a model in place of running")
    parser.add_argument("--zip", action="store_true", help="save it as one file")
    options = parser.parse_args()
    bad = 0
    with around.installed(), tempfile.TemporaryDirectory(prefix="faults-steps-") as folder:
        if not hasattr(os, "fork"):
            print(json.dumps({"skipped": "this system cannot fork"}))
            return 0
        # What imports late does so here, once.
        warm = Path(folder) / "warm"
        options.models = [
            fit(warm / str(trials), options.only, trials).predictor for trials in (1, 3)
        ]
        call = try_save if options.save else try_run
        begun = time.monotonic()
        n = options.begin
        while True:
            home = Path(folder) / str(n)
            found = call(options.how, n, home, options)
            found["ok"] = sound(found)
            bad += not found["ok"]
            fired = found["first"] == ("killed",) or (
                found["first"][0] == "value" and found["first"][1]["fired"]
            )
            ended = not fired and found["ok"]
            if found["first"][0] == "value":
                found["first"][1].pop("steps", None)
            if found["ok"]:
                shutil.rmtree(home)
            print(json.dumps(found), flush=True)
            if ended or bad > 5:
                break
            n += options.every
        print(json.dumps({"steps": n - 1, "bad": bad, "seconds": time.monotonic() - begun}))
    return min(bad, 1)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
