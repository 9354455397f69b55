"""Whatever a trial does, it ends as the vocabulary says, the others go on, nothing is left."""

from __future__ import annotations

import os
import sys
import time

import pytest
from around import new_rows, table

import automl

pytestmark = [
    pytest.mark.usefixtures("faults", "nothing_is_left"),
    pytest.mark.skipif(sys.platform == "win32", reason="the faults are those of POSIX"),
]

slow = pytest.mark.slow
calm = pytest.mark.skipif(
    hasattr(os, "getloadavg") and os.getloadavg()[0] > 3 * (os.cpu_count() or 1),
    reason="the machine is too busy for budgets of seconds",
)


def fit(faults, *, seconds=None, memory=None, n_jobs=1, **more):
    """Try faults, after two of them an honest trial; return the rows of the leaderboard."""
    starts = []
    for number, (what, at) in enumerate(faults):
        # One that fails nearly always would be switched off.
        if number % 2 == 0:
            starts.append({"what": "nothing", "at": "fit", "n": number})
        starts.append({"what": what, "at": at, "n": number})
    result = automl.fit(
        table(),
        "y",
        metric="faults_accuracy",
        budget=automl.Budget(seconds=seconds, trials=len(starts), memory=memory),
        plugins=["algorithm:faults"],
        n_jobs=n_jobs,
        strategy=automl.Strategy(folds=2, starts={"faults": tuple(starts)}, **more),
    )
    assert result.predictor.predict_proba(new_rows()).shape == (7, 2)
    assert result.predictor.info["cv_score"] > 0.7
    honest = [row for row in result.leaderboard if row.params.get("what") == "nothing"]
    assert honest
    good = {"complete", "pruned"} | ({"skipped"} if memory or seconds else set())
    assert {row.status for row in honest} <= good, honest
    return {
        (row.params["what"], row.params["at"]): row
        for row in result.leaderboard
        if row.params and row.params["what"] != "nothing"
    }


def statuses(rows):
    return {key: row.status for key, row in rows.items()}


RAISED = {
    "exception": "ValueError: no",
    "base": "Bare: bare",
    "ctrl_c": "KeyboardInterrupt",
    "unspeakable": "Unspeakable: (it cannot be shown)",
    "unpicklable": "Unpicklable: holds a lock",
    "endless": "ValueError: xxx",
    "recursion": "RecursionError",
    "warning": "DeprecationWarning: old",
    "stop": "StopIteration: 3",
    "generator": "GeneratorExit",
    "sys_exit": "SystemExit: 0",
    "group": "ExceptionGroup: many (1 sub-exception)",
    "surrogate": "ValueError: \\ud800",
    "assertion": "AssertionError",
    "disk": "OSError",
}


@pytest.mark.case(
    "F09", "the trial is `failed (exception)` with its cause, at most 1,000 characters of it"
)
def test_whatever_is_raised_fails_one_trial():
    rows = fit([(what, "fit") for what in RAISED])
    assert {key[0] for key in rows} == set(RAISED)
    assert set(statuses(rows).values()) == {"failed (exception)"}
    for (what, _), row in rows.items():
        assert row.message.startswith(RAISED[what]), row
        assert len(row.message) <= 1_000


@pytest.mark.case(
    "F09", "so at each step: importing its library, building, fitting, predicting, scoring, saving"
)
def test_whatever_is_raised_at_any_step_fails_one_trial():
    steps = ("import", "build", "predict", "score", "judge", "save")
    named = {
        ("missing", "build"): "failed (import)",
        ("raised", "fit"): "failed (memory)",
        ("nobody_has", "predict"): "failed (memory)",
    }
    rows = fit([*((what, at) for what in ("exception", "unspeakable") for at in steps), *named])
    assert len(rows) == 12 + len(named)
    assert {key: rows[key].status for key in named} == named
    others = {status for key, status in statuses(rows).items() if key not in named}
    assert others == {"failed (exception)"}


