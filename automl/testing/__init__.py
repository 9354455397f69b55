"""The conformance kit: what the engine relies on in a plugin, as checks that anyone can run.

In a plugin's own tests::

    from automl.testing import parametrize_with_plugin_checks

    @parametrize_with_plugin_checks("my_plugin")
    def test_contract(check):
        check()

On the command line: ``automl check my_plugin``.
"""

from automl.testing.checks import Check, CheckFailedError, CheckRow, plugin_checks, run_checks
from automl.testing.glue import parametrize_with_plugin_checks

__all__ = [
    "Check",
    "CheckFailedError",
    "CheckRow",
    "parametrize_with_plugin_checks",
    "plugin_checks",
    "run_checks",
]
