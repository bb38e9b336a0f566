"""Token and id lists: list<string> and list<int64> columns without nulls."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert.lists import Lists, list_array, lists_of
from pipeline.ingest.convert.scalars import is_text, mask_of, utf8
from pipeline.ingest.convert.text import flag_lengths
from pipeline.ingest.problems import Problems
from schemas.features import IdsFeature, TokensFeature


def convert_tokens(name: str, feature: TokensFeature | IdsFeature, raw: pa.Array, problems: Problems) -> pa.ListArray:
    """list<string>[rows] or list<int64>[rows]; a missing list that is not required is empty.

    Args:
      name: the feature's name, for messages.
      feature: its spec.
      raw: lists, or JSON text that holds lists.
      problems: flagged with missing, type, encoding, range, too_short, too_long.
    """
    strings = isinstance(feature, TokensFeature)
    lists = lists_of(raw, pa.string() if strings else pa.int64())
    expected = "strings" if strings else "whole numbers"
    problems.flag(lists.bad, "type", f"{name}: expected a list of {expected}")
    if feature.required:
        problems.flag(lists.null, "missing", f"{name}: no list")
    problems.flag(
        lists.rows_with(mask_of(lists.values.is_null())), "type", f"{name}: a null in the list, expected {expected}"
    )
    values = (
        _strings(name, lists, problems)
        if isinstance(feature, TokensFeature)
        else _integers(name, feature, lists, problems)
    )
    flag_lengths(name, feature, lists.lengths, "steps", problems)
    return list_array(lists.offsets, values)


def _strings(name: str, lists: Lists, problems: Problems) -> pa.StringArray:
    values = lists.values
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if not is_text(values.type):
        problems.flag(lists.lengths > 0, "type", f"{name}: received a list of {values.type}, expected strings")
        return pa.array([""] * len(values), pa.string())
    text, invalid = utf8(values)
    problems.flag(lists.rows_with(invalid), "encoding", f"{name}: a token is not valid UTF-8")
    return pc.fill_null(text, "")


def _integers(name: str, feature: IdsFeature, lists: Lists, problems: Problems) -> pa.Int64Array:
    values = pc.fill_null(lists.values, 0) if lists.values.null_count else lists.values
    if pa.types.is_integer(values.type):
        numbers = values.to_numpy(zero_copy_only=False)
        if values.type == pa.uint64():
            beyond = numbers > np.uint64(2**63 - 1)
            problems.flag(lists.rows_with(beyond), "range", f"{name}: an id beyond 2^63 - 1")
        numbers = numbers.astype(np.int64)
    elif pa.types.is_floating(values.type):
        fractions = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        whole = np.isfinite(fractions) & (fractions == np.floor(fractions)) & (np.abs(fractions) < 2**53)
        problems.flag(lists.rows_with(~whole), "type", f"{name}: a number that is not whole, expected ids")
        numbers = np.where(whole, fractions, 0).astype(np.int64)
    else:
        problems.flag(lists.lengths > 0, "type", f"{name}: received a list of {values.type}, expected whole numbers")
        numbers = np.zeros(len(values), dtype=np.int64)
    if feature.minimum is not None:
        low = lists.rows_with(numbers < feature.minimum)
        problems.flag(low, "range", f"{name}: an id below {feature.minimum}")
    if feature.maximum is not None:
        high = lists.rows_with(numbers > feature.maximum)
        problems.flag(high, "range", f"{name}: an id above {feature.maximum}")
    return pa.array(numbers)
