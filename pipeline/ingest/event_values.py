"""One value an entity out of its events: context features, the label, and the column that the split goes by."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.ingest.convert import convert_label
from pipeline.ingest.convert.categories import convert_category
from pipeline.ingest.convert.moments import TimeColumn
from pipeline.ingest.convert.numbers import among, number_array
from pipeline.ingest.convert.text import convert_text
from pipeline.ingest.event_plan import LABEL_COLUMN, SPLIT_COLUMN
from pipeline.ingest.event_table import EventTable
from pipeline.ingest.picks import constant, pick_numbers, pick_texts
from pipeline.ingest.problems import Problems
from pipeline.ingest.windows import Frames
from schemas.features import CategoryFeature, NumberFeature, TextFeature
from schemas.splits import InputSplit, TimeSplit


def context_column(table: EventTable, name: str, frames: Frames, problems: Problems) -> pa.Array:
    """The canonical column of a number, category or text feature.

    Args:
      table: the events.
      name: the feature.
      frames: the rows.
      problems: flagged with what is wrong with the picked values.

    Raises:
      ValueError: a feature of another kind.
    """
    feature = table.spec.features[name]
    rows = pa.array(frames.entity)
    if isinstance(feature, NumberFeature):
        values, none = _picked_numbers(table, name, feature.missing_values, feature.pick)
        values, none = values[frames.entity], none[frames.entity]
        return number_array(name, feature, values, none, np.zeros(len(none), bool), problems)
    text = _picked_texts(table, name, feature.pick if isinstance(feature, CategoryFeature) else "first").take(rows)
    if isinstance(feature, TextFeature):
        return convert_text(name, feature, text, problems)
    if isinstance(feature, CategoryFeature):
        return convert_category(name, feature, text, problems)
    raise ValueError(f"received feature {name!r} of kind {feature.kind}, which event tables do not hold")


def label_column(table: EventTable, frames: Frames, problems: Problems) -> pa.Array | None:
    """The canonical label out of the events, the same in all of an entity; None without a label.

    Args:
      table: the events.
      frames: the rows.
      problems: flagged with label_conflict, missing_label, label_domain.
    """
    label = table.spec.label
    if label is None:
        return None
    detail = f"label {label.column or label.channel}: different values for one {table.plan.events.group_by}"
    if label.kind == "regression":
        events, column = _source(table, LABEL_COLUMN, text=False)
        values = column.to_numpy(zero_copy_only=False)[events]
        problems.flag(_differs(table, events, values)[frames.entity], "label_conflict", detail)
        found, _ = _picked_numbers(table, LABEL_COLUMN, [], "first")
        return convert_label(label, pa.array(found[frames.entity]), problems)
    events, column = _source(table, LABEL_COLUMN, text=True)
    codes = column.take(pa.array(events)).dictionary_encode().indices.to_numpy(zero_copy_only=False)
    problems.flag(_differs(table, events, codes)[frames.entity], "label_conflict", detail)
    return convert_label(label, _picked_texts(table, LABEL_COLUMN, "first").take(pa.array(frames.entity)), problems)


def split_column(table: EventTable, joined: pa.Array | None, frames: Frames, problems: Problems) -> TimeColumn | None:
    """The column that the split goes by: an entity's last time, or a value that is the same in all of it.

    Args:
      table: the events.
      joined: the column as the label file has it, one value an entity; None when it is not there.
      frames: the rows.
      problems: flagged with group_conflict.

    Returns:
      One value a row; None when the split goes by the key.
    """
    splits, rows = table.spec.splits, pa.array(frames.entity)
    moments = isinstance(splits, TimeSplit) and splits.column in table.inputs.moments
    if joined is not None:
        return _comparable(joined.take(rows), moments)
    if isinstance(splits, TimeSplit):
        name = None if table.plan.split_by_time else SPLIT_COLUMN
        column = pa.array(table.time) if name is None else table.column(name)
        values = column.to_numpy(zero_copy_only=False)
        chosen = ~np.isnan(values)
        last, none = pick_numbers(table.entity[chosen], table.time[chosen], values[chosen], len(table.names), "max")
        return _comparable(pa.array(last, mask=none).take(rows), moments)
    if SPLIT_COLUMN not in table.plan.carried:
        return None
    events = np.flatnonzero(table.has_value(SPLIT_COLUMN))
    texts = table.column(SPLIT_COLUMN).take(pa.array(events))
    codes = texts.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    what = "inputs of several splits hold" if isinstance(splits, InputSplit) else "the split column differs within"
    problems.flag(
        _differs(table, events, codes)[frames.entity], "group_conflict", f"{what} one {table.plan.events.group_by}"
    )
    picked = pick_texts(table.entity[events], table.time[events], texts, len(table.names), "first")
    return TimeColumn(picked.take(rows), moments=False)


def _source(table: EventTable, name: str, text: bool) -> tuple[np.ndarray, pa.Array]:
    """(events that hold a value for the context feature or label `name`, its column)."""
    if name in table.plan.picked:
        column = table.column("text" if text else "value")
        chosen = table.slot == table.plan.picked[name]
    else:
        column = table.column(table.plan.contexts.get(name, name))
        chosen = np.ones(len(table.slot), dtype=bool)
    return np.flatnonzero(chosen & column.is_valid().to_numpy(zero_copy_only=False)), column


def _picked_numbers(
    table: EventTable, name: str, missing_values: list[float], rule: str
) -> tuple[np.ndarray, np.ndarray]:
    events, column = _source(table, name, text=False)
    values = column.to_numpy(zero_copy_only=False)[events]
    events, values = events[~np.isnan(values)], values[~np.isnan(values)]
    known = ~among(values, missing_values)
    entity, time, number = table.entity[events], table.time[events], len(table.names)
    found, none = pick_numbers(entity[known], time[known], values[known], number, rule)
    unknown, absent = pick_numbers(entity, time, values, number, "first")
    return np.where(none, unknown, found), absent


def _picked_texts(table: EventTable, name: str, rule: str) -> pa.StringArray:
    events, column = _source(table, name, text=True)
    texts = column.take(pa.array(events))
    return pick_texts(table.entity[events], table.time[events], texts, len(table.names), rule)


def _differs(table: EventTable, events: np.ndarray, values: np.ndarray) -> np.ndarray:
    return constant(table.entity[events], values, len(table.names))


def _comparable(values: pa.Array, moments: bool) -> TimeColumn:
    """Comparable times as a column again: microseconds as timestamps, numbers as they are."""
    return TimeColumn(
        values.cast(pa.int64(), safe=False).cast(pa.timestamp("us", "UTC")) if moments else values, moments
    )
