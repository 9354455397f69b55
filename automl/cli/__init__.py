"""The command line: one console script, one file a command, each loaded when it is needed."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Parameters
    ----------
    args : sequence of str or None, default=None
        The words after ``automl``; None takes them from the process.

    Raises
    ------
    SystemExit
        Always; the codes stand in `automl.cli.face`.
    """
    from automl.cli.group import run

    sys.exit(run(args))
