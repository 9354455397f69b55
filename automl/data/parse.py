"""What strings say: missing cells, truth values, numbers and dates. One rule for every source."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from math import inf, isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

MISSING_SPELLINGS = frozenset(
    {"", "?", "-", "--", ".", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "NaT"}
    | {"null", "NULL", "Null", "None"}
)
"""Cells that say, after stripping blanks, that there is no value."""

TRUTHS = {"true": 1.0, "false": 0.0}

DATE_FORMATS = ("iso", "ymd", "mdy", "dmy", "named")
"""Ways to write a date, tried in this order."""

MAX_NUMBER, MAX_DATE = 1000, 100
"""Strings that are longer are no numbers, and no dates: a cell may have a million letters."""

_EPOCH = date(1970, 1, 1).toordinal()
_DAY = 86_400.0
_CURRENCY = "$€£¥₹"
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}((,\d{3})+|([ '\u00a0\u202f]\d{3})+)(\.\d*)?")
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}([. '\u00a0\u202f]\d{3})+),\d+([eE][+-]?\d+)?")
_DOT_THOUSANDS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?")
_INFINITE = re.compile(r"([+-]?)(inf|infinity)", re.IGNORECASE)
_CODE = re.compile(r"^\s*[+-]?0\d+\s*$", re.MULTILINE)
_ODD = re.compile(r"[^0-9eE+\-. ]")
_CLOCK = (
    r"(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp]\.?[Mm]\.?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_NUMERIC_DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})" + _CLOCK)
_YEAR_FIRST = re.compile(r"(\d{4})([./-]?)(\d{1,2})\2(\d{1,2})" + _CLOCK)
_DAY_NAME = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_NAMED_DAY_FIRST = re.compile(
    _DAY_NAME + r"(\d{1,2})(?:st|nd|rd|th)?[ -]([a-z]{3,9})\.?,?[ -](\d{4})" + _CLOCK, re.IGNORECASE
)
_NAMED_MONTH_FIRST = re.compile(
    _DAY_NAME + r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})" + _CLOCK, re.IGNORECASE
)
_UNIX_STYLE = re.compile(
    _DAY_NAME + r"([a-z]{3}) +(\d{1,2}) (\d{1,2}:\d{2}:\d{2}) ?([+-]\d{4}|[A-Z]{3})? (\d{4})",
    re.IGNORECASE,
)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}


def to_number(text: str, decimal: str = ".") -> float | None:
    """Return the number that a string says, or None.

    Blanks around it, a currency sign, a percent sign, thousands separators and an exponent are
    understood; ``decimal`` is the decimal mark. ``NaN`` is returned for a missing spelling.
    """
    text = text.strip()
    if len(text) > MAX_NUMBER:
        return None
    if decimal == "." and _PLAIN.fullmatch(text):
        return _float(text)
    if text in MISSING_SPELLINGS:
        return nan
    infinite = _INFINITE.fullmatch(text)
    if infinite:
        return -inf if infinite[1] == "-" else inf
    bare = text.replace("\u2212", "-")
    sign, bare = (bare[0], bare[1:].lstrip()) if bare[:1] in {"-", "+"} else ("", bare)
    bare = sign + bare.strip(_CURRENCY + "% \u00a0\u202f")
    if decimal == "," and (_DECIMAL_COMMA.fullmatch(bare) or _DOT_THOUSANDS.fullmatch(bare)):
        bare = re.sub(r"[. '\u00a0\u202f]", "", bare).replace(",", ".")
    elif decimal == "." and _THOUSANDS.fullmatch(bare):
        bare = re.sub(r"[, '\u00a0\u202f]", "", bare)
    return _float(bare) if _PLAIN.fullmatch(bare) else TRUTHS.get(bare.lower())


def to_numbers(texts: Sequence[str], decimal: str = ".") -> tuple[NDArray[np.float64], list[int]]:
    """Return the number of each string, NaN where there is none, and the positions not read."""
    short = max(map(len, texts), default=0) <= MAX_NUMBER
    if short and decimal == "." and _ODD.search("".join(texts)) is None:
        with contextlib.suppress(ValueError):
            return np.array(list(map(float, texts)), dtype=np.float64), []
    numbers = np.empty(len(texts))
    unread = []
    for position, text in enumerate(texts):
        number = to_number(text, decimal)
        if number is None:
            unread.append(position)
            number = nan
        numbers[position] = number
    return numbers, unread


def decimal_mark(texts: Iterable[str]) -> str:
    """Return ``","`` where strings are written with a decimal comma, else ``"."``.

    ``1,234`` is a thousand and more unless another cell can only be read with a decimal comma.
    """
    comma = False
    for text in texts:
        if "," in text:
            bare = text.strip()[:MAX_NUMBER].strip(_CURRENCY + "% ")
            if _DECIMAL_COMMA.fullmatch(bare) and not _THOUSANDS.fullmatch(bare):
                comma = True
            elif to_number(text, ",") is None:
                return "."
    return "," if comma else "."


def has_codes(texts: Iterable[str]) -> bool:
    """Whether digits are codes rather than numbers: some start with a zero, as in ``007``."""
    return _CODE.search("\n".join(texts)) is not None


def to_seconds(text: str, form: str) -> float | None:
    """Return the seconds since 1970-01-01 UTC of a date in one of `DATE_FORMATS`, or None."""
    text = text.strip()
    if len(text) > MAX_DATE:
        return None
    try:
        return _READERS[form](text)
    except (ValueError, OverflowError):
        return None


def date_format(texts: Sequence[str], share: float) -> str:
    """Return the format in which at least a share of the strings are dates, or an empty string."""
    ends = texts[0][:MAX_DATE] + texts[-1][:MAX_DATE] if texts else ""
    if not any(character.isdigit() for character in ends):
        return ""
    needed = share * len(texts)
    hits: Counter[str] = Counter()
    for form in DATE_FORMATS:
        allowed = len(texts) - needed
        failed = 0
        for text in texts:
            if to_seconds(text, form) is None:
                failed += 1
                if failed > allowed:
                    break
        else:
            if not failed:
                return form
            hits[form] = len(texts) - failed
    # Of those that read equally many cells the first wins: the month before the day.
    return max(hits, key=lambda form: hits[form]) if hits else ""


def is_ambiguous(texts: Sequence[str]) -> bool:
    """Whether all dates could be read day first and month first alike."""
    return all(
        to_seconds(text, "dmy") is not None and to_seconds(text, "mdy") is not None
        for text in texts
    )


def write_number(number: float) -> str:
    """Return the canonical spelling of a number; whole numbers have no decimal point."""
    if isfinite(number) and number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return repr(float(number))


def write_seconds(seconds: float) -> str:
    """Return the canonical spelling of a date."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return write_number(seconds)
    text = moment.replace(tzinfo=None).isoformat(sep=" ")
    return text.removesuffix(" 00:00:00")


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _iso(text: str) -> float | None:
    if len(text) < 10 or text[4] != "-" or text[7] != "-":
        return None
    if text.endswith((" UTC", " GMT")):
        text = f"{text[:-4]}+00:00"
    moment = datetime.fromisoformat(text)
    return seconds_of(moment)


