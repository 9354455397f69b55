"""Write `docs/reliability.md`: every case, what happens, and the test that shows it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from bad_inputs import CASES as CASES_BESIDE
from registry import CASES, GROUPS, LATER, ROOT, shown

PAGE = ROOT / "docs" / "reliability.md"

HEAD = """\
# Reliability

What goes wrong, what happens then, and the test that shows it. The suite writes this page
(`python tests/faults/page.py`), and a test fails where it is out of date. The codes are explained
in [Data rules](data_rules.md) and [Model folder](model_folder.md).
"""

BESIDE = """
## Odd tables, side by side

300 rows of two numbers and a category, changed in 58 ways. What is right is what automl does, as
`faults/test_bad_inputs.py` shows; *said* is by a warning or a finding with a code. Beside it what
FLAML 2.7.0, AutoGluon 1.6.3 and mljar 1.3.2 did, in November 2026, with budgets of 5, 12 and 12
seconds (`-`: not run; errors are cut short). That they raised no error was counted as an answer,
whether anything was said or not.

| table | what is right | FLAML | AutoGluon | mljar |
|---|---|---|---|---|
"""


def page() -> str:
    """Return the page as the tests have it now."""
    found = shown()
    parts = [HEAD]
    for letter, title in GROUPS.items():
        parts.append(f"\n## {title}\n\n| | case | what happens | test |\n|---|---|---|---|\n")
        for case, name in CASES.items():
            if case.startswith(letter):
                rows = [mark for mark in found if mark.case == case]
                parts.extend(
                    f"| {case if first else ''} | {name if first else ''} | {cell(mark.what)} "
                    f"| `{mark.test.removeprefix('tests/')}` |\n"
                    for first, mark in zip((True, *(False,) * len(rows)), rows, strict=False)
                )
                if not rows:
                    parts.append(f"| {case} | {name} | not shown yet | |\n")
    parts.append(BESIDE)
    parts.extend(
        f"| `{case.name}` | {cell(case.right)} | {' | '.join(map(cell, case.others))} |\n"
        for case in CASES_BESIDE
    )
    parts.append("\n## Not covered\n\n| | why |\n|---|---|\n")
    parts.extend(f"| {case} | {why} |\n" for case, why in LATER.items())
    return "".join(parts)


def cell(text: str) -> str:
    """Return a text that stays within one cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
