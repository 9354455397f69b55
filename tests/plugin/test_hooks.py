"""Every hook has a section in the docs under its signature, a test here, and a user of ours."""

from __future__ import annotations

import importlib
import inspect
import re
from importlib import metadata
from pathlib import Path

import pytest

from automl.plugin import hookspecs
from automl.plugin.catalog import KINDS
from automl.plugin.discovery import discover
from automl.testing import CheckFailedError, plugin_checks
from automl.testing.exporting import small_model
from automl.testing.kinds import properties_of

DOCS = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"
HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("automl_"))
IN_OTHER_PROCESSES = {
    "a_run_completes",
    "a_saved_model_loads_elsewhere",
    "a_saved_step_loads_elsewhere",
}


def signature(hook: str) -> str:
    return hook + str(inspect.signature(getattr(hookspecs, hook))).replace("'", "")


def section(hook: str) -> str:
    """Return the docs from a hook's heading to the next hook's."""
    text = DOCS.read_text(encoding="utf-8")
    assert f"### `{signature(hook)}`" in text, f"docs/plugins.md has no section {signature(hook)}"
    return re.split(r"^##{1,2} ", text.split(f"### `{signature(hook)}`")[1], flags=re.MULTILINE)[0]


def documented(hook: str):
    """Run the examples of a section and return what their hooks give."""
    given = []
    for code in re.findall(r"^```python\n(.*?)^```", section(hook), re.MULTILINE | re.DOTALL):
        if f"def {hook}()" not in code:  # a use of it, which tests/test_docs.py runs
            continue
        namespace = {"__name__": "documented"}
        exec("import numpy as np\n" + code, namespace)  # as a reader would paste it
        given += namespace[hook]()
    return given


def hold(hook: str) -> None:
    """Hold what every hook promises, and the kit for the examples of its section."""
    kind = hook.removeprefix("automl_").removesuffix("s")
    givers = {
        giver.plugin
        for (of, _), giver in discover().givers.items()
        if of == kind and giver.distribution == "pluggable-automl"
    }
    assert givers, f"no plugin of ours uses {hook}"
    contributions = documented(hook)
    assert contributions, f"the section of {hook} has no example"
    for contribution in contributions:
        assert isinstance(contribution, KINDS[kind])
        for check in plugin_checks(contribution):
            if check.id not in IN_OTHER_PROCESSES:
                check()


def test_hook_automl_algorithms():
    hold("automl_algorithms")


def test_hook_automl_preprocessors():
    hold("automl_preprocessors")


def test_hook_automl_metrics():
    hold("automl_metrics")


def test_hook_automl_tasks():
    hold("automl_tasks")


def test_hook_automl_splitters():
    hold("automl_splitters")


def test_hook_automl_readers(tmp_path):
    hold("automl_readers")
    (reader,) = documented("automl_readers")
    file = tmp_path / "small.pairs"
    file.write_text("a=1 b=x\na=2\n", encoding="utf-8")
    assert reader.matches(str(file))
    assert reader.read(str(file)) == {"a": ["1", "2"], "b": ["x", None]}


def test_hook_automl_listeners():
    hold("automl_listeners")


def test_hook_automl_exporters(tmp_path):
    hold("automl_exporters")
    (exporter,) = documented("automl_exporters")
    model = small_model("binary", "naive_bayes", ("number",))
    exported = model.export(exporter, tmp_path / "out")
    assert exported.files == ("GIVERS.txt", "model.zip", "export.json")
    said = (tmp_path / "out" / "GIVERS.txt").read_text(encoding="utf-8")
    assert "algorithm naive_bayes: pluggable-automl" in said


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_test_of_its_name(hook):
    assert f"test_hook_{hook}" in globals()


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_section_an_example_and_a_user_of_ours(hook):
    assert f"def {hook}()" in section(hook)
    kind = hook.removeprefix("automl_").removesuffix("s")
    users = {giver.plugin for (of, _), giver in discover().givers.items() if of == kind}
    assert users & {entry.name for entry in metadata.entry_points(group="automl")}
    assert inspect.getdoc(getattr(hookspecs, hook))


def test_the_page_says_how_many_hooks_there_are():
    words = ("seven", "eight", "nine", "ten")
    assert f"the same {words[len(HOOKS) - 7]} hooks as yours" in DOCS.read_text(encoding="utf-8")


def test_every_kind_has_a_hook_and_every_hook_a_kind():
    assert sorted(f"automl_{kind}s" for kind in KINDS) == HOOKS


def test_every_section_that_a_check_names_is_there():
    text = DOCS.read_text(encoding="utf-8")
    sections = {asked.section for kind in KINDS for asked in properties_of(kind)}
    missing = sorted(name for name in sections if f'<a id="{name}"></a>' not in text)
    assert not missing


def test_checks_have_names_of_their_own():
    for kind in KINDS:
        ids = [asked.id for asked in properties_of(kind)]
        assert len(ids) == len(set(ids))
        assert all(asked.sentence.endswith(".") for asked in properties_of(kind))


def test_every_code_of_discovery_is_documented():
    source = inspect.getsource(importlib.import_module("automl.plugin.discovery"))
    codes = set(re.findall(r'"(W_PLUGIN_\w+)"', source)) - {"W_PLUGIN_OFF", "W_PLUGIN_NOT_ALLOWED"}
    text = DOCS.read_text(encoding="utf-8")
    assert not sorted(code for code in codes if code not in text)


def test_a_check_says_what_to_change_and_where_to_read():
    (splitter,) = documented("automl_splitters")
    broken = type(splitter)(name="broken", split=lambda request: [])
    check = next(one for one in plugin_checks(broken) if one.id == "rows_are_sorted_numbers")
    with pytest.raises(CheckFailedError, match=r"docs/plugins\.md#automl_splitters"):
        check()
