"""Which split a row belongs to, from nothing but the row itself.

Split codes: 0 train, 1 validation, 2 test, as in `schemas.splits.SPLIT_NAMES`; -1 where a problem was flagged.
A hash split cuts the range [0, 2^64) of key hashes in the shares asked for: train first, then validation, then test.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert.moments import TimeColumn, moment_of, times_of
from pipeline.ingest.convert.scalars import as_text, mask_of
from pipeline.ingest.keys import hash_texts
from pipeline.ingest.problems import Problems, received
from schemas.errors import SpecError
from schemas.splits import SPLIT_NAMES, ColumnSplit, HashSplit, TimeSplit

NO_SPLIT = -1


def by_hash(split: HashSplit, hashes: np.ndarray) -> np.ndarray:
    """int8[rows] split codes.

    Args:
      split: the shares.
      hashes: uint64[rows], uniform.
    """
    shares = [split.train, split.validation, split.test]
    last = max(code for code, share in enumerate(shares) if share > 0)
    ends = [min(round(total * 2**64), 2**64 - 1) for total in accumulate(shares)][:last]
    return np.searchsorted(np.array(ends, dtype=np.uint64), hashes, side="right").astype(np.int8)


def by_group(split: HashSplit, groups: pa.Array, problems: Problems) -> np.ndarray:
    """int8[rows] split codes by a hash of the group column; flags missing_group."""
    text, missing, bad = as_text(groups)
    problems.flag(missing | bad, "missing_group", f"{split.group}: no value, and the split goes by it")
    return by_hash(split, _hash_distinct(text, split.salt))


def by_time(split: TimeSplit, times: TimeColumn, problems: Problems) -> np.ndarray:
    """int8[rows] split codes: a row at or after a boundary belongs to the later split; flags time."""
    values, missing, unreadable = times_of(times)
    problems.flag(missing, "time", f"{split.column}: no time, and the split goes by it")
    expected = "a date or timestamp" if times.moments else "a number"
    problems.flag(unreadable, "time", f"{split.column}: not readable as {expected}")
    codes = np.zeros(len(values), dtype=np.int8)
    for code, (value, _) in time_boundaries(split).items():
        codes[values >= value] = code
    return codes


def by_column(split: ColumnSplit, column: pa.Array, problems: Problems) -> np.ndarray:
    """int8[rows] split codes by the values that the spec lists; flags missing_group and unknown_split."""
    text, missing, bad = as_text(column)
    problems.flag(missing | bad, "missing_group", f"{split.column}: no value, and the split goes by it")
    codes = np.full(len(text), NO_SPLIT, dtype=np.int8)
    for code, name in enumerate(SPLIT_NAMES):
        codes[mask_of(pc.is_in(text, pa.array(getattr(split, name), pa.string())))] = code
    problems.flag(
        codes == NO_SPLIT,
        "unknown_split",
        lambda row: f"{split.column}: received {received(text[row].as_py())}, which the spec gives to no split",
    )
    return codes


def time_boundaries(split: TimeSplit) -> dict[int, tuple[float, bool]]:
    """Split code -> (first comparable time, whether it is a moment), for the splits that have a boundary.

    Raises:
      SpecError: a boundary that is no time, boundaries of two kinds or in the wrong order, or none.
    """
    found = {}
    for code, name in enumerate(SPLIT_NAMES[1:], start=1):
        value = getattr(split, name)
        if value is not None:
            moment = moment_of(value)
            if moment is None:
                raise SpecError(
                    f"splits.{name}: received {value!r}, expected a date, an ISO 8601 timestamp or a number"
                )
            found[code] = moment
    if not found:
        raise SpecError("splits: by time needs the first moment of 'validation', of 'test', or of both")
    if len({is_moment for _, is_moment in found.values()}) > 1:
        raise SpecError(f"splits: received {split.validation!r} and {split.test!r}, expected two dates or two numbers")
    if len(found) == 2 and found[1][0] >= found[2][0]:
        raise SpecError(
            f"splits: validation starts at {split.validation}, test at {split.test}; expected test after it"
        )
    return found


def _hash_distinct(text: pa.Array, salt: str) -> np.ndarray:
    """uint64[rows]: as hash_texts, computed once a distinct text."""
    encoded = text.dictionary_encode()
    return hash_texts(encoded.dictionary, salt)[encoded.indices.to_numpy(zero_copy_only=False)]


def mixed(values: np.ndarray) -> np.ndarray:
    """uint64[rows] mixed so that all bits depend on all bits (the finaliser of MurmurHash3, Austin Appleby)."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))
