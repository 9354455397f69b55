"""Blends that are trimmed to what a row may take."""

from __future__ import annotations

import numpy as np
import pytest

from automl.errors import InputError

BLEND = ("lightgbm", "toy_pair", "nearest_neighbors")


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_the_best_blend_that_is_quick_enough_is_kept(make, new, truth, task, monkeypatch):
    predictor = make(BLEND, task)
    rows = new | {"answer": truth[task]}
    # A part more takes a millisecond more.
    monkeypatch.setattr("automl.model.trim.milliseconds", lambda one, table: float(len(one.parts)))
    found = predictor.optimize(max_ms=2, rows=rows)
    assert len(found.parts) <= 2
    assert np.isclose(sum(part.weight for part in found.parts), 1)
    blends = found.info["trimmed"]["blends"]
    assert [one["parts"] for one in blends] == [3, 2, 1]
    assert [one["ms"] for one in blends] == [3, 2, 1]
    scores = [one["score"] for one in blends if one["ms"] <= 2]
    best = max(scores) if predictor.metric.greater_is_better else min(scores)
    assert np.isclose(found.evaluate(rows)[predictor.metric.name], best, rtol=1e-4)
    assert len(predictor.parts) == 3
    assert "trimmed" not in predictor.info


def test_enough_time_keeps_what_scores_best(make, new, truth, tmp_path):
    predictor = make(BLEND)
    found = predictor.optimize(max_ms=1e6, rows=new, target=truth["binary"])
    blends = found.info["trimmed"]["blends"]
    assert all(one["ms"] > 0 for one in blends)
    assert max(one["score"] for one in blends) == pytest.approx(
        found.evaluate(new, truth["binary"])["roc_auc"], abs=1e-6
    )
    found.save(tmp_path / "model")


def test_too_little_time_is_said(make, new, truth):
    predictor = make(("toy_pair",))
    with pytest.raises(InputError, match="quickest takes") as caught:
        predictor.optimize(max_ms=1e-6, rows=new, target=truth["binary"])
    assert caught.value.code == "E_INPUT_MAX_MS"
    with pytest.raises(InputError, match="above 0"):
        predictor.optimize(max_ms=0, rows=new, target=truth["binary"])
