"""What strings say."""

import math

import pytest

from automl.data import parse

DAY = 86_400.0


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("-1.5", -1.5),
        ("1e3", 1000),
        ("1,234", 1234),
        ("1,234,567.5", 1234567.5),
        ("1 234", 1234),
        ("1\u202f234", 1234),
        ("1.5 %", 1.5),
        ("$3", 3),
        ("-$3.50", -3.5),
        ("3 €", 3),
        ("\u22125", -5),
        (".5", 0.5),
        ("5.", 5),
        ("٣", 3),
        ("true", 1),
        ("-inf", -math.inf),
    ],
)
def test_numbers_are_read(text, number):
    assert parse.to_number(text) == number


@pytest.mark.parametrize(
    "text", ["oops", "1,23", "12,34,567", "1_000", "0x10", "1.2.3", "5 kg", "--5", "1e", "12:30"]
)
def test_what_is_no_number_is_none(text):
    assert parse.to_number(text) is None


@pytest.mark.parametrize("text", sorted(parse.MISSING_SPELLINGS))
def test_missing_spellings_are_nan(text):
    assert math.isnan(parse.to_number(f" {text} "))


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["1,234", "5,678"], "."),
        (["1,234", "3,14"], ","),
        (["1.234,5", "2"], ","),
        (["1.5", "2"], "."),
        (["3,14", "1.5"], ","),
        (["3,14", "oops, sorry"], "."),
    ],
)
def test_the_decimal_mark_is_found(texts, mark):
    assert parse.decimal_mark(texts) == mark


def test_a_decimal_comma_is_read():
    assert parse.to_number("1.234,5", ",") == 1234.5
    assert parse.to_number("3,14", ",") == 3.14
    assert parse.to_number("€ 3,50", ",") == 3.5
    assert parse.to_number("7", ",") == 7


def test_both_ways_to_read_numbers_agree():
    plain = ["1", "2.5", "-3e2", " 4 "]
    quick, unread = parse.to_numbers(plain)
    assert quick.tolist() == [1, 2.5, -300, 4]
    assert not unread
    slow, unread = parse.to_numbers([*plain, "x", "NA"])
    assert slow[:4].tolist() == quick.tolist()
    assert unread == [4]


@pytest.mark.parametrize(
    ("text", "form", "seconds"),
    [
        ("1970-01-02", "iso", DAY),
        ("1970-01-01T01:00:00Z", "iso", 3600),
        ("1970-01-01 01:00:00+01:00", "iso", 0),
        ("1970-01-01 00:00:00.5 UTC", "iso", 0.5),
        ("1970/1/2", "ymd", DAY),
        ("19700102", "ymd", DAY),
        ("2/1/1970", "dmy", DAY),
        ("1/2/1970", "mdy", DAY),
        ("02.01.1970 12:30", "dmy", DAY * 1.5 + 1800),
        ("1/2/70 1:00 PM", "mdy", DAY + 13 * 3600),
        ("1/2/1970 12:00 am", "mdy", DAY),
        ("2 Jan 1970", "named", DAY),
        ("02-JAN-1970", "named", DAY),
        ("Friday, January 2nd, 1970", "named", DAY),
        ("Fri Jan 02 01:00:00 +0100 1970", "named", DAY),
        ("Fri, 02 Jan 1970 00:00:00 GMT", "named", DAY),
    ],
)
def test_dates_are_read(text, form, seconds):
    assert parse.to_seconds(text, form) == seconds


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2020-13-01", "iso"),
        ("2020", "iso"),
        ("31/12/2020", "mdy"),
        ("30.2.2020", "dmy"),
        ("1.2.2020", "mdy"),
        ("1/2/2020 25:00", "dmy"),
        ("1/2/2020 13:00 PM", "dmy"),
        ("2 Foo 2020", "named"),
        ("oops", "named"),
        ("2020/111", "ymd"),
    ],
)
def test_what_is_no_date_is_none(text, form):
    assert parse.to_seconds(text, form) is None


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["2020-01-31", "2020-02-01"], "iso"),
        (["1/31/2020", "2/1/2020"], "mdy"),
        (["31/1/2020", "1/2/2020"], "dmy"),
        (["1/2/2020"], "mdy"),
        (["1.2.2020"], "dmy"),
        (["words", "more words"], ""),
        (["1", "2"], ""),
    ],
)
def test_the_date_format_is_found(texts, form):
    assert parse.date_format(texts, 1.0) == form


@pytest.mark.parametrize("seconds", [0.0, 0.25, -DAY, 1e9, 2.5e11, -6e10])
def test_a_date_is_written_so_that_it_can_be_read(seconds):
    assert parse.to_seconds(parse.write_seconds(seconds), "iso") == seconds


def test_numbers_are_written_without_a_needless_point():
    assert parse.write_number(2.0) == "2"
    assert parse.write_number(0.1) == "0.1"
    assert float(parse.write_number(1e300)) == 1e300
    assert parse.write_seconds(1e30) == parse.write_number(1e30)
