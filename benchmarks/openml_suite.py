"""Tables of OpenML, by the ids of their tasks, with the splits that OpenML fixed.

Needs the package openml; what it has fetched once it finds in its cache the next time, which lies
where `OPENML_CACHE_DIR` or its own settings say.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.tables import Table

REGRESSION = "Supervised Regression"


def tables(entry: dict[str, Any]) -> list[Table]:
    """Return the tables of `entry["tasks"]`; their cells and splits are fetched when they are due.

    Parameters
    ----------
    entry : dict
        `tasks`, ids of OpenML tasks, and `folds`, how many of their splits there are.
    """
    return [_table(int(number), int(entry["folds"])) for number in entry["tasks"]]


def _table(number: int, folds: int) -> Table:
    import openml

    task = openml.tasks.get_task(
        number, download_splits=False, download_qualities=True, download_features_meta_data=True
    )
    data = task.get_dataset(download_qualities=True, download_features_meta_data=True)
    if task.task_type == REGRESSION:
        kind = "regression"
    else:
        kind = "binary" if len(task.class_labels) == 2 else "multiclass"
    return Table(
        name=f"{data.name}-{number}",
        task=kind,
        target=task.target_name,
        load=partial(_load, number),
        n_rows=int((data.qualities or {}).get("NumberOfInstances") or 0),
        held=partial(_held, number),
        folds=folds,
    )


def _load(number: int) -> pd.DataFrame:
    import openml

    task = openml.tasks.get_task(number, download_splits=False)
    data = task.get_dataset(download_data=True)
    frame: pd.DataFrame = data.get_data(dataset_format="dataframe")[0]
    return frame


def _held(number: int, fold: int) -> NDArray[np.intp]:
    """Return the test rows of a split; where there are repeats, they follow each other."""
    import openml

    task = openml.tasks.get_task(number, download_splits=True)
    _, n_folds, _ = task.get_split_dimensions()
    _, rows = task.get_train_test_split_indices(fold=fold % n_folds, repeat=fold // n_folds)
    return np.asarray(rows, dtype=np.intp)
