"""What is imported for the first prediction while a run still searches."""

from __future__ import annotations

import subprocess
import sys
import threading

from automl.model.early import LONG, Early
from automl.model.member import Member


def _wait():
    for thread in threading.enumerate():
        if thread.name == "automl-early":
            thread.join()


def test_one_pipeline_of_each_new_algorithm_is_read(make, monkeypatch):
    read = []
    load = Member.load
    monkeypatch.setattr(Member, "load", lambda self, *args: read.append(self) or load(self, *args))
    early = Early(LONG)
    first, second = make(("toy_pair",)), make(("toy_pair", "toy_sklearn"))
    for predictor in (first, second, second):
        early(predictor)
        _wait()
    assert read == [first.parts[0].members[0], second.parts[1].members[0]]


def test_a_short_run_or_one_without_an_end_is_left_alone(make, monkeypatch):
    monkeypatch.setattr(Member, "load", lambda *_: 1 / 0)
    for seconds in (LONG - 1, None):
        Early(seconds)(make())
    assert not any(thread.name == "automl-early" for thread in threading.enumerate())


def test_what_cannot_be_read_is_left_for_who_predicts(make, monkeypatch):
    monkeypatch.setattr(Member, "load", lambda *_: 1 / 0)
    Early(LONG)(make())
    _wait()


def test_a_search_imports_what_its_blend_needs():
    code = """
import sys, threading, automl
if __name__ == "__main__":
    table = {"b": [i % 7 for i in range(200)], "y": [i % 7 > 3 for i in range(200)]}
    budget = automl.Budget(seconds=300, trials=4)
    made = automl.fit(table, "y", budget=budget, plugins=["decision_tree"])
    for thread in threading.enumerate():
        if thread.name == "automl-early":
            thread.join()
    parts = [part.candidate.algorithm for part in made.predictor.parts]
    print(*parts, "sklearn.tree" in sys.modules)
"""
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert said.split() == ["decision_tree", "True"]
