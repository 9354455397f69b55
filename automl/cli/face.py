"""What all commands share: options, exit codes, how an error or a warning looks."""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

from automl.errors import AutoMLError, AutoMLWarning

DONE = 0
"""The command did what was asked."""

FAILED = 1
"""Something broke that is not the input's fault."""

BAD_INPUT = 2
"""The words, the data, the model, the run or a plugin cannot be used."""

ANSWER_IS_NO = 3
"""The work is done, and the answer is no: nothing beats a constant, or a check failed."""

INTERRUPTED = 130
"""Ctrl-C."""

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(slots=True)
class Face:
    """How this call of the command line talks.

    Parameters
    ----------
    as_json : bool
        Stdout holds exactly one JSON document.
    debug : bool
        An error shows its traceback.
    log_folder : Path or None
        Where a traceback is kept; None is the folder for temporary files.
    warned : list of AutoMLWarning
        What was warned of and not shown yet.
    """

    as_json: bool = False
    debug: bool = False
    log_folder: Path | None = None
    warned: list[AutoMLWarning] = field(default_factory=list)

    def show(self, text: str, document: Any) -> None:
        """Print the text for a person, or the document for a program."""
        click.echo(as_json(document) if self.as_json else text)

    def say(self, text: str) -> None:
        """Print a line that is no part of the result."""
        click.echo(text, err=True)

    def say_warnings(self) -> list[dict[str, str]]:
        """Print what was warned of, each once, and return it as plain values."""
        seen = {str(warning): warning for warning in self.warned}
        self.warned.clear()
        for text in seen:
            self.say(f"warning: {one_line(text)}")
        return [{"code": one.code, "message": one.message} for one in seen.values()]


def shared(command: Command) -> Command:
    """Add the options that every command has."""
    for name, flag, text in (
        ("debug", "--debug", "Show the traceback of an error."),
        ("as_json", "--json", "Print one JSON document instead of text."),
    ):
        command = click.option(
            flag, name, is_flag=True, expose_value=False, is_eager=True, callback=_set, help=text
        )(command)
    return command


def face_of(context: click.Context) -> Face:
    """Return the face of this call."""
    face: Face = context.find_root().ensure_object(Face)
    return face


def as_json(document: Any) -> str:
    """Write a document as JSON that every reader takes: no NaN, no NumPy types."""
    return json.dumps(_plain(document), ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return str(value)


def one_line(text: str) -> str:
    """Join the lines of a text."""
    return " ".join(text.split())


@contextmanager
def collected(face: Face) -> Iterator[None]:
    """Keep warnings of ours for the face; those of other libraries are shown with ``--debug``."""
    with warnings.catch_warnings():
        if not face.debug:
            warnings.simplefilter("ignore")
        warnings.simplefilter("always", AutoMLWarning)
        show = warnings.showwarning

        def keep(message: Warning | str, *rest: Any, **more: Any) -> None:
            if isinstance(message, AutoMLWarning):
                face.warned.append(message)
            else:
                show(message, *rest, **more)

        warnings.showwarning = keep
        yield


def explain(error: BaseException, face: Face) -> int:
    """Say in one line what went wrong, and return the exit code."""
    if face.debug and not isinstance(error, click.exceptions.Exit):
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return _tell(face, "E_INTERRUPTED", "interrupted.", "", INTERRUPTED)
    if isinstance(error, click.ClickException):
        where = getattr(error, "ctx", None)
        path = where.command_path if where else "automl"
        text = error.format_message()
        return _tell(face, "E_USAGE", text, f"Try `{path} --help`.", BAD_INPUT)
    if isinstance(error, AutoMLError):
        return _tell(face, error.code, error.message, error.remedy, BAD_INPUT)
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    return _tell(face, "E_UNEXPECTED", text, f"The log is at {_log(error, face)}.", FAILED)


def _tell(face: Face, code: str, message: str, remedy: str, exit_code: int) -> int:
    face.say(one_line(f"error: {message} {remedy} [{code}]"))
    if face.as_json:
        error = {"code": code, "message": message, "remedy": remedy, "exit_code": exit_code}
        click.echo(as_json({"error": error}))
    return exit_code


def _log(error: BaseException, face: Face) -> Path:
    """Write the traceback where it can be found, and return the place."""
    text = "".join(traceback.format_exception(error))
    for folder in (face.log_folder, None):
        try:
            handle, name = tempfile.mkstemp(".log", "automl-error-", folder)
            os.close(handle)
            Path(name).write_text(text, encoding="utf-8")
        except OSError:
            continue
        else:
            return Path(name)
    return Path("nowhere (no folder can be written)")


def _set(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and parameter.name:
        setattr(face_of(context), parameter.name, True)
