"""Contributions of the other kinds that break one property each."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from automl.plugin import (
    Encoded,
    Float,
    Listener,
    Metric,
    Preprocessor,
    Reader,
    Saved,
    Splitter,
    Task,
)
from automl.plugin.discovery import discover


class Scale:
    """Sound: bring numbers to one scale; missing cells stay."""

    def __init__(self, power: float = 1.0) -> None:
        self.power = power

    def fit(self, X: Any, y: Any = None) -> Scale:
        self.center_ = np.nan_to_num(np.nanmedian(np.vstack([X, np.zeros(X.shape[1])]), axis=0))
        spread = np.nanmax(np.abs(np.vstack([X - self.center_, np.zeros(X.shape[1])])), axis=0)
        self.spread_ = np.where(spread > 0, spread, 1.0)
        return self

    def transform(self, X: Any) -> Any:
        return (X - self.center_) / self.spread_


def save(fitted: Scale, folder: Path) -> None:
    np.save(folder / "scale.npy", np.vstack([fitted.center_, fitted.spread_]))


def load(folder: Path) -> Scale:
    loaded = Scale()
    loaded.center_, loaded.spread_ = np.load(folder / "scale.npy")
    return loaded


def preprocessor(transformer: Any = Scale, **changes: Any) -> Preprocessor:
    sound = Preprocessor(
        name="some_scale",
        takes=frozenset({"number", "unscaled"}),
        emits=frozenset({"number"}),
        build=lambda params, context: transformer(**params),
        space={"power": Float(1.0, 2.0)},
        saved=None,
        priority=99,
    )
    return replace(sound, **changes)


class Twice(Scale):
    def transform(self, X: Any) -> Any:
        out = super().transform(X)
        return np.vstack([out, out[-1:]]) if len(out) > 1 else out


class Batchy(Scale):
    def transform(self, X: Any) -> Any:
        out = super().transform(X)
        return out - np.nanmean(out, axis=0)


class Counting(Scale):
    calls = 0

    def transform(self, X: Any) -> Any:
        self.calls += 1
        return super().transform(X) + 1e-10 * self.calls


class Complete(Scale):
    def transform(self, X: Any) -> Any:
        if np.isnan(X).any():
            raise ValueError("Input contains NaN.")
        return super().transform(X)


class Peeking(Scale):
    def fit(self, X: Any, y: Any = None) -> Scale:
        super().fit(X, y)
        self.center_ = self.center_ + 0.01 * np.corrcoef(np.arange(len(y)), y)[0, 1]
        return self


class Writing(Scale):
    def transform(self, X: Any) -> Any:
        X -= self.center_
        X /= self.spread_
        return X.copy()


class Seeding(Scale):
    def fit(self, X: Any, y: Any = None) -> Scale:
        os.environ["SCALING"] = str(int(os.environ.get("SCALING", "0")) + 1)
        return super().fit(X, y)


class Cornered(Scale):
    def fit(self, X: Any, y: Any = None) -> Scale:
        if self.power == 2.0:
            raise ValueError("not with 2")
        return super().fit(X, y)


class Varied(Scale):
    def fit(self, X: Any, y: Any = None) -> Scale:
        if not np.nan_to_num(np.ptp(X, axis=0), nan=1.0).any():
            raise ValueError("constant columns")
        return super().fit(X, y)


class Same(Scale):
    def transform(self, X: Any) -> Any:
        return X.copy()


class Singles(Scale):
    def transform(self, X: Any) -> Any:
        return super().transform(X).astype(np.float32)


def save_roughly(fitted: Scale, folder: Path) -> None:
    np.save(folder / "scale.npy", np.vstack([fitted.center_, fitted.spread_]).astype(np.float16))


def right(y: Any, given: Any) -> Any:
    return np.asarray(y == given, dtype=float)


def metric(**changes: Any) -> Metric:
    sound = Metric(
        name="some_share",
        tasks=frozenset({"binary", "multiclass"}),
        score=lambda y, given, weight: float(np.average(right(y, given), weights=weight)),
        reads="labels",
        greater_is_better=True,
        best=1.0,
    )
    return replace(sound, **changes)


def undefined(y: Any, given: Any, weight: Any) -> float:
    share = float(np.average(right(y, given), weights=weight))
    return share if np.ptp(given) else float("nan")


def first_row(y: Any, given: Any, weight: Any) -> float:
    missed = 1 - right(y, given)
    return float(np.average(1 - missed, weights=weight)) - 0.01 * float(missed[0] + 2 * missed[-1])


def distance(y: Any, given: Any, weight: Any) -> float:
    truth = np.arange(given.shape[1]) == y[:, None]
    return float(np.average(((given - truth) ** 2).sum(axis=1), weights=weight))


def sorting(y: Any, given: Any, weight: Any) -> float:
    share = float(np.average(right(y, given), weights=weight))
    y.sort()
    return share


def task(**changes: Any) -> Task:
    """Binary under another name, which is taken only when it is asked for."""
    binary = discover().tasks["binary"]

    def matches(target: Any) -> int:
        return int(target.forced == "some_task" and target.n_distinct == 2)

    return replace(binary, name="some_task", like="binary", matches=matches, **changes)


def backwards(target: Any) -> Encoded:
    classes = np.unique(target.labels)[::-1]
    y = np.array([list(classes).index(label) for label in target.labels], dtype=np.int64)
    return Encoded(y=y, classes=classes)


def shifted(target: Any) -> Encoded:
    classes, y = np.unique(target.labels, return_inverse=True)
    return Encoded(y=(1 - y).astype(np.int64), classes=classes)


def unweighted(y: Any, weight: Any, n_classes: int) -> Any:
    return np.bincount(y, minlength=n_classes) / len(y)


def only_words(target: Any) -> Encoded:
    """Stumbles over a target of a single label."""
    first, second = sorted(set(target.labels.tolist()))[:2]
    y = np.array([int(label == second) for label in target.labels], dtype=np.int64)
    return Encoded(y=y, classes=np.array([first, second], dtype=target.labels.dtype))


def guarded(values: Any) -> Any:
    """Does not believe in the second class where the first is all but impossible."""
    first, second = values.T
    return ((second > first) & ((first > 1e-6) | (first == 0))).astype(int)


def otherwise_elsewhere() -> Any:
    """Return a rule that turns its decisions round in any other process."""
    here = os.getpid()
    return lambda values: values.argmax(axis=1) ^ int(os.getpid() != here)


def splits(request: Any) -> Any:
    rng = np.random.default_rng(request.seed)
    fold = rng.permutation(len(request.y)) % request.n_folds
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(request.n_folds)]


def leaking(request: Any) -> Any:
    return [(np.arange(len(request.y)), test) for _, test in splits(request)]


def shuffled(request: Any) -> Any:
    return [(train[::-1], test) for train, test in splits(request)]


def overlapping(request: Any) -> Any:
    folds = splits(request)
    return [folds[0], folds[0]]


def unseeded(request: Any) -> Any:
    return splits(replace(request, seed=int(np.random.default_rng().integers(1 << 30))))


def missing_place(source: str) -> Any:
    raise FileNotFoundError(f"There is no {source}.")


def reader(**changes: Any) -> Reader:
    sound = Reader(
        name="some_format", matches=lambda source: source.endswith(".some"), read=missing_place
    )
    return replace(sound, **changes)


def vague(source: str) -> Any:
    raise OSError("cannot open")


def listener(start: Any) -> Listener:
    return Listener(name="some_log", start=start)


def picky_receiver() -> Any:
    def receive(event: Any) -> None:
        event.score.hex()

    return receive


def rude_receiver() -> Any:
    os.environ["RUNS"] = str(int(os.environ.get("RUNS", "0")) + 1)
    return None


SOUND = [preprocessor(), metric(), task(), Splitter(name="some_split", split=splits), reader()]

BROKEN: dict[str, tuple[str, Any]] = {
    "unknown trait": ("some_columns_reach_it", preprocessor(takes=frozenset({"colour"}))),
    "no use": (
        "it_is_of_use",
        preprocessor(
            takes=frozenset({"number", "missing"}), emits=frozenset({"number", "missing"})
        ),
    ),
    "one row more": ("rows_keep_their_number_and_order", preprocessor(Twice)),
    "looks at the batch": ("one_row_gives_what_the_batch_gives", preprocessor(Batchy)),
    "learns when asked": ("the_same_data_gives_the_same_columns", preprocessor(Counting)),
    "fails on missing": ("missing_and_unseen_cells_pass", preprocessor(Complete)),
    "emits missing": (
        "what_it_emits_is_true",
        preprocessor(removes=frozenset({"missing"})),
    ),
    "does not scale": ("what_it_emits_is_true", preprocessor(Same)),
    "32 bits": ("what_it_emits_is_true", preprocessor(Singles)),
    "not sparse": ("what_it_emits_is_true", preprocessor(emits=frozenset({"number", "sparse"}))),
    "reads the target": ("the_target_is_not_read", preprocessor(Peeking)),
    "writes into X": ("inputs_stay_untouched", preprocessor(Writing)),
    "sets the environment": ("global_state_stays_untouched", preprocessor(Seeding)),
    "corner that fails": ("ends_of_the_space_fit", preprocessor(Cornered)),
    "constant columns": ("constant_columns_and_few_rows_are_fine", preprocessor(Varied)),
    "metric without a task": ("an_installed_task_is_served", metric(tasks=frozenset({"chess"}))),
    "undefined": ("scores_are_finite_numbers", metric(score=undefined)),
    "best of 2": ("a_perfect_prediction_scores_best", metric(best=2.0)),
    "wrong way": ("the_direction_is_true", metric(greater_is_better=False)),
    "first row": ("the_order_of_rows_does_not_matter", metric(score=first_row)),
    "weights ignored": (
        "a_weight_of_two_is_a_row_given_twice",
        metric(score=lambda y, given, weight: float(np.mean(right(y, given)))),
    ),
    "reads the other classes": (
        "only_the_true_class_is_read",
        metric(
            score=distance, reads="values", greater_is_better=False, best=0.0, true_class_only=True
        ),
    ),
    "sorts y": ("nothing_else_changes", metric(score=sorting)),
    "takes all targets": (
        "a_target_is_taken",
        replace(task(), matches=lambda target: int(target.n_distinct == 2)),
    ),
    "classes not sorted": ("the_code_of_a_target_is_right", task(encode=backwards)),
    "codes turned round": ("the_code_of_a_target_is_right", task(encode=shifted)),
    "constant without weights": ("the_constant_is_right", task(constant=unweighted)),
    "decides the unlikeliest": (
        "decisions_are_right",
        task(decide=lambda values: values.argmin(axis=1), weighable=False),
    ),
    "deaf to weights": ("weights_of_classes_count", task(decide=guarded)),
    "stumbles over a target": (
        "a_wrong_target_is_refused",
        replace(task(encode=only_words), matches=lambda target: int(target.forced == "some_task")),
    ),
    "one string of lines": (
        "lines_are_text",
        task(lines=lambda y, values, weight, classes: f"{len(y)} rows"),
    ),
    "decides otherwise elsewhere": ("a_whole_run_holds", task(decide=otherwise_elsewhere())),
    "no such metric": ("its_metric_and_splitters_are_there", task(metric="nope")),
    "no such splitter": (
        "its_metric_and_splitters_are_there",
        task(splitters={"plain": "stratified"}),
    ),
    "tests what it trained on": (
        "training_and_test_rows_are_apart",
        Splitter(name="some_split", split=leaking),
    ),
    "rows not sorted": ("rows_are_sorted_numbers", Splitter(name="some_split", split=shuffled)),
    "tested twice": ("test_sets_do_not_overlap", Splitter(name="some_split", split=overlapping)),
    "another plan each time": (
        "one_seed_gives_one_plan",
        Splitter(name="some_split", split=unseeded),
    ),
    "takes every source": ("other_sources_are_left_alone", reader(matches=lambda source: True)),
    "vague error": ("a_missing_place_is_named", reader(read=vague)),
    "vague parts": ("a_missing_place_has_no_batches", reader(batches=vague)),
    "no parts": ("a_missing_place_has_no_batches", reader(batches=lambda source: iter(()))),
    "picky listener": ("every_event_is_taken", listener(picky_receiver)),
    "rude listener": ("a_run_starts_it_anew", listener(rude_receiver)),
}

SLOW_BROKEN: dict[str, tuple[str, Any]] = {
    "saved roughly": (
        "a_saved_step_loads_elsewhere",
        preprocessor(saved=Saved(save=save_roughly, load=load)),
    ),
}
"""These start a new process."""
