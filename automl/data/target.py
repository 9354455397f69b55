"""The target as given, looked at once."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data import parse
from automl.data.column import Form
from automl.data.rules import finding
from automl.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.data.column import RawColumn
    from automl.data.finding import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The column to predict, without the rows where it is missing.

    Parameters
    ----------
    name : str
    labels : ndarray of shape (n_rows,)
        As the user wrote them: bool, int64, float64 or object (str).
    numeric : bool
        Whether the labels are numbers (or numbers written as strings, then ``numbers`` has them).
    numbers : ndarray of shape (n_rows,), dtype=float64, or None
        The labels as numbers, where they are.
    n_distinct : int
        Number of distinct labels.
    forced : str, default=""
        Name of the task that the user asked for.
    kind : str, default=""
        The kind that the user asked for: ``"number"`` or ``"category"``.
    """

    name: str
    labels: NDArray[Any]
    numeric: bool
    numbers: NDArray[np.float64] | None
    n_distinct: int
    forced: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A target, and the rows of the source that have one.

    Parameters
    ----------
    target : Target
    keep : ndarray of shape (n_source_rows,), dtype=bool
    findings : tuple of Finding
    """

    target: Target
    keep: NDArray[np.bool_]
    findings: tuple[Finding, ...] = ()


def look(column: RawColumn, *, kind: str = "", forced: str = "", untyped: bool = False) -> Looked:
    """Look at the target: what its labels are, and which rows have one.

    Parameters
    ----------
    column : RawColumn
    kind : str, default=""
        ``"number"`` or ``"category"`` where the user says so.
    forced : str, default=""
        Name of the task where the user says so.
    untyped : bool, default=False
        Whether the source has no types: then strings that say numbers or truth values become such.

    Returns
    -------
    Looked

    Raises
    ------
    DataError
        ``E_DATA_TARGET_TYPES`` where labels of several types stand side by side,
        ``E_DATA_TARGET_KIND`` where they cannot be what is asked for.
    """
    if kind not in {"", "number", "category"}:
        raise DataError(
            "E_DATA_TARGET_KIND",
            f"The target {column.name!r} cannot be {kind!r}: it is a 'number' or a 'category'.",
        )
    _refuse(column)
    labels, keep, numbers, findings = (
        _from_strings(column, untyped=untyped)
        if column.form is Form.STRING
        else _from_numbers(column)
    )
    if kind == "number" and numbers is None:
        raise DataError(
            "E_DATA_TARGET_KIND",
            f"The target {column.name!r} holds labels that are not numbers, such as "
            f"{str(labels[0])!r}."
            if len(labels)
            else f"The target {column.name!r} is empty.",
        )
    findings += _alike(labels)
    target = Target(
        name=column.name,
        labels=labels,
        numeric=numbers is not None and labels.dtype.kind != "b",
        numbers=numbers,
        n_distinct=_n_distinct(labels, numbers),
        forced=forced,
        kind=kind,
    )
    return Looked(target=target, keep=keep, findings=tuple(findings))


def _n_distinct(labels: NDArray[Any], numbers: NDArray[np.float64] | None) -> int:
    if numbers is None:
        return len(set(labels.tolist()))
    # Large whole numbers that differ may be one as floats.
    return len(np.unique(labels if labels.dtype.kind in "iu" else numbers))


def _refuse(column: RawColumn) -> None:
    if column.mixed:
        raise DataError(
            "E_DATA_TARGET_TYPES",
            f"The target {column.name!r} holds labels of several types: "
            f"{', '.join(column.mixed)}. It is not said whether 1 and '1' are one class.",
            "Give all labels one type, as y.astype(str) does. Unknown label type otherwise.",
        )
    if column.bad is not None:
        raise DataError(
            "E_DATA_TARGET_TYPES",
            f"The target {column.name!r} holds cells that cannot be used ({column.reason}). "
            "Unknown label type.",
            "A label is a string, a number or a truth value.",
        )
    if column.form is Form.DATE:
        raise DataError(
            "E_DATA_TARGET_TYPES",
            f"The target {column.name!r} holds dates.",
            "Predict the time that passes, as a number: (y - start).dt.total_seconds().",
        )


_Labels = tuple["NDArray[Any]", "NDArray[np.bool_]", "NDArray[np.float64] | None", "list[Finding]"]


def _from_numbers(column: RawColumn) -> _Labels:
    values = column.values
    missing, infinite = np.isnan(values), np.isinf(values)
    keep = ~(missing | infinite)
    findings = _left_out(column.name, int(missing.sum()), int(infinite.sum()))
    numbers = values[keep]
    if column.form is Form.BOOLEAN:
        return numbers.astype(bool), keep, numbers, findings
    if column.exact is not None:
        return column.exact[keep], keep, numbers, findings
    if column.whole and not np.any(np.abs(numbers) >= 2.0**63):
        return numbers.astype(np.int64), keep, numbers, findings
    return numbers, keep, numbers, findings


def _from_strings(column: RawColumn, *, untyped: bool) -> _Labels:
    codes, levels = column.values, column.levels
    used = np.unique(codes[codes >= 0]).tolist()
    empty = {code for code in used if not levels[code].strip()}
    said = [code for code in used if code not in empty]
    spelled = [code for code in said if levels[code].strip() in parse.MISSING_SPELLINGS]
    written = [levels[code] for code in said if code not in set(spelled)]
    decimal = parse.decimal_mark(written)
    read, unread = parse.to_numbers(written, decimal)
    truths = bool(written) and all(text.strip().lower() in parse.TRUTHS for text in written)
    numeric = bool(written) and not unread and not truths
    numeric = numeric and not parse.has_codes(written)
    # Among numbers, "NA" is a missing number; among words it may be the name of a class.
    gone = empty | set(spelled) if numeric or (truths and untyped) else empty
    lookup = np.full(len(levels) + 1, np.nan)
    if numeric or truths:
        lookup[[levels_code for levels_code in said if levels_code not in set(spelled)]] = read
    keep = (codes >= 0) & ~np.isin(codes, list(gone))
    values = lookup[codes]
    infinite = keep & np.isinf(values)
    findings = _left_out(column.name, int(np.count_nonzero(~keep)), int(infinite.sum()))
    if numeric:
        keep &= ~infinite
    numbers = values[keep]
    if untyped and truths:
        return numbers.astype(bool), keep, numbers, findings
    if untyped and numeric:
        whole = all(text.strip().lstrip("+-").isdigit() for text in written)
        fits = whole and bool(np.all(np.abs(numbers) < 2.0**53))
        return (numbers.astype(np.int64) if fits else numbers), keep, numbers, findings
    labels = np.array([*levels, ""], dtype=object)[codes[keep]]
    return labels, keep, numbers if numeric else None, findings


def _alike(labels: NDArray[Any]) -> list[Finding]:
    """Name labels that differ only by blanks, case or the way an accent is written."""
    if labels.dtype != object:
        return []
    groups: dict[str, list[str]] = {}
    for label in dict.fromkeys(labels.tolist()):
        plain = unicodedata.normalize("NFKC", label).casefold()
        groups.setdefault(" ".join(plain.split()), []).append(label)
    twins = [label for group in groups.values() if len(group) > 1 for label in group]
    return [finding("W_DATA_LABELS", twins, len(twins))] if twins else []


def _left_out(name: str, n_missing: int, n_infinite: int) -> list[Finding]:
    findings = []
    if n_missing:
        findings.append(finding("W_DATA_TARGET_MISSING", [name], n_missing))
    if n_infinite:
        findings.append(finding("W_DATA_TARGET_INFINITE", [name], n_infinite))
    return findings
