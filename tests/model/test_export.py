"""An export is opened again, compared with the predictor, and kept only if it says the same."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import automl.errors
from automl.data.apply import apply
from automl.data.columns import Columns
from automl.data.frame import take_in
from automl.data.infer import infer
from automl.data.profile import profile
from automl.errors import ExportError, PluginError
from automl.model.export import compare
from automl.model.export_note import open_export
from automl.model.hard_rows import hard_rows
from automl.plugin import Exporter
from automl.testing.exporting import small_model

USUAL = ("number", "category", "date")


def save(model, folder):
    model.save(folder / "inner" / "model")


def ask(folder):
    predictor = automl.load(folder / "inner" / "model")
    return predictor.predict if predictor.classes is None else predictor.predict_proba


SOUND = Exporter(name="some_form", export=save, load=ask)


def changed(change):
    """Return an exporter whose values are changed in some way."""

    def load(folder):
        opened = ask(folder)
        return lambda rows: change(opened(rows))

    return replace(SOUND, load=load)


def raising(*_):
    raise ZeroDivisionError("no reason")


def raising_when_asked(folder):
    return raising


@pytest.fixture(scope="module")
def model():
    return small_model("binary", "naive_bayes", USUAL)


@pytest.fixture(scope="module")
def numbers():
    return small_model("regression", "linear", USUAL)


def refused(model, exporter, place, code):
    """Return the error of an export that fails and leaves nothing behind."""
    before = sorted(place.rglob("*"))
    with pytest.raises(ExportError) as caught:
        model.export(exporter, place / "made" / "for" / "it")
    assert caught.value.code == code
    assert sorted(place.rglob("*")) == before
    return caught.value


def test_what_says_the_same_is_kept_and_says_who_gave_what(model, tmp_path):
    exported = model.export(SOUND, tmp_path / "new" / "out")
    assert exported.path == tmp_path / "new" / "out"
    assert (exported.n_rows, exported.largest_difference) == (1064, 0.0)
    assert [one.name for one in exported.path.parent.iterdir()] == ["out"]
    there = {path.relative_to(exported.path).as_posix() for path in exported.path.rglob("*.*")}
    assert {"inner/model/manifest.json", "export.json"} <= there & set(exported.files)
    note = json.loads((exported.path / "export.json").read_text(encoding="utf-8"))
    assert note["exporter"]["name"] == "some_form"
    assert note["exporter"]["distribution"] == "handed over in code"
    assert (note["target"], note["task"], note["classes"]) == ("target", "binary", ["high", "low"])
    assert note["columns"] == list(model.feature_names)
    assert note["verified"] == {"rows": 1064, "largest_difference": 0.0, "tolerance": 1e-6}
    givers = {(one["kind"], one["name"]): one["distribution"] for one in note["contributions"]}
    assert givers["algorithm", "naive_bayes"] == "pluggable-automl"
    assert givers["task", "binary"] == "pluggable-automl"
    assert set(note["files"]) == set(exported.files) - {"export.json"}


def test_an_exporter_of_the_catalog_goes_by_its_name(model, tmp_path):
    model.save(tmp_path / "model")
    loaded = automl.load(tmp_path / "model", plugins=[SOUND])
    assert loaded.export("some_form", tmp_path / "out").exporter == "some_form"
    with pytest.raises(PluginError, match="Did you mean 'some_form'") as caught:
        loaded.export("some_from", tmp_path / "other")
    assert caught.value.code == "E_PLUGIN_UNKNOWN"
    needing = replace(SOUND, name="needing", requires=("no-such-distribution",))
    with pytest.raises(PluginError, match="pip install no-such-distribution"):
        automl.load(tmp_path / "model", plugins=[needing]).export("needing", tmp_path / "other")


def test_what_is_refused_is_not_begun(model, tmp_path):
    exporter = replace(SOUND, export=raising, refuses=lambda model: ["its bias", "its hue"])
    error = refused(model, exporter, tmp_path, "E_EXPORT_REFUSED")
    assert "its bias; its hue" in str(error)


def test_a_model_without_columns_is_refused(model, tmp_path):
    empty = type(model)(
        replace(model.schema, features=()),
        model.task,
        model.metric,
        model.target,
        model.classes,
        model.parts,
        model.catalog,
        model.info,
    )
    assert "no column" in str(refused(empty, SOUND, tmp_path, "E_EXPORT_REFUSED"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda values: values[:, ::-1], r"in \d{3,4} of 1064 rows"),
        (lambda values: np.where(np.arange(1064)[:, None] == 700, 0.25, values), "in 1 of 1064"),
        (lambda values: np.where(np.arange(1064)[:, None] == 3, np.nan, values), "in 1 of 1064"),
        (lambda values: values.astype(np.float16), "instead of"),
        (lambda values: values[:, 1], r"shape \(1064,\), the predictor of shape \(1064, 2\)"),
        (lambda values: values[:-1], "shape"),
    ],
)
def test_what_differs_is_named_and_gone(model, tmp_path, change, said):
    error = refused(model, changed(change), tmp_path, "E_EXPORT_DIFFERS")
    with pytest.raises(ExportError, match=said):
        raise error


def test_the_row_and_both_values_are_named(numbers, tmp_path):
    wrong = changed(lambda values: np.where(np.arange(len(values)) == 5, 12345.0, values))
    error = refused(numbers, wrong, tmp_path, "E_EXPORT_DIFFERS")
    sample = numbers.info["sample"]
    assert f"Row 5 (number_0={sample['rows'][5]['number_0']!r}" in str(error)
    assert "12345. instead of " in str(error)


def test_a_difference_within_the_tolerance_is_told(numbers, tmp_path):
    near = replace(changed(lambda values: values * (1 + 1e-4)), tolerance=1e-3)
    exported = numbers.export(near, tmp_path / "out")
    assert exported.largest_difference == pytest.approx(1e-4, rel=1e-3)
    refused(numbers, replace(near, tolerance=1e-5), tmp_path, "E_EXPORT_DIFFERS")


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_numbers_near_zero_are_compared_by_their_spread(numbers, tmp_path, scale):
    rows = {"a": [0, 1, 2]}
    own = scale * np.array([-3.0, 1e-7, 3.0])
    spread = 2.0 * scale
    for error, fine in ((1e-6, True), (3e-6, False)):
        said = own + np.array([0.0, error * scale, 0.0])
        if fine:
            assert compare(said, own, rows, SOUND, spread) == pytest.approx(error / 2)
        else:
            with pytest.raises(ExportError, match="in 1 of 3 rows"):
                compare(said, own, rows, SOUND, spread)
    exported = numbers.export(SOUND, tmp_path / "out")
    note = json.loads((exported.path / "export.json").read_text(encoding="utf-8"))
    sample = numbers.info["sample"]["rows"]
    columns = {name: [row[name] for row in sample] for name in numbers.feature_names}
    assert note["verified"]["spread"] == pytest.approx(np.std(numbers.predict(columns)))


@pytest.mark.parametrize(
    ("part", "function"),
    [
        ("refuses", raising),
        ("export", raising),
        ("load", raising),
        ("load", raising_when_asked),
        ("load", lambda folder: lambda rows: [["a"]]),
        ("load", lambda folder: None),
    ],
)
def test_an_exporter_that_fails_is_named_with_its_cause(model, tmp_path, part, function):
    error = refused(model, replace(SOUND, **{part: function}), tmp_path, "E_EXPORT_BROKEN")
    raised = type(error.__cause__).__name__
    assert f"'some_form' (handed over in code) raised {raised} in {part}()" in str(error)


def test_an_interrupt_leaves_nothing(model, tmp_path):
    def interrupted(model, folder):
        save(model, folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.export(replace(SOUND, export=interrupted), tmp_path / "a" / "out")
    assert not list(tmp_path.iterdir())


def test_an_export_that_remembers_its_place_is_found(model, tmp_path):
    places = []

    def remember(model, folder):
        save(model, folder)
        places.append(folder)

    exporter = replace(SOUND, export=remember, load=lambda folder: ask(places[-1]))
    with pytest.raises(automl.errors.AutoMLError):
        model.export(exporter, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def linking(model, folder):
    (folder / "link").symlink_to(folder.parent)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda model, folder: None, "wrote no file"),
        (lambda model, folder: (folder / "export.json").touch(), "wrote 'export.json'"),
        (linking, "wrote a link"),
    ],
)
def test_what_no_export_may_hold(model, tmp_path, write, said):
    error = refused(model, replace(SOUND, export=write), tmp_path, "E_EXPORT_BROKEN")
    assert said in str(error)


def test_what_is_there_is_not_touched(model, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "away").symlink_to(tmp_path / "nowhere")
    for name in ("full", "file", "away"):
        with pytest.raises(ExportError) as caught:
            model.export(SOUND, tmp_path / name)
        assert caught.value.code == "E_EXPORT_EXISTS"
    assert (tmp_path / "full" / "mine.txt").read_text(encoding="utf-8") == "mine"
    (tmp_path / "empty").mkdir()
    assert model.export(SOUND, tmp_path / "empty").path.joinpath("export.json").is_file()


def test_a_place_that_cannot_be_written_is_one_error(model, tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(ExportError) as caught:
        model.export(SOUND, tmp_path / "file" / "out")
    assert caught.value.code == "E_EXPORT_WRITE"


def test_an_export_is_opened_by_what_made_it(model, tmp_path):
    model.export(SOUND, tmp_path / "out")
    rows = {name: [None, None] for name in model.feature_names}
    opened = open_export(tmp_path / "out", plugins=[SOUND])
    np.testing.assert_array_equal(opened(rows), model.predict_proba(rows))


def test_opening_names_what_is_missing(model, tmp_path):
    model.export(SOUND, tmp_path / "out")
    with pytest.raises(ExportError, match="handed over in code: do the same") as caught:
        open_export(tmp_path / "out")
    assert caught.value.code == "E_EXPORT_PLUGIN"
    note = json.loads((tmp_path / "out" / "export.json").read_text(encoding="utf-8"))
    note["exporter"] |= {"plugin": "some", "distribution": "automl-some", "version": "1.2"}
    (tmp_path / "out" / "export.json").write_text(json.dumps(note), encoding="utf-8")
    with pytest.raises(ExportError, match=r"Run `pip install automl-some==1\.2`"):
        open_export(tmp_path / "out")
    needing = replace(SOUND, requires=("no-such-distribution",))
    with pytest.raises(ExportError, match="pip install no-such-distribution"):
        open_export(tmp_path / "out", plugins=[needing])


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("export.json", "{", "E_EXPORT_FORMAT"),
        ("export.json", "[]", "E_EXPORT_FORMAT"),
        ("export.json", '{"kind": "automl-export", "format": 99}', "E_EXPORT_FORMAT"),
        ("export.json", '{"kind": "automl-export", "format": 1}', "E_EXPORT_FORMAT"),
        ("inner/model/manifest.json", "{}", "E_EXPORT_DAMAGED"),
    ],
)
def test_what_is_no_export_or_was_changed_is_refused(model, tmp_path, name, content, code):
    model.export(SOUND, tmp_path / "out")
    (tmp_path / "out" / name).write_text(content, encoding="utf-8")
    with pytest.raises(ExportError) as caught:
        open_export(tmp_path / "out", plugins=[SOUND])
    assert caught.value.code == code


# The rows


@pytest.fixture(scope="module")
def given():
    n = 60
    return {
        "number": [float(i) / 7 for i in range(n)],
        "truth": [i % 3 == 0 for i in range(n)],
        "written": [f"{i},5" for i in range(n)],
        "spelled": [f"{i}.25" for i in range(n)],
        "word": [f"w{i % 4}" for i in range(n)],
        "text": [f"some words {i} of {i * 7 % 11} and more text" for i in range(n)],
        "day": [f"{1 + i % 27:02}.{1 + i % 12:02}.2024" for i in range(n)],
    }


@pytest.fixture(scope="module")
def known(given):
    raw = take_in(given)
    schema, _ = infer(raw, Columns())
    return schema, profile(schema, apply(schema, raw).table)


def test_hard_rows_are_the_same_each_time_and_the_first_is_empty(known):
    rows = hard_rows(*known, [], 200)
    assert repr(rows) == repr(hard_rows(*known, [], 200))
    assert all(cells[0] is None and len(cells) == 200 for cells in rows.values())
    assert tuple(rows) == known[0].learned


def test_hard_rows_meet_every_rule_of_prediction(known):
    schema, statistics = known
    rows = hard_rows(schema, statistics, [], 1000)
    applied = apply(schema, take_in(rows))
    said = {one.code for one in applied.findings}
    assert {"W_SCHEMA_UNREAD", "W_SCHEMA_INFINITE", "W_SCHEMA_UNSEEN", "W_SCHEMA_RANGE"} <= said


def test_typed_columns_keep_their_type(known):
    rows = hard_rows(*known, [], 1000)
    assert {type(cell) for cell in rows["number"]} <= {type(None), int, float}
    assert {type(cell) for cell in rows["truth"]} <= {type(None), bool}
    assert {type(cell) for cell in rows["written"]} <= {type(None), str}
    assert {"abc", "n/a"} <= set(rows["written"])


def test_each_cell_means_the_same_alone(known):
    """What a cell means never depends on the cells below it, whatever types these have."""
    schema, statistics = known
    rows = hard_rows(schema, statistics, [], 120)
    whole = apply(schema, take_in(rows)).table
    for row in range(0, 120, 7):
        alone = apply(schema, take_in({name: [cells[row]] for name, cells in rows.items()})).table
        for kind, block in whole.blocks().items():
            one, other = block[row].tolist(), alone.block(kind)[0].tolist()
            assert repr(one) == repr(other), (kind, row)


def test_rows_start_from_the_sample(known, given):
    sample = [{name: cells[row] for name, cells in given.items()} for row in range(3)]
    rows = hard_rows(*known, sample, 300)
    usual = sum(cell in {"w0", "w1", "w2"} for cell in rows["word"])
    assert usual > 180
