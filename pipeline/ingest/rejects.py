"""Rejected rows as JSON lines: reason, detail, file, position, key, and a shortened copy of the row.

{"reason": "range", "detail": "age: received 212, expected at most 130", "file": "a.csv", "position": 7, "key": "p-8",
 "row": {"age": "212", "text": "first 200 characters..."}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from pipeline.ingest.convert.scalars import is_bytes, is_list, is_text

TEXT_BYTES = 200
LIST_ITEMS = 16


def reject_line(reason: str, detail: str, place: tuple[str | None, int | None], key: str | None, row: Any) -> bytes:
    """One reject as JSON, without a newline.

    Args:
      reason: one of `problems.REASONS`.
      detail: what was received and expected.
      place: (file path, row number within it from 0, or None where several rows are concerned).
      key: the row's key, when it is known.
      row: a shortened copy of the row.
    """
    line = {"reason": reason, "detail": detail, "file": place[0], "position": place[1], "key": key, "row": row}
    return json.dumps(line, ensure_ascii=False, default=str).encode("utf-8", errors="replace")


def shortened_row(columns: Mapping[str, pa.Array], row: int) -> dict[str, Any]:
    """Row `row` of some columns as JSON values, long texts and lists cut."""
    return {name: _shortened(array, row) for name, array in columns.items()}


def _shortened(array: pa.Array, row: int) -> Any:
    one = array.slice(row, 1)
    if pa.types.is_dictionary(one.type):
        one = one.cast(one.type.value_type)
    if one.null_count:
        return None
    if is_text(one.type):
        data = _bytes(one)
        text = data[:TEXT_BYTES].decode("utf-8", errors="replace")
        return text + "..." if len(data) > TEXT_BYTES else text
    if is_list(one.type):
        items = one.flatten()
        head = [_shortened(items, index) for index in range(min(LIST_ITEMS, len(items)))]
        return [*head, f"... {len(items):,} in all"] if len(items) > LIST_ITEMS else head
    return _json_value(one[0].as_py())


def _bytes(one: pa.Array) -> bytes:
    """The first bytes of a text, enough to shorten it."""
    if pa.types.is_string(one.type):
        one = one.view(pa.binary())
    elif not pa.types.is_binary(one.type):
        one = (one if is_bytes(one.type) else one.cast(pa.string())).cast(pa.binary())
    return bytes(memoryview(one[0].as_buffer())[: TEXT_BYTES + 1])


def _json_value(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None | list | dict) else str(value)
