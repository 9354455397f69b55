"""What a race says of its rows."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import analysis, report
from benchmarks.__main__ import main
from benchmarks.compare import compare
from benchmarks.rows import Header, Row, append, write_header

MEANS = {"good": 0.9, "fair": 0.85, "poor": 0.7}


def row(table: str, contender: str, score: float, **more: object) -> Row:
    known = {
        "key": f"{table}-{contender}-{more.get('fold', 0)}-{more.get('budget', 10.0)}",
        "suite": "test",
        "table": table,
        "fold": 0,
        "split": f"{table}-{more.get('fold', 0)}",
        "task": "binary",
        "contender": contender,
        "version": "1",
        "budget": 10.0,
        "cores": 2,
        "seed": 0,
        "n_train": 70,
        "n_test": 30,
        "n_columns": 4,
        "n_classes": 2,
        "n_dropped": 0,
        "status": "ok",
        "metric": "auc",
        "score": score,
        "constant": 0.5,
        "fit_s": 9.5,
        "row_ms": 3.0,
        "date": "2026-01-02T03:04:05",
    }
    return Row(**{**known, **more})  # type: ignore[arg-type]  # a row of plain values


def race(folder: Path, shift: float = 0.0, seed: int = 0, budget: float = 10.0) -> Path:
    rng = np.random.default_rng(seed)
    for number in range(12):
        for contender, mean in MEANS.items():
            score = mean + 0.01 * rng.normal() + shift
            append(folder, row(f"t{number}", contender, score, budget=budget))
    return folder


def test_who_is_better_ranks_first_and_wins(tmp_path):
    (field,) = analysis.fields_of(report.latest(report.read(race(tmp_path))))
    assert field.contenders == ("good", "fair", "poor")
    assert field.ranks.sum(axis=1) == pytest.approx(6)
    won = analysis.duel(field, 0, 2)
    assert won.rate == 1
    assert 0.7 < won.low < won.high == pytest.approx(1)
    test = analysis.rank_test(field)
    assert test.p < 0.001
    # Demsar 2006, table 5: q is 2.343 for three at 5 %.
    assert test.difference == pytest.approx(2.343 * np.sqrt(3 * 4 / (6 * 12)), abs=1e-3)
    assert (0, 2) not in analysis.alike(field, test.difference)


def test_a_failure_counts_as_the_constant_answer_and_is_named(tmp_path):
    failed = row("t", "a", np.nan, status="timeout", phase="fit", cause="killed after 80 s")
    for one in (failed, row("t", "b", 0.6), row("t", "c", 0.4)):
        append(tmp_path, one)
    (field,) = analysis.fields_of(report.read(tmp_path))
    assert field.contenders == ("b", "a", "c")
    assert field.errors[0].tolist() == pytest.approx([0.4, 0.5, 0.6])
    text = report.write(tmp_path)[0].read_text()
    assert "| a | timeout | fit | killed after 80 s | 1 |" in text


def test_ties_share_a_rank_and_a_win(tmp_path):
    for name in ("a", "b"):
        append(tmp_path, row("t", name, 0.75))
    (field,) = analysis.fields_of(report.read(tmp_path))
    assert field.ranks.tolist() == [[1.5, 1.5]]
    assert analysis.duel(field, 0, 1).rate == 0.5


def test_tables_that_not_all_have_run_are_left_out_and_named(tmp_path):
    race(tmp_path)
    append(tmp_path, row("only_one", "good", 0.9))
    text = report.write(tmp_path)[0].read_text()
    assert "12 tables" in text
    assert "Not run by every contender: only_one." in text


def test_the_page_is_whole_and_escapes_what_it_shows(tmp_path):
    pytest.importorskip("matplotlib")
    race(tmp_path)
    race(tmp_path, shift=0.02, budget=60.0)
    bad = row("<script>alert(1)</script>", "good", np.nan, status="failed", cause="<b>x</b>")
    for name in MEANS:
        append(tmp_path, replace(bad, contender=name))
    header = Header(
        suite="test", date="2026-01-02", commit="abc", machine={"cores": 2}, memory_of="pss"
    )
    write_header(tmp_path, header)
    markdown, page = (path.read_text() for path in report.write(tmp_path))
    assert "<script>" not in page
    assert "&lt;b&gt;x" in page
    assert not re.findall(r"(?:src|href)=.https?:", page)
    for part in page.split("<figure>")[1:]:
        ET.fromstring(part.split("</figure>")[0])
    assert page.count("<figure>") >= 8
    assert "harness at abc" in markdown
    assert "Quality against time" in markdown


def test_what_a_budget_is_exceeded_by_is_said_for_each_budget(tmp_path):
    for budget, over in {5.0: (-0.3, 0.4, 1.2), 15.0: (-9.0, 0.0), 60.0: (1.1, 1.19)}.items():
        for number, seconds in enumerate(over):
            # The two smaller budgets in one folder, the largest in another.
            folder = tmp_path / ("small" if budget < 60 else "large")
            append(folder, row(f"t{number}", "good", 0.8, budget=budget, fit_s=budget + seconds))
    dead = row("t9", "good", np.nan, budget=15.0, fit_s=np.nan, status="timeout")
    append(tmp_path / "small", dead)
    five, fifteen = analysis.overruns(report.latest(report.read(tmp_path / "small")))
    assert (five.jobs, five.without, five.beyond) == (3, 0, 1)
    assert five.percentile(100) == pytest.approx(1.2)
    assert five.percentile(50) == pytest.approx(0.4)
    assert (fifteen.jobs, fifteen.without, fifteen.beyond) == (3, 1, 0)
    assert sum(fifteen.counts) == 2
    text = report.write(tmp_path / "small")[0].read_text()
    assert "| good | 15 | 3 | 1 | -4.5 |" in text
    assert "| good | 60 |" not in text
    done = CliRunner().invoke(main, ["overrun", str(tmp_path / "small"), str(tmp_path / "large")])
    assert done.exit_code == 0, done.output
    lines = [line for line in done.output.splitlines() if line.startswith("| good | ")]
    assert [line.split(" | ")[1] for line in lines] == ["5", "15", "60"] * 2
    assert "| good | 60 | 2 | 0 | 1.145 | 1.181 | 1.189 | 1.19 | 1.2 | 0 |" in lines


def test_what_each_part_brings_is_said_with_what_it_costs(tmp_path):
    for number in range(4):
        for name, score in (("automl", 0.9), ("automl-no-blend", 0.8), ("automl-no-looks", 0.9)):
            costs = {"predict_s": score, "row_ms": 2.0, "model_mb": 10 * score}
            append(tmp_path, row(f"t{number}", name, score, **costs))
    said = CliRunner().invoke(main, ["ablation", str(tmp_path)]).output
    blend, looks = said.splitlines()[2:]
    assert "| blend | 4 | +50.00% | 0.00% | 4 of 4, better 0 | t0 +50.0% |" in blend
    assert "| x 0.89 | x 1.00 | x 0.89 |" in blend
    assert "| looks | 4 | +0.00% | 0.00% | 0 of 4, better 0 |" in looks
    other = CliRunner().invoke(main, ["ablation", str(tmp_path), "--contender", "flaml"])
    assert other.exit_code == 1
    assert "no contender called flaml-no-PART" in other.output


def test_an_empty_race_has_a_report(tmp_path):
    assert "No job has ended yet" in report.write(tmp_path)[0].read_text()


def test_a_loss_is_significant_and_noise_is_not(tmp_path):
    base = race(tmp_path / "base")
    worse = race(tmp_path / "worse", shift=-0.02, seed=1)
    noise = race(tmp_path / "noise", seed=2)
    assert compare(base, worse, "good").worse
    assert not compare(worse, base, "good").worse
    assert not compare(base, noise, "good").worse
    same = compare(base, base, "good")
    assert not same.worse
    assert "Nothing has changed" in same.text()
    assert "significantly worse" in compare(base, worse, "good").text()
    with pytest.raises(ValueError, match="No question"):
        compare(base, worse, "nobody")
