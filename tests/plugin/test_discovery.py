"""Discovery survives anything, names what is wrong, and lets no order decide."""

from __future__ import annotations

import os
import sys
import time
import warnings

import pytest

from automl.errors import PluginError, PluginWarning
from automl.plugin import Algorithm, Metric
from automl.plugin.catalog import Catalog, Noted, Skipped
from automl.plugin.discovery import discover
from automl.plugin.notify import warn_about
from automl.plugin.selection import Plugins

GOOD = """
from automl.plugin import Algorithm, hookimpl

@hookimpl
def automl_algorithms():
    tasks = frozenset({{"binary"}})
    return [Algorithm(name="{name}", tasks=tasks, build=lambda params, context: None)]
"""


def good(name: str) -> str:
    return GOOD.format(name=name)


def algorithm(name: str) -> Algorithm:
    return Algorithm(name=name, tasks=frozenset({"binary"}), build=lambda params, context: None)


def skipped(catalog: Catalog, plugin: str) -> Skipped:
    (one,) = [one for one in catalog.skipped if one.plugin == plugin]
    return one


def noted(catalog: Catalog, plugin: str) -> Noted:
    (one,) = [one for one in catalog.noted if one.plugin == plugin]
    return one


def test_an_installed_plugin_is_found_with_its_giver(install):
    install("good", good("good"), version="2.5")
    catalog = discover()
    assert catalog.algorithms["good"].name == "good"
    giver = catalog.givers["algorithm", "good"]
    assert (giver.plugin, giver.distribution, giver.version) == ("good", "some-good", "2.5")
    assert str(giver) == "some-good 2.5"


BROKEN = {
    "raising": ("raise RuntimeError('no luck')", "W_PLUGIN_IMPORT", "RuntimeError: no luck"),
    "leaving": ("raise SystemExit(3)", "W_PLUGIN_IMPORT", "SystemExit: 3"),
    "syntax": ("def f(:", "W_PLUGIN_IMPORT", "SyntaxError"),
    "library": ("import surely_not_there", "W_PLUGIN_LIBRARY", "'surely_not_there'"),
    "misspelt": (
        good("x").replace("automl_algorithms", "automl_algoritms"),
        "W_PLUGIN_HOOK",
        "did you mean 'automl_algorithms'?",
    ),
    "unmarked": (good("x").replace("@hookimpl", ""), "W_PLUGIN_HOOK", "without @hookimpl"),
    "misspelt_and_unmarked": (
        good("x") + "\ndef automl_metric():\n    return []\n",
        "W_PLUGIN_HOOK",
        "did you mean 'automl_metrics'?",
    ),
    "signature": (
        good("x").replace("automl_algorithms()", "automl_algorithms(table)"),
        "W_PLUGIN_HOOK",
        "table",
    ),
    "nothing": ("", "W_PLUGIN_HOOK", "no function that is marked"),
    "version": ("AUTOML_CONTRACT = 99\n" + good("x"), "W_PLUGIN_CONTRACT", "version 99"),
    "hook_raises": (
        good("x").replace("return [", "raise OSError('gone')\n    return ["),
        "W_PLUGIN_HOOK",
        "OSError: gone in automl_algorithms()",
    ),
    "generator_raises": (
        good("x").replace("return [", "yield 1 / 0\n    return ["),
        "W_PLUGIN_HOOK",
        "ZeroDivisionError",
    ),
    "field": (good("Not A Name"), "W_PLUGIN_HOOK", "name='Not A Name' is not a lower-case word"),
    "no_list": (
        good("x").replace("return [", "return (").replace("None)]", "None))"),
        "W_PLUGIN_TYPE",
        "Algorithm('x'), not a list",
    ),
    "wrong_type": (
        good("x").replace("automl_algorithms", "automl_metrics"),
        "W_PLUGIN_TYPE",
        "Algorithm('x') in automl_metrics(), not an? Metric",
    ),
    "number": (good("x").replace("return [", "return 3 or ["), "W_PLUGIN_TYPE", "returned 3"),
}


