"""Events as steps: which events of a partition feed which sequence feature, and what becomes of every event.

Counts, one end for every event: events/used, events/static, events/merged, events/outside.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert.numbers import among
from pipeline.ingest.event_table import EventTable
from pipeline.ingest.picks import ranks
from pipeline.ingest.steps import Steps, drop_empty, merge_pairs, sorted_pairs, steps_of_columns, steps_of_pairs
from pipeline.ingest.windows import outside
from schemas.features import SeriesFeature


def event_steps(table: EventTable, counts: dict[str, int]) -> dict[str, Steps]:
    """The steps of every sequence feature.

    Args:
      table: the events.
      counts: gets what became of the events.

    Returns:
      Feature name -> steps; those of a tokens or ids feature hold the index of their event instead of values.
    """
    plan, windows = table.plan, table.plan.events.windows
    inside = table.real.copy()
    if windows is not None:
        first, _ = table.span()
        size, stride = windows.size * table.per_unit, windows.stride * table.per_unit
        inside &= ~outside(table.entity, table.time, first, size, stride)
    counts["events/outside"] = int((table.real & ~inside).sum())
    merges = plan.events.equal_times == "merge"
    found = (
        _steps_of_pairs(table, inside, merges, counts) if plan.pairs else _steps_of_rows(table, inside, merges, counts)
    )
    for name, column in plan.items.items():
        chosen = np.flatnonzero(inside & table.has_value(column))
        chosen = chosen[
            np.lexsort((_item_order(table.column(column))[chosen], table.time[chosen], table.entity[chosen]))
        ]
        found[name] = Steps(table.entity[chosen], table.time[chosen], chosen[:, None])
    return found


def _steps_of_pairs(table: EventTable, inside: np.ndarray, merges: bool, counts: dict[str, int]) -> dict[str, Steps]:
    plan = table.plan
    in_series = np.zeros(len(plan.slots) + 1, dtype=bool)
    for slots in plan.series.values():
        in_series[np.array(slots, dtype=int)] = True
    chosen = inside & in_series[table.slot]
    value = table.column("value").to_numpy(zero_copy_only=False)
    pairs = sorted_pairs(table.entity[chosen], table.time[chosen], table.slot[chosen], value[chosen])
    kept = merge_pairs(pairs, plan.events.duplicates) if merges else pairs
    counts |= {"events/merged": len(pairs) - len(kept), "events/used": len(kept)}
    counts["events/static"] = int((inside & ~chosen).sum())
    found = {}
    for name, own in plan.series.items():
        steps = steps_of_pairs(kept, tuple(int(slot) for slot in own), merges)
        found[name] = drop_empty(Steps(steps.entity, steps.time, _known(table, name, steps.values)))
    return found


def _steps_of_rows(table: EventTable, inside: np.ndarray, merges: bool, counts: dict[str, int]) -> dict[str, Steps]:
    plan = table.plan
    found, kept = {}, np.zeros(len(inside), dtype=bool)
    entity, time = table.entity[inside], table.time[inside]
    for name, columns in plan.series.items():
        values = np.stack([table.column(str(c)).to_numpy(zero_copy_only=False)[inside] for c in columns], axis=1)
        steps = steps_of_columns(entity, time, _known(table, name, values), plan.events.duplicates, merges)
        found[name] = drop_empty(steps)
    if merges and plan.series:
        order = np.lexsort((table.time, table.entity, ~inside))[: int(inside.sum())]
        fresh = np.append(True, (np.diff(table.entity[order]) != 0) | (np.diff(table.time[order]) != 0))
        kept[order[fresh[: len(order)]]] = True
    else:
        kept |= inside
    for column in plan.items.values():
        kept |= inside & table.has_value(column)
    end = "events/used" if plan.series or plan.items else "events/static"
    counts |= {end: int(kept.sum()), "events/merged": int((inside & ~kept).sum())}
    return found


def _known(table: EventTable, name: str, values: np.ndarray) -> np.ndarray:
    """`values` with those that the feature lists as missing made NaN."""
    feature = table.spec.features[name]
    listed = feature.missing_values if isinstance(feature, SeriesFeature) else []
    return np.where(among(values, listed), np.nan, values) if listed else values


def _item_order(array: pa.Array) -> np.ndarray:
    """[events] numbers in the order of an item column's values."""
    if pa.types.is_integer(array.type):
        return pc.fill_null(array, 0).to_numpy(zero_copy_only=False)
    encoded = pc.fill_null(array, "").dictionary_encode()
    return ranks(encoded.dictionary)[encoded.indices.to_numpy(zero_copy_only=False)]
