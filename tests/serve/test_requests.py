"""What a client may send, and what it is told."""

from __future__ import annotations

import gzip
import json
import socket
import time
from contextlib import suppress
from typing import Any

import pytest
from servers import FAILS, PATIENCE, ROW, Server, ask

case = pytest.mark.case
SECRET = "a-secret-value"


def raw(server: Server, sent: bytes, seconds: float = PATIENCE) -> bytes:
    """Send bytes as they are, and return all that comes until the server closes or is silent."""
    with socket.create_connection((server.host, server.port), timeout=seconds) as connection:
        connection.sendall(sent)
        found = b""
        while chunk := connection.recv(65_536):
            found += chunk
        return found


def post(body: bytes, *more: bytes, path: bytes = b"/predict") -> bytes:
    head = [b"POST " + path + b" HTTP/1.1", b"Host: localhost", b"Content-Type: application/json"]
    return b"\r\n".join([*head, *more, b"", body])


# Answers


def test_a_row_gets_a_prediction_with_the_version_of_the_model(server: Server) -> None:
    answer = server.predict(ROW)
    assert answer.status == 200
    said = answer.data
    assert said["prediction"] == "yes"
    assert said["probabilities"]["yes"] == pytest.approx(1 / (1 + 2.718281828**-0.5), abs=1e-6)
    assert sum(said["probabilities"].values()) == pytest.approx(1.0)
    assert said["flags"] == []
    assert said["model"] == {"name": "tall", "version": answer.headers["x-model-version"]}
    assert server.predict(ROW).body == answer.body


def test_what_is_odd_about_a_row_is_flagged(server: Server) -> None:
    said = server.predict({**ROW, "colour": "mauve", "x": 10_000}).data
    assert set(said["flags"]) == {"W_SCHEMA_FAR", "W_SCHEMA_RANGE", "W_SCHEMA_UNSEEN"}
    assert said["flagged_fields"]["W_SCHEMA_UNSEEN"] == ["colour"]


def test_missing_values_are_null_and_numbers_may_be_strings(server: Server) -> None:
    assert server.predict(dict.fromkeys(ROW)).status == 200
    assert server.predict({**ROW, "size": "0.5"}).data["prediction"] == "yes"
    # A column of the training table that nothing was learned from may be there or not.
    assert server.predict({**ROW, "id": "k1"}).status == 200


def test_several_rows_are_answered_in_their_order(server: Server) -> None:
    rows = [{**ROW, "size": size} for size in (-2.0, 0.5, None)]
    said = server.predict({"rows": rows}, "/predict/batch").data
    assert [one["prediction"] for one in said["predictions"]][:2] == ["no", "yes"]
    alone = [server.predict(row).data["probabilities"] for row in rows]
    assert [one["probabilities"] for one in said["predictions"]] == alone
    assert server.predict({"rows": []}, "/predict/batch").data["predictions"] == []


def test_the_schema_has_the_fields_and_a_row_that_can_be_sent(server: Server) -> None:
    said = server.ask("GET", "/schema").data
    assert [field["name"] for field in said["fields"]] == list(ROW)
    assert said["classes"] == ["no", "yes"]
    assert said["target"] == "tall"
    kinds = {field["name"]: field["kind"] for field in said["fields"]}
    assert kinds == {
        "size": "number",
        "colour": "category",
        "since": "date",
        "fit": "boolean",
        "x": "number",
    }
    assert server.predict(said["example"]).data["flags"] == []


def test_the_document_has_the_fields_of_the_model(server: Server) -> None:
    document = server.ask("GET", "/openapi.json").data
    assert document["openapi"].startswith("3.")
    schemas = document["components"]["schemas"]
    assert list(schemas["Row"]["properties"]) == list(ROW)
    assert server.predict(schemas["Row"]["example"]).status == 200
    assert server.predict(schemas["Rows"]["example"], "/predict/batch").status == 200
    for path in ("/predict", "/predict/batch"):
        route = document["paths"][path]["post"]
        assert {"200", "413", "422", "503"} <= set(route["responses"])
        assert {one["name"] for one in route["parameters"]} == {"explain"}
        (content,) = route["requestBody"]["content"].values()
        assert content["schema"]["$ref"].rpartition("/")[2] in schemas


