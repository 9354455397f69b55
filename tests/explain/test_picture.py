"""Bar charts that any browser draws, whatever columns are called."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from automl.explain.importance import Importance
from automl.explain.picture import MOST, bars

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "microsoft-edge")
HOSTILE = [
    "<script>document.title = 'run'</script>",
    "]]><svg onload='document.title=1'>",
    '" onmouseover="document.title=1',
    "&amp;&lt;",
    "control \x00\x01\x1b\x7f and \ud800 and \uffff",
    "\u202eright to left",
    "many\nlines\tand tabs " * 5,
    "",
]


def parsed(text: str) -> ET.Element:
    text.encode()
    return ET.fromstring(text)


def importance(names: list[str]) -> Importance:
    sizes = np.linspace(1.0, -0.1, len(names))
    return Importance.of(names, sizes, sizes - 0.1, sizes + 0.1, what="a <b> & c", n_rows=3)


def test_every_name_is_text_and_nothing_else():
    root = parsed(importance(HOSTILE).picture())
    tags = {one.tag.rpartition("}")[2] for one in root.iter()}
    assert tags == {"svg", "title", "style", "rect", "text", "g", "line"}
    attributes = {name for one in root.iter() for name in one.attrib}
    assert not {name for name in attributes if name.startswith("on")}
    titles = [one.text or "" for one in root.iter() if one.tag.endswith("title")]
    assert any("document.title = 'run'" in one for one in titles)


@given(
    st.lists(
        st.tuples(st.text(), st.floats(allow_nan=True, allow_infinity=True)),
        min_size=0,
        max_size=40,
    )
)
@example([("", 1.5e308), ("", -1e308)])
def test_any_names_and_numbers_give_a_picture(rows):
    root = parsed(bars([(name, x, x, x) for name, x in rows], title="a", note="b"))
    groups = [one for one in root.iter() if one.tag.endswith("}g")]
    assert len(groups) == min(len(rows), MOST)
    for one in root.iter():
        for name in ("x", "width", "x1", "x2"):
            if name in one.attrib:
                assert np.isfinite(float(one.attrib[name]))


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, BROWSERS)), reason="needs a browser")
def test_a_browser_draws_it(tmp_path: Path):
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    place = tmp_path / "importance.svg"
    place.write_bytes(importance([*HOSTILE, "plain"]).picture().encode())
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        said: list[str] = []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda one: said.append(one.text))
        page.goto(place.as_uri())
        assert page.evaluate("document.documentElement.nodeName") == "svg"
        assert page.evaluate("document.querySelectorAll('rect').length") == len(HOSTILE) + 2
        assert page.evaluate("document.querySelectorAll('script, [onload]').length") == 0
        box = page.evaluate("document.querySelector('g rect').getBoundingClientRect().width")
        assert box > 100
        assert not said
        browser.close()
