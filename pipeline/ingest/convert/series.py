"""Series and vectors: lists of numbers, or of vectors of numbers, as one flat float32 list a row.

    [[1, 2], [3, None]] with 2 channels   ->   1 2 3 NaN            (row-major steps * channels)

A null is a missing value, and so is one of `missing_values`. NaN rejects the row unless `nan: missing`; infinity always
does, as does a number too large for float32. A flat list is accepted for several channels when it holds whole steps.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert.lists import Lists, list_array, lists_of
from pipeline.ingest.convert.moments import TimeColumn, times_of
from pipeline.ingest.convert.numbers import among, as_float32
from pipeline.ingest.convert.scalars import is_list, is_text, mask_of
from pipeline.ingest.convert.text import flag_lengths
from pipeline.ingest.problems import Problems
from pipeline.ingest.steps import Steps, resample, resampled_lengths
from schemas.features import SeriesFeature, VectorFeature


def convert_series(
    name: str, feature: SeriesFeature, raw: pa.Array, time: TimeColumn | None, problems: Problems
) -> dict[str, pa.ListArray]:
    """NAME: list<float32>[rows], and NAME_time: list<float32>[rows] when the feature has time_delta.

    Args:
      name: the feature's name.
      feature: its spec, with the channels resolved.
      raw: lists of numbers or of vectors, or JSON text that holds them.
      time: lists of the times of the steps.
      problems: flagged with missing, type, size, not_finite, range, time, too_short, too_long.
    """
    if is_text(raw.type):
        nested = mask_of(pc.match_substring_regex(raw.cast(pa.binary()), rb"^\s*\[\s*\["))
        if nested.any() and not nested.all():
            return _apart(name, feature, raw, time, nested, problems)
        item = pa.list_(pa.float64()) if nested.any() else pa.float64()
    else:
        item = pa.float64()
    channels = channel_count(feature)
    steps = lists_of(raw, item)
    problems.flag(steps.bad, "type", f"{name}: expected a list of numbers" + (" or of vectors" if channels > 1 else ""))
    if feature.required:
        problems.flag(steps.null, "missing", f"{name}: no list")
    flat, lengths = _flatten(name, steps, channels, problems)
    flag_lengths(name, feature, lengths, "steps", problems)
    values = _floats(name, flat, feature.missing_values, feature.nan == "missing", problems)
    _flag_range(name, feature, flat, values, problems)
    if time is None:
        return {name: list_array(flat.offsets, pa.array(values))}
    times = _times(name, time, lengths, problems)
    if feature.resample is not None:
        return _resampled(name, feature, values.reshape(-1, channels), times, problems)
    columns = {name: list_array(flat.offsets, pa.array(values))}
    return columns | ({f"{name}_time": times} if feature.time_delta else {})


def convert_vector(name: str, feature: VectorFeature, raw: pa.Array, problems: Problems) -> pa.ListArray:
    """list<float32>[rows] of `size` values each; a missing vector that is not required is all zero.

    Args:
      name: the feature's name, for messages.
      feature: its spec.
      raw: lists of numbers, or JSON text that holds them.
      problems: flagged with missing, type, size, not_finite.
    """
    lists = lists_of(raw, pa.float64())
    problems.flag(lists.bad, "type", f"{name}: expected a list of {feature.size} numbers")
    if feature.required:
        problems.flag(lists.null, "missing", f"{name}: no vector")
    wrong = (lists.lengths != feature.size) & ~lists.null
    problems.flag(
        wrong, "size", lambda row: f"{name}: {int(lists.lengths[row])} values, expected {feature.size} in every row"
    )
    problems.flag(
        lists.rows_with(mask_of(lists.values.is_null())), "missing", f"{name}: a null among the vector's values"
    )
    values = _floats(name, lists, [], False, problems)
    kept = lists.lengths == feature.size
    full = np.zeros((len(lists.null), feature.size), dtype=np.float32)
    full[kept] = values[np.repeat(kept, lists.lengths)].reshape(-1, feature.size)
    return list_array(np.arange(len(full) + 1) * feature.size, pa.array(full.reshape(-1)))


def channel_count(feature: SeriesFeature) -> int:
    """Values a step of a series feature whose channels are resolved."""
    if feature.channels is None:
        raise ValueError("received a series feature with unresolved channels; call resolve_spec first")
    return feature.channels if isinstance(feature.channels, int) else len(feature.channels)


def _apart(
    name: str, feature: SeriesFeature, raw: pa.Array, time: TimeColumn | None, nested: np.ndarray, problems: Problems
) -> dict[str, pa.ListArray]:
    """JSON text of which some rows hold vectors and others numbers: each kind converted for itself, then joined."""
    order = np.concatenate([np.flatnonzero(nested), np.flatnonzero(~nested)])
    parts = []
    for rows in (np.flatnonzero(nested), np.flatnonzero(~nested)):
        own = Problems(len(rows))
        taken = pa.array(rows)
        times = None if time is None else TimeColumn(time.array.take(taken), time.moments)
        parts.append(convert_series(name, feature, raw.take(taken), times, own))
        place = np.full(len(raw), -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        problems.inherit(own, place)
    back = pa.array(np.argsort(order))
    return {column: pa.concat_arrays([part[column] for part in parts]).take(back) for column in parts[0]}


def _flatten(name: str, steps: Lists, channels: int, problems: Problems) -> tuple[Lists, np.ndarray]:
    """(lists of numbers, int64[rows] steps): vectors laid one after another, whole steps checked."""
    if not is_list(steps.values.type):
        ragged = steps.lengths % channels != 0
        problems.flag(
            ragged,
            "size",
            lambda row: f"{name}: {int(steps.lengths[row])} values, expected whole steps of {channels} channels",
        )
        return steps, steps.lengths // channels
    inner = lists_of(steps.values, pa.float64())
    wrong = inner.lengths != channels
    problems.flag(
        steps.rows_with(wrong),
        "size",
        lambda row: f"{name}: {_step_sizes(steps, inner, row)} values in a step, expected {channels} in every step",
    )
    return Lists(inner.offsets[steps.offsets], inner.values, steps.null, steps.bad), steps.lengths


def _resampled(
    name: str, feature: SeriesFeature, values: np.ndarray, times: pa.ListArray, problems: Problems
) -> dict[str, pa.ListArray]:
    """Regular steps out of float32[steps, channels] values at list<float32>[rows] times; bad rows become empty."""
    rows = len(times)
    if feature.resample is None:
        raise ValueError(f"received {name!r} without resample")
    row = np.repeat(np.arange(rows), pc.list_value_length(times).to_numpy(zero_copy_only=False))
    good = problems.good[row] if len(row) == len(values) else np.zeros(len(row), dtype=bool)
    clock = times.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    own = Steps(row[good], clock[good], values[good] if good.any() else values[:0])
    lengths = resampled_lengths(own, feature.resample.window, rows)
    flag_lengths(name, feature, lengths, "steps", problems)
    fitting = problems.good[own.entity]
    own = Steps(own.entity[fitting], own.time[fitting], own.values[fitting])
    own = resample(own, feature.resample.window, feature.resample.aggregate)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(own.entity, minlength=rows))])
    columns = {name: list_array(offsets * values.shape[1], pa.array(own.values.reshape(-1)))}
    if feature.time_delta:
        columns[f"{name}_time"] = list_array(offsets, pa.array(own.time.astype(np.float32)))
    return columns


def _step_sizes(steps: Lists, inner: Lists, row: int) -> str:
    sizes = np.unique(inner.lengths[steps.offsets[row] : steps.offsets[row + 1]])
    return " or ".join(str(int(size)) for size in sizes[:3])


def _floats(name: str, lists: Lists, missing_values: list[float], accepts_nan: bool, problems: Problems) -> np.ndarray:
    """float32[values]; missing ones NaN. Flags type and not_finite."""
    array = lists.values
    if pa.types.is_null(array.type):
        return np.full(len(array), np.nan, dtype=np.float32)
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    if not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_decimal(array.type)):
        problems.flag(lists.lengths > 0, "type", f"{name}: received a list of {array.type}, expected numbers")
        return np.full(len(array), np.nan, dtype=np.float32)
    null = mask_of(array.is_null()) if array.null_count else None
    wide = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    narrow = as_float32(wide) + np.float32(0)  # -0.0 becomes 0.0: equal content, equal digest
    problems.flag(lists.rows_with(np.isinf(narrow)), "not_finite", f"{name}: infinity, or too large for float32")
    is_nan = np.isnan(narrow)
    if not accepts_nan:
        found = is_nan if null is None else is_nan & ~null
        problems.flag(lists.rows_with(found), "not_finite", f"{name}: NaN; set nan: missing to take it as missing")
    if missing_values:
        is_nan = is_nan | among(narrow, missing_values)
    if is_nan.any():
        narrow[is_nan] = np.nan  # one bit pattern, whatever the file had
    return narrow


def _flag_range(name: str, feature: SeriesFeature, flat: Lists, values: np.ndarray, problems: Problems) -> None:
    if feature.minimum is not None:
        low = flat.rows_with(values < feature.minimum)
        problems.flag(low, "range", f"{name}: a value below {feature.minimum:g}")
    if feature.maximum is not None:
        high = flat.rows_with(values > feature.maximum)
        problems.flag(high, "range", f"{name}: a value above {feature.maximum:g}")


def _times(name: str, time: TimeColumn, lengths: np.ndarray, problems: Problems) -> pa.ListArray:
    """list<float32>[rows]: the times of the steps, counted from each row's first."""
    lists = lists_of(time.array, pa.string() if time.moments else pa.float64())
    problems.flag(lists.bad | lists.null & (lengths > 0), "time", f"{name}: expected a list of times, one a step")
    problems.flag(
        lists.lengths != lengths,
        "time",
        lambda row: f"{name}: {int(lists.lengths[row])} times for {int(lengths[row])} steps",
    )
    values, missing, unreadable = times_of(TimeColumn(lists.values, time.moments))
    problems.flag(lists.rows_with(missing | unreadable), "time", f"{name}: a time is missing or unreadable")
    first = np.zeros(len(values), dtype=bool)
    first[lists.offsets[:-1][lists.lengths > 0]] = True
    backwards = np.concatenate([[False], np.diff(values) < 0]) if len(values) else first
    problems.flag(lists.rows_with(backwards & ~first), "time", f"{name}: times go backwards")
    starts = np.repeat(values[lists.offsets[:-1][lists.lengths > 0]], lists.lengths[lists.lengths > 0])
    return list_array(lists.offsets, pa.array(((values - starts) / time.per_unit).astype(np.float32)))