def test_a_prediction_comes_with_its_reasons_where_they_are_asked_for(server: Server) -> None:
    plain = server.predict(ROW)
    answer = server.predict(ROW, "/predict?explain=true")
    assert answer.status == 200
    said = answer.data
    assert {name: said[name] for name in plain.data} == plain.data
    found = said["explanation"]
    assert list(found["contributions"]) == list(ROW)
    assert found["value"] == pytest.approx(said["probabilities"]["yes"], abs=1e-12)
    total = found["base"] + sum(found["contributions"].values())
    assert total == pytest.approx(found["value"], rel=1e-9)
    assert 0.0 <= found["exact"] <= 1.0
    first = said["main_reasons"][0]
    assert first == {"field": "size", "contribution": found["contributions"]["size"]}
    assert server.predict(ROW, "/predict?explain=true").body == answer.body
    assert server.predict(ROW, "/predict?explain=false").body == plain.body
    odd = server.predict({**ROW, "colour": "mauve"}, "/predict?explain=true").data
    assert odd["flagged_fields"]["W_SCHEMA_UNSEEN"] == ["colour"]


def test_several_rows_are_explained_up_to_a_limit(server: Server) -> None:
    rows = [{**ROW, "size": size} for size in (-2.0, 0.5, None)]
    said = server.predict({"rows": rows}, "/predict/batch?explain=true").data["predictions"]
    for one in said:
        found = one["explanation"]
        total = found["base"] + sum(found["contributions"].values())
        assert total == pytest.approx(found["value"], rel=1e-9)
        assert one["probabilities"][one["prediction"]] == pytest.approx(found["value"])
    assert server.predict({"rows": []}, "/predict/batch?explain=true").data["predictions"] == []
    many = server.predict({"rows": [ROW] * 21}, "/predict/batch?explain=true")
    assert many.status == 413
    assert many.error["code"] == "E_SERVE_ROWS"


@pytest.mark.parametrize("query", ["explain=maybe", "explain=", "explain=true&explain=false"])
def test_a_query_that_says_nothing_clear_is_refused(server: Server, query: str) -> None:
    answer = server.predict(ROW, f"/predict?{query}")
    assert answer.status == 422
    assert answer.error["fields"] == [{"field": "explain", "problem": "expected true or false"}]


def test_what_is_wrong_with_a_row_is_said_before_it_is_explained(server: Server) -> None:
    answer = server.predict({**ROW, "since": SECRET}, "/predict?explain=true")
    assert answer.status == 422
    assert SECRET not in answer.body.decode()
    assert server.predict(FAILS, "/predict?explain=true").status == 500


def test_metrics_count_what_happened(server: Server) -> None:
    before = server.metrics()
    server.predict(ROW)
    server.predict({**ROW, "colour": "mauve"})
    server.ask("GET", "/no/such/route")
    after = server.metrics()
    counted = '{"route": "/predict", "status": "200"}'
    assert (
        after[f"automl_requests_total{counted}"]
        >= before.get(f"automl_requests_total{counted}", 0) + 2
    )
    assert after['automl_flagged_rows_total{"code": "W_SCHEMA_UNSEEN"}'] >= 1
    assert after['automl_requests_total{"route": "other", "status": "404"}'] >= 1
    assert not any("/no/such" in name for name in after)
    assert "process_resident_memory_bytes" in after or not hasattr(socket, "AF_UNIX")


# Refusals


@case("S01", "400, with the line and column; nothing of the body is repeated")
@pytest.mark.parametrize("body", [b"", b"size=0.5", b"{'size': 1}", b'{"size": 1,}', b"{} {}"])
def test_what_is_not_json_is_refused(server: Server, body: bytes) -> None:
    answer = server.predict(body)
    assert answer.status == 400
    assert answer.error["code"] == "E_SERVE_JSON"


@case("S02", "400 that says which shape is expected; 422 where a cell is a list or an object")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", [ROW]),
        ("/predict", "row"),
        ("/predict", None),
        ("/predict/batch", ROW),
        ("/predict/batch", [ROW]),
        ("/predict/batch", {"rows": [ROW, 1]}),
        ("/predict/batch", {"rows": [ROW], "more": 1}),
    ],
)
def test_json_of_another_shape_is_refused(server: Server, path: str, body: Any) -> None:
    answer = server.predict(json.dumps(body).encode(), path)
    assert (answer.status, answer.error["code"]) == (400, "E_SERVE_SHAPE")


@case("S02", "400 that says which shape is expected; 422 where a cell is a list or an object")
def test_a_cell_that_is_no_plain_value_is_named(server: Server) -> None:
    answer = server.predict({**ROW, "colour": {"deep": [1]}})
    assert answer.status == 422
    assert [one["field"] for one in answer.error["fields"]] == ["colour"]


