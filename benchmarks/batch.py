"""How much memory and time `automl predict` takes for a table of any length.

python -m benchmarks.batch MODEL ROWS.csv [--rows 10000000] [--formats csv,parquet,arrow]

The table is ROWS.csv again and again, written a part at a time into a temporary folder.
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


def write(rows: pa.Table, n_rows: int, path: Path) -> None:
    """Write the rows again and again."""
    opened: Any = {
        ".csv": lambda: csv.CSVWriter(path, rows.schema),
        ".parquet": lambda: pq.ParquetWriter(path, rows.schema),
        ".arrow": lambda: pa.ipc.new_file(str(path), rows.schema),
    }[path.suffix]
    block = pa.concat_tables([rows] * max(1, 50_000 // len(rows))).combine_chunks()
    with opened() as writer:
        left = n_rows
        while left > 0:
            part = block.slice(0, left)
            writer.write_table(part)
            left -= len(part)


def predict(model: str, data: Path, out: Path) -> dict[str, Any]:
    """Predict in a process of its own, and return its seconds and its largest memory."""
    words = ["predict", model, str(data), "--out", str(out), "--proba", "--json"]
    start = time.perf_counter()
    process = psutil.Popen(
        [sys.executable, "-c", MAIN, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    peak = 0

    def watch() -> None:
        nonlocal peak
        while process.poll() is None:
            try:
                peak = max(peak, process.memory_info().rss)
            except psutil.Error:
                return
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    said = json.loads(process.communicate()[0])
    watcher.join()
    return {
        "rows": said["n_rows"],
        "seconds": round(time.perf_counter() - start, 1),
        "peak_mb": peak >> 20,
        "table_mb": data.stat().st_size >> 20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("source")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--formats", default="csv,parquet,arrow")
    asked = parser.parse_args()
    rows = csv.read_csv(asked.source)
    for name in asked.formats.split(","):
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / f"rows.{name}"
            write(rows, asked.rows, data)
            print(f"{name}: {json.dumps(predict(asked.model, data, data.with_stem('said')))}")


if __name__ == "__main__":
    main()
