"""``automl serve``: a saved model behind HTTP."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automl.cli.face import face_of, shared
from automl.errors import InputError, PluginError

if TYPE_CHECKING:
    from automl.serve.settings import Settings

TOKEN = "AUTOML_TOKEN"  # noqa: S105 - the name of the variable, not a token
"""Variable of the environment with the token: on the command line every user could read it."""

EXAMPLES = """\b
Examples:
  automl serve automl-runs/income-1/model
  AUTOML_TOKEN=... automl serve model --host 0.0.0.0 --port 8080 --v2
"""


NEEDED = ("fastapi", "uvicorn", "prometheus_client")
"""What the extra installs."""


@click.command("serve", short_help="Answer requests over HTTP.", epilog=EXAMPLES)
@click.argument("model")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen at; 0 takes a free one.",
)
@click.option("--token-file", metavar="FILE", help=f"Holds the token; or set {TOKEN}.")
@click.option("--name", default="", help="Name of the model in replies (default: the target's).")
@click.option(
    "--places",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Requests in hand at once; more are told 503.",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Predictions made at once.",
)
@click.option(
    "--max-rows", type=click.IntRange(1), default=10_000, show_default=True, help="Of one request."
)
@click.option(
    "--max-explained",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Rows of a request that asks for explanations; 0 gives none.",
)
@click.option(
    "--max-mb",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    help="MiB of one body.",
)
@click.option(
    "--patience",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Time for headers, and for a body, to arrive.",
)
@click.option(
    "--drain",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Time for requests in hand to end after SIGTERM.",
)
@click.option(
    "--watch",
    type=click.FloatRange(0),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to look for another model in MODEL; 0: at SIGHUP only.",
)
@click.option("--v2", is_flag=True, help="Speak the Open Inference Protocol (V2) too.")
@click.option("--log", metavar="FILE", help="Append each prediction to a file of JSON lines.")
@click.option("--log-rows", is_flag=True, help="Log the rows too, not only what was said of them.")
@click.option("--trust", multiple=True, metavar="TYPE", help="A type that the model may build.")
@shared
@click.pass_context
def command(context: click.Context, /, model: str, **given: Any) -> None:
    """Answer requests about rows with the model folder or zip file MODEL.

    The page at / is for people, /openapi.json for programs. Only this machine can connect, unless
    there is a token. When MODEL is replaced the new model takes over between two requests. SIGTERM
    and Ctrl-C answer what is in hand and end with exit code 0.
    """
    face = face_of(context)
    settings = _settings(model, given)
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise PluginError(
            "E_PLUGIN_REQUIRES",
            f"`automl serve` needs {', '.join(missing)}.",
            "Run `pip install 'pluggable-automl[serve]'`.",
        )
    from automl.serve.running import run

    def started(url: str) -> None:
        face.show(f"Serving {model} at {url} (Ctrl-C ends).", {"model": model, "url": url})
        sys.stdout.flush()

    run(settings, started)


def _settings(model: str, given: dict[str, Any]) -> Settings:
    from automl.serve.settings import Settings

    options = dict(given)
    log, megabytes = options.pop("log"), options.pop("max_mb")
    return Settings(
        path=Path(model),
        token=_token(options.pop("token_file")),
        record=Path(log) if log else None,
        record_rows=options.pop("log_rows"),
        max_bytes=int(megabytes * 2**20),
        trusted=options.pop("trust"),
        **options,
    )


def _token(file: str | None) -> str:
    if file is None:
        return os.environ.get(TOKEN, "").strip()
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("E_INPUT_TOKEN", f"--token-file {file!r} cannot be read.") from error