@case("S03", "400 for NaN, Infinity and a name given twice; 422 for numbers beyond a float's range")
@pytest.mark.parametrize(
    ("cell", "status"),
    [
        (b"NaN", 400),
        (b"Infinity", 400),
        (b"-Infinity", 400),
        (b'1, "size": 2', 400),
        (b"1e999", 422),
        (b"-1e999", 422),
        (b"1" + b"0" * 400, 422),
        (b"1" * 5000, 400),
        (b'"1e999"', 422),
        (b'"inf"', 422),
    ],
)
def test_numbers_that_are_none_are_refused(server: Server, cell: bytes, status: int) -> None:
    rest = json.dumps({name: value for name, value in ROW.items() if name != "size"}).encode()
    answer = server.predict(b'{"size": ' + cell + b", " + rest[1:])
    assert answer.status == status, answer.body
    if status == 422:
        assert [one["field"] for one in answer.error["fields"]] == ["size"]


@case("S04", "400; the server's stack is not used up")
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting_is_refused(server: Server, opening: bytes) -> None:
    for body in (opening * 15_000, opening * 15_000 + b"1" + b"]}"[opening != b"[" :][:1] * 15_000):
        answer = server.predict(body)
        assert (answer.status, answer.error["code"]) == (400, "E_SERVE_JSON")


@case("S05", "413 before it is read where the length is stated, else as soon as it is too long")
def test_a_body_that_says_it_is_too_long_is_not_read(server: Server) -> None:
    connection = server.connect()
    connection.putrequest("POST", "/predict")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(100 * 2**20))
    connection.endheaders()
    reply = connection.getresponse()  # nothing of the body was sent
    assert reply.status == 413
    assert json.loads(reply.read())["error"]["code"] == "E_SERVE_BODY"
    connection.close()


@case("S05", "413 before it is read where the length is stated, else as soon as it is too long")
def test_a_body_without_a_length_is_cut_off(server: Server) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = raw(server, post(chunk * 3 + b"0\r\n\r\n", b"Transfer-Encoding: chunked"))
    assert answer.startswith(b"HTTP/1.1 413 ")


@case("S05", "413 before it is read where the length is stated, else as soon as it is too long")
@pytest.mark.parametrize("length", ["-1", "1e3", "12 12", "9" * 500])
def test_a_length_that_is_none_is_refused(server: Server, length: str) -> None:
    answer = raw(server, post(b"{}", b"Content-Length: " + length.encode()))
    assert answer.split(b" ", 2)[1] in {b"400", b"413"}


@case("S05", "a packed body is refused with 415, so that it cannot swell")
def test_a_packed_body_is_refused(server: Server) -> None:
    answer = server.predict(gzip.compress(b" " * 10**6), content_encoding="gzip")
    assert (answer.status, answer.error["code"]) == (415, "E_SERVE_PACKED")


@case("S05", "a client that sends slowly is cut off, and costs the others nothing")
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /hea",
        b"GET /health HTTP/1.1\r\nHost: local",
        post(b'{"si', b"Content-Length: 100"),
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea",
    ],
    ids=["silent", "line", "header", "body", "second"],
)
def test_a_slow_client_is_cut_off(server: Server, sent: bytes) -> None:
    start = time.monotonic()
    with socket.create_connection((server.host, server.port), timeout=PATIENCE) as slow:
        slow.sendall(sent)
        assert server.predict(ROW).status == 200
        found = b""
        with suppress(ConnectionResetError):
            while chunk := slow.recv(65_536):
                found += chunk
    assert 1.0 < time.monotonic() - start < PATIENCE
    if sent.startswith(b"POST"):
        assert found.startswith(b"HTTP/1.1 408 ")


@case("S06", "415 for another content type, 400 for bytes that are not UTF-8")
@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=utf-16"],
)
def test_another_content_type_is_refused(server: Server, kind: str) -> None:
    answer = server.predict(ROW, content_type=kind)
    assert (answer.status, answer.error["code"]) == (415, "E_SERVE_TYPE")


@case("S06", "415 for another content type, 400 for bytes that are not UTF-8")
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "latin-1"])
def test_another_encoding_is_refused(server: Server, encoding: str) -> None:
    body = json.dumps({**ROW, "colour": "é"}, ensure_ascii=False).encode(encoding)
    answer = server.predict(body)
    assert (answer.status, answer.error["code"]) == (400, "E_SERVE_JSON")


