"""Events as steps: pure numpy, no Beam and no spec.

Channel/value pairs of one entity, slots 0 and 1, `merge`:

    time slot value            entity time  slot 0  slot 1
       5    1   7.0              0      0     1.0     NaN
       0    0   1.0      ->      0      5     NaN     7.0
       5    1   6.0   (merged: the largest of equal time and slot wins under `last`)

A step is a time at which at least one channel has a value. Ties are broken by value, never by the order of arrival.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pairs:
    """Channel/value pairs sorted by entity, time, slot and value; four arrays of one length.

    Attributes:
      entity: int64[events].
      time: float64[events].
      slot: int16[events].
      value: float64[events].
    """

    entity: np.ndarray
    time: np.ndarray
    slot: np.ndarray
    value: np.ndarray

    def __len__(self) -> int:
        return len(self.entity)

    def only(self, chosen: np.ndarray) -> Pairs:
        """The events marked in bool[events] or listed in int[chosen]."""
        return Pairs(self.entity[chosen], self.time[chosen], self.slot[chosen], self.value[chosen])


@dataclass(frozen=True)
class Steps:
    """Steps sorted by entity and time.

    Attributes:
      entity: int64[steps].
      time: float64[steps].
      values: float32[steps, channels], NaN where a channel has no value.
    """

    entity: np.ndarray
    time: np.ndarray
    values: np.ndarray


def sorted_pairs(entity: np.ndarray, time: np.ndarray, slot: np.ndarray, value: np.ndarray) -> Pairs:
    """Pairs in order, from arrays in any order."""
    return Pairs(entity, time, slot, value).only(np.lexsort((value, slot, time, entity)))


def merge_pairs(pairs: Pairs, rule: str) -> Pairs:
    """One value a (entity, time, slot).

    Args:
      pairs: sorted pairs without NaN.
      rule: last or max (the largest value), first or min (the smallest), or mean.
    """
    if not len(pairs):
        return pairs
    same = (np.diff(pairs.entity) == 0) & (np.diff(pairs.time) == 0) & (np.diff(pairs.slot) == 0)
    if not same.any():
        return pairs
    starts = np.flatnonzero(np.concatenate([[True], ~same]))
    merged = pairs.only(starts)
    if rule in ("last", "max"):
        value = pairs.value[np.append(starts[1:], len(pairs)) - 1]
    elif rule == "mean":
        value = np.add.reduceat(pairs.value, starts) / np.diff(np.append(starts, len(pairs)))
    else:
        value = merged.value
    return Pairs(merged.entity, merged.time, merged.slot, value)


def steps_of_pairs(pairs: Pairs, slots: tuple[int, ...], one_step_a_time: bool) -> Steps:
    """The steps of the channels `slots`.

    Args:
      pairs: sorted pairs without NaN; merged when `one_step_a_time`.
      slots: the slot of each channel of the result, in its order.
      one_step_a_time: False makes every event a step of its own.
    """
    channel_of = np.full(max(int(pairs.slot.max(initial=-1)), *slots) + 2, -1, dtype=np.int64)
    channel_of[list(slots)] = np.arange(len(slots))
    own = pairs.only(channel_of[pairs.slot] >= 0)
    if one_step_a_time and len(own):
        fresh = np.concatenate([[True], (np.diff(own.entity) != 0) | (np.diff(own.time) != 0)])
    else:
        fresh = np.ones(len(own), dtype=bool)
    values = np.full((int(fresh.sum()), len(slots)), np.nan, dtype=np.float32)
    values[np.cumsum(fresh) - 1, channel_of[own.slot]] = own.value + 0.0  # -0.0 becomes 0.0
    return Steps(own.entity[fresh], own.time[fresh], values)


def steps_of_columns(
    entity: np.ndarray, time: np.ndarray, values: np.ndarray, rule: str, one_step_a_time: bool
) -> Steps:
    """The steps of rows with one column a channel; rows without any value are no steps.

    Args:
      entity: int64[rows].
      time: float64[rows].
      values: float64[rows, channels], NaN where there is no value.
      rule: as for `merge_pairs`, channel by channel.
      one_step_a_time: False makes every row a step of its own.
    """
    some = ~np.isnan(values).all(axis=1)
    entity, time, values = entity[some], time[some], values[some] + 0.0
    order = np.lexsort((time, entity))
    if bool(((np.diff(entity[order]) == 0) & (np.diff(time[order]) == 0)).any()):
        order = np.lexsort((*values.T[::-1], time, entity))  # ties: by value, so that sums do not depend on order
    entity, time, values = entity[order], time[order], values[order]
    if one_step_a_time and len(entity):
        starts = np.flatnonzero(np.concatenate([[True], (np.diff(entity) != 0) | (np.diff(time) != 0)]))
        if len(starts) < len(entity):
            values = _reduce_rows(values, starts, rule)
            entity, time = entity[starts], time[starts]
    return Steps(entity, time, values.astype(np.float32))


def drop_empty(steps: Steps) -> Steps:
    """Steps without those at which no channel has a value."""
    some = ~np.isnan(steps.values).all(axis=1)
    return steps if some.all() else Steps(steps.entity[some], steps.time[some], steps.values[some])


def resample(steps: Steps, window: float, aggregate: str) -> Steps:
    """Regular steps: one every `window`, counted from each entity's first step, up to its last.

    A window without any value is a step of NaN. The time of a step is the start of its window.

    Args:
      steps: irregular steps.
      window: width, in units of `steps.time`.
      aggregate: mean, last, first, min, max, sum or count, channel by channel; count of an empty window is 0.
    """
    if not len(steps.entity):
        return steps
    opens = np.concatenate([[True], np.diff(steps.entity) != 0])
    first = steps.time[np.flatnonzero(opens)]
    number = np.cumsum(opens) - 1
    index = np.floor((steps.time - first[number]) / window).astype(np.int64)
    lengths = np.maximum.reduceat(index, np.flatnonzero(opens)) + 1
    base = np.cumsum(lengths) - lengths
    target = base[number] + index
    starts = np.flatnonzero(np.concatenate([[True], np.diff(target) != 0]))
    blank = 0.0 if aggregate == "count" else np.nan
    values = np.full((int(lengths.sum()), steps.values.shape[1]), blank, dtype=np.float32)
    values[target[starts]] = _aggregate(steps.values.astype(np.float64), starts, aggregate)
    within = np.arange(len(values)) - np.repeat(base, lengths)
    entity = np.repeat(steps.entity[np.flatnonzero(opens)], lengths)
    return Steps(entity, np.repeat(first, lengths) + within * window, values)


def resampled_lengths(steps: Steps, window: float, entities: int) -> np.ndarray:
    """int64[entities]: how many steps `resample` would make, without making them."""
    lengths = np.zeros(entities, dtype=np.int64)
    if len(steps.entity):
        opens = np.flatnonzero(np.concatenate([[True], np.diff(steps.entity) != 0]))
        last = np.append(opens[1:], len(steps.entity)) - 1
        lengths[steps.entity[opens]] = np.floor((steps.time[last] - steps.time[opens]) / window).astype(np.int64) + 1
    return lengths


def _reduce_rows(values: np.ndarray, starts: np.ndarray, rule: str) -> np.ndarray:
    return _aggregate(values, starts, {"last": "max", "first": "min"}.get(rule, rule))


def _aggregate(values: np.ndarray, starts: np.ndarray, rule: str) -> np.ndarray:
    """float64[groups, channels] over consecutive groups of rows, NaN passed over."""
    if rule == "max":
        return np.fmax.reduceat(values, starts, axis=0)
    if rule == "min":
        return np.fmin.reduceat(values, starts, axis=0)
    known = ~np.isnan(values)
    counts = np.add.reduceat(known.astype(np.float64), starts, axis=0)
    if rule == "count":
        return counts
    if rule in ("sum", "mean"):
        sums = np.add.reduceat(np.where(known, values, 0.0), starts, axis=0)
        return np.where(counts > 0, sums / (np.maximum(counts, 1) if rule == "mean" else 1.0), np.nan)
    return _edge(values, known, starts, rule)


def _edge(values: np.ndarray, known: np.ndarray, starts: np.ndarray, rule: str) -> np.ndarray:
    """The first or last known value of each group and channel."""
    rows = np.arange(len(values))[:, None]
    if rule == "first":
        place = np.minimum.reduceat(np.where(known, rows, len(values)), starts, axis=0)
    else:
        place = np.maximum.reduceat(np.where(known, rows, -1), starts, axis=0)
    found = (place >= 0) & (place < len(values))
    taken = np.take_along_axis(values, np.clip(place, 0, len(values) - 1), axis=0)
    return np.where(found, taken, np.nan)
