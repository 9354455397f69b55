"""The OpenAPI document: the routes, with the fields of the model that answers now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automl.serve.describe import example_of, row_schema

if TYPE_CHECKING:
    from automl.serve.current import Served

ERRORS = {
    400: "Not JSON, or JSON of another shape.",
    401: "The token is missing or wrong.",
    408: "The body did not arrive in time.",
    413: "The body is too long, or has too many rows.",
    415: "Not application/json.",
    422: "Fields are missing, unknown or cannot be read; they are named, no value is repeated.",
    501: "The model keeps no rows that others could be compared with, to explain them.",
    500: "The server or the model failed; its log has the id.",
    503: "Too many requests in hand, or no model yet; Retry-After says when to ask again.",
}


EXPLAIN = {
    "name": "explain",
    "in": "query",
    "description": "Whether to say what each field contributed; takes longer.",
    "schema": {"type": "boolean", "default": False},
}
"""A parameter of routes that predict."""


def ref(name: str) -> dict[str, str]:
    """Return a reference to one of the `components`."""
    return {"$ref": f"#/components/schemas/{name}"}


def asks(name: str, *, explains: bool = False) -> dict[str, Any]:
    """Return what a route says of its body; the schema itself is filled in with the model's."""
    content = {"application/json": {"schema": ref(name)}}
    asked: dict[str, Any] = {"requestBody": {"required": True, "content": content}}
    return asked | {"parameters": [EXPLAIN]} if explains else asked


def answers(name: str) -> dict[int | str, dict[str, Any]]:
    """Return what a route says of its replies."""
    refusals: dict[int | str, dict[str, Any]] = {
        status: {"description": text, "content": {"application/json": {"schema": ref("Error")}}}
        for status, text in ERRORS.items()
    }
    good = {"description": "Predicted.", "content": {"application/json": {"schema": ref(name)}}}
    return {200: good, **refusals}


def components(served: Served) -> dict[str, Any]:
    """Return the JSON Schemas of what goes in and comes out."""
    row = row_schema(served.fields)
    label = _label_schema(served)
    model = _object({"name": {"type": "string"}, "version": {"type": "string"}})
    prediction: dict[str, Any] = {
        "prediction": label,
        "flags": {"type": "array", "items": {"type": "string"}},
    }
    if served.predictor.classes is not None:
        prediction["probabilities"] = {
            "type": "object",
            "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
        }
    fields = {"flagged_fields": {"type": "object"}}
    reasons = _reasons()
    refused = {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "id": {"type": "string"},
        "fields": {"type": "array", "items": {"type": "object"}},
    }
    return {
        "Row": row,
        "Rows": {
            **_object({"rows": {"type": "array", "items": ref("Row")}}),
            "example": {"rows": [example_of(served.fields)]},
        },
        "Prediction": _object({**prediction, "model": model}, {**reasons, **fields}),
        "Predictions": _object(
            {
                "predictions": {"type": "array", "items": _object(prediction, reasons)},
                "model": model,
            },
            fields,
        ),
        "Error": _object({"error": _object(refused, required=["code", "message", "id"])}),
        "Inference": {"type": "object", "description": "Open Inference Protocol (V2)."},
    }


def _reasons() -> dict[str, Any]:
    """Return what a prediction has where ``explain=true`` is asked."""
    number = {"type": ["number", "null"]}
    reason = _object({"field": {"type": "string"}, "contribution": number})
    explanation = {
        "value": {**number, "description": "The probability of the prediction, or the number."},
        "base": {**number, "description": "What the model says on average."},
        "contributions": {
            "type": "object",
            "additionalProperties": number,
            "description": "By field; with the base they add up to the value.",
        },
        "exact": {"type": "number", "description": "Share of the model that is not sampled."},
    }
    return {
        "explanation": _object(explanation),
        "main_reasons": {"type": "array", "items": reason},
    }


def _label_schema(served: Served) -> dict[str, Any]:
    classes = served.predictor.classes
    if classes is None:
        return {"type": ["number", "null"]}
    return {"enum": classes.tolist()}


def _object(
    properties: dict[str, Any],
    more: dict[str, Any] | None = None,
    required: list[str] | None = None,
) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**properties, **(more or {})},
        "required": list(properties) if required is None else required,
    }
