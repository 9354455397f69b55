"""The kit finds what is broken in an exporter, and nothing else."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import broken_exporters as broken
import heavy_exporter

from automl.errors import ExportError
from automl.testing import CheckFailedError, plugin_checks


def failing(exporter):
    found = {}
    for check in plugin_checks(exporter):
        try:
            check()
        except CheckFailedError as error:
            found[check.id] = str(error)
    return found


def test_a_sound_exporter_passes():
    assert failing(broken.SOUND) == {}


def test_a_library_at_the_top_of_its_module_is_found():
    found = failing(replace(broken.SOUND, export=heavy_exporter.export))
    assert set(found) == {"importing_it_is_light"}
    assert "loads click" in found["importing_it_is_light"]


@pytest.mark.parametrize("what", broken.BROKEN)
def test_exactly_the_check_of_a_broken_property_fails(what, monkeypatch):
    monkeypatch.setenv("EXPORTS", "0")
    check, exporter = broken.BROKEN[what]
    found = failing(exporter)
    assert set(found) == {check}, found
    assert "See docs/plugins.md#automl_exporters" in found[check]


def test_one_row_may_differ_as_much_as_an_export_may():
    from types import SimpleNamespace

    from automl.model.export import compare
    from automl.testing.exporters import _same

    exporter = replace(broken.SOUND, tolerance=1e-6)
    bench = SimpleNamespace(exporter=exporter)
    for spread in (1e-6, 1.0, 1e6):
        for share, same in ((0.5, True), (2.0, False)):
            values = np.array([0.0])
            other = values + share * 1e-6 * spread
            assert _same(other, values, bench, spread) is same
            if same:
                compare(other, values, {}, exporter, spread)
            else:
                with pytest.raises(ExportError):
                    compare(other, values, {}, exporter, spread)
