"""The group of commands, each imported when it is called or listed."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from automl._version import __version__
from automl.cli.face import DONE, FAILED, Face, collected, explain

COMMANDS = (
    *("fit", "predict", "explain", "serve", "evaluate", "leaderboard", "runs"),
    *("refit", "export", "plugins", "check"),
)
"""Each is the ``command`` of the module of its name."""


class Lazy(click.Group):
    """A group that imports a command only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order in which they are used."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"automl.cli.{cmd_name}").command
        return command


@click.command(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 failed, 2 bad usage or input, 3 done and the answer is no, "
    "130 interrupted.",
    help="""Hand over a table and a target, get a predictor.

    \b
    Example:
      automl fit train.csv income --budget 60
    """,
)
@click.version_option(__version__, prog_name="automl")
def automl() -> None:
    """Stand at the top."""


def run(args: Sequence[str] | None = None) -> int:
    """Run one call of the command line and return its exit code."""
    face = Face()
    try:
        with collected(face):
            code = automl.main(
                None if args is None else list(args),
                prog_name="automl",
                standalone_mode=False,
                obj=face,
            )
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return DONE
    except click.exceptions.Exit as error:
        return error.exit_code
    except OSError as error:
        if error.errno != errno.EPIPE:
            face.say_warnings()
            return explain(error, face)
        # Whoever reads our output has had enough (`| head`): nothing more may be flushed to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except BaseException as error:
        face.say_warnings()
        return explain(error, face)
    face.say_warnings()
    return code if isinstance(code, int) else DONE
