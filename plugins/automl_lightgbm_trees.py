"""LightGBM's trees as plain tables, any plain tables as LightGBM's trees, and single rows.

No plugin of its own. Prediction of one row goes through LightGBM's C functions for single rows,
which take microseconds where ``Booster.predict`` takes tens of them.
"""

from __future__ import annotations

import ctypes
import re
from itertools import accumulate, pairwise
from threading import local
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import Trees

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from automl.plugin import Link

    Matrix = NDArray[np.float64]

# What LightGBM writes about a split, in bits: by category, missing goes left, missing is NaN.
_BY_CATEGORY, _MISSING_LEFT, _MISSING_IS_ZERO, _MISSING_IS_NAN = 1, 2, 4, 8
_NORMAL, _LEAVES = 0, 2
_FLOAT64 = 1
_WORD = 32


class SingleRows:
    """What a booster says of one row after the other.

    Parameters
    ----------
    booster : lightgbm.Booster
    n_columns : int
    n_values : int
        Values that come out.
    leaves : bool
        Whether they are the leaves that are reached.
    """

    def __init__(self, booster: Any, n_columns: int, n_values: int, *, leaves: bool) -> None:
        from lightgbm import basic

        private: Any = basic  # nothing public reaches the functions for single rows
        self._library, self._check = private._LIB, private._safe_call  # noqa: SLF001
        self._call = self._library.LGBM_BoosterPredictForMatSingleRowFast
        self._booster = booster
        self._shape = n_columns, n_values
        self._kind = _LEAVES if leaves else _NORMAL
        self._own = local()

    def __call__(self, row: Matrix) -> Matrix:
        """Return the values of a row of float64 cells, in an array that the next call changes."""
        own = self._own
        try:
            cells, arguments = own.cells, own.arguments
        except AttributeError:
            cells, arguments = self._prepare()
        cells[:] = row
        self._check(self._call(*arguments))
        out: Matrix = own.out
        return out

    def _prepare(self) -> tuple[Matrix, tuple[Any, ...]]:
        """Make what each thread needs for itself."""
        own, (n_columns, n_values) = self._own, self._shape
        handle = ctypes.c_void_p()
        self._check(
            self._library.LGBM_BoosterPredictForMatSingleRowFastInit(
                self._booster._handle,  # noqa: SLF001
                ctypes.c_int(self._kind),
                ctypes.c_int(0),
                ctypes.c_int(-1),
                ctypes.c_int(_FLOAT64),
                ctypes.c_int32(n_columns),
                b"num_threads=1",
                ctypes.byref(handle),
            )
        )
        own.handle = _Handle(self._library.LGBM_FastConfigFree, handle, self._booster)
        own.cells, own.out, own.length = np.zeros(n_columns), np.zeros(n_values), ctypes.c_int64()
        own.arguments = (
            handle,
            ctypes.c_void_p(own.cells.ctypes.data),
            ctypes.byref(own.length),
            ctypes.c_void_p(own.out.ctypes.data),
        )
        return own.cells, own.arguments


class _Handle:
    """What LightGBM keeps for single rows, freed with the thread that asked for it.

    It looks at the booster even then, which therefore has to outlive it.
    """

    def __init__(self, free: Any, handle: Any, booster: Any) -> None:
        self._free, self._handle, self._booster = free, handle, booster

    def __del__(self) -> None:
        self._free(self._handle)


def read(text: str, *, scale: float, base: Matrix, link: Link) -> Trees | None:
    """Return the trees of a model text; None where they are not of the usual kind.

    Parameters
    ----------
    text : str
        As ``Booster.model_to_string`` gives it.
    scale : float
        Leaves are multiplied by it.
    base : ndarray of shape (n_outputs,)
        The trees add to output 0, 1, ..., 0, 1, ... in turn.
    link : {"none", "logistic", "softmax"}
    """
    head, _, body = text.partition("\nTree=")
    body = body.partition("\nend of trees")[0]
    if "\naverage_output" in head or "\nis_linear=1" in body:
        return None
    sizes = _numbers(body, "num_leaves", np.int64) - 1
    kinds = _numbers(body, "decision_type", np.int64)
    threshold = _numbers(body, "threshold", np.float64)
    by_category, missing = (kinds & _BY_CATEGORY) > 0, kinds & ~3
    if (missing == _MISSING_IS_ZERO).any():
        return None
    # A split that knew no missing cells takes them for zero; one by category sends them right.
    missing_left = np.where(missing == _MISSING_IS_NAN, (kinds & _MISSING_LEFT) > 0, threshold >= 0)
    set_of: NDArray[Any] | None = None
    sets: tuple[NDArray[np.int64], ...] = ()
    if by_category.any():
        set_of = np.where(by_category, np.cumsum(by_category) - 1, -1)
        sets = tuple(_sets(body, threshold[by_category].astype(int).tolist()))
    return Trees(
        sizes=sizes,
        feature=_numbers(body, "split_feature", np.int32),
        threshold=threshold,
        left=_numbers(body, "left_child", np.int32),
        right=_numbers(body, "right_child", np.int32),
        missing_left=missing_left & ~by_category,
        leaf=scale * _numbers(body, "leaf_value", np.float64)[:, None],
        output=np.arange(len(sizes)) % len(base),
        base=base,
        link=link,
        set_of=set_of,
        sets=sets,
    )


def _lines(body: str, name: str) -> list[str]:
    return re.findall(rf"\n{name}=(.*)", body)


