"""A schema as plain JSON values, and back."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from automl.data.schema import Dropped, Feature, Schema
from automl.data.table import Kind
from automl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
"""Version of the format; a reader refuses a later one."""


def to_json(schema: Schema) -> dict[str, Any]:
    """Return the schema as plain JSON values."""
    return {
        "version": VERSION,
        "features": [
            asdict(feature) | {"kind": feature.kind.value, "levels": list(feature.levels)}
            for feature in schema.features
        ],
        "dropped": [asdict(dropped) for dropped in schema.dropped],
        "names": list(schema.names),
        "positional": schema.positional,
    }


def from_json(data: Mapping[str, Any]) -> Schema:
    """Return the schema that `to_json` described.

    Raises
    ------
    InputError
        ``E_SCHEMA_JSON`` for anything else, or a version that is not known.
    """
    try:
        if data["version"] != VERSION:
            raise InputError(
                "E_SCHEMA_JSON",
                f"A schema of version {data['version']!r}, this library reads {VERSION}.",
            )
        return Schema(
            features=tuple(_feature(one) for one in data["features"]),
            dropped=tuple(
                Dropped(name=str(one["name"]), reason=str(one["reason"])) for one in data["dropped"]
            ),
            names=tuple(str(name) for name in data["names"]),
            positional=bool(data["positional"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("E_SCHEMA_JSON", f"Not a schema: {error!r}.") from error


def _feature(data: Mapping[str, Any]) -> Feature:
    known = {field.name for field in fields(Feature)}
    given = {name: value for name, value in data.items() if name in known}
    given["kind"] = Kind(given["kind"])
    given["levels"] = tuple(str(level) for level in given["levels"])
    return Feature(**given)
