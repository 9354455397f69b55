"""``automl check``: the conformance kit as a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from automl.cli.face import ANSWER_IS_NO, DONE, face_of, one_line, shared

if TYPE_CHECKING:
    from automl.testing import CheckRow

EXAMPLES = """\b
Examples:
  automl check lightgbm
  automl check my-distribution --json
"""


@click.command("check", short_help="Check a plugin against the contract.", epilog=EXAMPLES)
@click.argument("name")
@shared
@click.pass_context
def command(context: click.Context, name: str) -> int:
    """Check the plugin, distribution or contribution NAME against the contract.

    Each line is one property; where it does not hold, the next line says what to change. The exit
    code is 3 where one does not hold.
    """
    from automl.testing import run_checks

    face = face_of(context)
    rows: list[CheckRow] = []
    for row in run_checks(name):
        # Each line at once: a check may fit something.
        if not face.as_json:
            if not rows:
                click.echo(f"{'status':<8}  {'seconds':>7}  check")
            click.echo(_line(row))
        rows.append(row)
    count = Counter(row.status for row in rows)
    text = ", ".join(f"{number} {status}" for status, number in sorted(count.items()))
    face.show(f"\n{text or 'nothing to check'}", {"name": name, "checks": [*map(asdict, rows)]})
    return ANSWER_IS_NO if count["failed"] else DONE


def _line(row: CheckRow) -> str:
    line = f"{row.status:<8}  {row.seconds:>7.2f}  {row.kind} {row.name}: {row.check}"
    return f"{line}\n{'':<19}{one_line(row.message)}" if row.message else line