def _numbers(body: str, name: str, dtype: Any) -> NDArray[Any]:
    """Return the numbers of all trees' lines of a name."""
    return np.fromstring(" ".join(_lines(body, name)), dtype=np.float64, sep=" ").astype(dtype)


def _sets(body: str, numbers: list[int]) -> list[NDArray[np.int64]]:
    """Return the codes that go left for each split by category, by its number in its tree."""
    found: list[NDArray[np.int64]] = []
    both = _lines(body, "cat_boundaries"), _lines(body, "cat_threshold")
    for bounds, words in zip(*both, strict=True):
        bits = list(map(int, words.split()))
        mine = [
            np.array(_codes(bits[start:end]), dtype=np.int64)
            for start, end in pairwise(map(int, bounds.split()))
        ]
        first = len(found)
        found += [mine[number] for number in numbers[first : first + len(mine)]]
    return found


def _codes(words: list[int]) -> list[int]:
    """Return the bits that are set."""
    codes = []
    for start, word in enumerate(words):
        left = word
        while left:
            lowest = left & -left
            codes.append(start * _WORD + lowest.bit_length() - 1)
            left ^= lowest
    return codes


def walk(trees: Trees) -> Callable[[Matrix], Matrix]:
    """Return a function from a row to the leaf that it reaches in each tree, by LightGBM."""
    import lightgbm as lgb

    by_code = np.zeros(len(trees.feature), dtype=bool)
    if trees.set_of is not None:
        by_code = trees.set_of >= 0
    numbers, codes = np.unique(trees.feature[~by_code]), np.unique(trees.feature[by_code])
    columns = np.concatenate([numbers, codes]).astype(np.intp)
    if not len(columns):
        nothing = np.zeros(len(trees.sizes))
        return lambda row: nothing
    feature = np.where(
        by_code,
        len(numbers) + np.searchsorted(codes, trees.feature),
        np.searchsorted(numbers, trees.feature),
    )
    # LightGBM sends missing codes right: here they are a code of their own, behind one for others.
    other = 1 + int(np.concatenate([[-1], *trees.sets]).max())
    text = _write(trees, feature, by_code, missing=other + 1, n_columns=len(columns))
    booster = lgb.Booster(model_str=text)
    single = SingleRows(booster, len(columns), len(trees.sizes), leaves=True)
    n_numbers = len(numbers)

    def leaves(row: Matrix) -> Matrix:
        cells = row.take(columns)
        if len(codes):
            mine = cells[n_numbers:]
            gone = np.isnan(mine)
            np.minimum(mine, other, out=mine)
            mine[gone] = other + 1
        return single(cells)

    return leaves


def _write(
    trees: Trees, feature: NDArray[Any], by_code: NDArray[np.bool_], *, missing: int, n_columns: int
) -> str:
    """Return a model text with these splits and empty leaves."""
    kinds = np.where(
        by_code, _BY_CATEGORY, _MISSING_IS_NAN + _MISSING_LEFT * trees.missing_left.astype(int)
    )
    # A split by category says which of its tree's sets is its own.
    before: NDArray[np.int64] = np.cumsum(by_code, dtype=np.int64) - by_code
    splitting = trees.sizes > 0
    starts: list[int] = before[trees.first_splits[splitting]].tolist()
    number: NDArray[np.int64] = before - np.repeat(starts, trees.sizes[splitting])
    words = {
        "split_feature": feature.tolist(),
        "threshold": np.where(by_code, number, trees.threshold).tolist(),
        "decision_type": kinds.tolist(),
        "left_child": trees.left.tolist(),
        "right_child": trees.right.tolist(),
    }
    spelled = {name: list(map(repr, given)) for name, given in words.items()}
    sets = _words_of_sets(trees, np.flatnonzero(by_code), missing)
    lines = [
        _HEAD.format(
            last=n_columns - 1,
            names=" ".join(f"c{column}" for column in range(n_columns)),
            infos=" ".join(["none"] * n_columns),
        )
    ]
    spans = pairwise([*starts, len(sets)])
    first = 0
    for tree, size in enumerate(trees.sizes.tolist()):
        start, end = next(spans) if size else (0, 0)
        lines += [f"Tree={tree}", f"num_leaves={size + 1}", f"num_cat={end - start}"]
        if size:
            last = first + size
            lines += [f"{name}={' '.join(given[first:last])}" for name, given in spelled.items()]
            first = last
        if start < end:
            bounds = [0, *accumulate(map(len, sets[start:end]))]
            lines += [
                f"cat_boundaries={' '.join(map(repr, bounds))}",
                f"cat_threshold={' '.join(repr(word) for one in sets[start:end] for word in one)}",
            ]
        lines += [f"leaf_value={'0 ' * size}0", "shrinkage=1", "", ""]
    return "\n".join([*lines, "end of trees", "", "feature_importances:", "", "parameters:", ""])


_HEAD = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx={last}
feature_names={names}
feature_infos={infos}
"""


def _words_of_sets(trees: Trees, splits: NDArray[np.intp], missing: int) -> list[list[int]]:
    """Return the codes that go left at some splits as LightGBM's words of bits."""
    if trees.set_of is None:
        return []
    codes = [one.tolist() for one in trees.sets]
    also = trees.missing_left[splits].tolist()
    found = []
    for number, gone in zip(trees.set_of[splits].tolist(), also, strict=True):
        mine = [*codes[number], missing] if gone else codes[number]
        words = [0] * (max(mine, default=0) // _WORD + 1)
        for code in mine:
            words[code // _WORD] |= 1 << (code % _WORD)
        found.append(words)
    return found