@pytest.mark.case("F13", "it alone is skipped, with a warning that names it and what is wrong")
@pytest.mark.parametrize("plugin", BROKEN)
def test_a_broken_plugin_is_named_and_skipped_alone(install, plugin):
    code, expected, words = BROKEN[plugin]
    install("good", good("good"))
    install(plugin, code)
    install("zz_good", good("zz_good"))
    catalog = discover()
    assert {"good", "zz_good"} <= set(catalog.algorithms)
    assert "x" not in catalog.algorithms
    one = skipped(catalog, plugin)
    assert one.code == expected
    assert words.replace("an?", "a") in one.message.replace("not an ", "not a ")
    assert f"'{plugin}' of some-{plugin} 1.0" in one.message
    assert f"AUTOML_PLUGINS_OFF={plugin}" in one.message
    assert "\n" not in one.message
    with pytest.warns(PluginWarning, match=expected):
        warn_about(catalog)


@pytest.mark.parametrize("plugin", BROKEN)
def test_a_broken_plugin_is_skipped_each_time(install, plugin):
    install(plugin, BROKEN[plugin][0])
    first = skipped(discover(), plugin)
    assert skipped(discover(), plugin) == first


def test_an_entry_point_to_nowhere_says_so(install, tmp_path):
    install("nowhere", "", module="some_nowhere")
    (tmp_path / "site" / "some_nowhere.py").unlink()
    assert "there is no module 'some_nowhere'" in skipped(discover(), "nowhere").message


def test_what_a_plugin_prints_at_import_is_caught_and_named(install, capfd):
    install("loud", "import sys\nprint('HELLO THERE')\nsys.stderr.write('x')\n" + good("loud"))
    catalog = discover()
    assert capfd.readouterr() == ("", "")
    assert "loud" in catalog.algorithms
    one = noted(catalog, "loud")
    assert one.code == "W_PLUGIN_PRINTS"
    assert "HELLO THERE" in one.message


def test_a_slow_plugin_is_named(install, monkeypatch):
    monkeypatch.setattr("automl.plugin.discovery.SLOW", 0.05)
    install("slow", "import time\ntime.sleep(0.1)\n" + good("slow"))
    catalog = discover()
    assert noted(catalog, "slow").code == "W_PLUGIN_SLOW"
    assert "slow" in catalog.algorithms


CHANGES = {
    "the environment": "import os\nos.environ['SOME_PLUGIN'] = '1'",
    "the working folder": "import os\nos.chdir('..')",
    "the state of random": "import random\nrandom.seed(1)",
    "the state of numpy.random": "import numpy\nnumpy.random.seed(1)",
    "numpy.seterr": "import numpy\nnumpy.seterr(divide='raise')",
    "the warnings filters": "import warnings\nwarnings.simplefilter('ignore')",
    "the root logger": "import logging\nlogging.basicConfig(level=10, force=True)",
    "sys.excepthook": "import sys\nsys.excepthook = print",
    "sys.path": "import sys\nsys.path.insert(0, '/opt/lib')",
    "what Ctrl-C does": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)",
    "the recursion limit": "import sys\nsys.setrecursionlimit(50_000)",
}


@pytest.mark.parametrize("what", CHANGES)
def test_global_state_that_a_plugin_changes_is_put_back_and_named(install, what):
    import numpy as np

    install("rude", CHANGES[what] + good("rude"))
    hook, environment, folder = sys.excepthook, dict(os.environ), os.getcwd()
    state, filters = np.random.get_state()[1].tolist(), list(warnings.filters)
    catalog = discover()
    assert noted(catalog, "rude").code == "W_PLUGIN_STATE"
    assert what in noted(catalog, "rude").message
    assert "rude" in catalog.algorithms
    assert (hook, environment, folder) == (sys.excepthook, dict(os.environ), os.getcwd())
    assert (state, filters) == (np.random.get_state()[1].tolist(), list(warnings.filters))


@pytest.mark.parametrize("code", ["raise KeyboardInterrupt", "import os\nos.kill(os.getpid(), 2)"])
def test_ctrl_c_while_a_plugin_is_imported_is_not_swallowed(install, code):
    install("stuck", code)
    with pytest.raises(KeyboardInterrupt):
        discover()


def test_a_plugin_that_does_everything_wrong_at_once_is_named_for_each(install):
    code = "import os\nprint('hello')\nos.environ['SOME_PLUGIN'] = '1'\n1 / 0"
    install("worst", code)
    catalog = discover()
    assert skipped(catalog, "worst").code == "W_PLUGIN_IMPORT"
    codes = {one.code for one in catalog.noted if one.plugin == "worst"}
    assert codes == {"W_PLUGIN_PRINTS", "W_PLUGIN_STATE"}
    assert "SOME_PLUGIN" not in os.environ


def test_what_only_the_first_import_shows_decides_nothing(install):
    install("loud", "print('hello')\n" + good("loud"))
    assert set(discover().algorithms) == set(discover().algorithms)


