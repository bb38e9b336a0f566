"""List columns of every Arrow list type, and of JSON text, in one form: offsets and values.

    [[1, 2], [], None, [3]]   ->   offsets int64[5] = 0 2 2 2 3,  values = 1 2 3,  null bool[4] = F F T F

A text column is taken as JSON-encoded lists ('[1, 2.5, null]'), as CSV files hold them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson

from pipeline.ingest.convert.json_values import UNFIT, fit, is_nested
from pipeline.ingest.convert.scalars import is_list, is_text, mask_of, utf8


@dataclass(frozen=True)
class Lists:
    """A list column taken apart.

    Attributes:
      offsets: int64[rows + 1], row i holds values[offsets[i]:offsets[i + 1]].
      values: the items of all rows, one after another.
      null: bool[rows], rows without a list.
      bad: bool[rows], rows that hold something else than a list.
    """

    offsets: np.ndarray
    values: pa.Array
    null: np.ndarray
    bad: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """int64[rows], items a row."""
        return np.diff(self.offsets)

    def rows_with(self, marked: np.ndarray) -> np.ndarray:
        """bool[rows], rows that hold at least one marked item (bool[items])."""
        if not marked.any():
            return np.zeros(len(self.null), dtype=bool)
        counts = np.concatenate([[0], np.cumsum(marked)])
        return counts[self.offsets[1:]] > counts[self.offsets[:-1]]


def lists_of(array: pa.Array, item: pa.DataType) -> Lists:
    """Takes a list column apart.

    Args:
      array: lists, JSON text, or all null.
      item: the item type to give JSON lists (itself a list type for vectors), and all-null columns.
    """
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    bad = np.zeros(len(array), dtype=bool)
    if is_text(array.type):
        array, bad = _parse_json(array, item)
    elif pa.types.is_null(array.type):
        array = array.cast(pa.list_(item))
    elif not is_list(array.type):
        bad = mask_of(array.is_valid())
        array = pa.nulls(len(array), pa.list_(item))
    null = mask_of(array.is_null())
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    return Lists(np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), array.flatten(), null & ~bad, bad)


def list_array(offsets: np.ndarray, values: pa.Array) -> pa.ListArray:
    """A ListArray of int64[rows + 1] offsets over `values`."""
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values)


def _parse_json(array: pa.Array, item: pa.DataType) -> tuple[pa.Array, np.ndarray]:
    """(list array, bool[rows] not a JSON list of such items); blank cells are null."""
    text, invalid = utf8(array)
    text = pc.utf8_trim_whitespace(pc.fill_null(text, ""))
    text = pc.if_else(pc.equal(text, ""), "null", text)
    text = pc.replace_substring(pc.replace_substring(text, "\n", " "), "\r", " ")
    parsed = _parse_together(text, item)
    if parsed is None:
        return _parse_one_by_one(text, invalid, item)
    return parsed, invalid


def _parse_together(text: pa.Array, item: pa.DataType) -> pa.Array | None:
    """All cells parsed as one block of JSON lines; None when any cell does not fit."""
    lines = pc.binary_join_element_wise('{"c":', text, "}\n", "")
    block = b"".join(lines.cast(pa.binary()).to_pylist())
    try:
        table = pajson.read_json(
            pa.BufferReader(block),
            read_options=pajson.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=pajson.ParseOptions(
                explicit_schema=pa.schema([("c", pa.list_(item))]), unexpected_field_behavior="error"
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
        return None
    if table.num_rows != len(text):
        return None
    return pa.concat_arrays(table.column("c").chunks) if table.num_rows else pa.nulls(0, pa.list_(item))


def _parse_one_by_one(text: pa.Array, invalid: np.ndarray, item: pa.DataType) -> tuple[pa.Array, np.ndarray]:
    nested = is_list(item)
    shape = "strings" if pa.types.is_string(item) else "integers" if pa.types.is_integer(item) else "series"
    values = []
    for cell in text.to_pylist():
        try:
            value = json.loads(cell)
        except (json.JSONDecodeError, RecursionError):
            values.append(UNFIT)
            continue
        fitted = None if value is None else UNFIT if isinstance(value, str) else fit(value, shape)
        values.append(UNFIT if is_nested(fitted, shape) not in (None, nested) else fitted)
    bad = invalid | np.array([value is UNFIT for value in values], dtype=bool)
    kept = [None if wrong else value for value, wrong in zip(values, bad, strict=True)]
    return pa.array(kept, pa.list_(item)), bad
