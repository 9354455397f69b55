"""What `automl plugins new` writes installs, passes the kit and is used as it is."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from automl.cli import group
from automl.errors import InputError
from automl.plugin.catalog import KINDS
from automl.testing.template import TEMPLATES, write_plugin

INCOME = Path(__file__).resolve().parents[2] / "examples" / "data" / "income.csv"

USE = {
    "algorithm": """
result = fit(plugins=["begun"])
assert {row.algorithm for row in result.leaderboard} == {"baseline", "begun"}
assert next(iter(result.leaderboard)).algorithm == "begun"
assert next(iter(result.leaderboard)).giver == "automl-plugin-begun 0.1.0"
result.predictor.save("model")
assert automl.load("model").predict(TABLE).tolist() == result.predictor.predict(TABLE).tolist()
""",
    "preprocessor": """
prepared = [str(row.preparation) for row in fit(trials=12, plugins=["linear"]).leaderboard]
assert any("begun" in one for one in prepared), prepared
""",
    "metric": """
assert fit(metric="begun").leaderboard.metric == "begun"
""",
    "task": """
table = {"x": [i / 90 for i in range(90)], "share": [(i % 30) / 30 for i in range(90)]}
strategy = automl.Strategy(task="begun")
predictor = fit(table, "share", strategy=strategy).predictor
assert predictor.task.name == "begun"
assert ((predictor.predict(table) >= 0) & (predictor.predict(table) <= 1)).all()
""",
    "splitter": """
predictor = fit(strategy=automl.Strategy(splitter="begun")).predictor
assert predictor.info["splitter"] == "begun"
""",
    "reader": """
from pathlib import Path
lines = [f'x={i % 7} word="a b" y={"yes" if i % 3 else "no"}\\n' for i in range(60)]
Path("train.begun").write_text("".join(lines), encoding="utf-8")
assert fit("train.begun", "y").predictor.feature_names[0] == "x"
""",
    "listener": """
import json, os
from pathlib import Path
os.environ["AUTOML_BEGUN"] = "events.jsonl"
fit()
events = [json.loads(line)["event"] for line in Path("events.jsonl").read_text().splitlines()]
assert events[-1] == "RunFinished" and "TrialFinished" in events
""",
    "exporter": """
import subprocess, sys
predictor = fit(plugins=["linear"]).predictor
predictor.export("begun", "exported")
said = subprocess.check_output([sys.executable, "exported/predict.py", TABLE], text=True)
assert said.split("\\n")[1:-1] == list(predictor.predict(TABLE))
""",
}
"""What a user of each kind does, in a folder of his own."""

PREAMBLE = f"""
import automl

TABLE = {str(INCOME)!r}

def fit(source=TABLE, target="income", trials=2, plugins=("linear", "naive_bayes"), **more):
    more.setdefault("strategy", automl.Strategy(isolation="none", folds=2))
    return automl.fit(source, target, budget=automl.Budget(trials=trials), plugins=plugins, **more)
"""


def in_another_process(*words: str | Path, cwd: Path, site: Path | None = None) -> str:
    path = os.pathsep.join([*([str(site)] if site else []), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        env={
            **os.environ,
            "PYTHONPATH": path.strip(os.pathsep),
            "PYTHONIOENCODING": "utf-8",
            "PYTEST_ADDOPTS": "",  # what the outer tests are asked for is not for the inner ones
        },
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def installed(kind: str, place: Path) -> tuple[Path, Path]:
    """Return the folder that was written and the one that its wheel is unpacked in."""
    folder, site = place / "written", place / "site"
    files = write_plugin("begun", kind, folder)
    assert all(file.is_file() for file in files)
    in_another_process("-m", "hatchling", "build", "-t", "wheel", "-d", place / "dist", cwd=folder)
    (wheel,) = (place / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:  # what pip does with a wheel of pure Python
        archive.extractall(site)
    return folder, site


def conforms(kind: str, place: Path) -> None:
    folder, site = installed(kind, place)
    said = in_another_process("-m", "pytest", "-q", "-W", "error", folder, cwd=place, site=site)
    assert " passed" in said
    assert " skipped" not in said
    listed = in_another_process(
        "-c", "from automl.cli import main; main(['plugins'])", cwd=place, site=site
    )
    assert f"{kind}: begun" in listed
    (place / "use").mkdir()
    in_another_process("-W", "ignore", "-c", PREAMBLE + USE[kind], cwd=place / "use", site=site)


@pytest.mark.skipif(find_spec("hatchling") is None, reason="builds with hatchling")
def test_a_metric_that_was_just_written_conforms(tmp_path):
    conforms("metric", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_just_written_conforms(kind, tmp_path):
    conforms(kind, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_template_that_is_clean(kind, tmp_path):
    files = write_plugin("begun", kind, tmp_path)
    for words in (["check", "--select=E,F,I,B,UP,SIM"], ["format", "--check"]):
        in_another_process(
            "-m", "ruff", *words, "--isolated", "--line-length=100", files[0], cwd=tmp_path
        )
    texts = [file.read_text(encoding="utf-8") for file in files]
    assert not any("$" in text for text in texts)
    assert len(texts[0].splitlines()) <= 70
    assert texts[3].count("\n") <= 7


def test_there_is_no_template_without_a_kind():
    shared = {"pyproject.toml.txt", "README.md.txt", "test_contract.py.txt"}
    assert {path.name for path in TEMPLATES.iterdir()} == {f"{k}.py.txt" for k in KINDS} | shared


@pytest.mark.parametrize("name", ["Mine", "my-forest", "2nd", "", "größe", "a b", "x/../y"])
def test_what_is_no_name_is_refused(name, tmp_path):
    with pytest.raises(InputError, match="lower-case word"):
        write_plugin(name, "metric", tmp_path)


def test_a_name_that_is_taken_is_refused_with_who_has_it(tmp_path):
    with pytest.raises(InputError, match="'rmse' is the name of a metric of pluggable-automl"):
        write_plugin("rmse", "algorithm", tmp_path)
    with pytest.raises(InputError, match="'metrics' is the name of a plugin of pluggable-automl"):
        write_plugin("metrics", "metric", tmp_path)
    with pytest.raises(InputError, match="There is a module 'automl_boosting'"):
        write_plugin("boosting", "algorithm", tmp_path)
    assert not any(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="folder with something in it"):
        write_plugin("begun", "metric", tmp_path)
    with pytest.raises(InputError, match="is a file"):
        write_plugin("begun", "metric", tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_command_says_what_it_wrote(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert group.run(["plugins", "new", "begun", "--kind", "reader"]) == 0
    assert (tmp_path / "automl-plugin-begun" / "automl_begun.py").is_file()
    assert "pip install -e automl-plugin-begun" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["begun", "--kind", "model"], "E_INPUT_KIND"),
        (["Begun", "--kind", "metric"], "E_INPUT_NAME"),
        (["begun", "--kind", "metric", "--out", "full"], "E_INPUT_OUT"),
        (["begun"], "E_USAGE"),
    ],
)
def test_bad_words_are_one_line_and_exit_code_2(words, code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert group.run(["plugins", "new", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert code in line