@pytest.mark.case("F13", "two of one name are E_PLUGIN_DUPLICATE, which names both givers")
def test_two_of_one_name_are_an_error_that_names_both(install):
    install("one", good("same"))
    install("two", good("same"))
    with pytest.raises(PluginError, match=r"some-one 1\.0.*some-two 1\.0") as caught:
        discover()
    assert caught.value.code == "E_PLUGIN_DUPLICATE"
    assert discover(Plugins(without=("two",))).givers["algorithm", "same"].plugin == "one"


def test_two_of_one_name_within_a_plugin_are_an_error_too(install):
    install("twice", good("same").replace("return [", "return 2 * ["))
    with pytest.raises(PluginError, match="E_PLUGIN_DUPLICATE"):
        discover()


def test_handed_over_in_code_wins_over_an_installed_one(install):
    install("one", good("same"))
    mine = algorithm("same")
    catalog = discover(Plugins(add=(mine,)))
    assert catalog.algorithms["same"] is mine
    assert str(catalog.givers["algorithm", "same"]) == "handed over in code"
    with pytest.raises(PluginError, match="E_PLUGIN_DUPLICATE"):
        discover(Plugins(add=(mine, algorithm("same"))))


def test_a_module_handed_over_in_code_gives_all_it_has(install):
    install("one", good("one"))
    __import__("some_one")
    catalog = discover(Plugins.of(["one", sys.modules["some_one"]]))
    assert catalog.givers["algorithm", "one"].distribution == "handed over in code"


def test_a_broken_module_handed_over_in_code_is_an_error():
    class Broken:
        def automl_metricks(self):
            return []

    with pytest.raises(PluginError, match="did you mean 'automl_metrics'") as caught:
        discover(Plugins(add=(Broken(),)))
    assert caught.value.code == "E_PLUGIN_HOOK"


def test_the_catalogue_is_sorted_by_name(install):
    for name in ("c", "a", "b"):
        install(f"z{name}" if name == "a" else name, good(f"x{name}"))
    names = list(discover().algorithms)
    assert names == sorted(names)
    assert [name for name in names if name in {"xa", "xb", "xc"}] == ["xa", "xb", "xc"]


def test_a_missing_library_is_said_and_not_offered(install):
    code = good("needy").replace("None)]", "None, requires=('surely-not-there>=2',))]")
    install("needy", code)
    catalog = discover()
    assert "needy" not in catalog.algorithms
    assert catalog.unavailable["algorithm", "needy"] == "needs `pip install surely-not-there>=2`"
    with pytest.raises(PluginError, match="pip install surely-not-there") as caught:
        catalog.get("algorithm", "needy")
    assert caught.value.code == "E_PLUGIN_LIBRARY"


def test_what_only_learning_needs_is_not_asked_for_by_what_was_learned(install):
    code = good("needy").replace("None)]", "None, fit_requires=('surely-not-there',))]")
    install("needy", code)
    catalog = discover()
    assert "needy" not in catalog.algorithms
    said = "needs `pip install surely-not-there` to learn"
    assert catalog.unavailable["algorithm", "needy"] == said
    assert catalog.get("algorithm", "needy").name == "needy"
    with pytest.raises(PluginError, match=said) as caught:
        catalog.get("algorithm", "needy", fits=True)
    assert caught.value.code == "E_PLUGIN_LIBRARY"


@pytest.mark.parametrize(("requires", "there"), [("numpy", 1), ("numpy>=1", 1), ("numpy>=99", 0)])
def test_requires_may_name_a_version(install, requires, there):
    install("needy", good("needy").replace("None)]", f"None, requires=({requires!r},))]"))
    assert ("needy" in discover().algorithms) == bool(there)


def test_a_miss_helps():
    catalog = discover(Plugins(add=(algorithm("some_forest"),)))
    with pytest.raises(PluginError, match=r"Did you mean 'some_forest'\? Installed: .*some_forest"):
        catalog.get("algorithm", "some_forrest")
    with pytest.raises(PluginError, match="E_PLUGIN_KIND"):
        catalog.get("animal", "x")


def test_switched_off_is_not_loaded_and_not_warned_of(install, monkeypatch, recwarn):
    install("raising", "raise RuntimeError")
    for plugins in (Plugins(without=("raising",)), Plugins(without=("some-rais*",))):
        one = skipped(discover(plugins), "raising")
        assert one.code == "W_PLUGIN_OFF"
    monkeypatch.setenv("AUTOML_PLUGINS_OFF", "other, Some_Raising")
    catalog = discover()
    assert skipped(catalog, "raising").code == "W_PLUGIN_OFF"
    warn_about(catalog)
    assert not [one for one in recwarn if "raising" in str(one.message)]


