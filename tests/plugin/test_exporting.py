"""An exporter is a frozen value that is found, chosen and switched off as any contribution."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, replace

import pytest

from automl.errors import PluginError
from automl.model.predictor import Predictor
from automl.plugin import Exporter, FittedModel
from automl.plugin.discovery import discover
from automl.plugin.selection import Plugins

SOUND = Exporter(name="some_form", export=lambda model, folder: None, load=lambda folder: None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Some Form"),
        ("export", "save"),
        ("load", None),
        ("refuses", ["no"]),
        ("tolerance", -1e-6),
        ("tolerance", math.inf),
        ("tolerance", math.nan),
        ("tolerance", "1e-6"),
        ("tolerance", True),
    ],
)
def test_a_wrong_field_fails_where_it_is_written(field, value):
    with pytest.raises(PluginError, match=rf"Exporter\(.*\): {field}=") as caught:
        replace(SOUND, **{field: value})
    assert caught.value.code == "E_PLUGIN_FIELD"


def test_it_is_frozen_and_refuses_nothing_by_itself():
    with pytest.raises(FrozenInstanceError):
        SOUND.tolerance = 1.0
    assert SOUND.refuses(None) == ()


def test_it_is_found_and_switched_off():
    assert "docker" in discover().exporters
    assert discover().givers["exporter", "docker"].distribution == "pluggable-automl"
    assert "docker" not in discover(Plugins(without=("exporter:docker",))).exporters
    assert discover(Plugins(only=("exporter:docker",))).algorithms
    assert discover(Plugins(add=(SOUND,))).get("exporter", "some_form") is SOUND


def test_a_predictor_has_all_that_an_exporter_may_read():
    methods = {"classes_", "predict", "predict_proba", "save"}
    assert methods <= set(vars(FittedModel)) & set(vars(Predictor))
    made = Predictor.__init__.__code__.co_varnames
    assert set(FittedModel.__annotations__) <= set(made)