def test_json_may_say_its_charset(server: Server) -> None:
    kind = 'application/json; charset="UTF-8"'
    assert server.predict(ROW, content_type=kind).status == 200


@case("S07", "413 that says how many rows one request may have")
def test_too_many_rows_are_refused(server: Server) -> None:
    answer = server.predict({"rows": [{}] * 51}, "/predict/batch")
    assert (answer.status, answer.error["code"]) == (413, "E_SERVE_ROWS")
    assert "50" in answer.error["message"]


@case("S08", "422 that names the fields; no value is repeated, nor written to the log")
def test_fields_are_named_and_values_never_repeated(server: Server) -> None:
    row = {**ROW, "size": SECRET, "Colour": SECRET, "mystery": SECRET}
    del row["colour"]
    answer = server.predict(row)
    assert answer.status == 422
    fields = {one["field"]: one["problem"] for one in answer.error["fields"]}
    assert set(fields) == {"colour", "Colour", "mystery"}
    assert "missing" in fields["colour"]
    assert "'colour'" in fields["Colour"]
    unread = server.predict({**ROW, "size": SECRET, "since": SECRET})
    assert {one["field"] for one in unread.error["fields"]} == {"size", "since"}
    several = {"rows": [ROW, {**ROW, "size": SECRET}, {**ROW, "x": SECRET}]}
    third = server.predict(several, "/predict/batch")
    assert third.status == 422
    for one in (answer, unread, third):
        assert SECRET not in one.body.decode()
    assert SECRET not in server.log.read_text(encoding="utf-8")


@case("S08", "422 that names the fields; no value is repeated, nor written to the log")
def test_the_first_rows_with_a_problem_are_numbered(server: Server) -> None:
    rows = [{**ROW, "extra": 1} if number > 2 else ROW for number in range(12)]
    (field,) = server.predict({"rows": rows}, "/predict/batch").error["fields"]
    assert field == {"field": "extra", "problem": "unknown", "rows": [3, 4, 5, 6, 7]}


@case("S08", "422 that names the fields; no value is repeated, nor written to the log")
def test_an_answer_is_short_however_many_fields_are_wrong(server: Server) -> None:
    rows = [{f"{'n' * 300}{number}": 1} for number in range(50)]
    answer = server.predict({"rows": rows}, "/predict/batch")
    assert answer.status == 422
    assert len(answer.body) < 5000


@case(
    "S10", "500 with an id that the server's log has too, with the traceback; the client has none"
)
def test_a_model_that_fails_is_an_answer_with_an_id(server: Server) -> None:
    answer = server.predict(FAILS)
    assert answer.status == 500
    assert "ValueError" not in answer.body.decode()
    log = server.log.read_text(encoding="utf-8")
    assert answer.error["id"] in log
    assert answer.error["id"] == answer.headers["x-request-id"]
    assert "Traceback" in log
    assert server.predict({"rows": [ROW, FAILS]}, "/predict/batch").status == 500


@case("S14", "404: names of models in a path are compared, and never lead to a file")
@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/other",
        "/v2/models/..",
        "/v2/models/..%2f..%2fetc%2fpasswd",
        "/v2/models/%2e%2e/%2e%2e/etc/passwd",
        "/../../etc/passwd",
        "/page.html",
        "//etc/passwd",
        "/v2/models/tall%00",
        "/v2/models/tall/versions/../..",
    ],
)
def test_a_path_leads_nowhere_else(server: Server, path: str) -> None:
    answer = server.ask("GET", path)
    assert answer.status == 404
    assert b"root:" not in answer.body


@case("S15", "the server's own headers hold nothing of the request; huge ones are refused")
def test_headers_are_not_repeated_and_bounded(server: Server) -> None:
    answer = server.predict(ROW, x_request_id="mine", x_model_version="mine")
    assert "mine" not in str(answer.headers)
    split = raw(
        server,
        b"GET /health?a=%0d%0aX-Evil:1 HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n X-Evil: 1\r\n"
        b"Connection: close\r\n\r\n",
    )
    assert b"evil" not in split.lower()
    huge = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 200_000 + b"\r\n\r\n"
    with suppress(ConnectionResetError, BrokenPipeError):  # it may be closed before all was sent
        assert raw(server, huge).split(b" ", 2)[1] == b"400"
    smuggled = post(b"{}", b"Content-Length: 2", b"Transfer-Encoding: chunked")
    assert raw(server, smuggled).split(b" ", 2)[1] == b"400"


