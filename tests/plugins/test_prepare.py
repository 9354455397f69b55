"""The steps of preparation: what each promises on any block of its kind."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import issparse

import automl_prepare
from automl.candidate.chains import possible_chains
from automl.data.schema import Feature
from automl.data.table import Kind
from automl.plugin import PrepareContext

STEPS = {step.name: step for step in automl_prepare.automl_preprocessors()}
TEXT = "the a good bad very plane late crew Was LOST my bag !!! ? 42 #fail 飞机 晚点"
WORDS = TEXT.split()
N_LEVELS = 12


def _levels():
    return tuple(f"{WORDS[i % 5]} {WORDS[(i * 7) % len(WORDS)]} {i // 4}" for i in range(N_LEVELS))


def _feature(kind):
    levels = _levels() if kind in {Kind.CATEGORY, Kind.STRING} else ()
    return Feature(name="x", kind=kind, levels=levels, missing=True)


def _context(kind, n_columns, n_rows, n_classes=2):
    task = {0: "regression", 2: "binary"}.get(n_classes, "multiclass")
    features = (_feature(kind),) * n_columns
    return PrepareContext(task=task, n_classes=n_classes, n_rows=n_rows, features=features)


def _kind(step):
    return next(kind for kind in Kind if kind.value in step.takes)


def _block(kind, n_rows, n_columns, rng, missing=0.2):
    shape = (n_rows, n_columns)
    gone = rng.random(shape) < missing
    if kind is Kind.NUMBER:
        block = rng.lognormal(sigma=3, size=shape)
        block[:, 0] = rng.integers(0, 2, n_rows)
        return np.where(gone, np.nan, block)
    if kind is Kind.DATE:
        return np.where(gone, np.nan, rng.uniform(-1e9, 2e9, shape))
    if kind is Kind.TEXT:
        block = np.empty(shape, dtype=object)
        for cell in np.ndindex(shape):
            text = " ".join(rng.choice(WORDS, rng.integers(0, 9)))
            block[cell] = None if gone[cell] else text
        return block
    codes = np.minimum(rng.geometric(0.3, shape) - 1, N_LEVELS - 1)
    return np.where(gone, -1, codes).astype(np.int32)


def _unknown(block, kind, rng):
    """Return new rows, unseen levels and words among them."""
    new = _block(kind, 7, block.shape[1], rng, missing=0.4)
    if kind in {Kind.CATEGORY, Kind.STRING}:
        new[0] = -2
    if kind is Kind.TEXT:
        new[0], new[1] = "neverheard ☃ unseen", None
    return new


def _target(rng, n, n_classes):
    return rng.integers(0, n_classes, n) if n_classes else rng.normal(size=n)


def _dense(X):
    return X.toarray() if issparse(X) else X


def _copy(X):
    return X.copy()


@st.composite
def cases(draw):
    """Draw the size of a block, the number of classes and a generator."""
    return (
        draw(st.sampled_from([1, 2, 9, 40])),
        draw(st.integers(1, 3)),
        draw(st.sampled_from([0, 2, 3, 14])),
        np.random.default_rng(draw(st.integers(0, 2**32 - 1))),
    )


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@given(case=cases())
@settings(deadline=None, max_examples=12)
def test_a_step_keeps_its_promises(step, case):
    n_rows, n_columns, n_classes, rng = case
    kind = _kind(step)
    block = _block(kind, n_rows, n_columns, rng)
    y = _target(rng, n_rows, n_classes)
    new = _unknown(block, kind, rng)
    before, new_before = _copy(block), _copy(new)
    context = _context(kind, n_columns, n_rows, n_classes)
    transformer = step.build({}, context)
    transformer.fit(block, y)
    for rows in (block, new):
        out = transformer.transform(rows)
        assert issparse(out) == ("sparse" in step.emits)
        assert out.dtype == np.float64
        assert out.shape[0] == len(rows)
        assert out.shape[1] == len(transformer.lineage(n_columns))
        dense = _dense(out)
        if "missing" in step.removes or "missing" in step.takes:
            assert np.isfinite(dense).all()
        assert not np.isinf(dense).any()
        one_by_one = [_dense(transformer.transform(rows[i : i + 1])) for i in range(len(rows))]
        np.testing.assert_allclose(np.concatenate(one_by_one), dense, atol=1e-6)
    np.testing.assert_array_equal(block, before)
    np.testing.assert_array_equal(new, new_before)
    again = step.build({}, context)
    again.fit(block, y)
    np.testing.assert_array_equal(_dense(again.transform(new)), _dense(transformer.transform(new)))
    for sources in transformer.lineage(n_columns):
        assert sources
        assert set(sources) <= set(range(n_columns))


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_column_without_a_cell_breaks_nothing(step):
    kind = _kind(step)
    rng = np.random.default_rng(0)
    empty = _block(kind, 6, 2, rng, missing=1.0)
    transformer = step.build({}, _context(kind, 2, 6))
    transformer.fit(empty, _target(rng, 6, 2))
    for rows in (empty, _block(kind, 4, 2, rng)):
        out = _dense(transformer.transform(rows))
        assert out.shape == (len(rows), len(transformer.lineage(2)))
        assert not np.isinf(out).any()


_LOAD = """
import sys
import numpy as np
import skops.io
from pathlib import Path
from scipy.sparse import issparse
folder = Path(sys.argv[1])
for path in sorted(folder.glob("*.skops")):
    trusted = (folder / f"{path.stem}.trusted").read_text().split()
    step = skops.io.load(path, trusted=trusted)
    data = np.load(folder / f"{path.stem}.npz", allow_pickle=True)
    out = step.transform(data["rows"])
    out = out.toarray() if issparse(out) else out
    np.testing.assert_array_equal(out, data["expected"])
