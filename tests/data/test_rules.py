"""The page of data rules and the code say the same."""

import re
from pathlib import Path

from automl.data.rules import RULES

ROOT = Path(__file__).resolve().parents[2]
MADE_UP = {"W_DATA_ANY"}
"""Codes that the conformance kit invents."""


def codes_in_code():
    everywhere = [*(ROOT / "automl").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    ours = [*(ROOT / "automl" / "data").glob("*.py")]
    ours += (ROOT / "plugins" / "automl_readers").glob("*.py")
    codes = found("DATA|SCHEMA", everywhere) | found("INPUT", ours)
    kinds = {"NUMBER", "CATEGORY", "STRING", "TEXT", "DATE"}
    return codes - MADE_UP | {f"W_DATA_{kind}" for kind in kinds}


def found(rooms, files):
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return set(re.findall(rf'"([EW]_(?:{rooms})_[A-Z_]*[A-Z])"', text))


def rows_of_the_page():
    page = (ROOT / "docs" / "data_rules.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `([EW]_[A-Z_]+)`( \(listed\))? \|", page, flags=re.MULTILINE))


def test_every_code_stands_on_the_page_and_the_reverse():
    assert codes_in_code() == set(rows_of_the_page())


def test_the_page_says_what_is_only_listed():
    page = rows_of_the_page()
    for code, (_, warn) in RULES.items():
        assert bool(page[code]) is not warn, code


def test_every_sentence_can_be_filled_in():
    for sentence, _ in RULES.values():
        assert sentence.format(names="'a'", count=3).endswith((".", "?"))
