"""From a raw batch of an event table to events worth shuffling; what is wrong with single events is settled here.

    entity string | time float64 | slot int16 | value float64 | text string | carried columns ...

`value` and `text` exist for channel/value pairs (`text` only where a category or class is picked from a channel). An
event that is rejected, unknown or without a value stays behind; when an entity has no other event in the batch, one row
with slot -1 goes on in its place, so that no entity vanishes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert.moments import TimeColumn, times_of
from pipeline.ingest.convert.numbers import FLOAT32_MAX, among
from pipeline.ingest.convert.scalars import as_text, numbers, scalar
from pipeline.ingest.event_pairs import read_pairs
from pipeline.ingest.event_plan import MARKER, SPLIT_COLUMN, EventPlan
from pipeline.ingest.files import InputFile
from pipeline.ingest.inputs import Inputs
from pipeline.ingest.plain import rejects_of
from pipeline.ingest.problems import Problems
from pipeline.ingest.raw import RawBatch
from schemas.features import SeriesFeature
from schemas.spec import DatasetSpec


@dataclass(frozen=True)
class EventBatch:
    """What one raw batch of events became.

    Attributes:
      events: the events that go on, and markers; the columns are explained at the top of this module.
      rejects: JSON lines of rejected events.
      counts: events/in, events/rejected, events/missing, events/unknown_channel.
    """

    events: pa.RecordBatch
    rejects: list[bytes]
    counts: dict[str, int]


def event_batch(spec: DatasetSpec, inputs: Inputs, plan: EventPlan, file: InputFile, batch: RawBatch) -> EventBatch:
    """Converts and checks the events of one raw batch.

    Args:
      spec: the resolved spec.
      inputs: what was found of the input.
      plan: `plan_events(spec, inputs)`.
      file: where the batch comes from.
      batch: the raw rows.
    """
    problems = Problems(batch.num_rows)
    for column, wrong in batch.wrong_type.items():
        problems.flag(wrong, "type", f"{column}: a value of another type than the rest of the column")
    codes, entities = _entities(plan, batch, problems)
    keyed = problems.good | (codes >= 0)
    clock = TimeColumn(batch.columns[plan.events.time], plan.events.time in inputs.moments)
    times, no_time, unreadable = times_of(clock)
    problems.flag(no_time, "time", f"{plan.events.time}: no time")
    problems.flag(unreadable, "time", f"{plan.events.time}: not readable as a {'date' if clock.moments else 'number'}")
    arrays = _carried(plan, inputs, file, batch, problems)
    if plan.pairs:
        slots, present, values = read_pairs(spec, plan, batch, problems)
        arrays = values | arrays
    else:
        slots = np.zeros(batch.num_rows, dtype=np.int16)
        present = _present(spec, plan, arrays, problems)
    good = problems.good
    rejects = rejects_of(file, batch, problems, None)
    counts = {
        "events/in": batch.num_rows + len(batch.malformed),
        "events/rejected": len(rejects),
        "events/unknown_channel": int((good & (slots == MARKER)).sum()),
        "events/missing": int((good & (slots != MARKER) & ~present).sum()),
    }
    for reason, _ in rejects:
        counts[f"events/rejected/{reason}"] = counts.get(f"events/rejected/{reason}", 0) + 1
    goes_on = good & (slots != MARKER) & present
    chosen, slots = _with_markers(codes, keyed & (codes >= 0), goes_on, slots)
    taken = pa.array(chosen)
    columns = {
        "entity": entities.take(pa.array(codes[chosen])),
        "time": pa.array(times[chosen]),
        "slot": pa.array(slots),
        **{name: array.take(taken) for name, array in arrays.items()},
    }
    return EventBatch(pa.RecordBatch.from_pydict(columns), [line for _, line in rejects], counts)


def _entities(plan: EventPlan, batch: RawBatch, problems: Problems) -> tuple[np.ndarray, pa.StringArray]:
    """(int64[rows] index into the distinct entities, -1 without one; string[distinct])."""
    raw, several = scalar(batch.columns[plan.events.group_by])
    encoded = raw.dictionary_encode() if not pa.types.is_nested(raw.type) else pa.nulls(len(raw)).dictionary_encode()
    text, missing, bad = as_text(encoded.dictionary)
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    unusable = np.append(missing | bad, True)  # index -1 finds the appended True
    codes[unusable[codes] | several] = -1
    problems.flag(codes < 0, "missing_key", f"{plan.events.group_by}: no key, so the event belongs to nothing")
    return codes, text


def _with_markers(
    codes: np.ndarray, keyed: np.ndarray, goes_on: np.ndarray, slots: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(rows that go on, their slots): the good events, then one marker for each entity that has none of them."""
    events = np.flatnonzero(goes_on)
    left = np.flatnonzero(keyed & ~goes_on)
    left = left[~np.isin(codes[left], codes[events])]
    _, first = np.unique(codes[left], return_index=True)
    markers = left[first]
    return np.concatenate([events, markers]), np.concatenate(
        [slots[events], np.full(len(markers), MARKER, dtype=np.int16)]
    )