print("loaded", len(list(folder.glob("*.skops"))))
"""


def test_fitted_steps_live_on_in_another_process(tmp_path):
    import skops.io

    rng = np.random.default_rng(0)
    for name, step in STEPS.items():
        kind = _kind(step)
        transformer = step.build({}, _context(kind, 2, 40, 3))
        transformer.fit(_block(kind, 40, 2, rng), _target(rng, 40, 3))
        rows = _unknown(_block(kind, 7, 2, rng), kind, rng)
        expected = _dense(transformer.transform(rows))
        skops.io.dump(transformer, tmp_path / f"{name}.skops")
        (tmp_path / f"{name}.trusted").write_text(" ".join((*step.saved, "numpy.dtype")))
        np.savez(tmp_path / f"{name}.npz", rows=rows, expected=expected)
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == f"loaded {len(STEPS)}\n", done.stderr


LEARNERS = {
    "sparse": {"number", "sparse"},
    "dense": {"number"},
    "trees": {"number", "missing", "unscaled"},
    "categories": {"number", "missing", "unscaled", "category"},
}
DEFAULTS = {
    ("sparse", Kind.NUMBER): "impute scale",
    ("sparse", Kind.CATEGORY): "one_hot",
    ("sparse", Kind.STRING): "string_ngrams",
    ("sparse", Kind.TEXT): "ngrams",
    ("sparse", Kind.DATE): "calendar impute scale",
    ("dense", Kind.NUMBER): "impute scale",
    ("dense", Kind.CATEGORY): "one_hot_dense",
    ("dense", Kind.STRING): "target_mean_string scale",
    ("dense", Kind.TEXT): "text_score scale",
    ("dense", Kind.DATE): "calendar impute scale",
    ("trees", Kind.NUMBER): "",
    ("trees", Kind.CATEGORY): "ordinal",
    ("trees", Kind.STRING): "target_mean_string",
    ("trees", Kind.TEXT): "text_score",
    ("trees", Kind.DATE): "calendar",
    ("categories", Kind.NUMBER): "",
    ("categories", Kind.CATEGORY): "",
    ("categories", Kind.STRING): "target_mean_string",
    ("categories", Kind.TEXT): "text_score",
    ("categories", Kind.DATE): "calendar",
}


@pytest.mark.parametrize(("learner", "kind"), DEFAULTS)
def test_every_kind_reaches_every_learner(learner, kind):
    chains = possible_chains(kind, frozenset(LEARNERS[learner]), STEPS.values())
    assert " ".join(chains[0]) == DEFAULTS[learner, kind]


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("kind", Kind)
def test_every_chain_ends_in_what_the_learner_takes(learner, kind):
    rng = np.random.default_rng(1)
    block = _block(kind, 40, 2, rng)
    y = _target(rng, 40, 2)
    for chain in possible_chains(kind, frozenset(LEARNERS[learner]), STEPS.values()):
        out, context = block, _context(kind, 2, 40)
        for name in chain:
            step = STEPS[name].build({}, context)
            step.fit(out, y)
            out = step.transform(out)
        assert issparse(out) <= ("sparse" in LEARNERS[learner])
        if "missing" not in LEARNERS[learner]:
            assert np.isfinite(_dense(out)).all()
