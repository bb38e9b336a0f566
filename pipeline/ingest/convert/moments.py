"""Times of any kind as numbers that compare: numbers as they are, dates and timestamps as UTC microseconds.

A timestamp without a zone is taken as UTC. Text is a number when it reads as one, and ISO 8601 otherwise
('2015-06-01', '2015-06-01T12:30:00', '2015-06-01 12:30:00.5+02:00', '...Z'). float64 holds
microseconds exactly up to the year 2255.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert.scalars import is_list, is_text, mask_of, numbers, scalar, utf8

MICROSECONDS = 1e6
ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}(:?\d{2}(:?\d{2}(\.\d{1,9})?)?)?)?\s*(Z|[+-]\d{2}(:?\d{2})?)?$"
ZONE = r"[T ]\d{2}.*(Z|[+-]\d{2}(:?\d{2})?)$"


@dataclass(frozen=True)
class TimeColumn:
    """A column of times, and whether they are moments (dates, timestamps) or plain numbers.

    The decision is taken once for a whole data set, so that it cannot differ between batches.
    """

    array: pa.Array
    moments: bool

    @property
    def per_unit(self) -> float:
        """Comparable units in one unit of the user's: microseconds in a second, or 1 for plain numbers."""
        return MICROSECONDS if self.moments else 1.0


def holds_moments(sample: pa.Array) -> bool:
    """Whether a column (or a list column's items) holds dates or timestamps, judging by a sample of it."""
    if is_list(sample.type):
        sample = sample.flatten()
    if pa.types.is_date(sample.type) or pa.types.is_timestamp(sample.type):
        return True
    if not is_text(sample.type):
        return False
    return bool(np.isfinite(_parse_iso(sample)[0]).sum() > np.isfinite(numbers(sample)[0]).sum())


def times_of(column: TimeColumn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Comparable times.

    Args:
      column: numbers, dates, timestamps, or text that holds these.

    Returns:
      (float64[rows], NaN where missing or unreadable; bool[rows] missing; bool[rows] unreadable).
    """
    array, several = scalar(column.array)
    if pa.types.is_null(array.type):
        return np.full(len(array), np.nan), np.ones(len(array), dtype=bool), several
    dated = pa.types.is_date(array.type) or pa.types.is_timestamp(array.type)
    if not column.moments and not dated:
        values, missing, unreadable = numbers(array)
        return values, missing | (np.isnan(values) & ~unreadable), unreadable | several | np.isinf(values)
    missing = mask_of(array.is_null())
    if column.moments and dated:
        return _microseconds(array), missing, several
    if column.moments and is_text(array.type):
        values, missing, unreadable = _parse_iso(array)
        return values, missing, unreadable | several
    return np.full(len(array), np.nan), missing, ~missing


def moment_of(value: object) -> tuple[float, bool] | None:
    """A boundary out of a spec: (comparable time, whether it is a moment or a plain number); None if it is neither."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value), False
    if isinstance(value, datetime.datetime | datetime.date):
        value = value.isoformat()
    if not isinstance(value, str):
        return None
    array = pa.array([value])
    moments = holds_moments(array)
    values, missing, unreadable = times_of(TimeColumn(array, moments))
    return None if missing[0] or unreadable[0] else (float(values[0]), moments)


def _microseconds(array: pa.Array) -> np.ndarray:
    stamps = array.cast(pa.timestamp("us", getattr(array.type, "tz", None)), safe=False).cast(pa.int64())
    values = pc.fill_null(stamps, 0).to_numpy(zero_copy_only=False).astype(np.float64)
    values[mask_of(stamps.is_null())] = np.nan
    return values


def _parse_iso(array: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    text, _ = utf8(array)
    text = pc.utf8_trim_whitespace(pc.fill_null(text, ""))
    missing = mask_of(pc.equal(text, ""))
    zoned = mask_of(pc.match_substring_regex(text, ZONE))
    readable = mask_of(pc.match_substring_regex(text, ISO))
    values = np.full(len(text), np.nan)
    for rows, zone in ((readable & zoned, "UTC"), (readable & ~zoned, None)):
        if rows.any():
            values[rows] = _cast_iso(text.filter(pa.array(rows)), zone)
    return values, missing, ~missing & np.isnan(values)


def _cast_iso(text: pa.Array, zone: str | None) -> np.ndarray:
    dtype = pa.timestamp("us", zone)
    try:
        return _microseconds(text.cast(dtype))
    except pa.ArrowInvalid:  # some date does not exist, or has digits below microseconds: find out one by one
        return np.array([_one_iso(value) for value in text.to_pylist()], dtype=np.float64)


def _one_iso(value: str) -> float:
    try:
        moment = datetime.datetime.fromisoformat(value)
    except ValueError:
        return np.nan
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) / datetime.timedelta(microseconds=1)