def test_a_method_that_a_route_does_not_have_is_405(server: Server) -> None:
    answer = server.ask("GET", "/predict")
    assert (answer.status, answer.error["code"]) == (405, "E_SERVE_ROUTE")


def test_another_host_is_not_answered(server: Server) -> None:
    answer = server.ask("GET", "/schema", host="evil.example")
    assert (answer.status, answer.error["code"]) == (421, "E_SERVE_HOST")
    for host in ("localhost", "127.0.0.1:80", "[::1]", "[::1]:80"):
        assert server.ask("GET", "/schema", host=host).status == 200


@case("S19", "a kept connection answers one request after the other, pipelined ones in their order")
def test_one_connection_serves_many_requests(server: Server) -> None:
    connection = server.connect()
    bodies = [ask(connection, "POST", "/predict", row).status for row in [ROW, {}, ROW, FAILS, ROW]]
    assert bodies == [200, 422, 200, 500, 200]
    connection.close()


@case("S19", "a kept connection answers one request after the other, pipelined ones in their order")
def test_pipelined_requests_are_answered_in_their_order(server: Server) -> None:
    sent = b""
    for size in (-2.0, 0.5, -2.0, 0.5):
        body = json.dumps({**ROW, "size": size}).encode()
        sent += post(body, b"Content-Length: %d" % len(body))
    sent += b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    found = raw(server, sent)
    assert found.count(b"HTTP/1.1 200") == 5
    order = [part[:5] for part in found.split(b'"prediction": ')[1:]]
    assert order == [b'"no",', b'"yes"', b'"no",', b'"yes"']


# Open Inference Protocol


def tensors(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kinds = {"size": "FP64", "colour": "BYTES", "since": "BYTES", "fit": "BOOL", "x": "INT64"}
    return [
        {"name": name, "datatype": kind, "shape": [len(rows)], "data": [row[name] for row in rows]}
        for name, kind in kinds.items()
    ]


def test_v2_predicts_tensors(server: Server) -> None:
    rows = [ROW, {**ROW, "size": -2.0}, {**ROW, "colour": None}]
    answer = server.predict({"id": "7", "inputs": tensors(rows)}, "/v2/models/tall/infer")
    assert answer.status == 200, answer.body
    said = answer.data
    assert (said["model_name"], said["id"]) == ("tall", "7")
    prediction, probabilities = said["outputs"]
    assert prediction["data"] == ["yes", "no", "yes"]
    assert (prediction["datatype"], prediction["shape"]) == ("BYTES", [3])
    assert probabilities["shape"] == [3, 2]
    one = server.predict(ROW).data["probabilities"]
    assert probabilities["data"][:2] == [one["no"], one["yes"]]
    version = said["model_version"]
    path = f"/v2/models/tall/versions/{version}/infer"
    only = {"inputs": tensors(rows), "outputs": [{"name": "prediction"}]}
    assert [one["name"] for one in server.predict(only, path).data["outputs"]] == ["prediction"]


def test_v2_describes_the_model(server: Server) -> None:
    said = server.ask("GET", "/v2/models/tall").data
    assert [one["name"] for one in said["inputs"]] == list(ROW)
    assert [one["name"] for one in said["outputs"]] == ["prediction", "probabilities"]
    for path in ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/tall/ready"):
        assert server.ask("GET", path).status == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"inputs": None}, 400),
        ({"inputs": [1]}, 400),
        ({"id": 5}, 400),
        ({"outputs": [{"name": "other"}]}, 400),
        ({"inputs": []}, 200),
        ({"inputs": [{"name": "size", "datatype": "FP64", "shape": [2], "data": [1.0]}]}, 400),
        ({"inputs": [{"name": "size", "datatype": "NONE", "shape": [1], "data": [1.0]}]}, 400),
        ({"inputs": [{"name": "size", "datatype": "FP64", "shape": [1], "data": ["x"]}]}, 422),
        ({"inputs": [{"name": "size", "datatype": "FP64", "shape": [1], "data": [1.0]}]}, 422),
    ],
)
def test_v2_refuses_what_is_no_request(server: Server, change: Any, status: int) -> None:
    answer = server.predict({"inputs": tensors([ROW]), **change}, "/v2/models/tall/infer")
    assert answer.status == status, answer.body
