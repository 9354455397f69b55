"""Files and databases are read, or refused with a reason."""

import datetime as dt
import gzip
import sqlite3
from contextlib import closing

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest

from automl.data.apply import apply
from automl.data.columns import Columns
from automl.data.frame import take_in
from automl.data.given import separate
from automl.data.infer import infer
from automl.data.source import open_source
from automl.errors import InputError
from automl.plugin import Reader
from automl_readers import automl_readers

READERS = {reader.name: reader for reader in automl_readers()}

TABLE = pd.DataFrame(
    {
        "age": [20.5, 30.0, None, 41.0] * 10,
        "city": ["Rome", "Zürich", None, "Oslo, Norway"] * 10,
        "vip": [True, False, True, False] * 10,
        "since": pd.date_range("2020-01-01", periods=40),
        "said": ['he said "no"', "two\nlines", "x", "y"] * 10,
    }
)


def reader(source):
    found = [one for one in READERS.values() if one.matches(str(source))]
    assert len(found) == 1, [one.name for one in found]
    return found[0]


def read(source):
    return take_in(reader(source).read(str(source)))


def refused(source):
    with pytest.raises(InputError) as caught:
        read(source)
    return caught.value


def learned(raw):
    schema, _ = infer(raw, Columns())
    table = apply(schema, raw).table
    return [(f.name, f.kind, f.levels) for f in schema.features], table


def same(raw):
    ours, table = learned(raw)
    theirs, expected = learned(take_in(TABLE))
    assert ours == theirs
    for kind, block in expected.blocks().items():
        assert pd.DataFrame(table.block(kind)).equals(pd.DataFrame(block))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_csv_is_read_whatever_its_writer_liked(tmp_path, delimiter, encoding):
    file = tmp_path / "table.txt"
    TABLE.to_csv(file, sep=delimiter, index=False, encoding=encoding)
    assert reader(file).name == "csv"
    same(read(file))


@pytest.mark.parametrize("line", ["\n", "\r\n", "\r"])
def test_csv_is_read_whatever_ends_a_line(tmp_path, line):
    file = tmp_path / "table.csv"
    TABLE.drop(columns="said").to_csv(file, index=False, lineterminator=line)
    assert read(file).n_rows == 40


def test_packed_files_are_unpacked(tmp_path):
    TABLE.to_csv(tmp_path / "table.csv.gz", index=False)
    same(read(tmp_path / "table.csv.gz"))
    TABLE.to_json(tmp_path / "rows.jsonl.gz", orient="records", lines=True, date_format="iso")
    assert reader(tmp_path / "rows.jsonl.gz").name == "json_lines"


def test_csv_says_that_it_has_no_types(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("x,y\na,1\nb,0\nc,1\n")
    raw = read(file)
    assert raw.untyped
    assert separate(reader(file).read(str(file)), "y", Columns()).target.labels.tolist() == [
        1,
        0,
        1,
    ]


def test_a_name_without_a_suffix_is_looked_into(tmp_path):
    TABLE.to_csv(tmp_path / "csv", index=False)
    TABLE.to_parquet(tmp_path / "parquet")
    (tmp_path / "json").write_text('{"a": 1}\n')
    assert reader(tmp_path / "csv").name == "csv"
    assert reader(tmp_path / "parquet").name == "parquet"
    assert reader(tmp_path / "json").name == "json_lines"


def test_content_beats_a_wrong_suffix(tmp_path):
    TABLE.to_parquet(tmp_path / "table.csv")
    assert reader(tmp_path / "table.csv").name == "parquet"


@pytest.mark.parametrize(
    ("text", "names", "n_rows"),
    [
        ("1,2\n3,4\n", ("x0", "x1"), 2),
        ("a,b,\n1,2,\n3,4,\n", ("a", "b", "unnamed_2"), 2),
        (" a , b \n1,2\n", ("a", "b"), 1),
        ("a\n1\n2\n", ("a",), 2),
        ("a,a\n1,2\n", ("a", "a_2"), 1),
        ("a,b\n\n1,2\n\n", ("a", "b"), 1),
        ('a;b\n"1;5";2\n', ("a", "b"), 1),
        ("note;n\nhello, world, again;1\nbye, now;2\n", ("note", "n"), 2),
        ("a,b\n", ("a", "b"), 0),
    ],
)
def test_odd_csv_files_are_read(tmp_path, text, names, n_rows):
    file = tmp_path / "odd.csv"
    file.write_text(text)
    raw = read(file)
    assert raw.names == names
    assert raw.n_rows == n_rows


def test_a_cell_may_be_longer_than_a_block(tmp_path):
    file = tmp_path / "long.csv"
    file.write_text("a,b\n" + "x" * 9_000_000 + ",1\ny,2\n")
    raw = read(file)
    assert [len(level) for level in raw.columns[0].levels] == [9_000_000, 1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,2\n1,2,3\n", "line 3: 3 cells, expected 2"),
        ("a,b\n1,2\n1\n", "line 3: 1 cells, expected 2"),
        ('a,b\n"x\ny",2\n1\n', "line 4: 1 cells, expected 2"),
    ],
)
def test_ragged_lines_are_named(tmp_path, text, says):
    file = tmp_path / "ragged.csv"
    file.write_text(text)
    error = refused(file)
    assert error.code == "E_INPUT_RAGGED"
    assert says in error.message


