"""What the documentation shows, works.

Python blocks of one file run in order, in one namespace, in a folder that holds only the first rows
of the shipped table. A budget in seconds is a few trials here, so that a text can name one that
makes sense, and a busy machine takes longer for the same. A block under the comment
``<!-- not run: REASON -->`` is only compiled.
"""

from __future__ import annotations

import re
import shlex
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

import automl

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md"))
    if path.read_text(encoding="utf-8").strip()
)

BUDGET = automl.Budget(trials=2)
"""What any budget in seconds is."""

ROWS = 600
"""Of a table that is learned from."""

FENCE = re.compile(
    r"(?:<!-- (?P<note>[^>]*?) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    note: str
    code: str

    @property
    def runs(self) -> bool:
        return not self.note.startswith("not run:")


def blocks(page: Path, *languages: str) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page=page,
            line=text.count("\n", 0, found.start("code")) + 1,
            language=found["language"],
            note=found["note"] or "",
            code=found["code"],
        )
        for found in FENCE.finditer(text)
        if found["language"] in languages
    ]


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=named)
def test_python_blocks_run(page, tmp_path, monkeypatch):
    data = tmp_path / "examples" / "data"
    shutil.copytree(ROOT / "examples" / "data", data)
    lines = (data / "income.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (data / "income.csv").write_text("".join(lines[: ROWS + 1]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__", "_few": BUDGET}
    for block in blocks(page, "python"):
        code = re.sub(r"\bbudget=\d+", "budget=_few", block.code)
        program = compile("\n" * (block.line - 1) + code, str(page), "exec")
        if block.runs:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                exec(program, namespace)


def commands_in(block: Block) -> list[list[str]]:
    """Return the calls of `automl` in a block, as words."""
    lines = block.code.replace("\\\n", " ").splitlines()
    calls = [re.split(r"\s*&&\s*", line.removeprefix("$ ")) for line in lines]
    words = [shlex.split(call, comments=True) for line in calls for call in line if call.strip()]
    return [call for call in words if call and Path(call[0]).name == "automl"]


def shell_calls() -> list[tuple[str, list[str]]]:
    return [
        (f"{named(page)}:{block.line}", words)
        for page in PAGES
        for block in blocks(page, "bash", "console", "shell")
        for words in commands_in(block)
    ]


@pytest.mark.parametrize(("place", "words"), shell_calls(), ids=lambda value: str(value)[:60])
def test_shell_blocks_call_commands_that_exist(place, words):
    from automl.cli.group import automl

    context = click.Context(automl)
    name, *rest = words[1:] or ["--help"]
    if name.startswith("-"):
        known = {option for one in automl.get_params(context) for option in one.opts}
        assert name in known, place
        return
    command = automl.get_command(context, name)
    assert command is not None, f"{place}: no command {name!r}"
    if isinstance(command, click.Group) and rest and rest[0] in command.commands:
        command, name = command.commands[rest[0]], f"{name} {rest[0]}"
    known = {
        option for one in command.get_params(context) for option in (*one.opts, *one.secondary_opts)
    }
    given = {word.split("=")[0] for word in rest if word.startswith("-")}
    assert given <= known, f"{place}: {sorted(given - known)} unknown to {name!r}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(FENCE, "", text))
    lost = [
        target
        for target in targets
        if not re.match(r"[a-z]+:", target) and not (page.parent / target.split("#")[0]).exists()
    ]
    assert not lost, f"{named(page)} links to {lost}"


def test_a_block_that_is_not_run_says_why():
    empty = [
        f"{named(block.page)}:{block.line}"
        for page in PAGES
        for block in blocks(page, "python")
        if not block.runs and len(block.note) < len("not run: a reason")
    ]
    assert not empty


def test_the_readme_has_the_two_commands_that_continuous_integration_runs():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("main job", "tests"):
        assert len(re.findall(rf"<!-- {name} -->\n```bash\n[^`]+\n```", text)) == 1, name
