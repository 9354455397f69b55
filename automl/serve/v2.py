"""The Open Inference Protocol (V2, KServe): a column is a tensor.

https://github.com/kserve/open-inference-protocol
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automl.serve import replies, rows
from automl.serve.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automl.model.answer import Answer
    from automl.serve.current import Served
    from automl.serve.rows import Sent

TYPES: Mapping[str, type | tuple[type, ...]] = {
    "BOOL": bool,
    **dict.fromkeys(("INT8", "INT16", "INT32", "INT64"), int),
    **dict.fromkeys(("UINT8", "UINT16", "UINT32", "UINT64"), int),
    **dict.fromkeys(("FP16", "FP32", "FP64"), (int, float)),
    "BYTES": str,
}
"""Datatypes of the protocol, and what their elements are in JSON; null is a missing cell."""

_WRITTEN = {"b": "BOOL", "i": "INT64", "u": "UINT64", "f": "FP64"}
_LONGEST_ID = 200


def server() -> dict[str, Any]:
    """Return the metadata of the server."""
    from automl._version import __version__

    return {"name": "automl", "version": __version__, "extensions": []}


def metadata(served: Served) -> dict[str, Any]:
    """Return the metadata of the model."""
    classes = served.predictor.classes
    outputs = [{"name": "prediction", "datatype": _label_type(served), "shape": [-1]}]
    if classes is not None:
        outputs.append({"name": "probabilities", "datatype": "FP64", "shape": [-1, len(classes)]})
    return {
        "name": served.name,
        "versions": [served.version],
        "platform": "automl",
        "inputs": [
            {"name": one["name"], "datatype": _type_of(one), "shape": [-1]} for one in served.fields
        ],
        "outputs": outputs,
    }


def infer(served: Served, body: bytes, max_rows: int) -> tuple[bytes, Answer, Sent]:
    """Answer an inference request."""
    data = rows.parse(body)
    if not isinstance(data, dict) or not isinstance(data.get("inputs"), list):
        raise _shape("expected an object with `inputs`")
    wanted = _wanted(served, data.get("outputs"))
    request_id = data.get("id", "")
    if not isinstance(request_id, str) or len(request_id) > _LONGEST_ID:
        raise _shape(f"`id` has to be a string of at most {_LONGEST_ID} characters")
    columns: dict[str, list[Any]] = {}
    for tensor in data["inputs"]:
        name, cells = _cells(tensor)
        if name in columns:
            raise _shape("two inputs have one name")
        columns[name] = cells
    lengths = {len(cells) for cells in columns.values()}
    if len(lengths) > 1:
        raise _shape("the inputs have unequal lengths")
    n_rows = lengths.pop() if lengths else 0
    rows.check_count(n_rows, max_rows)
    one_by_one = [
        dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)
    ]
    sent = rows.table(one_by_one, served.predictor.schema, several=True)
    said = replies.ask(served, sent, several=True)
    reply: dict[str, Any] = {"model_name": served.name, "model_version": served.version}
    if request_id:
        reply["id"] = request_id
    reply["outputs"] = [one for one in _outputs(served, said) if one["name"] in wanted]
    return replies.write(reply), said, sent


def _wanted(served: Served, outputs: Any) -> set[str]:
    there = {one["name"] for one in metadata(served)["outputs"]}
    if outputs is None:
        return there
    if not isinstance(outputs, list) or not all(isinstance(one, dict) for one in outputs):
        raise _shape("`outputs` has to be a list of objects")
    names = {str(one.get("name")) for one in outputs}
    if not names <= there:
        raise _shape(f"the outputs are {', '.join(sorted(there))}")
    return names or there


def _cells(tensor: Any) -> tuple[str, list[Any]]:
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise _shape("each input is an object with `name`, `shape`, `datatype` and `data`")
    kind, shape, data = tensor.get("datatype"), tensor.get("shape"), tensor.get("data")
    if not isinstance(kind, str) or kind not in TYPES:
        raise _shape(f"the datatype of an input has to be one of {', '.join(TYPES)}")
    if not isinstance(data, list):
        raise _shape("`data` has to be a list")
    if data and all(isinstance(one, list) and len(one) == 1 for one in data):
        data = [one[0] for one in data]
    if shape not in ([len(data)], [len(data), 1]):
        raise _shape("the shape of an input has to be [n] or [n, 1], with n elements in `data`")
    if not all(one is None or _fits(one, kind) for one in data):
        problem = {(tensor["name"], f"an element is not of the datatype {kind}"): [0]}
        rows.refuse(problem, several=False)
    return tensor["name"], data


def _fits(cell: Any, kind: str) -> bool:
    return isinstance(cell, TYPES[kind]) and (kind == "BOOL") == isinstance(cell, bool)


def _outputs(served: Served, said: Answer) -> list[dict[str, Any]]:
    labels = said.labels.tolist()
    kind = _label_type(served)
    outputs: list[dict[str, Any]] = [
        {
            "name": "prediction",
            "datatype": kind,
            "shape": [len(labels)],
            "data": [str(label) for label in labels] if kind == "BYTES" else labels,
        }
    ]
    classes = served.predictor.classes
    if classes is not None:
        outputs.append(
            {
                "name": "probabilities",
                "datatype": "FP64",
                "shape": list(said.values.shape),
                "data": said.values.ravel().tolist(),
                "parameters": {"labels": ",".join(str(label) for label in classes.tolist())},
            }
        )
    return outputs


def _label_type(served: Served) -> str:
    classes = served.predictor.classes
    return "FP64" if classes is None else _WRITTEN.get(classes.dtype.kind, "BYTES")


def _type_of(field: dict[str, Any]) -> str:
    return {"number": "FP64", "boolean": "BOOL"}.get(field["kind"], "BYTES")


def _shape(why: str) -> Refused:
    return Refused(400, "E_SERVE_SHAPE", f"This is no inference request: {why}.")
