"""How much memory and time `automl predict` takes for a table of any length.

python -m benchmarks.batch MODEL ROWS.csv [--rows 1000000,10000000] [--formats csv,parquet,arrow]
    [--out FILE.md]

The table is ROWS.csv again and again, written a part at a time into a temporary folder. Memory is
of the process and all that it starts: proportional set size where the system has it (Linux), the
resident set size elsewhere.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

MAIN = "from automl.cli import main; main()"
FIELDS = ("format", "rows", "table MB", "answers MB", "first half MB", "peak MB", "CPU s", "wall s")
GROUP = 1_000_000
"""Rows of a row group, as pyarrow makes them by default: the whole of one is in memory at a time
where a reader is careless."""


def write(rows: pa.Table, n_rows: int, path: Path) -> None:
    """Write the rows again and again."""
    opened: Any = {
        ".csv": lambda: csv.CSVWriter(path, rows.schema),
        ".parquet": lambda: pq.ParquetWriter(path, rows.schema),
        ".arrow": lambda: pa.ipc.new_file(str(path), rows.schema),
    }[path.suffix]
    block = pa.concat_tables([rows] * max(1, GROUP // len(rows))).combine_chunks()
    with opened() as writer:
        left = n_rows
        while left > 0:
            part = block.slice(0, left)
            writer.write_table(part)
            left -= len(part)


def memory_of(process: psutil.Process) -> int:
    """Return the bytes that a process and all that it started hold now."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            info = one.memory_full_info()
        except psutil.Error:
            continue
        total += getattr(info, "pss", info.rss)
    return total


def predict(model: str, data: Path, out: Path) -> dict[str, Any]:
    """Predict in a process of its own, and return its seconds and its largest memory."""
    words = ["predict", model, str(data), "--out", str(out), "--proba", "--json"]
    start = time.perf_counter()
    process = psutil.Popen(
        [sys.executable, "-c", MAIN, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    seen: list[tuple[float, int, float]] = []

    def watch() -> None:
        while process.poll() is None:
            try:
                spent = sum(process.cpu_times()[:4])
                seen.append((time.perf_counter() - start, memory_of(process), spent))
            except psutil.Error:
                return
            time.sleep(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    said = json.loads(process.communicate()[0])
    watcher.join()
    seconds = time.perf_counter() - start
    first = max((size for when, size, _ in seen if when < seconds / 2), default=0)
    numbers = (
        data.suffix[1:],
        said["n_rows"],
        data.stat().st_size >> 20,
        out.stat().st_size >> 20,
        first >> 20,
        max((size for _, size, _ in seen), default=0) >> 20,
        round(max((spent for *_, spent in seen), default=0.0), 1),
        round(seconds, 1),
    )
    return dict(zip(FIELDS, numbers, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("source")
    parser.add_argument("--rows", default="10000000")
    parser.add_argument("--formats", default="csv,parquet,arrow")
    parser.add_argument("--out", type=Path, help="a table in Markdown to add lines to")
    asked = parser.parse_args()
    rows = csv.read_csv(asked.source)
    if asked.out is not None and not asked.out.exists():
        head = f"| {' | '.join(FIELDS)} |\n|{'---|' * len(FIELDS)}\n"
        asked.out.write_text(head, encoding="utf-8")
    for name in asked.formats.split(","):
        for n_rows in map(int, asked.rows.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                data = Path(folder) / f"rows.{name}"
                write(rows, n_rows, data)
                line = predict(asked.model, data, data.with_stem("said"))
            print(json.dumps(line), flush=True)
            if asked.out is not None:
                with asked.out.open("a", encoding="utf-8") as file:
                    file.write(f"| {' | '.join(map(str, line.values()))} |\n")


if __name__ == "__main__":
    main()
