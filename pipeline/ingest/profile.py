"""What a sample of a column looks like: the facts that a draft of a spec is made from.

shape   "list" of numbers or strings, "vectors" (list of lists of numbers), "number", "text" (any string), "moment"
        (a date or timestamp), "truth" (booleans), or "empty"
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert.lists import lists_of
from pipeline.ingest.convert.moments import holds_moments
from pipeline.ingest.convert.scalars import as_text, is_list, is_text, mask_of, numbers, utf8

JSON_LIST = r"^\s*\[.*\]\s*$"


@dataclass(frozen=True)
class Column:
    """One column of a sample.

    Attributes:
      name: its name.
      shape: as at the top of this module.
      items: for lists, what they hold: "number", "whole number" or "text".
      rows: rows of the sample.
      missing: rows without a value.
      distinct: distinct values, missing ones left out; 0 for lists.
      whole: all its numbers are whole.
      has_nan: NaN stands among its numbers.
      low: the smallest number, or item of a list.
      high: the largest.
      words: mean number of words of a text.
      letters: mean length of a text.
      longest: most items of a list, or most words of a text.
      sizes: the distinct numbers of values a step (vectors) or items a list, at most a few.
      values: the values as text, "" where missing; empty for lists.
    """

    name: str
    shape: str
    rows: int
    missing: int
    distinct: int = 0
    items: str = ""
    whole: bool = False
    has_nan: bool = False
    low: float = np.nan
    high: float = np.nan
    words: float = 0.0
    letters: float = 0.0
    longest: int = 0
    sizes: tuple[int, ...] = ()
    values: tuple[str, ...] = ()

    @property
    def is_scalar(self) -> bool:
        """Whether it has one value a row."""
        return self.shape in ("number", "text", "moment", "truth")


def profile(name: str, array: pa.Array) -> Column:
    """The facts about one column of a sample."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if is_list(array.type):
        return _profile_list(name, array)
    rows = len(array)
    text, missing, _ = as_text(array)
    present = text.filter(pa.array(~missing))
    absent = int(missing.sum())
    if not len(present):
        return Column(name, "empty", rows, absent)
    if is_text(array.type) and mask_of(pc.match_substring_regex(present, JSON_LIST)).all():
        return _profile_list(name, utf8(array)[0])
    common: dict[str, Any] = {
        "name": name,
        "rows": rows,
        "missing": absent,
        "distinct": len(present.unique()),
        "values": tuple(text.to_pylist()),
    }
    if pa.types.is_boolean(array.type):
        return Column(shape="truth", **common)
    values, _, bad = numbers(array)
    if not bad.any():
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (np.nan, np.nan)
        leading_zero = is_text(array.type) and mask_of(pc.match_substring_regex(present, r"^0\d")).any()
        if not leading_zero:
            whole = bool((finite == np.floor(finite)).all())
            has_nan = bool((np.isnan(values) & ~missing).any())
            return Column(shape="number", whole=whole, has_nan=has_nan, low=low, high=high, **common)
    if holds_moments(array):
        return Column(shape="moment", **common)
    words = [len(re.findall(r"\w+", value)) for value in present.to_pylist()]
    letters = float(np.mean(pc.utf8_length(present).to_numpy(zero_copy_only=False)))
    return Column(shape="text", words=float(np.mean(words)), letters=letters, longest=max(words), **common)


def _profile_list(name: str, array: pa.Array) -> Column:
    lists = lists_of(array, pa.float64())
    if lists.bad.any():  # JSON text whose items are no numbers
        nested = lists_of(array, pa.list_(pa.float64()))
        lists = lists_of(array, pa.string()) if nested.bad.any() else nested
    missing = int(lists.null.sum())
    common: dict[str, Any] = {
        "name": name,
        "rows": len(array),
        "missing": missing,
        "longest": int(lists.lengths.max(initial=0)),
    }
    values = lists.values
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if is_list(values.type):
        inner = lists_of(values, pa.float64())
        numbers_in, sizes = inner.values, inner.lengths
        if is_list(numbers_in.type) or is_text(numbers_in.type):
            return Column(shape="empty", **common)
        found, whole, low, high, has_nan = _number_facts(numbers_in)
        shape = "vectors" if found or not len(values) else "empty"
        distinct = tuple(sorted({int(size) for size in sizes if size}))
        return Column(
            shape=shape, items="number", whole=whole, low=low, high=high, has_nan=has_nan, sizes=distinct, **common
        )
    if is_text(values.type):
        return Column(shape="list", items="text", **common)
    found, whole, low, high, has_nan = _number_facts(values)
    if not found:
        return Column(shape="empty", **common)
    lengths = tuple(sorted({int(size) for size in lists.lengths[~lists.null]}))
    items = "whole number" if pa.types.is_integer(values.type) or (whole and is_text(array.type)) else "number"
    return Column(
        shape="list", items=items, whole=whole, low=low, high=high, has_nan=has_nan, sizes=lengths[:50], **common
    )


def _number_facts(values: pa.Array) -> tuple[bool, bool, float, float, bool]:
    """(there are numbers, all are whole, smallest, largest, there is NaN)."""
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_decimal(values.type)):
        return False, False, np.nan, np.nan, False
    valid = values.drop_null().cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    finite = valid[np.isfinite(valid)]
    if not len(finite):
        return False, False, np.nan, np.nan, bool(np.isnan(valid).any())
    whole = bool((finite == np.floor(finite)).all())
    return True, whole, float(finite.min()), float(finite.max()), bool(np.isnan(valid).any())
