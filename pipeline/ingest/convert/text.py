"""Text: strings or bytes, checked to be UTF-8; `min_steps` and `max_steps` count bytes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert.scalars import is_text, mask_of, scalar, utf8
from pipeline.ingest.problems import Problems
from schemas.features import SequenceFeature, TextFeature


def convert_text(name: str, feature: TextFeature, raw: pa.Array, problems: Problems) -> pa.StringArray:
    """string[rows]; a missing text that is not required is empty.

    Args:
      name: the feature's name, for messages.
      feature: its spec.
      raw: strings, bytes, or null.
      problems: flagged with missing, type, encoding, too_short, too_long.
    """
    array, several = scalar(raw)
    problems.flag(several, "type", f"{name}: received several values, expected one text")
    if pa.types.is_null(array.type):
        array = array.cast(pa.string())
    if not is_text(array.type):
        problems.flag(mask_of(array.is_valid()), "type", f"{name}: received {array.type}, expected text")
        array = pa.nulls(len(array), pa.string())
    array, invalid = utf8(array)
    if array.null_count:
        if feature.required:
            problems.flag(mask_of(array.is_null()), "missing", f"{name}: no text")
        array = pc.fill_null(array, "")
    problems.flag(invalid, "encoding", f"{name}: the bytes are not valid UTF-8")
    flag_lengths(name, feature, pc.binary_length(array).to_numpy(zero_copy_only=False), "bytes", problems)
    return array


def flag_lengths(name: str, feature: SequenceFeature, lengths: np.ndarray, unit: str, problems: Problems) -> None:
    """Flags rows outside a sequence feature's `min_steps` and `max_steps`.

    Args:
      name: the feature's name, for messages.
      feature: a sequence feature.
      lengths: int[rows], in `unit`.
      unit: what is counted, for messages.
      problems: flagged with too_short and too_long.
    """
    shortest, longest = feature.min_steps, feature.max_steps
    if shortest:
        problems.flag(
            lengths < shortest,
            "too_short",
            lambda row: f"{name}: {int(lengths[row]):,} {unit}, expected at least {shortest:,}",
        )
    if longest is not None:
        problems.flag(
            lengths > longest,
            "too_long",
            lambda row: f"{name}: {int(lengths[row]):,} {unit}, expected at most {longest:,}",
        )
