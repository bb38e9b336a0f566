"""Channel/value pairs of one raw batch: the slot of each event, its value as number and text, and what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert.numbers import FLOAT32_MAX, among
from pipeline.ingest.convert.scalars import as_text, numbers, scalar
from pipeline.ingest.event_plan import LABEL_COLUMN, MARKER, EventPlan
from pipeline.ingest.problems import Problems
from pipeline.ingest.raw import RawBatch
from schemas.features import NumberFeature, SeriesFeature
from schemas.spec import DatasetSpec


def read_pairs(
    spec: DatasetSpec, plan: EventPlan, batch: RawBatch, problems: Problems
) -> tuple[np.ndarray, np.ndarray, dict[str, pa.Array]]:
    """(int16[rows] slots, bool[rows] with a value, value and text columns) of channel/value pairs."""
    events = plan.events
    channel, _ = scalar(batch.columns[str(events.channel)])
    encoded = channel.dictionary_encode()
    names, _, _ = as_text(encoded.dictionary)
    slot_of = {name: slot for slot, name in enumerate(plan.slots)}
    by_code = np.array([slot_of.get(name, MARKER) for name in names.to_pylist()] + [MARKER], dtype=np.int16)
    slots = by_code[pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)]
    if events.unknown_channels == "reject":
        problems.flag(slots == MARKER, "unknown_channel", f"{events.channel}: a channel that no feature names")
    raw = batch.columns[str(events.value)]
    values, null, bad = numbers(raw)
    numeric, textual = _slot_uses(spec, plan)
    problems.flag(bad & numeric[slots], "type", f"{events.value}: expected a number")
    _check_values(spec, plan, slots, values, null | ~numeric[slots], problems)
    missing = null | (np.isnan(values) & numeric[slots])
    for slot in range(len(plan.slots)):
        if listed := _missing_everywhere(spec, plan, slot):
            missing |= (slots == slot) & among(values, listed)
    columns = {"value": pa.array(values)}
    if textual.any():
        own = np.flatnonzero(textual[slots])
        text, no_text, no_category = (_spread(part, own, len(slots)) for part in as_text(raw.take(pa.array(own))))
        problems.flag(no_category, "type", f"{events.value}: expected a category")
        missing = np.where(numeric[slots], missing, no_text)
        columns["text"] = text
    return slots, ~missing, columns


def _spread(part: Any, rows: np.ndarray, length: int) -> Any:
    """An array of `length` that holds `part` at `rows`; elsewhere null, or False for a mask."""
    place = np.full(length, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    if isinstance(part, np.ndarray):
        return np.append(part, False)[place]
    return part.take(pa.array(place, mask=place < 0))


def _slot_uses(spec: DatasetSpec, plan: EventPlan) -> tuple[np.ndarray, np.ndarray]:
    """(bool[slots + 1] used as a number, bool[slots + 1] used as text); the last entry answers for slot -1."""
    numeric, textual = np.zeros(len(plan.slots) + 1, bool), np.zeros(len(plan.slots) + 1, bool)
    for slots in plan.series.values():
        numeric[np.array(slots, dtype=int)] = True
    for name, slot in plan.picked.items():
        as_number = isinstance(spec.features.get(name), NumberFeature) or (
            name == LABEL_COLUMN and spec.label is not None and spec.label.kind == "regression"
        )
        (numeric if as_number else textual)[slot] = True
    return numeric, textual


def _check_values(
    spec: DatasetSpec, plan: EventPlan, slots: np.ndarray, values: np.ndarray, unchecked: np.ndarray, problems: Problems
) -> None:
    """Flags values that a series refuses: infinity, NaN, and what lies outside its range."""
    where = plan.events.value
    too_large = ~unchecked & ((np.abs(values) > FLOAT32_MAX) | np.isinf(values))
    problems.flag(too_large, "not_finite", lambda row: f"{where}: {values[row]}, expected a finite float32")
    for name, feature in spec.features.items():
        if not isinstance(feature, SeriesFeature):
            continue
        own = ~unchecked & np.isin(slots, plan.series[name])
        if feature.nan == "reject":
            problems.flag(own & np.isnan(values), "not_finite", f"{where}: NaN; set nan: missing to take it as missing")
        listed = among(values, feature.missing_values)
        for bound, outside in ((feature.minimum, np.less), (feature.maximum, np.greater)):
            if bound is not None:
                wrong = own & ~listed & outside(values, bound)
                expected = f"expected {'at least' if outside is np.less else 'at most'} {bound:g}"
                problems.flag(wrong, "range", f"{where}: {expected} in {name}")


def _missing_everywhere(spec: DatasetSpec, plan: EventPlan, slot: int) -> list[float]:
    """Values that mean 'not known' to every feature that reads `slot`; none when a context feature reads it too."""
    if slot in plan.picked.values():
        return []
    readers = [spec.features[name] for name, slots in plan.series.items() if slot in slots]
    listed = [set(reader.missing_values) for reader in readers if isinstance(reader, SeriesFeature)]
    return sorted(set.intersection(*listed)) if listed else []
