"""What a client is told when it does not get a prediction: a code and names, never a value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LONGEST = 100
"""Characters of a name that are repeated."""

MOST = 20
"""Fields that are named in one answer."""


class Refused(Exception):  # noqa: N818 - it is an answer, not an error of the server
    """A request that is answered with something else than a prediction.

    Parameters
    ----------
    status : int
        HTTP status.
    code : str
        Stable identifier such as ``"E_SERVE_FIELDS"``.
    message : str
        What was wrong and what was expected; holds no value that the client has sent.
    fields : iterable of mappings, default=()
        ``field``, ``problem`` and, of several rows, the numbers of the first ``rows``.
    headers : mapping of str to str, default={}
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: Iterable[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.fields = [dict(one) for one in fields]
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> bytes:
        """Return the answer's body."""
        said: dict[str, Any] = {"code": self.code, "message": self.message, "id": request_id}
        if self.fields:
            said["fields"] = [
                {**one, "field": one["field"][:LONGEST]} for one in self.fields[:MOST]
            ]
        return json.dumps({"error": said}).encode()


def busy(code: str, message: str) -> Refused:
    """Return the answer to a request that may be sent again in a second."""
    return Refused(503, code, message, headers={"Retry-After": "1"})
