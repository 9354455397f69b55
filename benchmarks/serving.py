"""How many requests a served model answers on one core, beside an empty route of the same server.

python -m benchmarks.serving MODEL [--seconds 20] [--connections 8] [--requests 100000]

The load comes from wrk (https://github.com/wg/wrk), which has to be installed. The server is held
to one core, the load to the others.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
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

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def serve(model: str) -> tuple[subprocess.Popen[str], str]:
    """Start a server on the first core and wait until it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "serve", model, "--port", "0", "--json"],
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
        # A string of JSON is one of Lua too, as long as nothing in it needs \\u.
        script.write_text(LUA.format(body=json.dumps(body, ensure_ascii=False)), encoding="utf-8")
        words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url]
        if body:
            words[1:1] = ["-s", str(script)]
        cores = psutil.cpu_count() or 1
        if shutil.which("taskset") and cores > 1:
            words[:0] = ["taskset", "-c", f"1-{cores - 1}"]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--seconds", type=int, default=20, help="of each measurement")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--requests", type=int, default=0, help="goes on until there are so many")
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: `apt-get install wrk`, `brew install wrk`.")
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
