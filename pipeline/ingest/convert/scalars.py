"""One value a row: strings and their UTF-8, numbers and their parsing, values of any type as text.

A scalar column may arrive as a list column with one value a row (tf.Example has nothing else); two values are a
type error.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(?i:nan|inf|infinity)$"


def mask_of(array: pa.Array) -> np.ndarray:
    """A boolean Arrow array as bool[rows]; null counts as False."""
    return pc.fill_null(array, False).to_numpy(zero_copy_only=False).astype(bool, copy=False)


def is_list(dtype: pa.DataType) -> bool:
    """Whether `dtype` is one of Arrow's list types."""
    return pa.types.is_list(dtype) or pa.types.is_large_list(dtype) or pa.types.is_fixed_size_list(dtype)


def is_text(dtype: pa.DataType) -> bool:
    """Whether `dtype` holds strings or bytes."""
    return (
        pa.types.is_string(dtype)
        or pa.types.is_large_string(dtype)
        or pa.types.is_string_view(dtype)
        or is_bytes(dtype)
    )


def is_bytes(dtype: pa.DataType) -> bool:
    """Whether `dtype` holds bytes without a promise of UTF-8."""
    return (
        pa.types.is_binary(dtype)
        or pa.types.is_large_binary(dtype)
        or pa.types.is_binary_view(dtype)
        or pa.types.is_fixed_size_binary(dtype)
    )


def scalar(array: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """(one value a row, bool[rows] that had several): dictionaries decoded, lists of one unpacked."""
    none = np.zeros(len(array), dtype=bool)
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if not is_list(array.type):
        return array, none
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    starts = np.cumsum(lengths) - lengths
    values = array.flatten()
    index = pa.array(np.minimum(starts, max(0, len(values) - 1)), mask=lengths == 0)
    return values.take(index), lengths > 1


def utf8(array: pa.Array) -> tuple[pa.StringArray, np.ndarray]:
    """(string array, bool[rows] invalid UTF-8) of a string or bytes array; invalid ones become empty."""
    if pa.types.is_fixed_size_binary(array.type) or not pa.types.is_string(array.type):
        array = array.cast(pa.binary()) if is_bytes(array.type) else array.cast(pa.string())
    strings = array.view(pa.string()) if pa.types.is_binary(array.type) else array
    try:
        strings.validate(full=True)
        return strings, np.zeros(len(strings), dtype=bool)
    except pa.ArrowInvalid:  # rare: find the rows one by one
        cells = strings.view(pa.binary()).to_pylist()
        invalid = np.fromiter((cell is not None and not _decodes(cell) for cell in cells), bool, len(cells))
        kept = [b"" if bad else cell for cell, bad in zip(cells, invalid, strict=True)]
        return pa.array(kept, pa.binary()).view(pa.string()), invalid


def _decodes(cell: bytes) -> bool:
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True


def numbers(array: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers out of any column that can hold them.

    Args:
      array: numbers, booleans, decimals, or strings; an empty or blank string is null.

    Returns:
      (float64[rows] with NaN where null or bad, bool[rows] null, bool[rows] no number).
    """
    array, several = scalar(array)
    bad = several.copy()
    if is_text(array.type):
        array, invalid = utf8(array)
        array = pc.utf8_trim_whitespace(array)
        array = pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)
        readable = pc.match_substring_regex(array, NUMBER)
        bad |= invalid | ~mask_of(pc.fill_null(readable, True))
        array = pc.if_else(readable, array, pa.scalar(None, pa.string())).cast(pa.float64())
    elif pa.types.is_null(array.type):
        return np.full(len(array), np.nan), np.ones(len(array), dtype=bool), bad
    elif pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    elif not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_decimal(array.type)):
        return np.full(len(array), np.nan), mask_of(array.is_null()), np.ones(len(array), dtype=bool)
    null = mask_of(array.is_null()) & ~bad
    values = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64)
    values[null | bad] = np.nan
    return values, null, bad


def as_text(array: pa.Array) -> tuple[pa.StringArray, np.ndarray, np.ndarray]:
    """Identities and classes of any scalar type as text: 7 and 7.0 are "7", true is "true", dates are ISO 8601.

    Returns:
      (string array without nulls, bool[rows] missing, bool[rows] invalid UTF-8 or of no scalar type).
    """
    array, bad = scalar(array)
    if is_text(array.type):
        array, invalid = utf8(array)
        bad = bad | invalid
    elif pa.types.is_floating(array.type):
        array = _floats_as_text(array.cast(pa.float64()))
    elif pa.types.is_nested(array.type):
        return pa.array([""] * len(array), pa.string()), mask_of(array.is_null()), np.ones(len(array), dtype=bool)
    else:
        array = array.cast(pa.string())
    missing = mask_of(array.is_null())
    array = pc.fill_null(array, "")
    return array, missing | (mask_of(pc.equal(array, "")) & ~bad), bad


def _floats_as_text(array: pa.Array) -> pa.Array:
    values = array.to_numpy(zero_copy_only=False)
    whole = np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < 2**53)
    integers = pa.array(np.where(whole, values, 0).astype(np.int64)).cast(pa.string())
    text = pc.if_else(pa.array(whole), integers, array.cast(pa.string()))
    return pc.if_else(pa.array(np.isnan(values)), pa.scalar(None, pa.string()), text)
