"""The ONNX exporter: what tables and operations become, whole models, the traps of others."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import automl
from automl.errors import ExportError
from automl.plugin import Coefficients, Formula, Trees
from automl.plugin import formulas as f
from automl.plugin.nearest import Nearest
from automl.plugin.plain import PlainChain, PlainMember, bounded
from automl.plugin.selection import Plugins
from automl.testing.exporting import small_model
from automl_neighbors import ALGORITHM
from automl_onnx import cells
from automl_onnx.build import build
from automl_onnx.folder import opened
from automl_onnx.inputs import Input, way_of
from automl_onnx.inputs import inputs_of as inputs_for

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

KINDS = ("number", "category", "date", "string")
STRATEGY = automl.Strategy(folds=2, isolation="none")


def learned(columns, target, algorithm, *, add=(), **more):
    plugins = Plugins(only=(algorithm,), without=("listener:*",), add=add)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = automl.fit(
            columns,
            target,
            budget=automl.Budget(trials=1),
            plugins=plugins,
            n_jobs=1,
            strategy=STRATEGY,
            **more,
        )
    return found.predictor


def numbers(n_columns, **more):
    """Return a plain model without members, over columns of numbers."""
    features = [
        SimpleNamespace(name=f"x{j}", kind="number", scale=1.0, levels=(), format="")
        for j in range(n_columns)
    ]
    found = {
        "schema": SimpleNamespace(features=features),
        "labels": None,
        "chains": (PlainChain(kind="number", formulas=()),),
        "members": (),
        "constant": np.zeros(()),
        "bounds": None,
        "power": None,
        "weights": None,
        "n_classes": 0,
    }
    return SimpleNamespace(**(found | more))


def categories(levels, **more):
    """Return a plain model over one column of codes for each tuple of levels."""
    features = [
        SimpleNamespace(name=f"c{j}", kind="category", scale=1.0, levels=each, format="")
        for j, each in enumerate(levels)
    ]
    chains = (PlainChain(kind="category", formulas=()),)
    return numbers(0, schema=SimpleNamespace(features=features), chains=chains, **more)


def inputs_of(model):
    return [Input(column=one.name, name=one.name, kind=one.kind) for one in model.schema.features]


def answers(model, given):
    """Return what onnxruntime says of a plain model; the file has to be valid."""
    made = build(model, inputs_of(model), {})
    onnx.checker.check_model(made, full_check=True)
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, given)[-1]


def fed(X):
    return {f"x{j}": np.ascontiguousarray(X[:, [j]]) for j in range(X.shape[1])}


def member(table, share=1.0, present=()):
    return PlainMember(share=share, chains=(0,), learned=table, present=present)


def random_trees(rng, *, n_trees, n_columns, n_outputs=1, width=1, n_codes=0, depth=5):
    """Return trees of any shape; even columns hold codes where there are such."""
    nodes = {
        name: [] for name in ("feature", "threshold", "missing_left", "value", "left", "right")
    }
    starts, sets = [], {}

    def grow(start, depth):
        here = len(nodes["feature"])
        for values in nodes.values():
            values.append(0)
        nodes["value"][here] = rng.normal(size=width) + 1e3
        nodes["left"][here] = nodes["right"][here] = -1
        if depth and rng.random() > 0.25:
            column = int(rng.integers(n_columns))
            nodes["feature"][here] = column
            nodes["threshold"][here] = rng.normal()
            nodes["missing_left"][here] = bool(rng.integers(2))
            if n_codes and column % 2 == 0:
                sets[here] = np.flatnonzero(rng.random(n_codes) < rng.random())
            nodes["left"][here] = grow(start, depth - 1)
            nodes["right"][here] = grow(start, depth - 1)
        return here - start

    for _ in range(n_trees):
        starts.append(len(nodes["feature"]))
        grow(starts[-1], depth)
    return Trees.of_nodes(
        np.array(starts),
        {name: np.array(values) for name, values in nodes.items()},
        output=rng.integers(0, n_outputs - width + 1, n_trees),
        base=rng.normal(size=n_outputs),
        sets=sets,
    )


def cells_for(rng, trees, n_rows, n_columns, n_codes=0):
    """Return rows, many of them exactly at a threshold or one step beyond it."""
    X = rng.normal(size=(n_rows, n_columns))
    if n_codes:
        X[:, ::2] = rng.integers(0, n_codes + 5, X[:, ::2].shape)
    by_number = trees.set_of < 0 if trees.set_of is not None else np.ones(len(trees.feature), bool)
    for row, split in enumerate(np.flatnonzero(by_number)[: n_rows // 2]):
        cell = trees.threshold[split]
        X[2 * row : 2 * row + 2, trees.feature[split]] = cell, np.nextafter(cell, np.inf)
    X[rng.random(X.shape) < 0.15] = np.nan
    return X


@pytest.mark.parametrize("n_trees", [1, 3, 90])
def test_trees_decide_in_float64(n_trees):
    rng = np.random.default_rng(n_trees)
    trees = random_trees(rng, n_trees=n_trees, n_columns=4)
    X = cells_for(rng, trees, 700, 4)
    model = numbers(4, members=(member(trees, 0.5), member(trees, 0.25)))
    for n_rows in (1, 2, 40, 700):  # onnxruntime walks few rows another way than many
        said = answers(model, fed(X[:n_rows]))
        np.testing.assert_allclose(said, 0.75 * trees.values(X[:n_rows])[:, 0], rtol=1e-14)


def test_trees_without_splits_do_not_disturb_others():
    # With several outputs onnxruntime 1.32 adds to a tree that is only a leaf what is another's.
    rng = np.random.default_rng(7)
    bare = random_trees(rng, n_trees=3, n_columns=2, n_outputs=3, depth=0)
    others = random_trees(rng, n_trees=9, n_columns=2, n_outputs=3)
    X = cells_for(rng, others, 50, 2)
    members = tuple(member(one, 0.5, (0, 1, 2)) for one in (bare, others, bare))
    model = numbers(2, members=members, labels=["a", "b", "c"], n_classes=3, constant=np.zeros(3))
    expected = 0.5 * (2 * bare.outputs(X) + others.outputs(X))
    np.testing.assert_allclose(answers(model, fed(X)), expected, rtol=1e-7)
    alone = numbers(
        2,
        members=(
            member(
                Trees.of_nodes(
                    np.array([0]),
                    {
                        "feature": np.zeros(1),
                        "threshold": np.zeros(1),
                        "missing_left": np.zeros(1),
                        "value": np.array([2.5]),
                        "left": np.array([-1]),
                        "right": np.array([-1]),
                    },
                    output=np.array([0]),
                    base=np.array([1.0]),
                )
            ),
        ),
    )
    assert answers(alone, fed(X)).tolist() == [3.5] * 50


def as_they_are(n_levels):
    table = np.arange(-2.0, n_levels)[:, None]
    table[:2] = np.nan
    return table


@pytest.mark.parametrize("n_codes", [3, 60, 300])
def test_sets_of_codes_are_looked_into_as_the_learner_does(n_codes):
    rng = np.random.default_rng(n_codes)
    trees = random_trees(rng, n_trees=20, n_columns=3, n_codes=n_codes)
    levels = tuple(f"level {code}" for code in range(n_codes + 20))
    read = Formula(
        n_in=3,
        operations=tuple(f.Lookup(column=j, table=as_they_are(len(levels))) for j in range(3)),
        out=np.arange(3, 6),
    )
    model = categories([levels] * 3, members=(member(trees),))
    model.chains = (PlainChain(kind="category", formulas=(read,)),)
    codes = rng.integers(-2, len(levels), (500, 3))
    words = np.array([*levels, "never seen", ""], dtype=object)[codes]
    words[codes == -1], words[codes == -2] = "", "never seen"
    given = {f"c{j}": np.ascontiguousarray(words[:, [j]]) for j in range(3)}
    expected = trees.values(np.where(codes < 0, np.nan, codes))[:, 0]
    np.testing.assert_allclose(answers(model, given), expected, rtol=1e-7)


def test_numbers_far_from_zero_keep_their_decimals():
    rng = np.random.default_rng(3)
    trees = random_trees(rng, n_trees=4, n_columns=2)
    far = replace(trees, leaf=trees.leaf + 1.7e9)
    X = cells_for(rng, far, 100, 2)
    said = answers(numbers(2, members=(member(far),)), fed(X))
    assert np.abs(said - far.values(X)[:, 0]).max() < 1e-5  # as float32 it would be 512


def test_large_sums_that_cancel_leave_nothing_behind():
    rng = np.random.default_rng(5)
    trees = random_trees(rng, n_trees=80, n_columns=3)
    large = replace(trees, leaf=(trees.leaf - 1e3) * 1e4, base=np.array([7.0]))
    opposite = replace(large, leaf=-large.leaf * (1 + 1e-7))
    X = cells_for(rng, large, 300, 3)
    said = answers(numbers(3, members=(member(large), member(opposite))), fed(X))
    expected = (large.values(X) + opposite.values(X))[:, 0]
    # As float32 they would be off by 0.01.
    np.testing.assert_allclose(said, expected, rtol=1e-9, atol=1e-8)


ODD = np.array([np.nan, -np.inf, np.inf, 0.0, -0.0, 1e-300, -3.5, 2.0, 1e30, 7.25, -1e5])

OPERATIONS = {
    "fill": f.Fill(columns=np.array([0, 2]), values=np.array([1.5, -2.0])),
    "missing": f.IsMissing(columns=np.array([1, 0])),
    "affine": f.Affine(
        columns=np.array([0, 1]), center=np.array([3.0, 1e9]), scale=np.array([0.1, 7.0])
    ),
    "clip": f.Clip(columns=np.array([0, 1, 2]), low=-3.0, high=5.0),
    "half a clip": f.Clip(columns=np.array([0, 1]), low=-np.inf, high=5.0),
    **{
        function: f.Apply(columns=np.array([0, 1, 2]), function=function)
        for function in f.FUNCTIONS
    },
    **{
        how: f.Combine(how=how, first=np.array([0, 1]), second=np.array([2, 0]))
        for how in ("sum", "difference", "product", "quotient")
    },
    "interpolate": f.Interpolate(
        columns=np.array([0, 1, 2, 0]),
        points=(
            np.array([-4.0, -3.5, 0.0, 2.0, 100.0]),
            np.array([1.0]),
            np.array([0.0, 1.0]),
            np.linspace(-5, 5, 1000),
        ),
        values=(
            np.array([3.0, -1.0, 0.5, 0.25, 9.0]),
            np.array([4.0]),
            np.array([-1.0, 1.0]),
            np.linspace(-5, 5, 1000) ** 3,
        ),
    ),
    "lookup": f.Lookup(column=1, table=np.arange(12.0).reshape(6, 2)),
    "sparse lookup": f.Lookup(
        column=1,
        table=f.Sparse(
            data=np.array([1.0, 2.0, 3.0]),
            indices=np.array([4, 0, 2]),
            starts=np.array([0, 0, 1, 3, 3]),
            n_columns=5,
        ),
    ),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_says_what_the_formula_says(name):
    rng = np.random.default_rng(0)
    operation = OPERATIONS[name]
    X = np.concatenate([rng.normal(size=(30, 3)) * 3, rng.choice(ODD, (200, 3))])
    X[:30, 1] = np.round(X[:30, 1])
    X[~np.isfinite(X) & (rng.random(X.shape) < 0.5)] = 2.0
    X[np.isinf(X)] = np.nan  # what is infinite is missing before any formula
    for column in range(operation.width):
        formula = Formula(n_in=3, operations=(operation,), out=np.array([3 + column]))
        model = numbers(3, members=(member(formula),))
        expected = formula.outputs(np.clip(X, -1e30, 1e30))[:, 0]
        np.testing.assert_allclose(answers(model, fed(X)), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_that_are_equally_far_share_a_place(p, weighted):
    rng = np.random.default_rng(p)
    near = Nearest(
        columns=np.array([2, 0, 1]),
        rows=rng.integers(0, 3, (60, 3)).astype(np.float32) / 3,
        values=rng.random((60, 2)) < 0.5,
        k=7,
        p=p,
        floor=1e-6,
        weighted=weighted,
    )
    formula = Formula(n_in=3, operations=(near, near), out=np.array([3, 6]))
    model = numbers(3, members=(member(formula, 1.0, (1, 0)),), labels=["a", "b"], n_classes=2)
    model.constant = np.zeros(2)
    X = np.concatenate([near.rows[:, near.columns], rng.normal(size=(40, 3))]).astype(float)
    for n_rows in (0, 1, 100):
        expected = formula.outputs(X[:n_rows])[:, ::-1]
        np.testing.assert_allclose(answers(model, fed(X[:n_rows])), expected, atol=1e-12)


def test_products_and_shares_go_through_tables_of_codes():
    rng = np.random.default_rng(2)
    wide = f.Sparse(
        data=rng.normal(size=40),
        indices=rng.integers(0, 900, 40),
        starts=np.linspace(0, 40, 13).astype(int),
        n_columns=900,
    )
    read = Formula(
        n_in=2,
        operations=(
            f.Lookup(column=0, table=wide),
            f.Lookup(column=1, table=rng.normal(size=(4, 3))),  # fewer slots than there are levels
            f.Product(
                columns=np.arange(2, 905), weights=rng.normal(size=(903, 4)), base=np.ones(4)
            ),
            f.Apply(columns=np.arange(905, 909), function="tanh"),
            f.Softmax(columns=np.arange(905, 909)),
        ),
        out=np.array([2, 904, 905, 907, 909, 912, 913, 916]),
    )
    weights = rng.normal(size=(8, 3))
    linear = Coefficients(weights=weights, base=rng.normal(size=3), link="softmax")
    cut = replace(linear, link="none", low=-0.1, high=0.2)
    levels = tuple("abcdefghij")
    model = categories(
        [levels] * 2,
        members=(
            member(linear, 0.5, (2, 0, 1)),
            member(linear, 0.25, (0, 1, 2)),
            member(cut, 0.25, (0, 1, 2)),
        ),
        labels=[False, True, "?"],
        n_classes=3,
        constant=np.array([0.0, 0.5, 0.0]),
    )
    model.chains = (PlainChain(kind="category", formulas=(read,)),)
    codes = rng.integers(-2, 10, (60, 2))
    words = np.array([*levels, "zz", ""], dtype=object)[codes]
    X = read.outputs(codes)
    expected = 0.25 * (linear.values(X) + cut.values(X)) + model.constant
    expected[:, [2, 0, 1]] += 0.5 * linear.values(X)
    words[codes == -1], words[codes == -2] = "", "zz"
    said = answers(model, {f"c{j}": np.ascontiguousarray(words[:, [j]]) for j in range(2)})
    np.testing.assert_allclose(said, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("margin", [None, 0.0, 2.5])
def test_numbers_are_held_within_bounds(margin):
    X = np.linspace(-50, 50, 31)[:, None]
    same = Coefficients(weights=np.ones((1, 1)), base=np.zeros(1))
    bounds = {"low": -3.0, "high": 4.0, "margin": margin}
    said = answers(numbers(1, members=(member(same),), bounds=bounds), fed(X))
    np.testing.assert_allclose(said, bounded(X[:, 0], bounds), rtol=1e-12)


def test_an_answer_that_is_always_the_same_has_a_row_for_each_row():
    model = numbers(1, labels=["a", "b"], n_classes=2, constant=np.array([0.25, 0.75]))
    assert answers(model, fed(np.zeros((3, 1)))).tolist() == [[0.25, 0.75]] * 3


# Whole models


def exported(model, path):
    """Export, which compares values; return the session and what reads cells."""
    folder = model.export("onnx", path / "out").path
    session = onnxruntime.InferenceSession(
        str(folder / "model.onnx"), providers=["CPUExecutionProvider"]
    )
    read = cells.Reader(json.loads((folder / "inputs.json").read_text(encoding="utf-8"))["inputs"])
    return folder, lambda rows: dict(
        zip(
            [one.name for one in session.get_outputs()],
            session.run(None, read(rows)),
            strict=True,
        )
    )


QUICK = [("binary", "lightgbm"), ("multiclass", "linear"), ("regression", "xgboost")]
REST = [
    (task, algorithm)
    for task in ("binary", "multiclass", "regression")
    for algorithm in (
        "decision_tree",
        "extra_trees",
        "hist_boosting",
        "lightgbm",
        "linear",
        "mlp",
        "naive_bayes",
        "nearest_neighbors",
        "random_forest",
        "svm",
        "xgboost",
    )
    if (task, algorithm) not in QUICK
    and (task, algorithm) not in {("regression", "naive_bayes"), ("multiclass", "naive_bayes")}
]


@pytest.mark.parametrize(
    ("task", "algorithm"),
    [*QUICK, *(pytest.param(*one, marks=pytest.mark.slow) for one in REST)],
)
def test_a_model_says_the_same_in_onnxruntime(task, algorithm, tmp_path):
    model = small_model(task, algorithm, KINDS)
    if algorithm != "decision_tree":  # which is worse than the baseline where there are few rows
        assert model.parts[0].candidate.algorithm == algorithm
    _, ask = exported(model, tmp_path)
    rows = {
        name: [row[name] for row in model.info["sample"]["rows"]] for name in model.feature_names
    }
    said = ask(rows)
    if task == "regression":
        np.testing.assert_allclose(said["value"], model.predict(rows), rtol=1e-6)
    else:
        assert said["label"].tolist() == model.predict(rows).tolist()
        np.testing.assert_allclose(said["probabilities"], model.predict_proba(rows), atol=1e-6)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    rng = np.random.default_rng(1)
    n = 120
    columns = {
        "label": rng.normal(size=n).tolist(),
        "value": rng.choice(["a", "b", None, "1", "ünï | `x`"], n).tolist(),
        "/when": [f"{d:02d}.{m:02d}.2021" for d, m in rng.integers(1, [29, 13], (n, 2))],
        "price": [f"1.{number:03d},5" for number in rng.integers(0, 999, n)],
    }
    y = np.array(columns["label"]) + np.array(
        [1.0 if one == "a" else 0.0 for one in columns["value"]]
    )
    model = learned(columns, (y > 0.3).tolist(), "linear")
    folder, _ = exported(model, tmp_path_factory.mktemp("onnx"))
    return model, folder


def test_the_file_says_what_it_is(shown):
    model, folder = shown
    made = onnx.load(folder / "model.onnx")
    assert {one.domain: one.version for one in made.opset_import} == {"": 17, "ai.onnx.ml": 3}
    assert made.ir_version == 8
    facts = {one.key: one.value for one in made.metadata_props}
    assert facts["automl_version"] == automl.__version__
    assert (facts["target"], facts["task"]) == (model.target, "binary")
    assert json.loads(facts["classes"]) == [False, True]
    document = json.loads((folder / "inputs.json").read_text(encoding="utf-8"))
    # A column may have the name of an output.
    assert [one["input"] for one in document["inputs"]] == ["label_", "value_", "/when", "price"]
    assert [one["column"] for one in document["inputs"]] == list(model.feature_names)
    note = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    assert note["verified"]["rows"] == 1000 + len(model.info["sample"]["rows"])
    assert note["verified"]["largest_difference"] < 1e-6


def test_the_readme_runs_without_automl(shown, tmp_path):
    model, folder = shown
    code = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.DOTALL)
    program = "import sys\nsys.path.insert(0, '.')\nsys.modules['automl'] = None\n" + code[1]
    run = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            program + "print(session.run(None, read(rows))[0])",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not run.returncode, run.stderr
    first = {name: [cell] for name, cell in model.info["sample"]["rows"][0].items()}
    assert run.stdout.splitlines()[-1] == str(model.predict(first))


def test_cells_are_read_as_the_model_reads_them(shown):
    model, folder = shown
    rows = {
        "label": ["1e3", " 7 ", "n/a", None, "abc", float("nan"), 3, True, float("inf"), 10**400],
        "value": [1, 1.0, "1.0", " a ", "A", "", "None", None, True, "never seen"],
        "/when": [
            "31.12.2021",
            "2021-12-31",
            "soon",
            "",
            None,
            "31.12.21",
            "1.1.2021 10:30",
            "?",
            "2021-12-31T00:00:00+02:00",
            "0000-00-00",
        ],
        "price": ["1.234,5", "1234,5", "1,5", "", "x", None, "€ 3,75", "-0,5", "1e3", "12 apples"],
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each cell is odd, and said to be
        one_by_one = [{name: [cells[row]] for name, cells in rows.items()} for row in range(10)]
        expected = np.concatenate([model.predict_proba(row) for row in one_by_one])
    np.testing.assert_allclose(opened(folder)(rows), expected, atol=1e-9)


def test_what_cannot_be_exported_is_named_before_the_work(tmp_path):
    silent = replace(ALGORITHM, name="silent", formula=None)
    rng = np.random.default_rng(0)
    x = rng.normal(size=80)
    model = learned({"x": x.tolist()}, (x > 0).tolist(), "silent", add=(silent,))
    with pytest.raises(ExportError) as caught:
        model.export("onnx", tmp_path / "out")
    assert caught.value.code == "E_EXPORT_REFUSED"
    assert "'silent'" in caught.value.message
    assert not (tmp_path / "out").exists()


STORIES = [
    "quick fox",
    "lazy dog",
    "over",
    "the the river",
    "by night!",
    "Ünï 7",
    "日本語",
    "a\n b",
]


def stories(rng, n_rows):
    return [" ".join(rng.choice(STORIES, rng.integers(0, 9))) for _ in range(n_rows)]


@pytest.mark.parametrize("algorithm", ["linear", "lightgbm"])
def test_texts_come_in_as_words_and_pieces(algorithm, tmp_path):
    rng = np.random.default_rng(0)
    texts = stories(rng, 120)
    columns = {"story": texts, "x": rng.normal(size=120).tolist(), "story_words": texts[::-1]}
    model = learned(columns, ["fox" in one for one in texts], algorithm)
    assert {one.kind for one in model.schema.features} == {"text", "number"}
    folder, ask = exported(model, tmp_path)
    odd = [None, "", "NA", " fox ", "FOX fox", "\ud83d", "\udc00 quick\ud800 fox", "x" * 30_000]
    rows = {"story": [*odd, *stories(rng, 30)]}
    rows |= {"x": [0.5] * 38, "story_words": rows["story"][::-1]}
    np.testing.assert_allclose(ask(rows)["probabilities"], model.predict_proba(rows), atol=1e-6)
    said = json.loads((folder / "inputs.json").read_text(encoding="utf-8"))["inputs"]
    kinds = {one["input"]: (one["column"], one.get("part")) for one in said}
    assert len(kinds) == len(said)
    assert kinds["story_words"] == ("story", "words")
    assert kinds["story_words_pieces"] == ("story_words", "pieces")
    opened(folder)({"story": ["fox"], "x": [1.0], "story_words": [None]})


def test_words_pairs_and_pieces_are_weighed_as_the_step_does():
    from automl_prepare.ngrams import Ngrams

    rng = np.random.default_rng(1)
    texts = stories(rng, 80)
    step = Ngrams(max_words=50, max_pieces=60, min_rows=2)
    step.fit_transform(texts)
    terms = step.formula(0)
    formula = Formula(n_in=1, operations=(terms,), out=np.arange(1, 1 + terms.width))
    weights = rng.normal(size=(terms.width, 1))
    sums = Coefficients(weights=weights, base=np.zeros(1))
    features = [  # one column may be there twice
        SimpleNamespace(name="t", kind=kind, scale=1.0, levels=(), format="")
        for kind in ("string", "text")
    ]
    model = numbers(0, members=(member(sums),), schema=SimpleNamespace(features=features))
    model.chains = (PlainChain(kind="text", formulas=(formula,)),)
    inputs = inputs_for(model)
    read = cells.Reader(
        [
            {"column": "t", "input": one.name, "kind": one.kind, "part": one.part, "levels": []}
            | {"type": "string", **way_of(model).how[0]}
            for one in inputs
        ]
    )
    new = [*stories(rng, 40), "", "never seen", "\ud800", "dog " * 9]
    made = build(model, inputs, {})
    session = onnxruntime.InferenceSession(made.SerializeToString())
    said = session.run(None, read({"t": new}))[0]
    assert session.run(None, read({"t": []}))[0].shape == (0,)
    block = np.array([[one] for one in new], dtype=object)
    np.testing.assert_allclose(said, (formula.outputs(block) @ weights)[:, 0], atol=1e-12)
