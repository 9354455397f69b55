"""What strangers' distributions do beside the wheel, in an environment that has nothing else.

python stranger.py there SOURCE TARGET   installed: searched, saved, loaded, listed, switched off,
                                         exported
python stranger.py gone SOURCE           not installed any more: load names them
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import automl
from automl.errors import BundleError
from automl.plugin.discovery import discover

OURS = "pluggable-automl"
GIVEN = {
    "automl-plugin-carry": {"zipapp", "arff"},
    "automl-plugin-centroids": {"centroids", "ranks", "worst_recall"},
    "automl-plugin-counts": {"count", "poisson_boosting", "poisson_deviance", "poisson_linear"},
}
BUDGET = automl.Budget(trials=3)

LOAD = """
import json, sys, automl
predictor = automl.load(sys.argv[1])
print(json.dumps(predictor.predict(sys.argv[2]).tolist()))
"""


def run(*words, expected=0, **environment):
    """Run this environment's Python and return what it printed; no traceback may be seen."""
    done = subprocess.run(  # noqa: S603 - this environment's own commands
        [sys.executable, *map(str, words)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == expected, (words, done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout if expected == 0 else done.stderr


def command(*words, expected=0, **environment):
    main = "from automl.cli import main; main()"
    return run("-c", main, *words, expected=expected, **environment)


def listed(**environment):
    """Return what each distribution contributes, as `automl plugins` lists it."""
    found = {}
    for plugin in json.loads(command("plugins", "--json", **environment))["plugins"]:
        names = {name for group in plugin["contributes"].values() for name in group}
        found.setdefault(plugin["giver"], set()).update(names)
    return found


def built_in_algorithms():
    givers = discover().givers
    return [
        name
        for (kind, name), giver in givers.items()
        if kind == "algorithm" and giver.distribution == OURS
    ]


def tell(what):
    print(f"- {what}", flush=True)


def check_lists():
    found = listed()
    for distribution, names in GIVEN.items():
        assert found[distribution] == names, (distribution, found.get(distribution))
    tell("all are listed with their givers")


def check_switches():
    strange = set(GIVEN)
    assert not strange & set(listed(AUTOML_PLUGINS_OFF="automl-plugin-*"))
    some = listed(AUTOML_PLUGINS_OFF="algorithm:centr*,zipapp")
    assert some["automl-plugin-centroids"] == {"ranks", "worst_recall"}, some
    assert some["automl-plugin-carry"] == {"arff"}, some
    assert set(listed(AUTOML_PLUGINS_ALLOW=OURS)) == {OURS}
    assert set(listed(AUTOML_PLUGINS_ALLOW=f"{OURS},counts")) == {OURS, "automl-plugin-counts"}
    tell("the environment switches off by pattern, and allows by name")
    catalog = discover(automl.Plugins.of(["-automl-plugin-*", "-lightgbm"]))
    assert not {"centroids", "count", "arff", "lightgbm"} & {name for _, name in catalog.givers}
    tell("an argument switches off by pattern")


def check_alone(source, target):
    """Only strangers' algorithms: switched off by environment and command line, then by name."""
    off = ",".join(f"algorithm:{name}" for name in built_in_algorithms())
    words = ["fit", source, target, "--trials", 3, "--out", "alone", "--json"]
    words += ["--metric", "worst_recall", "--without", "poisson_*"]
    said = json.loads(command(*words, AUTOML_PLUGINS_OFF=off))
    tried = {row["algorithm"]: row["giver"] for row in said["leaderboard"]}
    tried.pop("baseline")
    assert set(tried) == {"centroids"}, tried
    assert tried["centroids"].startswith("automl-plugin-centroids "), tried
    assert {one["algorithm"] for one in said["members"]} == {"centroids"}, said["members"]
    tell("with every built-in algorithm switched off, a run completes by a stranger's")
    result = automl.fit(source, target, budget=BUDGET, plugins=["centroids"])
    steps = [step for row in result.leaderboard for step in row.preparation.get("number", ())]
    assert "ranks" in str(steps), steps
    result.predictor.save("ranked")
    labels = json.loads(run("-c", LOAD, "ranked", source))
    assert labels == result.predictor.predict(source).tolist()
    tell("its preprocessor is used, and the model says the same in a new process")
    manifest = json.loads(Path("ranked/manifest.json").read_text(encoding="utf-8"))
    used = {(one["name"], one["distribution"]) for one in manifest["contributions"]}
    assert ("centroids", "automl-plugin-centroids") in used, used


def write_counts(path):
    """Write a table of Weka's with counts."""
    rng = np.random.default_rng(0)
    size, color = rng.normal(size=300), rng.choice(["red", "dark blue"], 300)
    counts = rng.poisson(np.exp(0.7 * size + (color == "red")))
    lines = [f"{a:.4f},'{b}',{c}" for a, b, c in zip(size, color, counts, strict=True)]
    head = "@relation visits\n@attribute size real\n@attribute color {red,'dark blue'}\n"
    text = f"{head}@attribute visits integer\n@data\n" + "\n".join(lines) + "\n"
    Path(path).write_text(text, encoding="utf-8")


def check_task():
    write_counts("visits.arff")
    words = ["fit", "visits.arff", "visits", "--task", "count", "--trials", 4, "--out", "counted"]
    said = json.loads(command(*words, "--only", "poisson_*", "--json"))
    assert said["task"] == "count", said["task"]
    assert said["metric"] == "poisson_deviance", said["metric"]
    assert said["better_than_baseline"], said
    assert any("of the rows are 0" in line for line in said["lines"]), said["lines"]
    assert "of the rows are 0" in command("evaluate", "counted", "visits.arff")
    numbers = json.loads(run("-c", LOAD, "counted", "visits.arff"))
    assert min(numbers) > 0, min(numbers)
    tell("a stranger's task runs from a stranger's table through fit, evaluate and load")
    Path("wrong.csv").write_text("x,visits\n1,2\n2,-1\n3,4\n", encoding="utf-8")
    words = ["fit", "wrong.csv", "visits", "--task", "count", "--trials", 1]
    refusal = command(*words, expected=2)
    assert "[E_DATA_COUNT]" in refusal, refusal
    assert "negative" in refusal, refusal
    tell("it says why it refuses a target")


def check_export():
    predictor = automl.load("counted")
    exported = predictor.export("zipapp", "carried")
    assert exported.giver.distribution == "automl-plugin-carry", exported
    written = run("carried/model.pyz", "visits.arff").split()
    expected = ["prediction", *map(str, predictor.predict("visits.arff").tolist())]
    assert written == expected, (written[:3], expected[:3])
    assert "automl-plugin-counts==" in run("carried/model.pyz", "--requirements")
    tell(f"a stranger's exporter carries it away, compared on {exported.n_rows} rows")


def check_gone(source):
    for model, distribution in (
        ("alone", "automl-plugin-centroids"),
        ("counted", "automl-plugin-counts"),
    ):
        with pytest.raises(BundleError, match=f"pip install {distribution}"):
            automl.load(model)
        assert f"pip install {distribution}" in command("predict", model, source, expected=2)
    tell("what is not installed any more is named, with the command that installs it")


if __name__ == "__main__":
    stage, *given = sys.argv[1:]
    if stage == "there":
        check_lists()
        check_switches()
        check_alone(*given)
        check_task()
        check_export()
    else:
        check_gone(*given)
