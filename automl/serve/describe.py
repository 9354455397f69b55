"""What a model's rows look like, for programs: its fields, a typical row, JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.table import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from automl.data.schema import Feature
    from automl.model.predictor import Predictor

LEVELS = 200
"""Known levels that are listed for a field."""

SHARED = 5
"""A level that fewer rows of the training table hold is nobody's example."""


def fields_of(predictor: Predictor) -> list[dict[str, Any]]:
    """Return each field of a row as plain values, in the order of the training table.

    Examples are typical values (the median, the most frequent level), never cells of one row.
    """
    profile = predictor.info.get("profile") or {}
    known = profile.get("columns", {})
    features: dict[str, Feature] = {}
    for feature in predictor.schema.features:
        features.setdefault(feature.name, feature)
    return [_field(feature, known.get(name, {})) for name, feature in features.items()]


def example_of(fields: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a typical row."""
    return {field["name"]: field["example"] for field in fields}


def row_schema(fields: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the JSON Schema of a row."""
    return {
        "type": "object",
        "properties": {field["name"]: _json_schema(field) for field in fields},
        "required": [field["name"] for field in fields],
        "additionalProperties": False,
        "example": example_of(fields),
    }


def _field(feature: Feature, profile: Mapping[str, Any]) -> dict[str, Any]:
    kind = "boolean" if feature.boolean else feature.kind.value
    field: dict[str, Any] = {"name": feature.name, "kind": kind}
    if feature.kind is Kind.CATEGORY:
        field["levels"] = list(feature.levels[:LEVELS])
        field["n_levels"] = len(feature.levels)
        field["ordered"] = feature.ordered
    elif feature.kind is Kind.NUMBER and not feature.boolean:
        field["low"], field["high"] = _plain(feature.low), _plain(feature.high)
    elif feature.kind is Kind.DATE:
        field["low"], field["high"] = _date(feature.low), _date(feature.high)
    if feature.form == "number" and feature.kind in {Kind.CATEGORY, Kind.STRING}:
        field["numbers"] = True
    field["example"] = _EXAMPLES[feature.kind](feature, profile)
    return field


def _json_schema(field: Mapping[str, Any]) -> dict[str, Any]:
    kind = field["kind"]
    types = {"number": ["number", "null"], "boolean": ["boolean", "null"]}.get(
        kind, ["string", "null"]
    )
    if field.get("numbers"):
        types = ["string", "number", "null"]
    said = {"type": types, "description": _sentence(field), "examples": [field["example"]]}
    return said | ({"format": "date-time"} if kind == Kind.DATE.value else {})


def _sentence(field: Mapping[str, Any]) -> str:
    if field.get("low") is not None:
        return f"In training between {field['low']} and {field['high']}."
    if "levels" in field:
        more = field["n_levels"] - len(field["levels"])
        rest = f" and {more} more" if more > 0 else ""
        return f"In training one of: {', '.join(field['levels'])}{rest}."
    return f"A {field['kind']}." if field["kind"] != Kind.TEXT.value else "A text."


def _number(feature: Feature, profile: Mapping[str, Any]) -> Any:
    quantiles = [value for value in profile.get("quantiles", ()) if value is not None]
    middle = quantiles[len(quantiles) // 2] if quantiles else feature.low or 0.0
    return bool(middle) if feature.boolean else _plain(middle)


def _moment(feature: Feature, profile: Mapping[str, Any]) -> Any:
    return _date(_number(feature, profile))


def _level(feature: Feature, profile: Mapping[str, Any]) -> Any:
    counts = profile.get("counts") or {}
    level = max(counts, key=counts.__getitem__, default=None)
    if level is None or (feature.kind is Kind.STRING and counts[level] < SHARED):
        return feature.levels[0] if feature.kind is Kind.CATEGORY and feature.levels else "word"
    return level


def _text(feature: Feature, profile: Mapping[str, Any]) -> Any:
    del feature, profile
    return "some words"


def _plain(value: float | None) -> float | int | None:
    """Return a number as a person writes it."""
    if value is None or not np.isfinite(value):
        return None
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else float(value)


def _date(seconds: float | None) -> str | None:
    if seconds is None or not abs(seconds) < 2**53:
        return None
    return str(np.datetime64(int(seconds), "s"))


_EXAMPLES = {
    Kind.NUMBER: _number,
    Kind.DATE: _moment,
    Kind.CATEGORY: _level,
    Kind.STRING: _level,
    Kind.TEXT: _text,
}