@pytest.mark.case(
    "F06", "the trial is `failed (killed)` and says by what; the next one has a fresh worker"
)
def test_a_death_fails_one_trial():
    deaths = {"segfault": "SIGSEGV", "stack": "SIGSEGV", "leave": "exit code 0"}
    rows = fit([(what, "fit") for what in deaths], n_jobs=2)
    assert set(statuses(rows).values()) == {"failed (killed)"}, rows
    for what, said in deaths.items():
        assert said in rows[what, "fit"].message


@slow
@pytest.mark.case("F06", "so for every other death: aborted, killed, without a word")
def test_any_other_death_fails_one_trial():
    rows = fit([(what, "fit") for what in ("abort", "kill", "close")])
    assert set(statuses(rows).values()) == {"failed (killed)"}, rows
    assert "SIGABRT" in rows["abort", "fit"].message


@slow
@pytest.mark.case(
    "F06", "so while it imports, predicts, scores and saves; a score is never made of an exit"
)
def test_a_death_at_any_step_fails_one_trial():
    steps = ("import", "build", "predict", "score", "save")
    rows = fit([("segfault" if at == "import" else "leave", at) for at in steps])
    assert len(rows) == 5
    assert set(statuses(rows).values()) == {"failed (killed)"}, rows


HANGS = ("hold", *(pytest.param(what, marks=slow) for what in ("sleep", "loop", "lock", "deaf")))


@calm
@pytest.mark.case(
    "F05", "it is killed before the others have no time left, and is `failed (timeout)`"
)
@pytest.mark.parametrize("what", HANGS)
def test_a_hang_ends_within_the_budget_and_leaves_time_for_others(what, soon):
    begun = time.monotonic()
    rows = fit([(what, "fit")], seconds=16, n_jobs=2)
    assert time.monotonic() - begun < soon(16) + 14
    assert statuses(rows) == {(what, "fit"): "failed (timeout)"}


@calm
@slow
@pytest.mark.case("F05", "a trial that hangs first of all leaves a third of the time to the others")
def test_a_hang_at_the_start_is_not_the_end():
    honest = {"what": "nothing", "at": "fit", "n": 1}
    result = automl.fit(
        table(),
        "y",
        budget=30,
        plugins=["algorithm:faults"],
        n_jobs=2,
        strategy=automl.Strategy(
            folds=2, starts={"faults": ({"what": "hold", "at": "fit", "n": 0}, honest)}
        ),
    )
    assert honest in [row.params for row in result.leaderboard if row.status == "complete"]


BOMBS = ("sudden", *(pytest.param(what, marks=slow) for what in ("slow", "child")))


@pytest.mark.case("F07", "a trial over its share is killed: `failed (memory)`")
@pytest.mark.parametrize("what", BOMBS)
def test_a_trial_that_takes_all_memory_is_killed(what):
    rows = fit([(what, "fit")], memory=800_000_000)
    assert statuses(rows) == {(what, "fit"): "failed (memory)"}


@pytest.mark.case("F08", "children and threads that a trial leaves are ended with its worker")
@pytest.mark.case(
    "F14", "what a trial prints goes to a log of at most 1 MB, and neither fills nor blocks"
)
@pytest.mark.case(
    "F11", "a worker that changed folder, environment, signals, filters or paths is put right"
)
def test_what_a_trial_leaves_behind_is_gone():
    rows = fit([(what, "fit") for what in ("children", "threads", "at_exit", "flood", "spoil")])
    found = {what: status for (what, _), status in statuses(rows).items()}
    # One that takes away the paths of all imports may not get far itself.
    assert found.pop("spoil") in {"complete", "pruned", "failed (exception)", "failed (import)"}
    assert len(found) == 4
    assert set(found.values()) <= {"complete", "pruned"}, rows


@calm
@slow
@pytest.mark.case("F08", "a bomb of forks is killed as a whole")
def test_a_bomb_of_forks_is_killed():
    assert statuses(fit([("forks", "fit")], seconds=16, n_jobs=2)) == {
        ("forks", "fit"): "failed (timeout)"
    }


