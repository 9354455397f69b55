"""Every case is shown by a test, and the page says what the tests say."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import page
import registry


@pytest.mark.parametrize("letter", registry.GROUPS)
def test_every_case_is_shown(letter):
    found = {mark.case for mark in registry.shown()}
    missing = set(registry.CASES) - found - set(registry.LATER)
    assert not sorted(case for case in missing if case.startswith(letter))


def test_the_page_says_what_the_tests_say():
    text = page.PAGE.read_text(encoding="utf-8")
    assert text == page.page(), "run python tests/faults/page.py"
