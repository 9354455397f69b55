"""What a server is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from automl.errors import InputError

MIN_TOKEN = 16
"""Fewest characters of a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a model is served.

    Parameters
    ----------
    path : Path
        A model folder or zip file.
    host : str, default="127.0.0.1"
    port : int, default=8000
        0 takes a free one.
    token : str, default=""
        What a request has to know: ``Authorization: Bearer TOKEN``. Empty asks for none.
    name : str, default=""
        Of the model, in replies and URLs.
    trusted : tuple of str, default=()
        As for `automl.load`.
    places : int, default=64
        Requests in hand at once.
    threads : int, default=2
        Predictions made at once.
    max_bytes : int, default=10 MiB
        Of a body.
    max_rows : int, default=10_000
        Of a request.
    max_explained : int, default=20
        Rows of a request that asks for explanations; 0 gives none.
    patience : float, default=10.0
        Seconds for a request's headers, and for its body, to arrive.
    drain : float, default=30.0
        Seconds that requests in hand have to end after SIGTERM.
    watch : float, default=2.0
        Seconds between two looks whether the model was replaced; 0 looks at SIGHUP only.
    v2 : bool, default=False
        Whether the Open Inference Protocol (V2) is spoken too.
    record : Path or None, default=None
        Where predictions are logged.
    record_rows : bool, default=False
        Whether the rows are logged too.

    Raises
    ------
    InputError
        ``E_INPUT_TOKEN`` for a token that is too short, or none where others can connect.
    """

    path: Path
    host: str = "127.0.0.1"
    port: int = 8000
    token: str = field(default="", repr=False)
    name: str = ""
    trusted: tuple[str, ...] = ()
    places: int = 64
    threads: int = 2
    max_bytes: int = 10 * 2**20
    max_rows: int = 10_000
    max_explained: int = 20
    patience: float = 10.0
    drain: float = 30.0
    watch: float = 2.0
    v2: bool = False
    record: Path | None = None
    record_rows: bool = False

    def __post_init__(self) -> None:
        if self.token and (len(self.token) < MIN_TOKEN or not self.token.isascii()):
            raise InputError(
                "E_INPUT_TOKEN",
                f"The token is too short, or not ASCII; it needs {MIN_TOKEN} characters.",
                "Make one with `python -c 'import secrets; print(secrets.token_urlsafe())'`.",
            )
        if not self.token and not self.alone:
            raise InputError(
                "E_INPUT_TOKEN",
                f"Others can connect to {self.host!r}, and there is no token.",
                "Set AUTOML_TOKEN or --token-file, or stay at 127.0.0.1.",
            )

    @property
    def alone(self) -> bool:
        """Whether only this machine can connect."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