@pytest.mark.case("F11", "the table and the target cannot be written to: `failed (exception)`")
def test_what_is_shared_cannot_be_written():
    rows = fit([("write_X", "fit"), ("write_X", "predict"), ("write_y", "fit")])
    for key in [("write_X", "fit"), ("write_X", "predict")]:
        assert "read-only" in rows[key].message, rows[key]
    assert rows["write_y", "fit"].status != "complete"


ANSWERS = {
    "nan": "nonfinite",
    "one_nan": "nonfinite",
    "inf": "nonfinite",
    "none": "shape exception nonfinite",
    "word": "shape exception",
    "number": "shape exception",
    "complex": "exception shape",
    "ragged": "exception shape",
    "short": "shape",
    "long": "shape",
    "narrow": "shape",
    "wide": "shape",
    "flat": "shape",
    "deep": "shape",
    "sums": "shape",
    "negative": "shape",
    "above": "shape",
    "words": "exception shape",
    "labels": "shape",
}


@pytest.mark.case(
    "F10", "what is no probability of each row and class is `failed (shape)` or `(nonfinite)`"
)
def test_a_wrong_answer_never_becomes_a_score():
    rows = fit([(what, "predict") for what in ANSWERS])
    for (what, _), row in rows.items():
        reasons = [f"failed ({reason})" for reason in ANSWERS[what].split()]
        assert row.status in reasons, row
    assert len(rows) == len(ANSWERS)


@pytest.mark.case(
    "F10", "lists, objects and half precision are taken; classes in another order cost the score"
)
@pytest.mark.case(
    "F10", "rows in another order, or the first for all, are `failed (shape)`: asked backwards"
)
def test_a_right_answer_of_any_type_is_taken_and_a_wrong_order_is_not():
    right, wrong = ("list", "objects", "half"), ("shuffled", "first")
    rows = fit([(what, "predict") for what in (*right, *wrong, "swapped")], n_jobs=1)
    for (what, _), row in rows.items():
        if what in right:
            assert row.status == "complete", row
            assert row.cv_score > 0.7
        elif what in wrong:
            assert row.status == "failed (shape)", row
            assert "rows beside it" in row.message
        else:
            assert row.status in {"complete", "pruned"}, row
            assert row.weight == 0, row


@pytest.mark.case(
    "F10", "a score that is no finite number is none: `failed (nonfinite)` or `(exception)`"
)
def test_a_wrong_score_is_none():
    faults = [("nan_score", "judge"), ("word_score", "score"), ("word_score", "judge")]
    found = statuses(fit(faults, n_jobs=1))
    assert found["nan_score", "judge"] == "failed (nonfinite)"
    assert found["word_score", "score"] == found["word_score", "judge"] == "failed (exception)"


@pytest.mark.case("F06", "so where its library crashes each worker while that starts")
@pytest.mark.parametrize("what", ["segfault", pytest.param("sys_exit", marks=slow)])
def test_a_library_that_kills_each_worker_at_its_start_hurts_its_own_trials_only(what, monkeypatch):
    monkeypatch.setenv("FAULTS_PRELOAD", what)
    result = automl.fit(
        table(),
        "y",
        budget=automl.Budget(trials=4),
        plugins=["faults_preload", "toy"],
        n_jobs=1,
        strategy=automl.Strategy(folds=2),
    )
    found = [row for row in result.leaderboard if row.algorithm == "toy"]
    assert {row.status for row in found} <= {"complete", "pruned"}, found


@pytest.mark.case(
    "F09",
    "the first error of every trial is on the leaderboard where all failed; the constant answers",
)
def test_where_everything_fails_the_constant_answers_with_the_reasons():
    result = automl.fit(
        table(),
        "y",
        budget=automl.Budget(trials=2),
        plugins=["algorithm:faults"],
        n_jobs=1,
        strategy=automl.Strategy(
            folds=2,
            starts={
                "faults": tuple(
                    {"what": what, "at": "fit", "n": 0} for what in ("exception", "leave")
                )
            },
        ),
    )
    assert len(set(result.predictor.predict(new_rows()))) == 1
    said = {row.message for row in result.leaderboard if row.number}
    assert "ValueError: no" in said
    assert any("exit code 0" in one for one in said)
