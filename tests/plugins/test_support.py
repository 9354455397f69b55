"""The table of what can be exported how, in docs/exports.md, is what is installed.

That what is declared is true is held by the conformance kit, for every built-in
(``tests/testing/test_builtins.py``). Where the table is not what it should be, ``python
tests/plugins/test_support.py`` writes it anew.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

from automl.plugin.discovery import discover
from automl.plugin.selection import Plugins
from automl.testing.preparing import PreparationBench

PAGE = Path(__file__).resolve().parents[2] / "docs" / "exports.md"
BEGIN, END = "<!-- support: begin -->\n", "<!-- support: end -->"
OURS = "pluggable-automl"

STATED = {"trees": "trees", "coefficients": "weighted sums", "formula": "a formula"}


def of_algorithm(algorithm):
    return next((what for name, what in STATED.items() if getattr(algorithm, name)), "not plainly")


def with_code(one):
    return "no" if one.code is None else "yes"


def whole(one):
    """Return whether it goes into a model folder, which these exports hold."""
    return "no" if one.saved is None else "yes"


def of_step(bench):
    """Return how the fitted step can be put down, for each way that leads to it."""
    found = set()
    for route in bench.routes:
        chain = bench.fitted(route)
        kind = "" if route.kind is None else route.kind.value
        left = chain.steps
        if kind in {"category", "string"}:
            levels = [len(one.levels) for one in bench.problem.schema.of(route.kind)]
            left = chain.by_code(levels)[1]
        if not left:
            found.add("level by level")
        elif bench.preprocessor.formula is not None:
            found.add("a formula")
        else:
            found.add("not plainly")
    return " or ".join(sorted(found))


def given(hook):
    """Return what our own plugins give, whether or not their libraries are installed."""
    mine = [one for one in entry_points(group="automl") if one.dist.name == OURS]
    found = [one for entry in mine for one in getattr(entry.load(), hook, tuple)()]
    return sorted(found, key=lambda one: one.name)


def support():
    lines = ["| algorithm | scorer, ONNX | code | MLflow, Docker |", "|---|---|---|---|"]
    lines += [
        f"| `{one.name}` | {of_algorithm(one)} | {with_code(one)} | {whole(one)} |"
        for one in given("automl_algorithms")
    ]
    lines += [
        "",
        "| step | takes | scorer, ONNX | code | MLflow, Docker |",
        "|---|---|---|---|---|",
    ]
    catalog = discover()
    for step in given("automl_preprocessors"):
        bench = PreparationBench(step, catalog, Plugins())
        taken = ", ".join(sorted(step.takes))
        ways = f"{of_step(bench)} | {with_code(step)} | {whole(step)}"
        lines.append(f"| `{step.name}` | {taken} | {ways} |")
    return "\n".join(lines) + "\n"


def parts_of(text):
    before, rest = text.split(BEGIN)
    stated, after = rest.split(END)
    return before, stated, after


def test_the_table_of_the_documentation_is_true():
    _, stated, _ = parts_of(PAGE.read_text(encoding="utf-8"))
    assert stated.splitlines() == support().splitlines()


if __name__ == "__main__":
    before, _, after = parts_of(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(before + BEGIN + support() + END + after, encoding="utf-8", newline="\n")