@pytest.mark.parametrize(
    ("name", "content", "code", "says"),
    [
        ("empty.csv", b"", "E_INPUT_EMPTY", "0 bytes"),
        ("blank.csv", b" \n\n", "E_INPUT_EMPTY", "3 bytes"),
        ("empty.parquet", b"", "E_INPUT_EMPTY", "0 bytes"),
        ("book.csv", b"PK\x03\x04xxxxx", "E_INPUT_FORMAT", "Excel"),
        ("pickle.csv", b"\x80\x04\x95xxxxx", "E_INPUT_FORMAT", "pickle"),
        ("shop.csv", b"SQLite format 3\x00xxxx", "E_INPUT_FORMAT", "sqlite:///"),
        (
            "torn.csv.gz",
            gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-12],
            "E_INPUT_FILE",
            "damaged gzip",
        ),
        ("torn.parquet", b"PAR1xxxx", "E_INPUT_FORMAT", "torn.parquet"),
        ("torn.arrow", b"ARROW1xxxx", "E_INPUT_FORMAT", "torn.arrow"),
        ("torn.jsonl", b'{"a": 1}\n{"a": \n', "E_INPUT_FORMAT", "line 2"),
        ("list.jsonl", b"5\n", "E_INPUT_FORMAT", "line 1 is no JSON object"),
        ("rows.json", b"[1, 2]", "E_INPUT_FORMAT", "array of objects"),
        ("torn.json", b'[{"a": 1}', "E_INPUT_FORMAT", "not JSON"),
        ("odd.csv", b"\xff\xfea", "E_INPUT_ENCODING", "utf-16"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, name, content, code, says):
    (tmp_path / name).write_bytes(content)
    error = refused(tmp_path / name)
    assert error.code == code
    assert says in error.message


def test_a_missing_file_is_named_with_its_neighbour(tmp_path):
    (tmp_path / "train.csv").write_text("a\n1\n")
    error = refused(tmp_path / "trian.csv")
    assert error.code == "E_INPUT_FILE"
    assert "train.csv" in error.remedy
    assert refused(tmp_path / "nowhere" / "x.csv").code == "E_INPUT_FILE"
    assert refused(tmp_path).code == "E_INPUT_FILE"


def test_parquet_and_arrow_keep_their_types(tmp_path):
    typed = TABLE.astype({"city": "category"})
    typed.index = pd.Index(range(40), name=None) + 5
    typed[typed.vip].to_parquet(tmp_path / "table.parquet")
    raw = read(tmp_path / "table.parquet")
    assert raw.names == tuple(TABLE.columns)
    assert raw.columns[1].declared
    pyarrow.feather.write_feather(TABLE, tmp_path / "table.feather")
    same(read(tmp_path / "table.feather"))
    table = pa.table(TABLE)
    with pa.ipc.new_file(str(tmp_path / "table.arrow"), table.schema) as sink:
        sink.write_table(table)
    same(read(tmp_path / "table.arrow"))
    with pa.ipc.new_stream(str(tmp_path / "stream.arrow"), table.schema) as sink:
        sink.write_table(table)
    same(read(tmp_path / "stream.arrow"))


def test_json_lines_are_read(tmp_path):
    file = tmp_path / "rows.jsonl"
    TABLE.to_json(file, orient="records", lines=True, date_format="iso")
    same(read(file))
    file.write_text('{"a": 1, "b": [1]}\n\n{"a": "x", "c": null}\n', encoding="utf-8-sig")
    raw = read(file)
    assert raw.names == ("a", "b", "c")
    assert raw.n_rows == 2
    array = tmp_path / "rows.json"
    TABLE.to_json(array, orient="records", date_format="iso")
    same(read(array))


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "my shop.db"
    with closing(sqlite3.connect(path)) as connection:
        rows = TABLE.assign(since=TABLE.since.dt.strftime("%Y-%m-%d"), vip=TABLE.vip.astype(int))
        rows.to_sql("the orders", connection, index=False)
        connection.execute("CREATE VIEW old AS SELECT age FROM 'the orders' WHERE age > 40")
        connection.commit()
    return path


def test_sqlite_is_read(shop):
    raw = read(f"sqlite:///{shop}?table=the%20orders")
    assert raw.n_rows == 40
    assert raw.names == tuple(TABLE.columns)
    assert read(f"sqlite:///{shop}?table=old").n_rows == 10
    counted = read(
        f"sqlite:///{shop}?query=SELECT%20city,%20count(*)%20AS%20n%20FROM%20%22the%20orders%22%20GROUP%20BY%201"
    )
    assert counted.names == ("city", "n")
    assert counted.n_rows == 4
    twice = read(f"sqlite:///{shop}?query=SELECT age, age FROM old")
    assert twice.names == ("age", "age_2")


def test_sqlalchemy_reads_the_same(shop):
    pytest.importorskip("sqlalchemy")
    plain = read(f"sqlite:///{shop}?table=the%20orders")
    through = read(f"sqlite+pysqlite:///{shop}?table=the%20orders")
    assert [c.plain() for c in through.columns] == [c.plain() for c in plain.columns]
    assert read(f"sqlite+pysqlite:///{shop}?query=SELECT age FROM old").n_rows == 10
    assert refused(f"sqlite+pysqlite:///{shop}?table=nothing").code == "E_INPUT_TABLE"
    assert refused("nosuch+driver://host/db?table=t").code == "E_INPUT_SQL"


@pytest.mark.parametrize(
    ("tail", "code", "says"),
    [
        ("", "E_INPUT_URL", "no table"),
        ("?table=", "E_INPUT_URL", "no table"),
        ("?table=a&query=b", "E_INPUT_URL", "both"),
        ("?table=the orderz", "E_INPUT_TABLE", "the orders"),
        ("?query=SELECT a FROM nowhere", "E_INPUT_SQL", "nowhere"),
        ("?query=DELETE FROM 'the orders'", "E_INPUT_SQL", "readonly"),
    ],
)
def test_a_url_that_does_not_fit_is_refused(shop, tail, code, says):
    error = refused(f"sqlite:///{shop}{tail}")
    assert error.code == code
    assert says in str(error)


def test_a_missing_database_is_not_made(tmp_path):
    assert refused(f"sqlite:///{tmp_path / 'none.db'}?table=t").code == "E_INPUT_FILE"
    assert not (tmp_path / "none.db").exists()


def test_passwords_are_not_repeated():
    error = refused("postgresql://me:secret@host/db")
    assert "secret" not in str(error)


def test_nobody_reads_what_lies_elsewhere():
    for url in ("https://example.org/x.csv", "s3://bucket/x.parquet"):
        assert not any(one.matches(url) for one in READERS.values())


def test_file_urls_are_paths(tmp_path):
    (tmp_path / "a b.csv").write_text("a,b\n1,x\n")
    assert read((tmp_path / "a b.csv").as_uri()).names == ("a", "b")


def test_dates_from_a_database_are_dates(tmp_path):
    pytest.importorskip("sqlalchemy")
    path = tmp_path / "typed.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (d DATETIME, n NUMERIC(6, 2))")
        connection.execute("INSERT INTO t VALUES ('2020-01-02 03:04:05.000000', 1.25)")
        connection.commit()
    raw = read(f"sqlite+pysqlite:///{path}?table=t")
    moment = dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC).timestamp()
    assert raw.columns[0].values.tolist() == [moment]  # noqa: PD011  # a field of ours
    assert raw.columns[1].values.tolist() == [1.25]  # noqa: PD011  # a field of ours


def test_a_reader_of_a_stranger_comes_before_those_that_take_any_file(tmp_path):
    source = tmp_path / "table.zebra"
    source.write_text("a=1\n", encoding="utf-8")
    assert reader(source).name == "csv"
    theirs = Reader(name="zebra", matches=lambda place: place.endswith(".zebra"), read=str)
    assert open_source(source, {**READERS, "zebra": theirs}) == str(source)
