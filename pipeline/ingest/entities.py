"""From the events of some entities to rows: sort, group, pick, cut into windows, join labels, check.

This is the whole of event handling for one partition, on Arrow tables in memory, without Beam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert.lists import list_array
from pipeline.ingest.convert.text import flag_lengths
from pipeline.ingest.convert.tokens import convert_tokens
from pipeline.ingest.event_steps import event_steps
from pipeline.ingest.event_table import EventTable
from pipeline.ingest.event_values import context_column, label_column, split_column
from pipeline.ingest.finishing import Converted
from pipeline.ingest.labels import Joined, join_labels
from pipeline.ingest.problems import Problems
from pipeline.ingest.steps import Steps, resample, resampled_lengths
from pipeline.ingest.windows import Frames, gather, ranges, rolling, whole
from schemas.features import IdsFeature, SeriesFeature, TokensFeature

Taken = dict[str, tuple[np.ndarray, np.ndarray]]  # feature -> (begin, end) int64[rows] into its steps


@dataclass(frozen=True)
class EntityRows:
    """Rows made of events.

    Attributes:
      converted: one row an entity, or a window of one.
      problems: what is wrong with them.
      counts: rows_in, events/used, events/static, events/merged, events/outside, labels/..., keys/without_label.
    """

    converted: Converted
    problems: Problems
    counts: dict[str, int]


def entity_rows(table: EventTable, labels: Sequence[pa.RecordBatch], first_row: int) -> EntityRows:
    """The rows of all entities of a table.

    Args:
      table: their events.
      labels: the label batches of these entities; empty without a label file.
      first_row: the row id of the first row; the others follow it.
    """
    counts: dict[str, int] = {}
    steps = event_steps(table, counts)
    frames, taken = _frames(table, steps)
    problems = Problems(len(frames.entity))
    counts["rows_in"] = len(frames.entity)
    rows = pa.array(frames.entity)
    joined = Joined({}, None, None, {})
    if table.inputs.label_files:
        of_entity = Problems(len(table.names))
        joined = join_labels(table.spec, table.inputs, table.names, labels, of_entity)
        problems.inherit(of_entity, frames.entity)
        counts |= joined.counts
    features = _features(table, steps, taken, frames, problems)
    features |= {name: column.take(rows) for name, column in joined.features.items()}
    label = label_column(table, frames, problems) if joined.label is None else joined.label.take(rows)
    owners = table.names.take(rows)
    converted = Converted(
        features=features,
        label=label,
        keys=_keys(owners, frames),
        rows=np.arange(first_row, first_row + len(frames.entity), dtype=np.int64),
        owners=None if table.plan.events.windows is None else owners,
        split_column=split_column(table, joined.split, frames, problems),
    )
    return EntityRows(converted, problems, counts)


def _frames(table: EventTable, steps: dict[str, Steps]) -> tuple[Frames, Taken]:
    """The rows to come, and the steps each takes; a window without steps is none, unless its entity has no other."""
    windows = table.plan.events.windows
    if windows is None or not steps:
        frames = whole(len(table.names))
        return frames, {name: ranges(frames, found.entity, found.time) for name, found in steps.items()}
    first, last = table.span()
    frames = rolling(first, last, windows.size * table.per_unit, windows.stride * table.per_unit)
    taken = {name: ranges(frames, found.entity, found.time) for name, found in steps.items()}
    some = np.zeros(len(frames.entity), dtype=bool)
    for begin, end in taken.values():
        some |= end > begin
    keep = some | ((frames.number == 0) & ~np.isin(frames.entity, frames.entity[some]))
    return frames.only(keep), {name: (begin[keep], end[keep]) for name, (begin, end) in taken.items()}


def _features(
    table: EventTable,
    steps: dict[str, Steps],
    taken: Taken,
    frames: Frames,
    problems: Problems,
) -> dict[str, pa.Array]:
    features: dict[str, pa.Array] = {}
    for name, feature in table.spec.features.items():
        if name in table.plan.from_labels:
            continue
        if isinstance(feature, SeriesFeature):
            features |= _series(name, feature, steps[name], taken[name], table.per_unit, problems)
        elif isinstance(feature, TokensFeature | IdsFeature):
            index, offsets = gather(*taken[name])
            rows = steps[name].values[index, 0]
            items = table.column(table.plan.items[name]).take(pa.array(rows))
            lists = pa.ListArray.from_arrays(
                pa.array(offsets.astype(np.int32)), items, mask=pa.array(np.diff(offsets) == 0)
            )
            features[name] = convert_tokens(name, feature, lists, problems)
        else:
            features[name] = context_column(table, name, frames, problems)
    return features


def _series(
    name: str,
    feature: SeriesFeature,
    steps: Steps,
    taken: tuple[np.ndarray, np.ndarray],
    per_unit: float,
    problems: Problems,
) -> dict[str, pa.Array]:
    index, offsets = gather(*taken)
    row = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    own = Steps(row, steps.time[index], steps.values[index])
    lengths = np.diff(offsets)
    if feature.required:
        problems.flag(lengths == 0, "missing", f"{name}: no event with a value for any of its channels")
    if feature.resample is not None:
        width = feature.resample.window * per_unit
        lengths = resampled_lengths(own, width, len(lengths))
        flag_lengths(name, feature, lengths, "steps", problems)
        fitting = problems.good[own.entity] if len(own.entity) else np.zeros(0, dtype=bool)
        own = Steps(own.entity[fitting], own.time[fitting], own.values[fitting])
        own = resample(own, width, feature.resample.aggregate)
        lengths = np.bincount(own.entity, minlength=len(lengths))
        offsets = np.concatenate([[0], np.cumsum(lengths)])
    else:
        flag_lengths(name, feature, lengths, "steps", problems)
    columns = {name: list_array(offsets * own.values.shape[1], pa.array(own.values.reshape(-1)))}
    if feature.time_delta:
        begin = np.repeat(own.time[offsets[:-1][lengths > 0]], lengths[lengths > 0])
        times = ((own.time - begin) / per_unit).astype(np.float32)
        columns[f"{name}_time"] = list_array(offsets, pa.array(times))
    return columns


def _keys(owners: pa.StringArray, frames: Frames) -> pa.StringArray:
    if not (frames.number >= 0).any():
        return owners
    return pc.binary_join_element_wise(owners, pa.array(frames.number).cast(pa.string()), "#")