def seconds_of(moment: datetime) -> float:
    """Return seconds since 1970-01-01 UTC; a moment without a time zone is taken as UTC."""
    offset = moment.utcoffset()
    seconds = (
        (moment.toordinal() - _EPOCH) * _DAY
        + moment.hour * 3600
        + moment.minute * 60
        + moment.second
        + moment.microsecond / 1e6
    )
    return seconds if offset is None else seconds - offset.total_seconds()


def _ymd(text: str) -> float | None:
    found = _YEAR_FIRST.fullmatch(text)
    if not found or (not found[2] and len(found[3] + found[4]) != 4):
        return None
    return _seconds(found[1], found[3], found[4], found.groups()[4:])


def _dmy(text: str) -> float | None:
    found = _NUMERIC_DATE.fullmatch(text)
    return _seconds(found[4], found[3], found[1], found.groups()[4:]) if found else None


def _mdy(text: str) -> float | None:
    found = _NUMERIC_DATE.fullmatch(text)
    if not found or found[2] == ".":
        return None
    return _seconds(found[4], found[1], found[3], found.groups()[4:])


def _named(text: str) -> float | None:
    if found := _NAMED_DAY_FIRST.fullmatch(text):
        day, month, year, clock = found[1], found[2], found[3], found.groups()[3:]
    elif found := _NAMED_MONTH_FIRST.fullmatch(text):
        day, month, year, clock = found[2], found[1], found[3], found.groups()[3:]
    elif found := _UNIX_STYLE.fullmatch(text):
        day, month, year = found[2], found[1], found[5]
        hour, minute, second = found[3].split(":")
        zone = found[4] if found[4] and found[4][0] in "+-" else None
        clock = (hour, minute, second, None, None, zone)
    else:
        return None
    number = _MONTHS.get(month[:3].lower())
    return None if number is None else _seconds(year, str(number), day, clock)


_READERS: dict[str, Callable[[str], float | None]] = {
    "iso": _iso,
    "ymd": _ymd,
    "mdy": _mdy,
    "dmy": _dmy,
    "named": _named,
}


def _seconds(year: str, month: str, day: str, clock: Sequence[str | None]) -> float | None:
    hour, minute, second, fraction, half, zone = clock
    years = int(year) + (0 if len(year) == 4 else 2000 if int(year) < 70 else 1900)
    seconds = (date(years, int(month), int(day)).toordinal() - _EPOCH) * _DAY
    if hour is None:
        return seconds
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half[0] in "pP" else 0)
    if hours > 23 or int(minute or 0) > 59 or int(second or 0) > 59:
        return None
    seconds += hours * 3600 + int(minute or 0) * 60 + int(second or 0)
    if fraction:
        seconds += float(f"0.{fraction}")
    if zone and zone[0] in "+-":
        shift = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
        seconds -= shift if zone[0] == "+" else -shift
    return seconds
