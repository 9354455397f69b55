"""``automl check``: the conformance kit as a table."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automl.cli.face import ANSWER_IS_NO, DONE, face_of, one_line, shared
from automl.errors import PluginError

if TYPE_CHECKING:
    from types import ModuleType

    from automl.testing import CheckRow

EXAMPLES = """\b
Examples:
  automl check lightgbm
  automl check my-distribution --json
  automl check my_plugin.py --expect a_constant_is_beaten="it is the constant"
"""


@click.command("check", short_help="Check a plugin against the contract.", epilog=EXAMPLES)
@click.argument("name")
@click.option(
    "--expect",
    "expected",
    multiple=True,
    metavar="CHECK=REASON",
    help="A check that is known to fail; it has to fail. May be repeated.",
)
@shared
@click.pass_context
def command(context: click.Context, name: str, expected: tuple[str, ...]) -> int:
    """Check the plugin, distribution, contribution or file NAME against the contract.

    Each line is one property; where it does not hold, the next line says what to change. The exit
    code is 3 where one does not hold.
    """
    from automl.testing import run_checks

    face = face_of(context)
    given = module_of(Path(name)) if name.endswith(".py") else name
    rows: list[CheckRow] = []
    for row in run_checks(given, expected_failures=_reasons(expected)):
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


def module_of(file: Path) -> ModuleType:
    """Import a plugin from a file; its folder is searched from now on, as for a script.

    Raises
    ------
    PluginError
        ``E_PLUGIN_FILE`` where it cannot be imported, or another module has its name.
    """
    name = file.stem
    if not file.is_file():
        raise PluginError("E_PLUGIN_FILE", f"There is no file {file}.")
    if find_spec(name) is not None or not name.isidentifier():
        raise PluginError(
            "E_PLUGIN_FILE",
            f"{file} cannot be imported: {name!r} is the name of another module, or no name.",
            "Give the file a name of its own, such as my_plugin.py.",
        )
    sys.path.insert(0, str(file.resolve().parent))
    try:
        return import_module(name)
    except Exception as error:
        raise PluginError(
            "E_PLUGIN_FILE", f"{file} raised {type(error).__name__} at import: {error}"
        ) from error


def _reasons(expected: tuple[str, ...]) -> dict[str, str]:
    pairs = [one.partition("=") for one in expected]
    for word, _, reason in pairs:
        if not word or not reason:
            raise click.BadParameter(
                f"{word!r} needs a reason: --expect CHECK=REASON.", param_hint="--expect"
            )
    return {word: reason for word, _, reason in pairs}


def _line(row: CheckRow) -> str:
    line = f"{row.status:<8}  {row.seconds:>7.2f}  {row.kind} {row.name}: {row.check}"
    return f"{line}\n{'':<19}{one_line(row.message)}" if row.message else line
