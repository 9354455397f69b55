"""How many requests a served model answers on one core, beside an empty route of the same server.

python -m benchmarks.serving MODEL [--seconds 20] [--connections 8] [--requests 100000]
python -m benchmarks.serving MODEL --swap OTHER [--swaps 30] [--connections 8]

The load comes from wrk (https://github.com/wg/wrk), which has to be installed. The server is held
to one core, the load to the others.

With ``--swap`` the folder that is served is replaced under the load, again and again, by one of two
models of the same columns. What each says of the row is asked beforehand, and the script of wrk
compares every reply, byte by byte, with what its version says; a version in the header that is not
that in the body counts as wrong too.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

MAIN = "from automl.cli import main; main()"

LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = {body}
"""

CHECKING = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = {body}
local known = {{[{first}] = {first_reply}, [{second}] = {second_reply}}}
local thread_of
function setup(thread) thread_of = thread end
function init() wrong, failed, seen, other, turns, last = 0, 0, 0, 0, 0, "" end
function response(status, headers, body)
  seen = seen + 1
  local version = headers["X-Model-Version"] or headers["x-model-version"] or ""
  if status ~= 200 then failed = failed + 1
  elseif known[version] ~= body then wrong = wrong + 1 end
  if version == {second} then other = other + 1 end
  if version ~= last then turns = turns + 1 end
  last = version
end
function done(summary, latency, requests)
  for _, name in ipairs({{"seen", "wrong", "failed", "other", "turns"}}) do
    io.write("checked " .. name .. ": " .. thread_of:get(name) .. "\\n")
  end
end
"""
"""Compares each reply with what its version says; wrk calls ``response`` for every one."""

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def serve(model: str, *more: str) -> tuple[subprocess.Popen[str], str]:
    """Start a server on the first core and wait until it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "serve", model, "--port", "0", "--json", *more],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    url = json.loads(process.stdout.readline())["url"]
    running = psutil.Process(process.pid)
    if hasattr(running, "cpu_affinity"):
        running.cpu_affinity(running.cpu_affinity()[:1])
    while True:
        try:
            get(f"{url}/ready")
        except urllib.error.HTTPError:
            time.sleep(0.1)
        else:
            return process, url


def get(url: str) -> Any:
    with urllib.request.urlopen(url) as reply:  # noqa: S310 - the server of this script
        return json.load(reply)


def load(url: str, connections: int, seconds: int, body: str = "") -> dict[str, Any]:
    """Have wrk ask for some seconds."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(LUA.format(body=quoted(body)), encoding="utf-8")
        words = asking(url, connections, seconds, script if body else None)
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return read(said)


def quoted(text: str) -> str:
    """Return a string as Lua writes it: as JSON does, where no sign needs more than itself."""
    return json.dumps(text, ensure_ascii=False)


def asking(url: str, connections: int, seconds: int, script: Path | None) -> list[str]:
    """Return the command that has wrk ask, from all cores but the first."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url]
    if script is not None:
        words[1:1] = ["-s", str(script)]
    cores = psutil.cpu_count() or 1
    if shutil.which("taskset") and cores > 1:
        words[:0] = ["taskset", "-c", f"1-{cores - 1}"]
    return words


def read(said: str) -> dict[str, Any]:
    """Return what wrk said."""
    found: dict[str, Any] = {
        "requests": int(_said(r"(\d+) requests in", said)[0]),
        "per_second": float(_said(r"Requests/sec:\s+([\d.]+)", said)[0]),
    }
    for share in ("50", "99"):
        number, unit = _said(rf"{share}%\s+([\d.]+)(us|ms|s)", said)
        found[f"ms_{share}"] = round(float(number) * UNITS[unit], 3)
    found["refused"] = int(_said(r"Non-2xx or 3xx responses: (\d+)", said, "0")[0])
    found["errors"] = _said(r"Socket errors: (.*)", said, "none")[0]
    return found


