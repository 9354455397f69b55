"""Tables are read a part at a time as they are read at once, and written whole or not at all."""

from __future__ import annotations

import datetime as dt
import gzip
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from automl.data.frame import take_in
from automl.data.source import open_batches
from automl.errors import InputError
from automl_readers import automl_readers, databases, delimited, typed

READERS = {reader.name: reader for reader in automl_readers()}
N_ROWS = 500

TABLE = pd.DataFrame(
    {
        "number": [None if row % 7 == 0 else row / 3 for row in range(N_ROWS)],
        "whole": range(N_ROWS),
        "word": [
            ["Rome", "Zürich", "Oslo, Norway", 'said "no"', "two\nlines"][row % 5]
            for row in range(N_ROWS)
        ],
        "since": pd.date_range("2020-01-01", periods=N_ROWS),
    }
)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed, "ROWS", 64)
    monkeypatch.setattr(databases, "ROWS", 64)
    monkeypatch.setattr(delimited, "_BLOCK", 2_000)


def _arrow(path: Path) -> None:
    table = pa.table(TABLE.assign(word=TABLE.word.astype("category")))
    with pa.ipc.new_file(str(path), table.schema) as sink:
        sink.write_table(table, max_chunksize=150)


def _stream(path: Path) -> None:
    with pa.ipc.new_stream(str(path), pa.table(TABLE).schema) as sink:
        sink.write_table(pa.table(TABLE))


def _packed(path: Path) -> None:
    path.write_bytes(gzip.compress(TABLE.to_csv(index=False).encode()))


def _lines(path: Path) -> None:
    TABLE.to_json(path, orient="records", lines=True, date_format="iso")


def _late_names(path: Path) -> None:
    rows = ['{"a": 1}'] * 100 + ['{"b": 2}'] * 100
    path.write_text("\n".join(rows), encoding="utf-8")


WRITE: dict[str, Callable[[Path], Any]] = {
    "plain.csv": lambda path: TABLE.to_csv(path, index=False),
    "windows.csv": lambda path: TABLE.to_csv(path, index=False, encoding="cp1252", sep=";"),
    "utf-16.csv": lambda path: TABLE.to_csv(path, index=False, encoding="utf-16"),
    "marked.csv": lambda path: TABLE.to_csv(path, index=False, encoding="utf-8-sig"),
    "unnamed.csv": lambda path: TABLE[["whole"]].to_csv(path, index=False, header=False),
    "header.csv": lambda path: TABLE[:0].to_csv(path, index=False),
    "packed.csv.gz": _packed,
    "table.parquet": lambda path: TABLE.set_index("whole").to_parquet(path, row_group_size=150),
    "words.parquet": lambda path: TABLE.astype({"word": "category"}).to_parquet(path),
    "none.parquet": TABLE[:0].to_parquet,
    "table.arrow": _arrow,
    "stream.arrow": _stream,
    "table.feather": TABLE.to_feather,
    "none.feather": TABLE[:0].to_feather,
    "rows.jsonl": _lines,
    "late.jsonl": _late_names,
    "rows.json": lambda path: TABLE.to_json(path, orient="records", date_format="iso"),
}


@pytest.mark.parametrize("name", WRITE)
def test_parts_are_the_table(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITE[name](path)
    (reader,) = (one for one in READERS.values() if one.matches(str(path)))
    whole = take_in(reader.read(str(path)))
    parts = [take_in(part) for part in open_batches(str(path), READERS)]
    assert parts
    assert {part.names for part in parts} == {whole.names}
    assert {part.untyped for part in parts} == {whole.untyped}
    assert sum(part.n_rows for part in parts) == whole.n_rows
    joined = [
        list(chain.from_iterable(part.columns[i].plain() for part in parts))
        for i in range(len(whole.names))
    ]
    assert joined == [column.plain() for column in whole.columns]
    if whole.n_rows == N_ROWS and len(whole.names) > 1:
        assert len(parts) > 3


def test_a_row_longer_than_a_part_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    rows = [f"{number},word" for number in range(200)]
    rows[150] = f'150,"{"long " * 10_000}"'
    path.write_text("\n".join(["number,text", *rows]) + "\n", encoding="utf-8")
    parts = list(open_batches(str(path), READERS))
    numbers = [cell for part in parts for cell in part["number"].to_pylist()]
    assert numbers == [str(number) for number in range(200)]


def test_a_line_far_below_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text("a,b\n" + "1,2\n" * 5_000 + "1,2,3\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 5002: 3 cells, expected 2") as caught:
        list(open_batches(str(path), READERS))
    assert caught.value.code == "E_INPUT_RAGGED"


def test_a_gzip_file_that_is_cut_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    whole = gzip.compress(TABLE.to_csv().encode())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError) as caught:
        list(open_batches(str(path), READERS))
    assert caught.value.code == "E_INPUT_FILE"


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite"])
def test_a_database_gives_and_takes_parts(tmp_path: Path, scheme: str) -> None:
    if scheme != "sqlite":
        pytest.importorskip("sqlalchemy")
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        TABLE.assign(since=TABLE.since.astype(str)).to_sql("orders", connection, index=False)
    url = f"{scheme}:///{path}?table="
    sql = READERS["sql"]
    assert sql.batches is not None
    assert sql.write is not None
    parts = list(sql.batches(f"{url}orders"))
    assert [len(part["whole"]) for part in parts] == [64] * 7 + [52]
    sql.write(f"{url}copy", iter(parts))
    assert sql.read(f"{url}copy") == sql.read(f"{url}orders")
    with pytest.raises(InputError) as caught:
        sql.write(f"{url}copy", iter(parts))
    assert caught.value.code == "E_INPUT_TABLE"


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite"])
def test_a_table_that_is_not_finished_is_not_there(tmp_path: Path, scheme: str) -> None:
    if scheme != "sqlite":
        pytest.importorskip("sqlalchemy")

    def broken() -> Iterator[dict[str, list[Any]]]:
        yield {"a": [1, None], "b": ["x", dt.date(2024, 1, 1)]}
        raise OSError("the source is gone")

    path = tmp_path / "new.db"
    write = READERS["sql"].write
    assert write is not None
    with pytest.raises(OSError, match="gone"):
        write(f"{scheme}:///{path}?table=t", broken())
    if path.exists():
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []


@pytest.mark.parametrize(
    ("tail", "code"),
    [("?query=SELECT 1", "E_INPUT_URL"), ("", "E_INPUT_URL")],
)
def test_a_place_that_is_no_table_is_refused(tmp_path: Path, tail: str, code: str) -> None:
    write = READERS["sql"].write
    assert write is not None
    with pytest.raises(InputError) as caught:
        write(f"sqlite:///{tmp_path / 'x.db'}{tail}", iter([{"a": [1]}]))
    assert caught.value.code == code
    assert not (tmp_path / "x.db").exists()