def test_a_single_contribution_can_be_left_out(install, monkeypatch):
    install("one", good("one"))
    install("two", good("two"))
    monkeypatch.setenv("AUTOML_PLUGINS_OFF", "algorithm:tw?")
    names = set(discover(Plugins(without=("metric:on*",), only=("one", "two"))).algorithms)
    assert names == {"one"}


def test_only_the_allowed_are_loaded(install, monkeypatch):
    install("one", good("one"))
    install("two", "raise RuntimeError")
    monkeypatch.setenv("AUTOML_PLUGINS_ALLOW", "some-one")
    catalog = discover()
    assert set(catalog.algorithms) == {"one"}
    assert skipped(catalog, "two").code == "W_PLUGIN_NOT_ALLOWED"
    monkeypatch.setenv("AUTOML_PLUGINS_ALLOW", "")
    assert not discover().algorithms


def test_only_narrows_algorithms_and_other_kinds_by_name(install):
    metric = """
        from automl.plugin import Metric, hookimpl
        @hookimpl
        def automl_metrics():
            one = {"tasks": frozenset({"binary"}), "score": min, "reads": "labels"}
            return [Metric(name=n, greater_is_better=True, best=1.0, **one) for n in ("ma", "mb")]
    """
    install("metrics", metric)
    install("one", good("one"))
    install("two", good("two"))
    catalog = discover(Plugins(only=("one",)))
    assert set(catalog.algorithms) == {"one"}
    assert {"ma", "mb"} <= set(catalog.metrics)
    narrowed = discover(Plugins(only=("metric:ma",)))
    assert set(narrowed.metrics) == {"ma"}
    assert {"one", "two"} <= set(narrowed.algorithms)
    assert set(discover(Plugins(only=("some-t*",))).algorithms) == {"two"}
    assert set(discover(Plugins(only=("one",), add=(algorithm("z"),))).algorithms) == {"one", "z"}


@pytest.mark.parametrize("plugins", [Plugins(only=("onne",)), Plugins(without=("onne",))])
def test_a_name_that_nobody_carries_is_an_error(install, plugins):
    install("one", good("one"))
    with pytest.raises(PluginError, match="Did you mean 'one'"):
        discover(plugins)


def test_selection_from_what_a_user_writes():
    mine = algorithm("mine")
    assert Plugins.of(None) == Plugins()
    assert Plugins.of("a") == Plugins(only=("a",))
    assert Plugins.of(["a", "-b", "c*", mine]) == Plugins(
        only=("a", "c*"), without=("b",), add=(mine,)
    )
    assert Plugins.of(mine) == Plugins(add=(mine,))
    assert Plugins.of(Plugins(only=("a",))).only == ("a",)
    for wrong in (3, [3], [""], ["-"], {"a": 1}.values()):
        with pytest.raises(PluginError, match="E_PLUGIN_SELECTION"):
            Plugins.of(wrong)


def test_fifty_plugins_cost_little(install):
    for number in range(50):
        install(f"p{number:02}", good(f"p{number:02}"))
    discover(Plugins(without=("p*",)))
    costs = []
    for _ in range(3):  # the least of three: others use this machine too
        started = time.process_time()
        catalog = discover()
        costs.append(time.process_time() - started)
    assert len([name for name in catalog.algorithms if name.startswith("p")]) >= 50
    assert min(costs) < 0.4, costs


def test_discovery_works_the_same_in_any_folder_order(install):
    install("b", good("xb"), distribution="a-first")
    install("a", good("xa"), distribution="z-last")
    names = [giver.plugin for (kind, _), giver in discover().givers.items() if kind == "algorithm"]
    assert names == [
        giver.plugin
        for (kind, _), giver in sorted(discover().givers.items())
        if kind == "algorithm"
    ]


def test_metric_names_may_equal_algorithm_names(install):
    install("one", good("one"))
    metric = Metric(
        name="one",
        tasks=frozenset({"binary"}),
        score=lambda y, given, weight: 0.0,
        reads="labels",
        greater_is_better=True,
        best=1.0,
    )
    catalog = discover(Plugins(add=(metric,)))
    assert "one" in catalog.metrics
    assert "one" in catalog.algorithms
