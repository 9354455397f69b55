"""The page of data rules and the code say the same."""

import re
from pathlib import Path

from automl.data.rules import RULES

ROOT = Path(__file__).resolve().parents[2]
OTHERS = {"E_DATA_LABELS", "E_DATA_SPLIT", "E_DATA_TASK", "E_DATA_VALIDATION"}
"""Codes about data that other rooms raise."""


def codes_in_code():
    folders = (ROOT / "automl" / "data", ROOT / "plugins" / "automl_readers")
    files = [file for folder in folders for file in folder.glob("*.py")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    codes = set(re.findall(r'"([EW]_(?:DATA|SCHEMA|INPUT)_[A-Z_]*[A-Z])"', text))
    kinds = {"NUMBER", "CATEGORY", "STRING", "TEXT", "DATE"}
    return codes | {f"W_DATA_{kind}" for kind in kinds}


def rows_of_the_page():
    page = (ROOT / "docs" / "data_rules.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `([EW]_[A-Z_]+)`( \(listed\))? \|", page, flags=re.MULTILINE))


def test_every_code_stands_on_the_page_and_the_reverse():
    page = set(rows_of_the_page())
    assert codes_in_code() - OTHERS == page - OTHERS


def test_the_page_says_what_is_only_listed():
    page = rows_of_the_page()
    for code, (_, warn) in RULES.items():
        assert bool(page[code]) is not warn, code


def test_every_sentence_can_be_filled_in():
    for sentence, _ in RULES.values():
        assert sentence.format(names="'a'", count=3).endswith((".", "?"))
