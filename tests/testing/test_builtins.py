"""Every built-in contribution passes the kit, as a stranger's has to."""

from __future__ import annotations

import pytest

from automl.testing import plugin_checks

DISTRIBUTION = "pluggable-automl"

EXPECTED = {
    "constant:a_constant_is_beaten": "it is the constant",
    "csv:other_sources_are_left_alone": "it reads what no other reader knows",
}

SLOW = {
    "docker:an_export_says_the_same",
    "docker:nothing_else_changes",
    "docker:one_row_gives_what_the_batch_gives",
    "code:an_export_says_the_same",
    "hist_boosting:corners_of_the_space_fit",
    "hist_boosting:weights_are_like_repeated_rows",
    "hist_boosting:the_same_seed_gives_the_same_values",
    "mlflow:a_second_export_is_the_same",
    "mlflow:an_export_says_the_same",
    "mlflow:no_place_of_this_machine_is_written",
    "mlflow:nothing_else_changes",
    "mlflow:one_row_gives_what_the_batch_gives",
    "mlp:corners_of_the_space_fit",
    "mlp:weights_are_like_repeated_rows",
    "mlp:the_same_seed_gives_the_same_values",
    "xgboost:corners_of_the_space_fit",
}
"""Many fits of what takes long on any data, or a new process for each look."""

IN_OTHER_PROCESSES = {
    "a_saved_model_loads_elsewhere",
    "a_saved_step_loads_elsewhere",
    "a_run_completes",
    "a_whole_run_holds",
}


def _params():
    for check in plugin_checks(DISTRIBUTION, expected_failures=EXPECTED):
        marks = []
        if check.id in IN_OTHER_PROCESSES or f"{check.name}:{check.id}" in SLOW:
            marks.append(pytest.mark.slow)
        if check.expected_failure:
            marks.append(pytest.mark.xfail(reason=check.expected_failure, strict=True))
        yield pytest.param(check, id=f"{check.kind}-{check.name}-{check.id}", marks=marks)


@pytest.mark.parametrize("check", list(_params()))
def test_the_contract(check):
    check()
