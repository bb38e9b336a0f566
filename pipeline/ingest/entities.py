"""From the events of some entities to rows: sort, group, pick, cut into windows, join labels, check.

This is the whole of event handling for one partition, on Arrow tables in memory, without Beam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert import convert_label
from pipeline.ingest.convert.categories import convert_category
from pipeline.ingest.convert.lists import list_array
from pipeline.ingest.convert.moments import MICROSECONDS, TimeColumn
from pipeline.ingest.convert.numbers import among, number_array
from pipeline.ingest.convert.text import convert_text, flag_lengths
from pipeline.ingest.convert.tokens import convert_tokens
from pipeline.ingest.event_plan import LABEL_COLUMN, MARKER, SPLIT_COLUMN, EventPlan
from pipeline.ingest.finishing import Converted
from pipeline.ingest.inputs import Inputs
from pipeline.ingest.labels import Joined, join_labels
from pipeline.ingest.picks import constant, pick_numbers, pick_texts, ranks
from pipeline.ingest.problems import Problems
from pipeline.ingest.steps import (
    Pairs,
    Steps,
    drop_empty,
    merge_pairs,
    resample,
    resampled_lengths,
    sorted_pairs,
    steps_of_columns,
    steps_of_pairs,
)
from pipeline.ingest.windows import Frames, gather, outside, ranges, rolling, whole
from schemas.features import CategoryFeature, IdsFeature, NumberFeature, SeriesFeature, TextFeature, TokensFeature
from schemas.spec import DatasetSpec
from schemas.splits import InputSplit, TimeSplit


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


class EntityTable:
    """The events of some entities, with entities numbered in sorted order of their names.

    Args:
      spec: the resolved spec.
      inputs: what was found of the input.
      plan: `plan_events(spec, inputs)`.
      events: all events of these entities, as `event_batches` makes them, in any order.
    """

    def __init__(self, spec: DatasetSpec, inputs: Inputs, plan: EventPlan, events: pa.RecordBatch) -> None:
        self._spec, self._inputs, self._plan = spec, inputs, plan
        encoded = events.column("entity").dictionary_encode()
        rank = ranks(encoded.dictionary)
        self.names: pa.StringArray = encoded.dictionary.take(pc.sort_indices(encoded.dictionary))
        self._entity = rank[encoded.indices.to_numpy(zero_copy_only=False)]
        self._time = events.column("time").to_numpy(zero_copy_only=False)
        self._slot = events.column("slot").to_numpy(zero_copy_only=False)
        self._real = self._slot != MARKER
        self._events = events
        self._per_unit = MICROSECONDS if plan.events.time in inputs.moments else 1.0

    def rows(self, labels: Sequence[pa.RecordBatch], first_row: int) -> EntityRows:
        """The rows of all entities.

        Args:
          labels: the label batches of these entities; empty without a label file.
          first_row: the row id of the first row; the others follow it.
        """
        counts: dict[str, int] = {}
        steps = self._steps(counts)
        frames = self._frames(steps)
        taken = {name: ranges(frames, found.entity, found.time) for name, found in steps.items()}
        if self._plan.events.windows is not None:
            some = np.zeros(len(frames.entity), dtype=bool)
            for begin, end in taken.values():
                some |= end > begin
            first_of_entity = frames.number == 0
            empty_entity = ~np.isin(frames.entity, frames.entity[some])
            keep = some | (first_of_entity & empty_entity)
            frames = frames.only(keep)
            taken = {name: (begin[keep], end[keep]) for name, (begin, end) in taken.items()}
        problems = Problems(len(frames.entity))
        counts["rows_in"] = len(frames.entity)
        owners = self.names.take(pa.array(frames.entity))
        joined = Joined({}, None, None, {})
        if self._inputs.label_files:
            of_entity = Problems(len(self.names))
            joined = join_labels(self._spec, self._inputs, self.names, labels, of_entity)
            problems.inherit(of_entity, frames.entity)
            counts |= joined.counts
        features = self._features(steps, taken, frames, problems)
        features |= {name: column.take(pa.array(frames.entity)) for name, column in joined.features.items()}
        converted = Converted(
            features=features,
            label=self._label(joined, frames, problems),
            keys=_keys(owners, frames),
            rows=np.arange(first_row, first_row + len(frames.entity), dtype=np.int64),
            owners=None if self._plan.events.windows is None else owners,
            split_column=self._split_column(joined, frames, problems),
        )
        return EntityRows(converted, problems, counts)

    def _column(self, name: str) -> pa.Array:
        return self._events.column(name)

    def _steps(self, counts: dict[str, int]) -> dict[str, Steps]:
        """The steps of every sequence feature; the entity and time of an item feature's steps, without values."""
        plan, windows = self._plan, self._plan.events.windows
        inside = self._real.copy()
        if windows is not None:
            first, _ = self._span(self._real)
            size, stride = windows.size * self._per_unit, windows.stride * self._per_unit
            inside &= ~outside(self._entity, self._time, first, size, stride)
        counts["events/outside"] = int((self._real & ~inside).sum())
        merges = plan.events.equal_times == "merge"
        found = (
            self._steps_of_pairs(inside, merges, counts) if plan.pairs else self._steps_of_rows(inside, merges, counts)
        )
        for name, column in plan.items.items():
            chosen = np.flatnonzero(inside & self._column(column).is_valid().to_numpy(zero_copy_only=False))
            chosen = chosen[np.lexsort((self._item_order(column)[chosen], self._time[chosen], self._entity[chosen]))]
            found[name] = Steps(self._entity[chosen], self._time[chosen], chosen[:, None])
        return found

    def _steps_of_pairs(self, inside: np.ndarray, merges: bool, counts: dict[str, int]) -> dict[str, Steps]:
        plan = self._plan
        in_series = np.zeros(len(plan.slots) + 1, dtype=bool)
        for slots in plan.series.values():
            in_series[np.array(slots, dtype=int)] = True
        chosen = inside & in_series[self._slot]
        value = self._column("value").to_numpy(zero_copy_only=False)
        pairs = sorted_pairs(self._entity[chosen], self._time[chosen], self._slot[chosen], value[chosen])
        kept = merge_pairs(pairs, plan.events.duplicates) if merges else pairs
        counts |= {"events/merged": len(pairs) - len(kept), "events/used": len(kept)}
        counts["events/static"] = int((inside & ~chosen).sum())
        return {name: self._one_series(name, kept, merges) for name in plan.series}

    def _one_series(self, name: str, pairs: Pairs, merges: bool) -> Steps:
        slots = tuple(int(slot) for slot in self._plan.series[name])
        return self._without_missing(name, steps_of_pairs(pairs, slots, merges))

    def _steps_of_rows(self, inside: np.ndarray, merges: bool, counts: dict[str, int]) -> dict[str, Steps]:
        plan = self._plan
        found, kept = {}, np.zeros(len(inside), dtype=bool)
        entity, time = self._entity[inside], self._time[inside]
        for name, columns in plan.series.items():
            values = np.stack([self._column(str(c)).to_numpy(zero_copy_only=False)[inside] for c in columns], axis=1)
            steps = steps_of_columns(entity, time, self._known(name, values), plan.events.duplicates, merges)
            found[name] = drop_empty(steps)
        if merges and plan.series:
            order = np.lexsort((self._time, self._entity, ~inside))[: int(inside.sum())]
            fresh = np.append(True, (np.diff(self._entity[order]) != 0) | (np.diff(self._time[order]) != 0))
            kept[order[fresh[: len(order)]]] = True
        else:
            kept |= inside
        for column in plan.items.values():
            kept |= inside & self._column(column).is_valid().to_numpy(zero_copy_only=False)
        end = "events/used" if plan.series or plan.items else "events/static"
        counts |= {end: int(kept.sum()), "events/merged": int((inside & ~kept).sum())}
        return found

    def _known(self, name: str, values: np.ndarray) -> np.ndarray:
        feature = self._spec.features[name]
        listed = feature.missing_values if isinstance(feature, SeriesFeature) else []
        return np.where(among(values, listed), np.nan, values) if listed else values

    def _without_missing(self, name: str, steps: Steps) -> Steps:
        return drop_empty(Steps(steps.entity, steps.time, self._known(name, steps.values)))

    def _item_order(self, column: str) -> np.ndarray:
        array = self._column(column)
        if pa.types.is_integer(array.type):
            return pc.fill_null(array, 0).to_numpy(zero_copy_only=False)
        encoded = pc.fill_null(array, "").dictionary_encode()
        return ranks(encoded.dictionary)[encoded.indices.to_numpy(zero_copy_only=False)]

    def _span(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(first, last) float64[entities] time of the chosen events, NaN without any."""
        first, none = pick_numbers(self._entity[chosen], self._time[chosen], self._time[chosen], len(self.names), "min")
        last, _ = pick_numbers(self._entity[chosen], self._time[chosen], self._time[chosen], len(self.names), "max")
        return np.where(none, np.nan, first), np.where(none, np.nan, last)

    def _frames(self, steps: dict[str, Steps]) -> Frames:
        windows = self._plan.events.windows
        if windows is None or not steps:
            return whole(len(self.names))
        first, last = self._span(self._real)
        return rolling(first, last, windows.size * self._per_unit, windows.stride * self._per_unit)

    def _features(
        self,
        steps: dict[str, Steps],
        taken: dict[str, tuple[np.ndarray, np.ndarray]],
        frames: Frames,
        problems: Problems,
    ) -> dict[str, pa.Array]:
        features: dict[str, pa.Array] = {}
        for name, feature in self._spec.features.items():
            if name in self._plan.from_labels:
                continue
            if isinstance(feature, SeriesFeature):
                features |= self._series(name, feature, steps[name], taken[name], problems)
            elif isinstance(feature, TokensFeature | IdsFeature):
                index, offsets = gather(*taken[name])
                rows = steps[name].values[index, 0]
                items = self._column(self._plan.items[name]).take(pa.array(rows))
                lists = pa.ListArray.from_arrays(
                    pa.array(offsets.astype(np.int32)), items, mask=pa.array(np.diff(offsets) == 0)
                )
                features[name] = convert_tokens(name, feature, lists, problems)
            else:
                features[name] = self._context(name, frames, problems)
        return features

    def _series(
        self, name: str, feature: SeriesFeature, steps: Steps, taken: tuple[np.ndarray, np.ndarray], problems: Problems
    ) -> dict[str, pa.Array]:
        index, offsets = gather(*taken)
        row = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        own = Steps(row, steps.time[index], steps.values[index])
        lengths = np.diff(offsets)
        if feature.required:
            problems.flag(lengths == 0, "missing", f"{name}: no event with a value for any of its channels")
        if feature.resample is not None:
            width = feature.resample.window * self._per_unit
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
            times = ((own.time - begin) / self._per_unit).astype(np.float32)
            columns[f"{name}_time"] = list_array(offsets, pa.array(times))
        return columns

    def _context(self, name: str, frames: Frames, problems: Problems) -> pa.Array:
        feature = self._spec.features[name]
        rows = pa.array(frames.entity)
        if isinstance(feature, NumberFeature):
            values, none = self._picked_numbers(name, feature.missing_values, feature.pick)
            values, none = values[frames.entity], none[frames.entity]
            return number_array(name, feature, values, none, np.zeros(len(none), bool), problems)
        text = self._picked_texts(name, feature.pick if isinstance(feature, CategoryFeature) else "first").take(rows)
        if isinstance(feature, TextFeature):
            return convert_text(name, feature, text, problems)
        if isinstance(feature, CategoryFeature):
            return convert_category(name, feature, text, problems)
        raise ValueError(f"received feature {name!r} of kind {feature.kind}, which event tables do not hold")

    def _source(self, name: str, text: bool) -> tuple[np.ndarray, pa.Array]:
        """(events that hold a value for the context feature or label `name`, its column)."""
        if name in self._plan.picked:
            column = self._column("text" if text else "value")
            chosen = self._slot == self._plan.picked[name]
        else:
            column = self._column(self._plan.contexts.get(name, name))
            chosen = np.ones(len(self._slot), dtype=bool)
        return np.flatnonzero(chosen & column.is_valid().to_numpy(zero_copy_only=False)), column

    def _picked_numbers(self, name: str, missing_values: list[float], rule: str) -> tuple[np.ndarray, np.ndarray]:
        events, column = self._source(name, text=False)
        values = column.to_numpy(zero_copy_only=False)[events]
        events, values = events[~np.isnan(values)], values[~np.isnan(values)]
        known = ~among(values, missing_values)
        entity, time, number = self._entity[events], self._time[events], len(self.names)
        found, none = pick_numbers(entity[known], time[known], values[known], number, rule)
        unknown, absent = pick_numbers(entity, time, values, number, "first")
        return np.where(none, unknown, found), absent

    def _picked_texts(self, name: str, rule: str) -> pa.StringArray:
        events, column = self._source(name, text=True)
        texts = column.take(pa.array(events))
        return pick_texts(self._entity[events], self._time[events], texts, len(self.names), rule)

    def _label(self, joined: Joined, frames: Frames, problems: Problems) -> pa.Array | None:
        label = self._spec.label
        if label is None:
            return None
        if joined.label is not None:
            return joined.label.take(pa.array(frames.entity))
        detail = f"label {label.column or label.channel}: different values for one {self._plan.events.group_by}"
        if label.kind == "regression":
            events, column = self._source(LABEL_COLUMN, text=False)
            values = column.to_numpy(zero_copy_only=False)[events]
            problems.flag(self._differs(events, values)[frames.entity], "label_conflict", detail)
            found, _ = self._picked_numbers(LABEL_COLUMN, [], "first")
            return convert_label(label, pa.array(found[frames.entity]), problems)
        events, column = self._source(LABEL_COLUMN, text=True)
        codes = column.take(pa.array(events)).dictionary_encode().indices.to_numpy(zero_copy_only=False)
        problems.flag(self._differs(events, codes)[frames.entity], "label_conflict", detail)
        return convert_label(label, self._picked_texts(LABEL_COLUMN, "first").take(pa.array(frames.entity)), problems)

    def _differs(self, events: np.ndarray, values: np.ndarray) -> np.ndarray:
        return constant(self._entity[events], values, len(self.names))

    def _split_column(self, joined: Joined, frames: Frames, problems: Problems) -> TimeColumn | None:
        splits, rows = self._spec.splits, pa.array(frames.entity)
        moments = isinstance(splits, TimeSplit) and splits.column in self._inputs.moments
        if joined.split is not None:
            return _comparable(joined.split.take(rows), moments)
        if isinstance(splits, TimeSplit):
            name = None if self._plan.split_by_time else SPLIT_COLUMN
            column = pa.array(self._time) if name is None else self._column(name)
            values = column.to_numpy(zero_copy_only=False)
            chosen = ~np.isnan(values)
            last, none = pick_numbers(self._entity[chosen], self._time[chosen], values[chosen], len(self.names), "max")
            return _comparable(pa.array(last, mask=none).take(rows), moments)
        if SPLIT_COLUMN not in self._plan.carried:
            return None
        events = np.flatnonzero(self._column(SPLIT_COLUMN).is_valid().to_numpy(zero_copy_only=False))
        texts = self._column(SPLIT_COLUMN).take(pa.array(events))
        codes = texts.dictionary_encode().indices.to_numpy(zero_copy_only=False)
        what = "inputs of several splits hold" if isinstance(splits, InputSplit) else "the split column differs within"
        problems.flag(
            self._differs(events, codes)[frames.entity], "group_conflict", f"{what} one {self._plan.events.group_by}"
        )
        picked = pick_texts(self._entity[events], self._time[events], texts, len(self.names), "first")
        return TimeColumn(picked.take(rows), moments=False)


def _comparable(values: pa.Array, moments: bool) -> TimeColumn:
    """Comparable times as a column again: microseconds as timestamps, numbers as they are."""
    return TimeColumn(
        values.cast(pa.int64(), safe=False).cast(pa.timestamp("us", "UTC")) if moments else values, moments
    )


def _keys(owners: pa.StringArray, frames: Frames) -> pa.StringArray:
    if not (frames.number >= 0).any():
        return owners
    return pc.binary_join_element_wise(owners, pa.array(frames.number).cast(pa.string()), "#")
