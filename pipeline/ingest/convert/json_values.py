"""JSON values as columns: the Arrow type a block may be parsed with at once, and what single values become otherwise.

Whether a value fits is decided by the shape that the spec asks for and by nothing else, so that it cannot depend on
what stands beside it; the types seen in a file's head only decide how fast a block is read.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.ingest.convert.scalars import NUMBER, as_text

_TEXT, _NUMBERS = pa.string(), pa.list_(pa.float64())
FAST = {
    "text": (_TEXT,),
    "scalar": (_TEXT, pa.int64(), pa.float64(), pa.bool_()),
    "number": (pa.float64(), _TEXT, pa.bool_()),
    "strings": (pa.list_(_TEXT),),
    "integers": (pa.list_(pa.int64()),),
    "series": (_NUMBERS, pa.list_(_NUMBERS)),
    "scalars": (pa.list_(_TEXT), pa.list_(pa.int64()), _NUMBERS),
}
UNFIT = object()
_NUMBER = re.compile(NUMBER.replace("(?i:nan|inf|infinity)", "(?:nan|inf|infinity)"), re.IGNORECASE)


def observed_type(values: list[Any]) -> pa.DataType:
    """The Arrow type of most of the JSON `values`; whole numbers give way to fractions, null to anything."""
    present = [value for value in values if value is not None]
    if not present:
        return pa.null()
    lists = [value for value in present if isinstance(value, list)]
    if 2 * len(lists) > len(present):
        return pa.list_(observed_type([item for value in lists for item in value[:64]]))
    kinds = [
        "bool" if isinstance(v, bool) else "number" if isinstance(v, int | float) else type(v).__name__ for v in present
    ]
    commonest = max(sorted(set(kinds)), key=kinds.count)
    if commonest == "number":
        fractions = any(isinstance(value, float) for value in present)
        return pa.float64() if fractions else pa.int64()
    return pa.bool_() if commonest == "bool" else pa.string()


def fast_type(seen: pa.DataType | None, shape: str) -> pa.DataType:
    """The type to parse whole blocks with: the one seen when it suits `shape`, the shape's usual one otherwise."""
    suiting = FAST[shape]
    if seen is None:
        return suiting[0]
    if shape in ("number", "series"):
        seen = _with_fractions(seen)
    return seen if seen in suiting else suiting[0]


def is_nested(value: Any, shape: str) -> bool | None:
    """Whether a series value is a list of lists; None where it could be either, or is no series."""
    if shape != "series" or not isinstance(value, list) or not value:
        return None
    return any(isinstance(item, list) for item in value)


def column_of(values: list[Any], shape: str) -> tuple[pa.Array, np.ndarray]:
    """(array, bool[rows] wrong type): values that do not fit become null and are marked.

    Args:
      values: JSON values, one a row; series all flat or all nested.
      shape: one of `raw.SHAPES`.
    """
    fitted = [UNFIT if value is UNFIT else None if value is None else fit(value, shape) for value in values]
    wrong = np.fromiter((value is UNFIT for value in fitted), dtype=bool, count=len(fitted))
    nested = any(is_nested(value, shape) for value in fitted)
    dtype = pa.list_(_NUMBERS) if nested else FAST[shape][0]
    return pa.array([None if value is UNFIT else value for value in fitted], type=dtype), wrong


def sample_of(values: list[Any], dtype: pa.DataType) -> pa.Array:
    """The values that fit `dtype`, null for the others: for looking at, not for reading."""
    kept = []
    for value in values:
        try:
            pa.array([value], type=dtype)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
            value = None
        kept.append(value)
    return pa.array(kept, type=dtype)


def _with_fractions(dtype: pa.DataType) -> pa.DataType:
    if pa.types.is_list(dtype):
        return pa.list_(_with_fractions(dtype.value_type))
    return pa.float64() if pa.types.is_integer(dtype) or pa.types.is_null(dtype) else dtype


def fit(value: Any, shape: str) -> Any:
    """`value` as Arrow takes it for `shape` (one of `raw.SHAPES`), or UNFIT."""
    if shape == "text":
        return value if isinstance(value, str) and _encodable(value) else UNFIT
    if shape == "scalar":
        return _as_text(value)
    if shape == "number":
        if isinstance(value, str):
            stripped = value.strip()
            return (float(stripped) if stripped else None) if not stripped or _NUMBER.match(stripped) else UNFIT
        return _as_number(value)
    if isinstance(value, str):  # JSON within JSON
        try:
            value = json.loads(value)
        except (json.JSONDecodeError, RecursionError):
            return UNFIT
    if not isinstance(value, list):
        return UNFIT
    items = [None if item is None else _fit_item(item, shape, is_nested(value, shape)) for item in value]
    return UNFIT if any(item is UNFIT for item in items) else items


def _fit_item(item: Any, shape: str, nested: bool | None) -> Any:
    if shape == "strings":
        return item if isinstance(item, str) and _encodable(item) else UNFIT
    if shape == "scalars":
        return _as_text(item)
    if shape == "integers":
        if isinstance(item, bool) or not isinstance(item, int | float) or not math.isfinite(item):
            return UNFIT
        return int(item) if item == int(item) and -(2**63) <= item < 2**63 else UNFIT
    if nested:
        if not isinstance(item, list):
            return UNFIT
        numbers = [None if number is None else _as_number(number) for number in item]
        return UNFIT if any(number is UNFIT for number in numbers) else numbers
    return _as_number(item)


def _as_number(value: Any) -> Any:
    if not isinstance(value, int | float):
        return UNFIT
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _as_text(value: Any) -> Any:
    """A scalar as `convert.scalars.as_text` would have it."""
    if isinstance(value, str):
        return value if _encodable(value) else UNFIT
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        text, missing, _ = as_text(pa.array([value]))
        return None if missing[0] else text[0].as_py()
    return UNFIT


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, written as \\ud800
        return False
    return True
