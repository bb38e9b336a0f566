"""Number features: one number a row, NaN where it is not known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipeline.ingest.convert.scalars import numbers
from pipeline.ingest.problems import Problems
from schemas.features import NumberFeature

FLOAT32_MAX = float(np.finfo(np.float32).max)


def convert_number(name: str, feature: NumberFeature, raw: pa.Array, problems: Problems) -> pa.FloatArray:
    """float32[rows].

    A value listed in `missing_values` is known to be unknown: NaN, and no reason to reject. A null or NaN is rejected
    when the feature is required, and NaN otherwise.

    Args:
      name: the feature's name, for messages.
      feature: its spec.
      raw: numbers, booleans, or strings that hold numbers.
      problems: flagged with missing, type, not_finite, range.
    """
    values, null, bad = numbers(raw)
    return number_array(name, feature, values, null, bad, problems)


def number_array(
    name: str, feature: NumberFeature, values: np.ndarray, null: np.ndarray, bad: np.ndarray, problems: Problems
) -> pa.FloatArray:
    """The checks of a number feature on float64[rows] values; `null` and `bad` are bool[rows]."""
    problems.flag(bad, "type", f"{name}: expected a number")
    not_a_number = np.isnan(values) & ~null & ~bad
    if feature.missing_values:
        values = np.where(among(values, feature.missing_values), np.nan, values)
    if feature.required:
        problems.flag(null, "missing", f"{name}: no number")
        problems.flag(
            not_a_number, "not_finite", f"{name}: NaN, expected a number (set required: false to keep the row)"
        )
    narrow = as_float32(values)
    problems.flag(np.isinf(narrow), "not_finite", lambda row: f"{name}: {values[row]}, expected a finite float32")
    flag_range(name, feature.minimum, feature.maximum, values, problems)
    return pa.array(narrow + np.float32(0))  # -0.0 becomes 0.0: equal content, equal digest


def flag_range(name: str, minimum: float | None, maximum: float | None, values: np.ndarray, problems: Problems) -> None:
    """Flags rows whose value (float64[rows]; NaN passes) lies outside [minimum, maximum]."""
    if minimum is not None:
        problems.flag(
            values < minimum, "range", lambda row: f"{name}: received {values[row]:g}, expected at least {minimum:g}"
        )
    if maximum is not None:
        problems.flag(
            values > maximum, "range", lambda row: f"{name}: received {values[row]:g}, expected at most {maximum:g}"
        )


def as_float32(values: np.ndarray) -> np.ndarray:
    """float32 of any numbers; too large ones become infinite, without a warning."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float32)


def among(values: np.ndarray, listed: Sequence[float]) -> np.ndarray:
    """bool[values]: which are among the listed ones, compared as float32, since a file may store either width."""
    if not listed:
        return np.zeros(values.shape, dtype=bool)
    return np.isin(as_float32(values), np.array(listed, dtype=np.float32))
