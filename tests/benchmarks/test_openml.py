"""The way through openml-python, on a cache that the test makes: no network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.openml_suite import tables
from benchmarks.tables import question

openml = pytest.importorskip("openml", reason="an extra of the benchmarks")

N_ROWS = 30
OML = 'xmlns:oml="http://openml.org/openml"'


def task_xml(number: int, kind: int, target: str) -> str:
    words = {1: "Supervised Classification", 2: "Supervised Regression"}[kind]
    return f"""<oml:task {OML}>
<oml:task_id>{number}</oml:task_id>
<oml:task_type_id>{kind}</oml:task_type_id>
<oml:task_type>{words}</oml:task_type>
<oml:input name="source_data"><oml:data_set><oml:data_set_id>{number}</oml:data_set_id>
<oml:target_feature>{target}</oml:target_feature></oml:data_set></oml:input>
<oml:input name="estimation_procedure"><oml:estimation_procedure><oml:id>1</oml:id>
<oml:type>crossvalidation</oml:type>
<oml:data_splits_url>https://no.where/splits.arff</oml:data_splits_url>
<oml:parameter name="number_repeats">2</oml:parameter>
<oml:parameter name="number_folds">3</oml:parameter>
</oml:estimation_procedure></oml:input>
<oml:input name="evaluation_measures"><oml:evaluation_measures>
<oml:evaluation_measure></oml:evaluation_measure>
</oml:evaluation_measures></oml:input>
<oml:output name="predictions"><oml:predictions><oml:format>ARFF</oml:format>
<oml:feature name="repeat" type="integer"/></oml:predictions></oml:output>
</oml:task>"""


def features_xml() -> str:
    def one(index: int, name: str, kind: str, levels: tuple[str, ...] = ()) -> str:
        values = "".join(f"<oml:nominal_value>{level}</oml:nominal_value>" for level in levels)
        return f"""<oml:feature><oml:index>{index}</oml:index><oml:name>{name}</oml:name>
<oml:data_type>{kind}</oml:data_type>{values}<oml:is_target>false</oml:is_target>
<oml:is_ignore>false</oml:is_ignore><oml:is_row_identifier>false</oml:is_row_identifier>
<oml:number_of_missing_values>0</oml:number_of_missing_values></oml:feature>"""

    parts = (
        one(0, "size", "numeric"),
        one(1, "colour", "nominal", ("red", "blue")),
        one(2, "kind", "nominal", ("a", "b", "c")),
        one(3, "price", "numeric"),
    )
    return f"<oml:data_features {OML}>{''.join(parts)}</oml:data_features>"


def fill(cache: Path, number: int, kind: int, target: str) -> None:
    """Lay down what openml-python would have fetched for a task and its table."""
    task, data = cache / "tasks" / str(number), cache / "datasets" / str(number)
    task.mkdir(parents=True)
    data.mkdir(parents=True)
    (task / "task.xml").write_text(task_xml(number, kind, target), encoding="utf-8")
    splits = ["@relation s", "@attribute type {TRAIN,TEST}", "@attribute rowid integer"]
    splits += ["@attribute repeat integer", "@attribute fold integer", "@data"]
    for repeat in range(2):
        for fold in range(3):
            for row in range(N_ROWS):
                side = "TEST" if (row + repeat) % 3 == fold else "TRAIN"
                splits.append(f"{side},{row},{repeat},{fold}")
    (task / "datasplits.arff").write_text("\n".join(splits) + "\n", encoding="utf-8")
    (data / "description.xml").write_text(
        f"""<oml:data_set_description {OML}><oml:id>{number}</oml:id><oml:name>toy</oml:name>
<oml:version>1</oml:version><oml:description>made here</oml:description>
<oml:format>ARFF</oml:format><oml:licence>Public</oml:licence>
<oml:url>https://no.where/toy.arff</oml:url>
<oml:default_target_attribute>{target}</oml:default_target_attribute>
<oml:status>active</oml:status></oml:data_set_description>""",
        encoding="utf-8",
    )
    (data / "features.xml").write_text(features_xml(), encoding="utf-8")
    (data / "qualities.xml").write_text(
        f"""<oml:data_qualities {OML}><oml:quality><oml:name>NumberOfInstances</oml:name>
<oml:value>{N_ROWS}.0</oml:value></oml:quality></oml:data_qualities>""",
        encoding="utf-8",
    )
    lines = ["@relation toy", "@attribute size numeric", "@attribute colour {red,blue}"]
    lines += ["@attribute kind {a,b,c}", "@attribute price numeric", "@data"]
    lines += [f"{i},{('red', 'blue')[i % 2]},{'abc'[i // 3 % 3]},{i / 2}" for i in range(N_ROWS)]
    (data / "dataset.arff").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(openml.config, "_root_cache_directory", tmp_path)
    return Path(openml.config.get_cache_directory())


@pytest.mark.filterwarnings("ignore")
def test_a_task_becomes_a_question_with_the_splits_of_openml(cache):
    fill(cache, 7, 1, "kind")
    fill(cache, 8, 2, "price")
    classes, numbers = tables({"tasks": [7, 8], "folds": 6})
    assert (classes.name, classes.task, classes.target) == ("toy-7", "multiclass", "kind")
    assert (numbers.task, numbers.n_rows, numbers.n_folds(None)) == ("regression", N_ROWS, 6)
    assert numbers.n_folds(2) == 2
    asked = question(classes, 4)  # the second fold of the second repeat
    assert asked.test["size"].tolist() == [row for row in range(N_ROWS) if (row + 1) % 3 == 1]
    assert asked.n_classes == 3
    assert set(asked.train.columns) == {"size", "colour", "price", "target"}
    asked = question(numbers, 0)
    assert np.array_equal(asked.truth, asked.test["size"] / 2)
