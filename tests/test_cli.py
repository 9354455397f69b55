"""The command line as a user meets it: the real console script in a process of its own."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from automl.cli import group
from automl.search.runs import n_outcomes

SCRIPT = shutil.which("automl", path=str(Path(sys.executable).parent)) or "automl"
COMMANDS = (
    "fit",
    "predict",
    "serve",
    "evaluate",
    "leaderboard",
    "runs",
    "refit",
    "export",
    "plugins",
    "check",
)
DOCS = Path(__file__).parents[1] / "docs" / "cli.md"

SLOWEST = 300.0
"""Seconds that a busy machine may take for what is done in a few."""

Done = subprocess.CompletedProcess[str]


def script(*words: str, cwd: Path | None = None) -> Done:
    """Run the console script as a user does."""
    return subprocess.run(
        [SCRIPT, *words],
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SLOWEST,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )


def run(*words: str, cwd: Path | None = None) -> Done:
    """Run the same in this process, which has imported everything already."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = group.run(words)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def one_error(done: Done, code: str, exit_code: int = 2) -> str:
    assert done.returncode == exit_code, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    assert lines[0].endswith(f"[{code}]")
    return lines[0]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table to learn from, one with new rows, and a run of two candidates."""
    folder = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(0)
    size = rng.normal(size=160)
    colour = rng.choice(["red", "green", "=blue"], 160)
    tall = np.where(size + (colour == "red") + rng.normal(size=160) / 4 > 0, "yes", "no")
    columns = {"name": [f"n{i}" for i in range(160)], "size": size, "colour": colour, "tall": tall}
    columns["same"] = ["always"] * 160
    with (folder / "train.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    new = pa.table({name: cells[:20] for name, cells in columns.items() if name != "tall"})
    pq.write_table(new, folder / "new.parquet")
    done = script(
        *("fit", "train.csv", "tall", "--trials", "2", "--only", "naive_bayes", "--jobs", "1"),
        *("--run", "first"),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout, encoding="utf-8")
    return folder


@pytest.fixture
def model(place: Path) -> str:
    return str(place / "automl-runs" / "first" / "model")


# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_an_example_that_the_docs_show(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0
    examples = re.findall(rf"^ +(automl {command}.*)$", done.stdout, re.MULTILINE)
    assert examples
    text = DOCS.read_text(encoding="utf-8")
    section = text.partition(f"## automl {command}\n")[2].partition("\n## ")[0]
    for example in examples:
        assert example.strip() in section.splitlines()
    assert "--json" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_option_that_the_docs_name_is_there(command: str) -> None:
    section = DOCS.read_text(encoding="utf-8").partition(f"## automl {command}\n")[2]
    section = section.partition("\n## ")[0]
    known = set(re.findall(r"--[a-z]+", run(command, "--help").stdout))
    assert set(re.findall(r"--[a-z]+", section)) <= known


def test_help_imports_no_numpy_and_little_else() -> None:
    code = (
        "import sys\n"
        "from automl.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'numpy', 'scipy', 'sklearn', 'optuna', 'pandas', 'pyarrow', 'rich', 'yaml'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_plugins_imports_no_learning_library() -> None:
    code = (
        "import sys\n"
        "from automl.cli import main\n"
        "try:\n    main(['plugins'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'scipy', 'sklearn', 'optuna', 'pandas', 'pyarrow', 'lightgbm', 'xgboost'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_script_alone_shows_help() -> None:
    done = script()
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command} " in done.stdout


def test_the_version_is_said() -> None:
    assert re.fullmatch(r"automl, version \d+\.\d+\.\d+.*\n", script("--version").stdout)


# Errors


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("fit", "train.csv"), "E_USAGE"),
        (("fit", "train.csv", "tall", "--budget", "soon"), "E_USAGE"),
        (("learn",), "E_USAGE"),
        (("fit", "none.csv", "tall"), "E_INPUT_FILE"),
        (("fit", "train.csv", "tal"), "E_DATA_TARGET_UNKNOWN"),
        (("fit", "train.csv", "tall", "--budget", "0"), "E_INPUT_BUDGET"),
        (("fit", "train.csv", "tall", "--memory", "much"), "E_INPUT_BUDGET"),
        (("fit", "train.csv", "tall", "--run", "new", "--resume", "first"), "E_USAGE"),
        (("fit", "--resume", "second"), "E_INPUT_RUN"),
        (("runs", "second"), "E_INPUT_RUN"),
        (("fit", "train.csv", "tall", "--trials", "1", "--only", "nobody"), "E_PLUGIN_UNKNOWN"),
        (("fit", "train.csv", "tall", "--kind", "size"), "E_INPUT_OPTION"),
        (("fit", "train.csv", "tall", "--run", "first"), "E_INPUT_RUN"),
        (("fit", "train.csv", "tall", "--out", "automl-runs"), "E_INPUT_OUT"),
        (("fit", "--config", "none.toml"), "E_INPUT_CONFIG"),
        (("predict", "model", "new.parquet", "--out", "p.xyz"), "E_INPUT_OUT"),
        (("predict", "model", "new.parquet", "--out", "no/where.csv"), "E_INPUT_OUT"),
        (("leaderboard", "second"), "E_INPUT_RUN"),
        (("check", "nobody"), "E_PLUGIN_UNKNOWN"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    place: Path, words: tuple[str, ...], code: str
) -> None:
    before = sorted(place.rglob("*"))
    one_error(run(*words, cwd=place), code)
    assert sorted(place.rglob("*")) == before, "nothing is left behind"


def test_a_model_that_is_none_is_refused(place: Path) -> None:
    done = run("predict", "nowhere", "new.parquet", cwd=place)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_error_is_json_where_json_is_asked_for(place: Path) -> None:
    done = run("leaderboard", "second", "--json", cwd=place)
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "E_INPUT_RUN"
    assert error["exit_code"] == done.returncode == 2
    assert "first" in error["remedy"]


def test_the_script_hands_over_exit_code_and_streams(place: Path) -> None:
    done = script("leaderboard", "second", cwd=place)
    one_error(done, "E_INPUT_RUN")
    assert done.stdout == ""
    assert script("leaderboard", "first", cwd=place).returncode == 0


def test_debug_shows_the_traceback(place: Path) -> None:
    done = run("leaderboard", "second", "--debug", cwd=place)
    assert "Traceback" in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")


def test_an_unexpected_error_says_where_the_log_is(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> Path:
        raise ZeroDivisionError("no reason")

    monkeypatch.setattr("automl.cli.leaderboard.found_run", broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    line = one_error(run("leaderboard", "first", cwd=place), "E_UNEXPECTED", 1)
    assert "ZeroDivisionError: no reason" in line
    log = re.search(r"The log is at (\S+)\. \[", line)
    assert log is not None
    assert Path(log.group(1)).parent == tmp_path
    assert "Traceback" in Path(log.group(1)).read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_a_reader_that_leaves_is_no_error(place: Path, model: str) -> None:
    done = subprocess.run(
        f"{SCRIPT} predict {model} new.parquet | head -n 1",
        shell=True,
        check=False,
        cwd=place,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "prediction\n"
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


# fit


def test_fit_ends_with_a_summary_and_the_leaderboard(place: Path) -> None:
    said = (place / "said.txt").read_text(encoding="utf-8")
    assert said.startswith("Learned to predict tall (binary) from ")
    assert "always giving the same answer: 0." in said
    assert "same (" in said, "the constant column is named"
    model = Path("automl-runs", "first", "model")
    assert f"automl predict {model} NEW_DATA.csv --out predictions.csv" in said
    assert "cv_score (roc_auc)" in said
    assert (place / model / "manifest.json").is_file()


def test_fit_in_json_is_one_document(place: Path) -> None:
    done = run(
        *("fit", "train.csv", "size", "--trials", "1", "--only", "linear", "--jobs", "1"),
        *("--ignore", "name", "--kind", "colour=category", "--json"),
        cwd=place,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["run"] == str(Path("automl-runs", "size-1"))
    assert document["task"] == "regression"
    assert document["metric"] == "rmse"
    assert document["better_than_baseline"] is True
    assert document["cv_score"] < document["baseline"]
    assert {row["algorithm"] for row in document["leaderboard"]} > {"linear"}
    assert "name" in {one["name"] for one in document["dropped"]}
    kept = json.loads((place / document["run"] / "result.json").read_text(encoding="utf-8"))
    assert kept == document


def test_fit_takes_a_file_and_the_command_line_wins(place: Path, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(
        "source: train.csv\ntarget: tall\nbudget: {trials: 1}\nmetric: accuracy\nn_jobs: 1\n"
        "columns: {ignored: [name]}\nplugins: [naive_bayes]\nstrategy: {folds: 3}\n",
        encoding="utf-8",
    )
    out = str(tmp_path / "model")
    words = ("--metric", "log_loss", "--run", str(tmp_path / "run"), "--out", out, "--json")
    done = run("fit", "--config", str(tmp_path / "run.yaml"), *words, cwd=place)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["metric"] == "log_loss"
    assert document["model"] == out
    assert document["target"] == "tall"


def test_nothing_better_than_a_constant_is_exit_code_3(tmp_path: Path) -> None:
    rows = "\n".join(f"{i * 7919 % 97},{i * 31 % 2}" for i in range(60))
    (tmp_path / "noise.csv").write_text(f"x,y\n{rows}\n", encoding="utf-8")
    done = run(
        *("fit", "noise.csv", "y", "--trials", "0", "--jobs", "1", "--run", "noise"), cwd=tmp_path
    )
    assert done.returncode == 3, done.stderr
    assert "Nothing is better than always giving the same answer" in done.stdout
    assert (tmp_path / "automl-runs" / "noise" / "model").is_dir()


@pytest.mark.case("F04", "`automl fit` saves the best so far, exit code 130")
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_ctrl_c_ends_early_with_the_best_so_far(place: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            *(SCRIPT, "fit", "train.csv", "tall", "--budget", "3600", "--only", "linear"),
            *("--jobs", "1", "--run", str(tmp_path / "run")),
        ],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    # One outcome is there, so that there is something to save.
    deadline = time.monotonic() + SLOWEST
    while not n_outcomes(tmp_path / "run"):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, warned = process.communicate(timeout=SLOWEST)
    assert process.returncode == 130, warned
    assert "Traceback" not in warned
    assert "Learned to predict tall" in said
    assert (tmp_path / "run" / "model").is_dir()


# Going on with a run


@pytest.fixture
def copied(place: Path, tmp_path: Path) -> Path:
    """A working folder of its own with the run of two candidates."""
    shutil.copytree(place / "automl-runs" / "first", tmp_path / "automl-runs" / "first")
    return tmp_path


def test_a_run_goes_on_with_its_own_arguments_and_another_budget(copied: Path) -> None:
    run_folder = copied / "automl-runs" / "first"
    before = json.loads((run_folder / "leaderboard.json").read_text(encoding="utf-8"))
    shutil.rmtree(run_folder / "model")
    done = run("fit", "--resume", "first", "--trials", "4", "--json", cwd=copied)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["target"] == "tall"
    rows = {row["number"]: row for row in document["leaderboard"]}
    assert sorted(rows) == [0, 1, 2, 3, 4]
    for row in before:
        assert rows[row["number"]]["cv_score"] == row["cv_score"]
        assert rows[row["number"]]["params"] == row["params"]
    assert {row["algorithm"] for row in rows.values()} == {"baseline", "naive_bayes"}
    assert (run_folder / "model" / "manifest.json").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--metric", "accuracy"), "metric 'roc_auc', now 'accuracy'"),
        (("--seed", "3"), "seed 0, now 3"),
        (("train.csv", "colour"), "target 'tall', now 'colour'"),
    ],
)
@pytest.mark.case("F28", "so does `automl fit --resume`, in one line, exit code 2")
def test_a_run_does_not_go_on_with_another_question(
    place: Path, words: tuple[str, ...], said: str
) -> None:
    before = {path: path.stat().st_size for path in place.rglob("*") if path.suffix != ".log"}
    done = run("fit", *words, "--resume", "first", "--trials", "3", cwd=place)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
    assert done.stderr.endswith("[E_RUN_OTHER]\n")
    assert "Traceback" not in done.stderr
    after = {path: path.stat().st_size for path in place.rglob("*") if path.suffix != ".log"}
    assert after == before


def test_runs_are_listed_with_what_became_of_them(copied: Path) -> None:
    assert run("runs", cwd=copied / "automl-runs").stdout == "No runs in automl-runs.\n"
    (one,) = json.loads(run("runs", "--json", cwd=copied).stdout)["runs"]
    told = {name: one[name] for name in ("run", "state", "target", "task", "metric", "outcomes")}
    assert told == {
        "run": "first",
        "state": "finished",
        "target": "tall",
        "task": "binary",
        "metric": "roc_auc",
        "outcomes": 2,
    }
    (copied / "automl-runs" / "first" / "run.db").write_bytes(b"x" * 5_000)
    lines = run("runs", cwd=copied).stdout.splitlines()
    assert lines[0].split()[:3] == ["run", "state", "target"]
    assert lines[1].split()[:2] == ["first", "damaged"]


def test_trials_of_a_run_are_copied_for_optuna(copied: Path) -> None:
    url = f"sqlite:///{copied / 'studies.db'}"
    for copies in (2, 0):
        done = run("runs", "first", "--storage", url, "--json", cwd=copied)
        assert json.loads(done.stdout)["copied"] == copies, done.stderr
    broken = run("runs", "first", "--storage", "sqlite:////no/where.db", cwd=copied)
    one_error(broken, "E_RUN_STORAGE")


# What follows a run


def test_predict_writes_csv_to_stdout_in_the_order_of_the_rows(place: Path, model: str) -> None:
    done = run("predict", model, "new.parquet", "--keep", "name,colour", "--proba", cwd=place)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert list(rows[0]) == ["name", "colour", "prediction", "probability_no", "probability_yes"]
    assert [row["name"] for row in rows] == [f"n{i}" for i in range(20)]
    assert {row["colour"] for row in rows} == {"red", "green", "'=blue"}
    for row in rows:
        share = {label: float(row[f"probability_{label}"]) for label in ("no", "yes")}
        assert sum(share.values()) == pytest.approx(1)
        assert row["prediction"] == max(share, key=lambda label: share[label])


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".arrow", ".feather", ".jsonl"])
def test_predict_writes_the_format_of_the_suffix(
    place: Path, model: str, tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / f"p{suffix}"
    out.write_text("what was there", encoding="utf-8")
    done = run("predict", model, "new.parquet", "--keep", "name", "--out", str(out), cwd=place)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"20 predictions are in {out}.\n"
    assert [one.name for one in tmp_path.iterdir()] == [out.name]
    assert table(out)["name"] == [f"n{i}" for i in range(20)]
    assert set(table(out)["prediction"]) <= {"yes", "no"}


def table(path: Path) -> dict[str, list[Any]]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pydict()
    if path.suffix in {".arrow", ".feather"}:
        from pyarrow import feather

        return feather.read_table(path).to_pydict()
    text = path.read_text(encoding="utf-8")
    rows: list[dict[str, Any]]
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in text.splitlines()]
    else:
        delimiter = "\t" if path.suffix == ".tsv" else ","
        rows = list(csv.DictReader(text.splitlines(), delimiter=delimiter))
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_predict_in_json_is_one_document(place: Path, model: str) -> None:
    document = json.loads(run("predict", model, "new.parquet", "--json", cwd=place).stdout)
    assert document["n_rows"] == len(document["predictions"]["prediction"]) == 20


def test_a_column_to_keep_that_is_none_is_refused(place: Path, model: str) -> None:
    done = run("predict", model, "new.parquet", "--keep", "nome", cwd=place)
    assert "name" in one_error(done, "E_INPUT_KEEP")


def test_a_table_that_lacks_a_column_is_refused_or_imputed(
    place: Path, model: str, tmp_path: Path
) -> None:
    (tmp_path / "less.csv").write_text("name,size,same\na,1.0,always\n", encoding="utf-8")
    done = run("predict", model, str(tmp_path / "less.csv"), cwd=place)
    assert done.returncode == 2
    assert "colour" in done.stderr
    done = run("predict", model, str(tmp_path / "less.csv"), "--impute", cwd=place)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("prediction\n")
    assert done.stderr.startswith("warning: ")


def test_evaluate_scores_what_is_asked_for(place: Path, model: str) -> None:
    words = ("evaluate", model, "train.csv", "--metrics", "accuracy,log_loss")
    document = json.loads(run(*words, "--json", cwd=place).stdout)
    assert document["n_rows"] == 160
    assert set(document["scores"]) == {"accuracy", "log_loss"}
    assert document["scores"]["accuracy"] > 0.7
    text = run(*words, cwd=place).stdout
    assert re.search(r"^accuracy +0\.\d+$", text, re.MULTILINE)


def test_the_leaderboard_of_a_run_can_be_read_again(place: Path) -> None:
    document = json.loads(run("leaderboard", "first", "--json", cwd=place).stdout)
    assert document["metric"] == "roc_auc"
    assert [row["number"] for row in document["rows"] if row["rank"] == 1] != [0]
    text = run("leaderboard", "first", cwd=place).stdout
    assert text.splitlines()[0].startswith("rank")
    assert (place / "said.txt").read_text(encoding="utf-8").endswith(text)


def test_plugins_says_who_gave_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOML_PLUGINS_OFF", "linear")
    document = json.loads(run("plugins", "--json").stdout)
    plugins = {one["name"]: one for one in document["plugins"]}
    assert plugins["progress"]["contributes"] == {"listener": ["progress"]}
    assert plugins["progress"]["giver"] == "pluggable-automl"
    assert plugins["progress"]["version"]
    assert "linear" not in plugins
    assert [one["code"] for one in document["skipped"] if one["name"] == "linear"]
    text = run("plugins").stdout
    assert re.search(r"^progress +\S+ +pluggable-automl +listener: progress$", text, re.MULTILINE)


def test_check_is_a_table() -> None:
    done = run("check", "progress")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0].split() == ["status", "seconds", "check"]
    document = json.loads(run("check", "progress", "--json").stdout)
    assert {row["status"] for row in document["checks"]} == {"passed"}
