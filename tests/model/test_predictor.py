"""What a predictor promises."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

from automl.errors import DataError, InputError, PluginError, SchemaError, SchemaWarning
from automl.plugin import Metric

TASKS = ["binary", "multiclass", "regression"]


@pytest.mark.parametrize("task", TASKS)
def test_labels_have_the_type_that_they_had(make, new, task):
    predictor = make(task=task)
    labels = predictor.predict(new)
    expected = {"binary": object, "multiclass": np.int64, "regression": np.float64}[task]
    assert labels.dtype == expected
    assert labels.shape == (40,)
    if task != "regression":
        assert set(labels) <= set(predictor.classes_)


def test_truth_values_stay_truth_values(make, new):
    predictor = make(classes=lambda labels: labels == "yes")
    assert predictor.predict(new).dtype == bool


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_probabilities_follow_the_classes(make, new, task):
    predictor = make(task=task)
    values = predictor.predict_proba(new)
    assert values.shape == (40, len(predictor.classes_))
    assert np.allclose(values.sum(axis=1), 1)
    assert np.array_equal(predictor.classes_[values.argmax(axis=1)], predictor.predict(new))


def test_numbers_have_no_probabilities(make, new):
    predictor = make(task="regression")
    with pytest.raises(InputError, match="no classes") as caught:
        predictor.predict_proba(new)
    assert caught.value.code == "E_INPUT_PROBA"
    with pytest.raises(AttributeError):
        _ = predictor.classes_
    assert not hasattr(predictor, "classes_")


@pytest.mark.parametrize("task", TASKS)
def test_no_rows_give_no_predictions(make, new, task):
    predictor = make(task=task)
    empty = {name: values[:0] for name, values in new.items()}
    assert predictor.predict(empty).shape == (0,)
    if task != "regression":
        assert predictor.predict_proba(empty).shape == (0, len(predictor.classes_))


def test_each_row_alone_gives_what_the_batch_gives(make, new):
    predictor = make(("toy_pair", "toy_sklearn"))
    batch = predictor.predict_proba(new)
    for row in (0, 10, 39):
        alone = {name: values[[row]] for name, values in new.items()}
        assert np.allclose(predictor.predict_proba(alone)[0], batch[row], rtol=1e-12)


def test_many_rows_go_through_in_pieces(make, new, monkeypatch):
    predictor = make()
    whole = predictor.predict_proba(new)
    monkeypatch.setattr("automl.model.member.BLOCK", 7)
    pieces = predictor.predict_proba(new)
    assert np.allclose(pieces, whole, rtol=1e-12)
    for n_threads in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", n_threads)
        assert predictor.predict_proba(new).tolist() == pieces.tolist()


def test_what_fails_in_a_piece_is_told(make, new, monkeypatch):
    predictor = make()
    monkeypatch.setattr("automl.model.member.BLOCK", 7)
    monkeypatch.setattr("automl.search.cores.cores", lambda: 3)
    seen = []

    def fails(pipeline, X):
        seen.append(len(X))
        if len(X) < 7:
            raise ValueError("five rows are odd")
        return np.zeros((len(X), 2))

    monkeypatch.setattr("automl.candidate.pipeline.Pipeline.values_of", fails)
    with pytest.raises(ValueError, match="five rows are odd"):
        predictor.predict_proba(new)
    assert set(seen) == {7, 5}


def test_the_blend_is_the_weighted_mean_over_parts_and_folds(make, new):
    from automl.data.apply import apply
    from automl.data.frame import take_in

    predictor = make(("toy_pair", "toy_sklearn"))
    rows = apply(predictor.schema, take_in(new)).table
    expected = np.mean(
        [
            member.load(predictor.catalog).values(rows)
            for part in predictor.parts
            for member in part.members
        ],
        axis=0,
    )
    assert np.allclose(predictor.ensemble.values(rows), expected)


def test_a_file_is_read_by_the_installed_readers(make, new, tmp_path):
    predictor = make()
    lines = [",".join(new)] + [
        ",".join("" if str(value) == "nan" else str(value) for value in row)
        for row in zip(*new.values(), strict=True)
    ]
    file = tmp_path / "new.csv"
    file.write_text("\n".join(lines))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SchemaWarning)
        assert np.array_equal(predictor.predict(file), predictor.predict(new))
        assert np.array_equal(predictor.predict(str(file)), predictor.predict(new))


def test_the_target_may_be_in_the_table(make, new, truth):
    predictor = make()
    with_target = new | {"answer": truth["binary"]}
    assert np.array_equal(predictor.predict(with_target), predictor.predict(new))


def test_repairs_are_warned_about_once_for_each_code(make, new):
    predictor = make()
    new["color"][:5] = "purple"
    with pytest.warns(SchemaWarning) as caught:
        predictor.predict(new | {"more": new["size"], "and_more": new["size"]})
    assert sorted(one.message.code for one in caught) == ["W_SCHEMA_EXTRA", "W_SCHEMA_UNSEEN"]
    assert caught[0].filename == __file__


def test_a_missing_column_is_refused_or_imputed(make, new):
    predictor = make()
    short = {name: values for name, values in new.items() if name != "size"}
    with pytest.raises(SchemaError, match="size"):
        predictor.predict(short)
    with pytest.warns(SchemaWarning, match="size"):
        labels = predictor.predict(short, on_missing="impute")
    assert len(labels) == 40


def test_evaluate_scores_new_rows(make, new, truth):
    predictor = make()
    scores = predictor.evaluate(new | {"answer": truth["binary"]})
    assert set(scores) == {predictor.metric.name, "n_rows"}
    assert scores["n_rows"] == 40
    named = predictor.evaluate(new, truth["binary"], metrics=["accuracy", "log_loss"])
    accuracy = np.mean(predictor.predict(new) == truth["binary"])
    assert named["accuracy"] == pytest.approx(accuracy)
    assert set(named) == {"accuracy", "log_loss", "n_rows"}


def test_evaluate_takes_functions_and_metrics(make, new, truth):
    def share_right(y_true, y_pred):
        return float(np.mean(y_true == y_pred))

    predictor = make(task="multiclass")
    scores = predictor.evaluate(new, truth["multiclass"], metrics=[share_right, "accuracy"])
    assert scores["share_right"] == pytest.approx(scores["accuracy"])


def test_evaluate_knows_labels_in_another_type(make, new, truth):
    predictor = make(task="multiclass")
    whole = predictor.evaluate(new, truth["multiclass"])
    assert predictor.evaluate(new, truth["multiclass"].astype(float)) == whole
    assert predictor.evaluate(new, truth["multiclass"].astype(str).astype(object)) == whole


def test_evaluate_leaves_rows_without_truth_out(make, new, truth):
    predictor = make()
    truth["binary"][:3] = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = predictor.evaluate(new, truth["binary"])
    assert scores["n_rows"] == 37


def test_evaluate_refuses_labels_that_training_had_not(make, new, truth):
    truth["binary"][:2] = "maybe"
    with pytest.raises(DataError, match=r"2 rows .* 'maybe'") as caught:
        make().evaluate(new, truth["binary"])
    assert caught.value.code == "E_DATA_LABELS"


def test_numbers_are_evaluated(make, new, truth):
    predictor = make(task="regression")
    scores = predictor.evaluate(new, truth["regression"], metrics=["rmse"])
    error = predictor.predict(new) - truth["regression"]
    assert scores["rmse"] == pytest.approx(float(np.sqrt(np.mean(error**2))))


def test_the_summary_names_what_counts(make):
    shown = repr(make(("toy_pair", "toy_sklearn")))
    for part in ("answer", "binary", "cv_score", "0.5", "toy_pair", "toy_sklearn"):
        assert part in shown


def test_names_of_features(make):
    assert make().feature_names == ("size", "color", "weight_kg")


def test_members_are_built_at_the_first_prediction_and_once(make, new, monkeypatch):
    from automl.model.member import Member

    built = []
    load = Member.load

    def counting(self, catalog, kept):
        built.append(threading.get_ident())
        return load(self, catalog, kept)

    monkeypatch.setattr(Member, "load", counting)
    predictor = make()
    assert built == []
    expected = predictor.predict_proba(new)
    assert len(built) == 2
    fresh = make()
    built.clear()
    found = [None] * 8
    start = threading.Barrier(8)

    def work(number):
        start.wait()
        found[number] = fresh.predict_proba(new)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 2
    assert all(np.array_equal(one, expected) for one in found)


def test_copies_and_pickles_predict_the_same(make, new):
    predictor = make(("toy_sklearn",))
    expected = predictor.predict_proba(new)
    for twin in (copy.copy(predictor), copy.deepcopy(predictor)):
        assert np.array_equal(twin.predict_proba(new), expected)
        assert twin.info == predictor.info
    thawed = pickle.loads(pickle.dumps(predictor))
    assert repr(thawed) == repr(predictor)
    with pytest.raises(PluginError, match="toy_"):
        thawed.predict(new)


def test_a_metric_that_is_gone_does_not_hinder_predictions(make, new):
    predictor = make()
    predictor.metric = Metric(
        name="mine",
        tasks=frozenset({"binary"}),
        score=lambda y, given, weight: 0.0,
        reads="labels",
        greater_is_better=True,
        best=1.0,
    )
    thawed = pickle.loads(pickle.dumps(predictor))
    assert thawed.metric.name == "mine"
    with pytest.raises(PluginError, match="'mine' is not installed"):
        thawed.metric.score(None, None, None)


def test_a_predictor_needs_members(make):
    predictor = make()
    with pytest.raises(ValueError, match="part"):
        type(predictor)(
            schema=predictor.schema,
            task=predictor.task,
            metric=predictor.metric,
            target="answer",
            classes=predictor.classes,
            parts=(),
            catalog=predictor.catalog,
            info={},
        )


def test_importing_the_room_imports_no_learner():
    script = (
        "import sys, automl.model, automl.model.predictor, automl.model.bundle\n"
        "heavy = {'sklearn', 'skops', 'scipy', 'pandas', 'pyarrow', 'narwhals', 'optuna'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