def _said(pattern: str, text: str, *otherwise: str) -> tuple[str, ...]:
    found = re.search(pattern, text)
    if found is None and not otherwise:
        raise ValueError(f"wrk said something else: {text}")
    return found.groups() if found else otherwise


def swapped(model: str, other: str, swaps: int, connections: int) -> dict[str, Any]:
    """Swap two models under load, and check every reply."""
    import automl

    given = [automl.load(one) for one in (model, other)]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "served"
        given[0].save(place)
        process, url = serve(str(place), "--watch", "0")
        try:
            row = json.dumps(get(f"{url}/schema")["example"])
            second, second_reply = swap(process, url, given[1], place, row)
            first, first_reply = swap(process, url, given[0], place, row)
            words = {"first": first, "first_reply": first_reply}
            words |= {"second": second, "second_reply": second_reply, "body": row}
            script = Path(name) / "check.lua"
            text = CHECKING.format(**{key: quoted(word) for key, word in words.items()})
            script.write_text(text, encoding="utf-8")
            memory = psutil.Process(process.pid).memory_info
            megabytes, start = [memory().rss >> 20], time.perf_counter()
            command = asking(f"{url}/predict", connections, 3600, script)
            wrk = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            for number in range(swaps):
                expected = (second, first)[number % 2], (second_reply, first_reply)[number % 2]
                if swap(process, url, given[(number + 1) % 2], place, row) != expected:
                    raise ValueError("what a version says of the row changed")
                megabytes += [memory().rss >> 20] if number % 10 == 9 else []
            time.sleep(1.0)
            wrk.send_signal(signal.SIGINT)
            text = wrk.communicate()[0]
            seconds = time.perf_counter() - start
        finally:
            process.terminate()
            process.wait()
    checked = {key: int(number) for key, number in re.findall(r"checked (\w+): (\d+)", text)}
    return {"swaps": swaps, "seconds": round(seconds), "MB": megabytes, **checked, **read(text)}


def swap(process: Any, url: str, model: Any, place: Path, row: str) -> tuple[str, str]:
    """Replace the model that is served, wait until the other one answers; return what it says."""
    before = get(f"{url}/ready")["model"]["version"]
    model.save(place)
    process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 120
    while (version := get(f"{url}/ready")["model"]["version"]) == before:
        if time.monotonic() > deadline:
            raise TimeoutError("the other model did not take over")
        time.sleep(0.05)
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{url}/predict", row.encode(), headers)  # noqa: S310 - as above
    with urllib.request.urlopen(asked) as reply:  # noqa: S310
        return str(version), reply.read().decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--seconds", type=int, default=20, help="of each measurement")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--requests", type=int, default=0, help="goes on until there are so many")
    parser.add_argument("--swap", default="", help="another model, to swap the first one with")
    parser.add_argument("--swaps", type=int, default=30)
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: `apt-get install wrk`, `brew install wrk`.")
    if asked.swap:
        found = swapped(asked.model, asked.swap, asked.swaps, asked.connections)
        print(f"swaps: {json.dumps(found)}")
        return
    process, url = serve(asked.model)
    memory = psutil.Process(process.pid).memory_info
    try:
        row = json.dumps(get(f"{url}/schema")["example"])
        load(f"{url}/predict", asked.connections, 2, row)
        before = memory().rss
        rows = {"empty route": load(f"{url}/health", asked.connections, asked.seconds)}
        rows["one row"] = load(f"{url}/predict", asked.connections, asked.seconds, row)
        total = rows["one row"]["requests"]
        while total < asked.requests:
            total += load(f"{url}/predict", asked.connections, asked.seconds, row)["requests"]
        for name, found in rows.items():
            print(f"{name}: {json.dumps(found)}")
        share = rows["one row"]["per_second"] / rows["empty route"]["per_second"]
        print(f"share of the empty route: {share:.1%}")
        print(f"memory: {before >> 20} MB, after {total} requests {memory().rss >> 20} MB")
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