def _carried(
    plan: EventPlan, inputs: Inputs, file: InputFile, batch: RawBatch, problems: Problems
) -> dict[str, pa.Array]:
    """The carried columns: number float64, text string, integer int64, time float64; null where there is no value."""
    columns: dict[str, pa.Array] = {}
    for name, (column, role) in plan.carried.items():
        raw = batch.columns.get(column, pa.nulls(batch.num_rows))
        if role == "number":
            values, null, bad = numbers(raw)
            problems.flag(bad, "type", f"{column}: expected a number")
            problems.flag(np.isinf(values), "not_finite", f"{column}: infinity")
            columns[name] = pa.array(values, mask=null | bad)
        elif role == "time":
            values, missing, unreadable = times_of(TimeColumn(raw, column in inputs.moments))
            problems.flag(unreadable, "time", f"{column}: not readable as a time")
            columns[name] = pa.array(values, mask=missing | unreadable)
        elif name == SPLIT_COLUMN and not column:
            columns[name] = pa.array([file.split] * batch.num_rows, pa.string())
        elif role == "integer":
            columns[name] = _integers(column, raw, problems)
        else:
            text, missing, bad = as_text(raw)
            problems.flag(bad, "type", f"{column}: expected valid UTF-8 text, a whole number or true/false")
            columns[name] = pc.if_else(pa.array(missing | bad), pa.scalar(None, pa.string()), text)
    return columns


def _integers(column: str, raw: pa.Array, problems: Problems) -> pa.Array:
    array, _ = scalar(raw)
    if pa.types.is_integer(array.type):
        return array.cast(pa.int64())
    values, null, bad = numbers(array)
    whole = np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < 2**53)
    problems.flag(bad | (~whole & ~null), "type", f"{column}: expected a whole number")
    return pa.array(np.where(whole, values, 0).astype(np.int64), mask=~whole)


def _present(spec: DatasetSpec, plan: EventPlan, arrays: Mapping[str, pa.Array], problems: Problems) -> np.ndarray:
    """bool[rows]: whether a row has a value for any sequence; its series columns are checked."""
    rows = len(problems.good)
    present = np.zeros(rows, dtype=bool)
    for name, columns in plan.series.items():
        feature = spec.features[name]
        if not isinstance(feature, SeriesFeature):
            continue
        for carried in columns:
            values = arrays[str(carried)].to_numpy(zero_copy_only=False)
            null = arrays[str(carried)].is_null().to_numpy(zero_copy_only=False)
            column = plan.carried[str(carried)][0]
            listed = among(values, feature.missing_values)
            if feature.nan == "reject":
                problems.flag(np.isnan(values) & ~null, "not_finite", f"{column}: NaN; set nan: missing to accept it")
            problems.flag(np.abs(values) > FLOAT32_MAX, "not_finite", f"{column}: too large for float32")
            if feature.minimum is not None:
                problems.flag(~listed & (values < feature.minimum), "range", f"{column}: below {feature.minimum:g}")
            if feature.maximum is not None:
                problems.flag(~listed & (values > feature.maximum), "range", f"{column}: above {feature.maximum:g}")
            present |= ~np.isnan(values) & ~listed
    for carried in plan.items.values():
        present |= arrays[carried].is_valid().to_numpy(zero_copy_only=False)
    return present if plan.series or plan.items else np.ones(rows, dtype=bool)
