"""The checks as parameters of a pytest test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl.testing.checks import plugin_checks


def parametrize_with_plugin_checks(
    *given: object, expected_failures: Mapping[str, str] | None = None
) -> Any:
    """Return a decorator that calls a test once for each check, as ``check``.

    Parameters
    ----------
    *given : str, contribution, module or object with hooks
        As for `plugin_checks`.
    expected_failures : mapping of str to str, default={}
        Word of a check, or ``"name:word"``, to the reason; it becomes a strict xfail.
    """
    import pytest

    params = []
    for check in plugin_checks(*given, expected_failures=expected_failures):
        reason = check.expected_failure
        marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
        params.append(pytest.param(check, id=f"{check.kind}:{check.name}:{check.id}", marks=marks))
    return pytest.mark.parametrize("check", params)
