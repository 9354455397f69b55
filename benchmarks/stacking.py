"""Whether a second layer of learners pays: trees over the out-of-fold values of a blend's members.

```text
python -m benchmarks.stacking
```

It reads what `benchmarks.portfolio collect` keeps, as `benchmarks.blending` does. A second layer
learns fold by fold, so that its own out-of-fold values are honest, and joins the selection of the
blend as any other candidate (Wolpert, "Stacked generalization", Neural Networks 5, 1992).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from lightgbm import LGBMClassifier, LGBMRegressor
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from automl.model.blend import average, blend
from automl.plugin.discovery import discover
from benchmarks.blending import CACHE, MEMBERS, Members, gaps_as_lines, judges, tables

FLOOR = 1e-4
"""Least probability before its logarithm is taken."""

MANY = 30
"""Classes above which boosting takes too long for what it is to show."""

Array = NDArray[Any]


def _trees(n_classes: int) -> Any:
    kind = ExtraTreesClassifier if n_classes else ExtraTreesRegressor
    return kind(n_estimators=150, min_samples_leaf=5, max_features=0.5, random_state=0)


def _boosting(n_classes: int) -> Any:
    kind = LGBMClassifier if n_classes else LGBMRegressor
    return kind(
        n_estimators=60,
        learning_rate=0.05,
        num_leaves=8,
        colsample_bytree=0.6,
        reg_lambda=5.0,
        random_state=0,
        n_jobs=1,
        verbose=-1,
    )


LAYERS: dict[str, Callable[[int], Any]] = {"trees": _trees, "boosting": _boosting}


def second_layer(members: Members, inside: Array, make: Callable[[int], Any]) -> Members:
    """Return the members and one more, which learned from the values of some of them."""
    n_classes = members.asked.n_classes
    X = _columns([members.values[place] for place in inside], n_classes)
    X_unseen = _columns([members.unseen[place] for place in inside], n_classes)
    values, unseen = np.zeros(members.values[0].shape), []
    for fold in members.plan().folds:
        learner = make(n_classes).fit(X[fold.train], members.y[fold.train])
        values[fold.test] = _said(learner, X[fold.test], n_classes)
        unseen.append(_said(learner, X_unseen, n_classes))
    return replace(
        members,
        values=[*members.values, values.astype(np.float32)],
        unseen=[*members.unseen, np.mean(unseen, axis=0)],
    )


def _columns(values: list[Array], n_classes: int) -> Array:
    """Return members' values as columns: log-probabilities about their mean, or numbers."""
    if not n_classes:
        return np.column_stack(values).astype(np.float64)
    logs = [np.log(np.clip(one.astype(np.float64), FLOOR, 1.0)) for one in values]
    return np.hstack([one - one.mean(axis=1, keepdims=True) for one in logs])


def _said(learner: Any, X: Array, n_classes: int) -> Array:
    if not n_classes:
        return np.asarray(learner.predict(X))
    values = np.full((len(X), n_classes), FLOOR)
    values[:, learner.classes_.astype(int)] += learner.predict_proba(X)
    return np.asarray(values / values.sum(axis=1, keepdims=True))


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--members", default=24, help="Configurations of the first layer at most.")
@click.option("--rows", default=(600, 0), multiple=True, help="0: all.")
@click.option("--cache", type=click.Path(path_type=Path), default=CACHE)
def main(members: int, rows: tuple[int, ...], cache: Path) -> None:
    """Compare blends with and without a second layer by rows that nobody has seen."""
    catalog = discover()
    found: dict[int, dict[str, list[float]]] = {}
    for table in tables(cache):
        for n_rows in rows:
            part = table.part(min(members, len(table.values)), n_rows)
            if part is None:
                continue
            judge, unseen = judges(part.asked, part.y, part.asked.metric, catalog)
            weights = blend(part.values, judge, max_members=MEMBERS)
            gains = {"one layer": unseen.gain(average(part.unseen, weights))}
            both = part
            for name, make in LAYERS.items():
                gains[f"and {name}"] = gains["one layer"]
                if part.asked.n_classes > MANY and make is _boosting:
                    continue
                more = second_layer(part, np.flatnonzero(weights), make)
                joined = blend(more.values, judge, max_members=MEMBERS)
                gains[f"and {name}"] = unseen.gain(average(more.unseen, joined))
                both = second_layer(both, np.flatnonzero(weights), make)
            joined = blend(both.values, judge, max_members=MEMBERS)
            gains["and both"] = unseen.gain(average(both.unseen, joined))
            best = max(unseen.gain(one) for one in table.unseen)
            sign = 1 if part.asked.greater_is_better else -1
            reach = max(best - sign * part.asked.constant_unseen, 1e-9)
            into = found.setdefault(n_rows, {name: [] for name in gains})
            for name, gain in gains.items():
                into[name].append((gain - best) / reach)
    for n_rows, gaps in sorted(found.items()):
        where = f"{n_rows or 'all'} rows, {len(gaps['one layer'])} tables"
        click.echo("\n".join([f"\n{where}\n", *gaps_as_lines(gaps)]))


if __name__ == "__main__":
    main()
