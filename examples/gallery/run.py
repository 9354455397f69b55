"""Make the rows of the gallery: one environment, one run of the kit and one search for each plugin.

    python examples/gallery/run.py --data FOLDER              # what is not in results.csv yet
    python examples/gallery/run.py --data FOLDER rules        # this one, again
    python examples/gallery/run.py --part kit                 # no searches, no tables needed

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
PARTS = {
    "kit": ("checks", "expected", "failed"),
    "search": ("trials", "score", "metric", "table", "other", "others"),
}
NOTHING = {None, "", "0"}  # a search without a trial, on a machine too busy for one, is done again
COLUMNS = ("name", "kind", "package", "lines", *PARTS["kit"], *PARTS["search"])


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
    plugins = one.get("with", [])[:1]
    if mine:
        plugins = [importlib.import_module(name), *one.get("with", [name])]
    result = automl.fit(
        table.take(rows[cut:]), one["target"], budget=seconds, seed=SEED, plugins=plugins or None
    )
    found = result.predictor.evaluate(table.take(rows[:cut]))
    metric = next(iter(found))
    done = [row for row in result.leaderboard if row.status == "complete" and row.number]
    used = [row for row in done if not one.get("with") or name in json.dumps(dict(row.preparation))]
    return {"metric": metric, "score": float(found[metric]), "trials": len(used)}


def inside(name, part, data, seconds, mine):
    """Do what needs the package, in the environment that has it."""
    one = settings()[name]
    if part == "search":
        return search(name, one, data, seconds, mine=mine)
    return check(name, one.get("expected", {}))


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


def ask(name, part, given, *, mine=True):
    """Return what `inside` says in the plugin's environment."""
    call = [python_of(name, Path(given.work)), __file__, "--inside", "--part", part]
    call += ["--data", given.data or "", "--seconds", str(given.seconds)]
    call += [name] if mine else ["--not-mine", name]
    done = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def kit_cells(name, given):
    """Return the cells that the kit gives, and print what fails."""
    checks = ask(name, "kit", given)
    for row in checks:
        if row["status"] == "failed":
            print(f"{name}: {row['id']}: {row['message']}", flush=True)
    states = [row["status"] for row in checks]
    return {
        "checks": len(states),
        "expected": states.count("expected"),
        "failed": states.count("failed"),
    }


def search_cells(name, given):
    """Return the cells that searches give; others' of the same table are looked up."""
    one = settings()[name]
    others = "linear without it" if "with" in one else "all built-ins"
    same = {"table": one["table"], "others": others}
    known = [
        r["other"] for r in read_rows().values() if r["name"] != name and same.items() <= r.items()
    ]
    mine = ask(name, "search", given)
    other = known[0] if known else f"{ask(name, 'search', given, mine=False)['score']:.4f}"
    score = {"metric": mine["metric"], "score": f"{mine['score']:.4f}", "trials": mine["trials"]}
    return {**same, **score, "other": other}


def facts(name):
    """Return the cells that the module itself gives."""
    text = (HERE / f"{name}.py").read_text(encoding="utf-8")
    return {
        "name": name,
        "kind": "algorithm" if "def automl_algorithms" in text else "preprocessor",
        "package": settings()[name]["install"][0],
        "lines": lines_of_code(HERE / f"{name}.py"),
    }


def as_markdown(rows):
    """Return the tables of the README."""
    head = ("plugin", "package", "kind", "lines", "checks", "table", "trials", "score", "beside it")
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name in settings():
        r = rows.get(name, {})
        cells = [f"[{name}]({name}.py)", settings()[name]["install"][0].replace("==", " ")]
        cells += [facts(name)["kind"], facts(name)["lines"]]
        cells += [
            f"{int(r['checks']) - int(r['expected'])} of {r['checks']}" if r.get("checks") else ""
        ]
        if r.get("trials") not in NOTHING:
            cells += [r["table"], r["trials"], f"{r['score']} {r['metric']}"]
            cells += [f"{r['other']} ({r['others']})"]
        else:
            cells += [settings()[name]["table"], "", "", ""]
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
    parser.add_argument("--part", choices=("kit", "search"), help="only this; both if not given")
    parser.add_argument("--data", help="folder with the tables, for searches")
    parser.add_argument("--work", default=HERE / ".envs", help="folder for the environments")
    parser.add_argument("--seconds", type=float, default=30.0, help="budget of each search")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--not-mine", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        mine = not given.not_mine
        print(json.dumps(inside(given.names[0], given.part, given.data, given.seconds, mine)))
        return
    for name in given.names or settings():
        for part, cells in PARTS.items():
            row = read_rows().get(name, {})
            if given.part in {None, part} and (given.names or row.get(cells[0]) in NOTHING):
                found = kit_cells(name, given) if part == "kit" else search_cells(name, given)
                rows = read_rows()  # again, since others may have written meanwhile
                write_rows({**rows, name: {**rows.get(name, {}), **facts(name), **found}})
                print({"name": name, **found}, flush=True)
    write_readme(read_rows())


if __name__ == "__main__":
    main()
