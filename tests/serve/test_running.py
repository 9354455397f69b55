"""How a server starts, changes its model, survives and ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from servers import HELD, MAIN, PATIENCE, ROW, TOKEN, Server, ask, command, serving, sleeps, until

case = pytest.mark.case
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def swap(new: Path, model: Path) -> None:
    """Put another model into the place of one, as `Predictor.save` does."""
    from automl.model import archive

    files = {
        path.relative_to(new).as_posix(): path.read_bytes()
        for path in sorted(new.rglob("*"))
        if path.is_file()
    }
    archive.write(files, model)


@case("S09", "a bounded queue; whoever finds it full is told 503 with Retry-After, at once")
@case("S11", "the place of a client that left is free again")
def test_a_full_queue_sends_away_and_is_free_again(models: dict[str, Path], tmp_path: Path) -> None:
    go = tmp_path / "go"
    words = ("--places", "3", "--threads", "1")
    with serving(models["first"], tmp_path, *words, MOODY_GO=str(go)) as server:
        with ThreadPoolExecutor(3) as pool:
            slow = [pool.submit(server.predict, HELD)]
            until(lambda: server.metrics()["automl_waiting"] == 1)  # no other may come before it
            slow += [pool.submit(server.predict, ROW) for _ in range(2)]
            until(lambda: server.metrics()["automl_waiting"] == 3)
            refused = server.predict(ROW)
            assert (refused.status, refused.error["code"]) == (503, "E_SERVE_BUSY")
            assert int(refused.headers["retry-after"]) >= 1
            assert server.ask("GET", "/health").status == 200
            go.touch()
            assert [one.result().status for one in slow] == [200] * 3
        for _ in range(3):
            leaver = socket.create_connection((server.host, server.port))
            body = json.dumps(sleeps(0.2)).encode()
            head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            leaver.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            leaver.close()
        until(lambda: server.predict(ROW).status == 200)  # what the three sent may come late
        until(lambda: server.metrics()["automl_waiting"] == 0)


@case("S09", "a bounded queue; whoever finds it full is told 503 with Retry-After, at once")
def test_500_requests_at_once_are_all_answered(models: dict[str, Path], tmp_path: Path) -> None:
    with (
        serving(models["first"], tmp_path, "--places", "16") as server,
        ThreadPoolExecutor(100) as pool,
    ):
        answers = list(pool.map(lambda _: server.predict(ROW), range(500)))
        assert {answer.status for answer in answers} <= {200, 503}
        assert sum(answer.status == 200 for answer in answers) >= 16
        assert all("retry-after" in one.headers for one in answers if one.status == 503)
        assert server.predict(ROW).status == 200


@posix
@case("S12", "what is in hand is answered, then the process ends with exit code 0")
def test_sigterm_answers_what_is_in_hand(models: dict[str, Path], tmp_path: Path) -> None:
    go = tmp_path / "go"
    with (
        serving(models["first"], tmp_path, MOODY_GO=str(go)) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        slow = pool.submit(server.predict, HELD)
        until(lambda: server.metrics()["automl_waiting"] == 1)
        threading.Timer(1, go.touch).start()
        assert server.end() == 0
        assert slow.result().status == 200
        with pytest.raises(OSError, match="refused"):
            server.ask("GET", "/health")
        assert "Traceback" not in server.log.read_text(encoding="utf-8")


@posix
@case("S12", "a prediction that takes longer than --drain is given up")
def test_a_model_that_hangs_does_not_hold_the_end_up(
    models: dict[str, Path], tmp_path: Path
) -> None:
    with (
        serving(models["first"], tmp_path, "--drain", "1") as server,
        ThreadPoolExecutor(1) as pool,
    ):
        pool.submit(_or_none, server, sleeps(900))
        until(lambda: server.metrics()["automl_waiting"] == 1)
        assert server.end() == 0


def _or_none(server: Server, row: Any) -> Any:
    try:
        return server.predict(row)
    except OSError:
        return None


@case("S13", "each answer is of one model and says which; the new one takes over between requests")
@case("P18", "`automl serve` answers each request by one model, and says by which")
def test_a_new_model_takes_over_without_mixed_answers(
    models: dict[str, Path], copy: Path, tmp_path: Path
) -> None:
    with serving(copy, tmp_path, "--watch", "0.2") as server:
        found: set[tuple[str, str]] = set()
        versions: set[str] = set()
        stop = threading.Event()

        def load() -> None:
            connection = server.connect()
            while not stop.is_set():
                answer = ask(connection, "POST", "/predict", ROW)
                assert answer.status == 200, answer.body
                said = answer.data
                assert said["model"]["version"] == answer.headers["x-model-version"]
                found.add((said["model"]["version"], said["prediction"]))
                versions.add(said["model"]["version"])
            connection.close()

        with ThreadPoolExecutor(4) as pool:
            clients = [pool.submit(load) for _ in range(4)]
            try:
                until(lambda: len(versions) == 1)
                (before,) = versions
                for new in ("second", "first", "second"):
                    now = server.wait().data["model"]["version"]
                    swap(models[new], copy)
                    until(lambda now=now: server.wait().data["model"]["version"] != now)
            finally:
                stop.set()
            for client in clients:
                client.result()
        # A version always says the same, so no answer was made by parts of two models.
        assert len(found) == 2
        assert dict(found)[before] == "yes"
        assert {label for _, label in found} == {"yes", "no"}
        assert server.metrics()['automl_model_swaps_total{"outcome": "swapped"}'] == 3


@case("S13", "a model that cannot be loaded changes nothing; it is logged and counted")
def test_a_broken_model_does_not_take_over(
    models: dict[str, Path], copy: Path, tmp_path: Path
) -> None:
    with serving(copy, tmp_path, "--watch", "0.2") as server:
        version = server.wait().data["model"]["version"]
        manifest = copy / "manifest.json"
        whole = manifest.read_bytes()
        manifest.write_bytes(whole[: len(whole) // 2])
        failed = 'automl_model_swaps_total{"outcome": "failed"}'
        until(lambda: server.metrics().get(failed, 0) >= 1)
        shutil.rmtree(copy)
        assert server.predict(ROW).data["model"]["version"] == version
        assert "Traceback" not in server.log.read_text(encoding="utf-8")
        swap(models["second"], copy)
        until(lambda: server.wait().data["model"]["version"] != version)


@posix
@case("S13", "SIGHUP has the folder looked at")
def test_sighup_looks_at_the_folder(models: dict[str, Path], copy: Path, tmp_path: Path) -> None:
    with serving(copy, tmp_path, "--watch", "0") as server:
        version = server.wait().data["model"]["version"]
        swap(models["second"], copy)
        server.process.send_signal(signal.SIGHUP)
        until(lambda: server.wait().data["model"]["version"] != version)
        assert server.predict(ROW).data["prediction"] == "no"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@case("S16", "the prediction is made all the same; a metric counts the rows that were not logged")
def test_a_log_that_cannot_be_written_costs_no_prediction(
    models: dict[str, Path], tmp_path: Path
) -> None:
    with serving(models["first"], tmp_path, "--log", "/dev/full") as server:
        for _ in range(3):
            assert server.predict(ROW).status == 200
        assert server.metrics()["automl_log_rows_lost_total"] == 3
        text = server.log.read_text(encoding="utf-8")
        assert text.count("not logged") == 1


def test_predictions_are_logged_without_rows_unless_asked_for(
    models: dict[str, Path], tmp_path: Path
) -> None:
    log = tmp_path / "said.jsonl"
    with serving(models["first"], tmp_path, "--log", str(log)) as server:
        answer = server.predict({**ROW, "colour": "mauve"})
        server.predict({"rows": [ROW, ROW]}, "/predict/batch")
        first, *others = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert first["id"] == answer.headers["x-request-id"]
    assert first["version"] == answer.headers["x-model-version"]
    assert (first["prediction"], first["flags"]) == ("yes", ["W_SCHEMA_UNSEEN"])
    assert "mauve" not in str(first)
    assert [one["row"] for one in others] == [0, 1]
    with serving(models["first"], tmp_path, "--log", str(log), "--log-rows") as server:
        server.predict({**ROW, "colour": "mauve"})
        last = json.loads(log.read_text("utf-8").splitlines()[-1])
    assert last["fields"]["colour"] == "mauve"


@case("S17", "/health answers from the start, /ready once the model has predicted")
def test_health_comes_before_ready(models: dict[str, Path], tmp_path: Path) -> None:
    with serving(models["first"], tmp_path, ready=False) as server:
        early = server.ask("GET", "/health")
        ready, predicted = server.ask("GET", "/ready"), server.predict(ROW)
        assert early.status == 200
        # Loading takes a good part of a second; where it was done sooner there is nothing to see.
        for answer in (ready, predicted):
            assert answer.status in {200, 503}
            if answer.status == 503:
                assert answer.error["code"] == "E_SERVE_NOT_READY"
                assert "retry-after" in answer.headers
        server.wait()
        assert server.predict(ROW).status == 200


@case("S17", "a model that cannot be loaded ends the process with exit code 2")
def test_a_model_that_is_none_ends_the_server(tmp_path: Path) -> None:
    done = command("serve", str(tmp_path / "none"), "--port", "0")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "[E_BUNDLE_NONE]" in done.stderr


@case("S18", "127.0.0.1 by default; another address is refused without a token")
def test_others_need_a_token(models: dict[str, Path], tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        done = command("serve", str(models["first"]), "--host", host, "--port", "0")
        assert done.returncode == 2
        assert "[E_INPUT_TOKEN]" in done.stderr
    short = tmp_path / "token"
    short.write_text("short", encoding="utf-8")
    done = command("serve", str(models["first"]), "--token-file", str(short))
    assert "[E_INPUT_TOKEN]" in done.stderr


@case("S18", "with a token, 401 for whoever does not send it; /health and /ready are open")
def test_a_token_is_asked_for(models: dict[str, Path], tmp_path: Path) -> None:
    words = ("--host", "0.0.0.0")
    with serving(models["first"], tmp_path, *words, AUTOML_TOKEN=TOKEN) as server:
        for headers in ({}, {"authorization": TOKEN}, {"authorization": "Bearer wrong"}):
            for path in ("/predict", "/schema", "/metrics", "/openapi.json", "/none"):
                answer = server.ask("GET", path, **headers)
                assert (answer.status, answer.error["code"]) == (401, "E_SERVE_TOKEN")
        for path in ("/", "/health", "/ready"):
            assert server.ask("GET", path).status == 200
        good = {"authorization": f"Bearer {TOKEN}"}
        assert server.predict(ROW, **good).status == 200
        assert server.ask("GET", "/schema", host="other.example", **good).status == 200
        assert TOKEN not in server.log.read_text(encoding="utf-8")


def test_an_address_that_is_taken_is_one_line(models: dict[str, Path], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = command("serve", str(models["first"]), "--port", port)
    assert done.returncode == 2
    assert "[E_INPUT_ADDRESS]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_extra_is_named_where_it_is_not_installed(models: dict[str, Path]) -> None:
    import subprocess

    from servers import environment

    hide = "import sys; sys.modules['uvicorn'] = None; "
    done = subprocess.run(
        [sys.executable, "-c", hide + MAIN, "serve", str(models["first"])],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 2
    assert "pluggable-automl[serve]" in done.stderr


def test_the_page_may_load_nothing_else(server: Server) -> None:
    answer = server.ask("GET", "/")
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "'unsafe-inline'" not in policy
    page = answer.body.decode()
    assert "http://" not in page
    assert "https://" not in page
    assert "innerHTML" not in page


@pytest.mark.slow
@case("S20", "memory stays flat over 100,000 requests")
def test_memory_stays_flat(models: dict[str, Path], tmp_path: Path) -> None:
    import psutil

    with serving(models["first"], tmp_path) as server:
        process = psutil.Process(server.process.pid)

        def load(number: int) -> None:
            connection = server.connect()
            for turn in range(number):
                row = {**ROW, "colour": f"c{turn}"} if turn % 10 == 0 else ROW
                assert ask(connection, "POST", "/predict", row).status == 200
            connection.close()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(load, [2_500] * 4))
            warm = process.memory_info().rss
            list(pool.map(load, [22_500] * 4))
        assert process.memory_info().rss < warm * 1.05 + 10 * 2**20
