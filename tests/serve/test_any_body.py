"""Whatever is sent, the answer is one of the documented ones, and the server goes on."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import ROW, Server

PATHS = ("/predict", "/predict/batch", "/v2/models/tall/infer")
ANSWERS = {200, 400, 413, 422}

plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["NaN", "1e400", "2024-13-45", "0x1F", "\ud800", "١٢", "true", "-0"]),
)
nested = st.recursive(
    plain, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(), one, max_size=3)
)
row = st.fixed_dictionaries(dict.fromkeys(ROW, plain))
tensor = st.fixed_dictionaries(
    {
        "name": st.sampled_from(list(ROW)) | st.text(),
        "datatype": st.sampled_from(["FP64", "INT64", "BOOL", "BYTES", ""]) | nested,
        "shape": st.lists(st.integers(-1, 3), max_size=3) | nested,
        "data": st.lists(plain, max_size=3) | nested,
    }
)
body = st.one_of(
    row,
    st.fixed_dictionaries({"rows": st.lists(row | nested, max_size=4)}),
    st.fixed_dictionaries({"inputs": st.lists(tensor, max_size=5)}),
    nested,
)


@given(path=st.sampled_from(PATHS), sent=body)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_any_json_has_a_documented_answer(shared_server: Server, path: str, sent: Any) -> None:
    answer = shared_server.predict(json.dumps(sent).encode(), path)
    assert answer.status in ANSWERS, answer.body
    json.loads(answer.body, parse_constant=lambda name: 1 / 0)


@given(path=st.sampled_from(PATHS), sent=st.binary())
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_have_a_documented_answer(shared_server: Server, path: str, sent: bytes) -> None:
    assert shared_server.predict(sent, path).status in ANSWERS
