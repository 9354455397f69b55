"""Arguments from files and options, and what is written for spreadsheets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import automl
from automl.cli.arguments import (
    Arguments,
    from_file,
    listed,
    merged,
    numbers,
    pairs,
    value_of,
)
from automl.cli.face import as_json
from automl.cli.group import run
from automl.cli.write import as_csv
from automl.errors import InputError

DOCS = Path(__file__).parents[1] / "docs" / "cli.md"


def test_the_file_in_the_docs_is_understood(tmp_path: Path) -> None:
    block = re.search(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    (tmp_path / "run.toml").write_text(block.group(1), encoding="utf-8")
    arguments = merged(from_file(str(tmp_path / "run.toml")), {})
    assert automl.Budget(**arguments.limits) == automl.Budget(seconds=60)
    columns = value_of(automl.Columns, arguments.columns, "columns")
    assert columns == automl.Columns(
        ignored=("id",), group="household", kinds={"zip_code": "category"}
    )
    assert value_of(automl.Strategy, arguments.strategy, "strategy").folds == 5


def test_the_command_line_wins_field_by_field() -> None:
    file = {"source": "a.csv", "budget": 60, "columns": {"group": "g", "ignored": ["a"]}}
    words = {
        "source": None,
        "target": "y",
        "budget": {"seconds": None, "trials": 7},
        "columns": {"group": None, "ignored": ("b",), "kinds": {}},
    }
    assert merged(file, words) == Arguments(
        source="a.csv",
        target="y",
        budget={"seconds": 60, "trials": 7},
        columns={"group": "g", "ignored": ("b",)},
    )


@pytest.mark.parametrize(
    ("budget", "limits"),
    [
        (None, (60.0, None, None)),
        ({"seconds": None, "trials": 3}, (None, 3, None)),
        ({"trials": 3, "seconds": 5}, (5.0, 3, None)),
        (5, (5.0, None, None)),
        ({"memory": "4GB"}, (60.0, None, 4 * 10**9)),
        ({"memory": "1.5 gib", "trials": 1}, (None, 1, 3 * 2**29)),
        ({"memory": 10**9}, (60.0, None, 10**9)),
    ],
)
def test_a_budget_is_a_minute_unless_said(budget: object, limits: tuple[object, ...]) -> None:
    found = merged({"budget": budget} if budget else {}, {}).limits
    assert tuple(found.values()) == limits
    automl.Budget(**found)


@pytest.mark.parametrize(
    "budget",
    [{"memory": "much"}, {"memory": "-1GB"}, {"memory": True}, {"seconds": "soon"}, {"trials": []}],
)
def test_a_budget_that_is_no_number_is_refused(budget: object) -> None:
    with pytest.raises(InputError, match="E_INPUT_BUDGET"):
        _ = merged({"budget": budget}, {}).limits


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.toml", "metrik = 'mae'", "Did you mean 'metric'?"),
        ("a.toml", "seed = 'one'", "seed is 'one', expected int"),
        ("a.toml", "seed = true", "seed is True, expected int"),
        ("a.toml", "seed = ", "is not TOML"),
        ("a.yaml", "seed: [", "is not YAML"),
        ("a.yaml", "- seed", "holds list, expected arguments by name"),
        ("a.json", "{", "is not JSON"),
        ("a.txt", "{}", "ends in none of .toml, .yaml and .json"),
    ],
)
def test_a_file_that_says_nonsense_is_refused(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"\[E_INPUT_CONFIG\]") as caught:
        from_file(str(tmp_path / name))
    assert said in str(caught.value)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(InputError, match=r"columns has no 'ignore'\. Did you mean 'ignored'\?"):
        value_of(automl.Columns, {"ignore": ["a"]}, "columns")


def test_a_single_name_stands_for_a_list() -> None:
    assert value_of(automl.Columns, {"ignored": "id"}, "columns").ignored == ("id",)
    assert value_of(automl.Plugins, {"only": "linear"}, "plugins").only == ("linear",)


def test_plugins_in_a_file_may_be_words(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("plugins: [linear, -svm]\n", encoding="utf-8")
    assert from_file(str(tmp_path / "a.yaml"))["plugins"] == {
        "only": ["linear"],
        "without": ["svm"],
    }


def test_a_column_may_hold_an_equals_sign() -> None:
    assert pairs(["a=b=number"], "--kind") == {"a=b": "number"}
    assert listed(["a, b", "c"]) == ("a", "b", "c")


def test_formulas_are_harmless_in_csv_and_numbers_are_left() -> None:
    cells = ["=1+1", "+1.5", "-x", "@a", "-", "plain", None, float("nan")]
    lines = as_csv({"=a": cells}).splitlines()
    assert lines == ["'=a", "'=1+1", "+1.5", "'-x", "'@a", "-", "plain", '""', '""']


def test_json_has_no_nan_and_takes_numpy() -> None:
    import numpy as np

    document = {"a": np.float64("nan"), "b": np.arange(2), "c": (Path("x"), np.bool_(True))}
    assert as_json(document) == '{"a": null, "b": [0, 1], "c": ["x", true]}'


def test_directions_and_the_device_come_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert numbers(("age=1", "a=b=-1"), "--monotonic") == {"age": 1, "a=b": -1}
    with pytest.raises(InputError, match=r"--monotonic: 'up' for 'age' is no whole number"):
        numbers(("age=up",), "--monotonic")
    monkeypatch.chdir(tmp_path)
    rows = "\n".join(f"{n % 17},{n % 5}.5,{n % 17 + n % 3}" for n in range(60))
    Path("t.csv").write_text("age,size,price\n" + rows + "\n", encoding="utf-8")
    fit = ["fit", "t.csv", "price", "--trials", "1", "--jobs", "1", "--only", "lightgbm"]
    for words, said in (
        (["--monotonic", "age=2"], "in the direction 2"),
        (["--device", "quantum"], "No algorithm can use the device 'quantum'"),
    ):
        assert run([*fit, *words]) == 2
        assert said in capsys.readouterr().err
    assert run([*fit, "--monotonic", "age=1", "--device", "cpu"]) == 0
