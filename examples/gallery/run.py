"""Make the rows of the gallery: one environment, one run of the kit and one search for each plugin.

    python examples/gallery/run.py --data FOLDER            # what has no row yet
    python examples/gallery/run.py --data FOLDER rules      # this one, again

FOLDER holds the tables that gallery.toml names, as Parquet files. Nothing else is needed than a
Python and the package index.
"""

import argparse
import csv
import importlib
import io
import json
import subprocess
import sys
import tokenize
import tomllib
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RESULTS = HERE / "results.csv"
README = HERE / "README.md"
MAX_ROWS, SEED, TEST_SHARE = 3000, 0, 0.25
COLUMNS = (
    *("name", "kind", "package", "lines", "checks", "expected", "failed"),
    *("table", "metric", "score", "trials", "other", "others"),
)


def settings():
    return tomllib.loads((HERE / "gallery.toml").read_text(encoding="utf-8"))


def lines_of_code(path):
    """Return the number of lines that hold code: no blank ones, comments or module docstring."""
    nothing = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    nothing |= {tokenize.ENDMARKER}
    source = io.StringIO(path.read_text(encoding="utf-8"))
    tokens = [one for one in tokenize.generate_tokens(source.readline) if one.type not in nothing]
    if tokens[0].type == tokenize.STRING:
        tokens = tokens[1:]
    return len({line for one in tokens for line in range(one.start[0], one.end[0] + 1)})


def check(name, expected):
    """Run the kit in this process and return what came of each check."""
    from automl.testing import run_checks

    sys.path.insert(0, str(HERE))
    rows = list(run_checks(importlib.import_module(name), expected_failures=expected))
    return [{"id": row.id, "status": row.status, "message": row.message} for row in rows]


def search(name, one, data, seconds, *, mine):
    """Search on three quarters of a table and return the score on the rest."""
    import numpy as np
    import pyarrow.parquet as pq

    import automl

    sys.path.insert(0, str(HERE))
    table = pq.read_table(Path(data) / f"{one['table']}.parquet")
    rows = np.random.default_rng(SEED).permutation(table.num_rows)[:MAX_ROWS]
    cut = int(len(rows) * TEST_SHARE)
    plugins = [*one.get("with", [])]
    if mine:
        plugins += [importlib.import_module(name)] + ([] if plugins else [name])
    result = automl.fit(
        table.take(rows[cut:]), one["target"], budget=seconds, seed=SEED, plugins=plugins or None
    )
    found = result.predictor.evaluate(table.take(rows[:cut]))
    metric = next(iter(found))
    done = [row for row in result.leaderboard if row.status == "complete" and row.number]
    used = [row for row in done if not one.get("with") or name in json.dumps(dict(row.preparation))]
    return {"metric": metric, "score": float(found[metric]), "trials": len(used)}


def inside(name, data, seconds, other):
    """Do everything that needs the package, in the environment that has it."""
    one = settings()[name]
    kinds = {"algorithm": "automl_algorithms", "preprocessor": "automl_preprocessors"}
    found = {"checks": check(name, one.get("expected", {}))}
    module = importlib.import_module(name)
    found["kind"] = next(kind for kind, hook in kinds.items() if hasattr(module, hook))
    found["mine"] = search(name, one, data, seconds, mine=True)
    found["other"] = search(name, one, data, seconds, mine=False) if other else None
    return found


def python_of(name, folder):
    """Return the interpreter of an environment that has automl and the plugin's library."""
    place = folder / name
    python = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (place / "ready").exists():
        venv.create(place, with_pip=True, clear=True)
        pip = [python, "-m", "pip", "install", "-q"]
        subprocess.run([*pip, str(ROOT), *settings()[name]["install"]], check=True)
        (place / "ready").touch()
    return python


def read_rows():
    if not RESULTS.exists():
        return {}
    with RESULTS.open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def write_rows(rows):
    with RESULTS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[name] for name in settings() if name in rows)


def make_row(name, given, rows):
    """Return the row of one plugin; other searches of the same table are looked up."""
    one = settings()[name]
    others = "linear without it" if "with" in one else "all built-ins"
    known = [r for r in rows.values() if (r["table"], r["others"]) == (one["table"], others)]
    known = [] if name in {r["name"] for r in known} else known
    python = python_of(name, Path(given.work))
    call = [python, __file__, "--inside", "--data", given.data, "--seconds", str(given.seconds)]
    call += ["--no-other"] if known else []
    done = subprocess.run([*call, name], check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    for row in found["checks"]:
        if row["status"] == "failed":
            print(f"{name}: {row['id']}: {row['message']}", flush=True)
    states = [row["status"] for row in found["checks"]]
    mine, other = found["mine"], found["other"]
    return {
        "name": name,
        "kind": found["kind"],
        "package": one["install"][0],
        "lines": lines_of_code(HERE / f"{name}.py"),
        "checks": len(states),
        "expected": states.count("expected"),
        "failed": states.count("failed"),
        "table": one["table"],
        "metric": mine["metric"],
        "score": f"{mine['score']:.4f}",
        "trials": mine["trials"],
        "other": known[0]["other"] if known else f"{other['score']:.4f}",
        "others": others,
    }


def as_markdown(rows):
    """Return the table of the README."""
    head = ("plugin", "package", "kind", "lines", "checks", "table", "trials", "score", "beside it")
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name in settings():
        if name in rows:
            r = rows[name]
            held = int(r["checks"]) - int(r["expected"]) - int(r["failed"])
            cells = [f"[{name}]({name}.py)", r["package"].replace("==", " "), r["kind"]]
            cells += [r["lines"], f"{held} of {r['checks']}", r["table"], r["trials"]]
            cells += [f"{r['score']} {r['metric']}", f"{r['other']} ({r['others']})"]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    lines += ["", "| plugin | what the kit found |", "|---|---|"]
    for name, one in settings().items():
        found = [
            f"`{word}` is expected to fail: {why}" for word, why in one.get("expected", {}).items()
        ]
        found += [f"mended in the plugin: {one['found']}"] if "found" in one else []
        lines += [f"| {name} | {'; '.join(found) or 'nothing'} |"]
    return "\n".join(lines)


def write_readme(rows):
    start, end = "<!-- rows -->\n", "\n<!-- end of rows -->"
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(start)
    README.write_text(
        before + start + as_markdown(rows) + end + rest.split(end)[1], encoding="utf-8"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="plugins to do again; all without a row if none")
    parser.add_argument("--data", required=True, help="folder with the tables")
    parser.add_argument("--work", default=HERE / ".envs", help="folder for the environments")
    parser.add_argument("--seconds", type=float, default=30.0, help="budget of each search")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--no-other", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(inside(given.names[0], given.data, given.seconds, not given.no_other)))
        return
    for name in given.names or [name for name in settings() if name not in read_rows()]:
        row = make_row(name, given, read_rows())
        write_rows({**read_rows(), name: row})
        print(row, flush=True)
    write_readme(read_rows())


if __name__ == "__main__":
    main()
