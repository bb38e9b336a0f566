"""Whether a column's type can hold a feature at all, judged before any row is read.

Only formats with types of their own (Parquet, Arrow) are judged: there a wrong type is wrong in every row, and one
clear error is worth more than a million rejected rows. In CSV and JSON lines each row is judged for itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert.lists import lists_of
from pipeline.ingest.convert.scalars import is_bytes, is_list, is_text, mask_of, utf8
from pipeline.ingest.files import InputFile
from pipeline.ingest.needs import Need
from pipeline.ingest.raw import Peek
from schemas.errors import InputError
from schemas.spec import DatasetSpec

EXPECTED = {
    "text": "text (strings)",
    "tokens": "lists of strings (or text that holds JSON lists)",
    "ids": "lists of whole numbers (or text that holds JSON lists)",
    "series": "lists of numbers or of vectors of numbers (or text that holds JSON lists)",
    "vector": "lists of numbers (or text that holds JSON lists)",
    "number": "numbers (or text that holds numbers)",
    "category": "text, whole numbers or true/false",
}


def check_types(spec: DatasetSpec, needs: Sequence[Need], files: Sequence[InputFile], peeks: Sequence[Peek]) -> None:
    """Refuses typed columns that no row of a feature could come from.

    Raises:
      InputError: naming each such column, its type, and what the feature takes.
    """
    problems = []
    for file, peek in zip(files, peeks, strict=True):
        if not peek.typed:
            continue
        for need in needs:
            if need.kind is None or need.column not in peek.schema.names:
                continue
            dtype = peek.schema.field(need.column).type
            if not _fits(need.kind, dtype):
                problems.append(
                    f"{file.path}: column {need.column!r} holds {dtype}, but {need.use} (kind {need.kind}) takes "
                    f"{EXPECTED[need.kind]}; name another column or change the kind"
                )
    if problems:
        raise InputError("\n".join(problems[:20]))


def channels_in(sample: pa.Array) -> int | None:
    """Values a step in a sample of a series column: the commonest size of a step; None when no step is found."""
    if is_text(sample.type):
        text, _ = utf8(sample)
        nested = mask_of(pc.match_substring_regex(text, r"^\s*\[\s*\["))
        if not nested.any():
            return 1 if mask_of(pc.match_substring_regex(text, r"^\s*\[\s*[^\]\s]")).any() else None
        sample = text.filter(pa.array(nested))
        sizes = lists_of(lists_of(sample, pa.list_(pa.float64())).values, pa.float64()).lengths
    elif is_list(sample.type):
        steps = lists_of(sample, pa.float64())
        if not is_list(steps.values.type):
            return 1 if len(steps.values) else None
        sizes = lists_of(steps.values, pa.float64()).lengths
    else:
        return None
    sizes = sizes[sizes > 0]
    return int(np.bincount(sizes).argmax()) if len(sizes) else None


def _fits(kind: str, dtype: pa.DataType) -> bool:
    if pa.types.is_dictionary(dtype):
        return _fits(kind, dtype.value_type)
    if pa.types.is_null(dtype):
        return True
    if kind == "text":
        return is_text(dtype)
    if kind == "category":
        return not pa.types.is_nested(dtype)
    if kind == "number":
        return is_text(dtype) or _is_number(dtype)
    if is_text(dtype) and not is_bytes(dtype):
        return True  # JSON text
    if not is_list(dtype):
        return False
    item = dtype.value_type
    if kind == "tokens":
        return is_text(item) or pa.types.is_null(item) or pa.types.is_dictionary(item)
    if kind == "series" and is_list(item):
        item = item.value_type
    return _is_number(item) or pa.types.is_null(item)


def _is_number(dtype: pa.DataType) -> bool:
    return (
        pa.types.is_integer(dtype)
        or pa.types.is_floating(dtype)
        or pa.types.is_decimal(dtype)
        or pa.types.is_boolean(dtype)
    )
