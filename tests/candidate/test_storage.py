"""A fitted pipeline as files, and back."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from automl.candidate.pipeline import (
    FittedChain,
    FittedStep,
    Pipeline,
    Preparation,
    constant_pipeline,
)
from automl.candidate.recipe import Candidate, Step
from automl.candidate.storage import load_pipeline, save_pipeline
from automl.data.table import Kind, Table
from automl.errors import BundleError, PluginError
from automl.plugin import Algorithm, Preprocessor, Saved
from automl.plugin.catalog import Catalog

N = 60


class Doubler:
    """Twice the numbers."""

    def fit(self, X, y):
        return self

    def transform(self, X):
        return X * 2


class Steps:
    """Holds a function, which skops cannot save."""

    def __init__(self):
        self.function = lambda X: X[:, 0]

    def predict(self, X):
        return self.function(X)


def _table(seed=0):
    rng = np.random.default_rng(seed)
    return Table(
        number=rng.normal(size=(N, 3)),
        category=np.zeros((N, 0), dtype=np.int32),
        string=np.zeros((N, 0), dtype=np.int32),
        text=np.zeros((N, 0), dtype=object),
        date=np.zeros((N, 0)),
    )


@pytest.fixture(scope="module")
def tasks():
    from automl.plugin.discovery import discover

    return discover().tasks


def _catalog(tasks, saved, step_saved=("numpy.dtype",)):
    everything = frozenset({"binary", "multiclass", "regression"})
    algorithm = Algorithm(name="model", tasks=everything, build=lambda p, c: None, saved=saved)
    step = Preprocessor(
        name="step",
        takes=frozenset({"number"}),
        emits=frozenset({"number"}),
        build=lambda p, c: None,
        saved=step_saved,
    )
    return Catalog(tasks=tasks, algorithms={"model": algorithm}, preprocessors={"step": step})


def _pipeline(tasks, estimator, transformer=None, n_classes=3):
    from sklearn.preprocessing import StandardScaler

    table = _table()
    transformer = transformer or StandardScaler().fit(table.number)
    y = np.arange(N) % n_classes if n_classes else table.number[:, 0] * 2
    estimator = estimator.fit(transformer.transform(table.number), y)
    name = {0: "regression", 2: "binary"}.get(n_classes, "multiclass")
    return Pipeline(
        candidate=Candidate(
            algorithm="model",
            params={"depth": 3, "mode": None, "rate": 0.1},
            preparation={"number": (Step(name="step", params={"a": 1}),)},
        ),
        task=tasks[name],
        n_classes=n_classes,
        preparation=Preparation(
            chains=(
                FittedChain(
                    kind=Kind.NUMBER,
                    steps=(FittedStep(name="step", params={"a": 1}, transformer=transformer),),
                ),
            ),
            sparse=False,
            categories=(1, 2),
            n_levels=(4, 5),
            names=("a", "\N{SNOWMAN}", "c\ud800"),
        ),
        estimator=estimator,
        present=tuple(range(n_classes)),
    )


def _learners():
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    return {
        "linear": (LogisticRegression(), ()),
        "forest": (RandomForestClassifier(5), ("sklearn.tree._tree.Tree",)),
        "boosting": (
            HistGradientBoostingClassifier(max_iter=3),
            ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",),
        ),
        "neighbors": (
            KNeighborsClassifier(),
            (
                "sklearn.metrics._dist_metrics.EuclideanDistance64",
                "sklearn.neighbors._kd_tree.KDTree",
            ),
        ),
    }


@pytest.mark.parametrize("name", ["linear", "forest", "boosting", "neighbors"])
@pytest.mark.parametrize("portable", [True, False])
def test_a_pipeline_comes_back_as_it_was(tasks, tmp_path, name, portable):
    estimator, declared = _learners()[name]
    catalog = _catalog(tasks, declared)
    pipeline = _pipeline(tasks, estimator)
    save_pipeline(pipeline, tmp_path, catalog, portable=portable)
    assert (tmp_path / "unsafe.pkl").exists() != portable
    loaded = load_pipeline(tmp_path, catalog, allow_unsafe=not portable)
    new = _table(seed=1)
    assert np.array_equal(loaded.values(new), pipeline.values(new))
    for field in ("candidate", "task", "n_classes", "present", "constant"):
        assert getattr(loaded, field) == getattr(pipeline, field)
    for field in ("sparse", "categories", "n_levels", "names"):
        assert getattr(loaded.preparation, field) == getattr(pipeline.preparation, field)


def test_a_constant_needs_no_algorithm(tasks, tmp_path):
    answer = np.array([0.25, 0.75])
    pipeline = constant_pipeline(Candidate(algorithm="baseline"), tasks["binary"], 2, answer)
    catalog = Catalog(tasks=tasks)
    save_pipeline(pipeline, tmp_path, catalog)
    assert [path.name for path in tmp_path.iterdir()] == ["pipeline.json"]
    assert np.array_equal(load_pipeline(tmp_path, catalog).values(_table())[0], answer)


def test_undeclared_types_are_named_when_saving(tasks, tmp_path):
    estimator, _ = _learners()["forest"]
    with pytest.raises(PluginError, match=r"sklearn\.tree\._tree\.Tree") as caught:
        save_pipeline(_pipeline(tasks, estimator), tmp_path, _catalog(tasks, ()))
    assert caught.value.code == "E_PLUGIN_SAVED"
    assert "saved=('sklearn.tree._tree.Tree',)" in caught.value.remedy
    assert "algorithm 'model'" in caught.value.message


def test_a_preprocessor_is_named_too(tasks, tmp_path):
    estimator, _ = _learners()["linear"]
    pipeline = _pipeline(tasks, estimator, transformer=Doubler())
    with pytest.raises(PluginError, match="preprocessor 'step'"):
        save_pipeline(pipeline, tmp_path, _catalog(tasks, ()))


def test_what_skops_cannot_save_is_said(tasks, tmp_path):
    class Learner(Steps):
        def fit(self, X, y):
            return self

    pipeline = _pipeline(tasks, Learner(), n_classes=0)
    with pytest.raises(PluginError, match=r"skops cannot save|does not declare") as caught:
        save_pipeline(pipeline, tmp_path, _catalog(tasks, ()))
    assert caught.value.code == "E_PLUGIN_SAVED"


def test_a_pickle_is_read_by_its_own_run_only(tasks, tmp_path):
    class Local:
        def fit(self, X, y):
            return self

        def predict(self, X):
            return X[:, 0]

    catalog = _catalog(tasks, None, step_saved=None)
    pipeline = _pipeline(tasks, Local(), transformer=Doubler(), n_classes=0)
    save_pipeline(pipeline, tmp_path, catalog)
    loaded = load_pipeline(tmp_path, catalog, allow_unsafe=True)
    assert np.array_equal(loaded.values(_table()), _table().number[:, 0] * 2)
    with pytest.raises(BundleError, match="can run any code") as caught:
        load_pipeline(tmp_path, catalog)
    assert caught.value.code == "E_BUNDLE_UNSAFE"


def test_a_pair_that_fails_is_named(tasks, tmp_path):
    def fail(*_):
        raise OSError("no ink")

    estimator, _ = _learners()["linear"]
    catalog = _catalog(tasks, Saved(save=fail, load=fail))
    with pytest.raises(PluginError, match=r"'model' could not save .* no ink") as caught:
        save_pipeline(_pipeline(tasks, estimator), tmp_path, catalog)
    assert isinstance(caught.value.__cause__, OSError)


def test_a_pair_that_writes_nothing_is_fine(tasks, tmp_path):
    class Fixed:
        def fit(self, X, y):
            return self

        def predict(self, X):
            return np.zeros(len(X))

    catalog = _catalog(tasks, Saved(save=lambda m, f: None, load=lambda f: Fixed()))
    save_pipeline(_pipeline(tasks, Fixed(), n_classes=0), tmp_path, catalog)
    (tmp_path / "estimator").rmdir()
    assert load_pipeline(tmp_path, catalog).values(_table()).tolist() == [0.0] * N


def test_a_contribution_that_saves_in_another_way_now_is_refused(tasks, tmp_path):
    estimator, _ = _learners()["linear"]
    pair = Saved(save=lambda m, f: None, load=lambda f: estimator)
    save_pipeline(_pipeline(tasks, estimator), tmp_path, _catalog(tasks, pair))
    with pytest.raises(BundleError, match="saved in a way") as caught:
        load_pipeline(tmp_path, _catalog(tasks, ()))
    assert caught.value.code == "E_BUNDLE_MEMBER"


def test_a_missing_contribution_is_named(tasks, tmp_path):
    estimator, declared = _learners()["linear"]
    save_pipeline(_pipeline(tasks, estimator), tmp_path, _catalog(tasks, declared))
    with pytest.raises(PluginError, match="step"):
        load_pipeline(tmp_path, Catalog(tasks=tasks))


def test_a_type_can_be_trusted_by_name(tasks, tmp_path):
    estimator, declared = _learners()["forest"]
    save_pipeline(_pipeline(tasks, estimator), tmp_path, _catalog(tasks, declared))
    with pytest.raises(BundleError, match="Tree") as caught:
        load_pipeline(tmp_path, _catalog(tasks, ()))
    assert caught.value.code == "E_BUNDLE_UNTRUSTED"
    assert load_pipeline(tmp_path, _catalog(tasks, ()), declared).values(_table()).shape == (N, 3)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.pop("how"),
        lambda s: s.pop("present"),
        lambda s: s.update(format=2),
        lambda s: s.update(chains=[{"kind": "nonsense", "steps": []}]),
        lambda s: s.update(chains=7),
        lambda s: s["how"].pop("step_0"),
        lambda s: s["how"].update(step_0="magic"),
    ],
)
def test_a_structure_that_makes_no_sense_is_refused(tasks, tmp_path, change):
    estimator, declared = _learners()["linear"]
    catalog = _catalog(tasks, declared)
    save_pipeline(_pipeline(tasks, estimator), tmp_path, catalog)
    file = Path(tmp_path) / "pipeline.json"
    structure = json.loads(file.read_text())
    change(structure)
    file.write_text(json.dumps(structure))
    with pytest.raises(BundleError) as caught:
        load_pipeline(tmp_path, catalog)
    assert caught.value.code == "E_BUNDLE_MEMBER"


def test_loading_in_a_portable_form_never_imports_the_pickles(tasks, tmp_path):
    estimator, declared = _learners()["linear"]
    catalog = _catalog(tasks, declared)
    save_pipeline(_pipeline(tasks, estimator), tmp_path, catalog)
    sys.modules.pop("automl.candidate.unsafe", None)
    load_pipeline(tmp_path, catalog)
    assert "automl.candidate.unsafe" not in sys.modules
