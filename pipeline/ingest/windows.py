"""Rolling windows over each entity's steps, and the slices of sorted steps that rows take.

    entity 0: times 0 3 7 12, size 5, stride 4   ->   [0, 5): 0 3   [4, 9): 7   [8, 13): 12

Windows start at the entity's first time; the last one is the first that reaches past its last time. A window without
steps is no row. Without windows every entity is one row over all its steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Frames:
    """The rows to come: stretches of entities' time lines.

    Attributes:
      entity: int64[rows].
      number: int64[rows], the window's number within its entity; -1 where the row is a whole entity.
      start: float64[rows], first time inside.
      stop: float64[rows], first time outside.
    """

    entity: np.ndarray
    number: np.ndarray
    start: np.ndarray
    stop: np.ndarray

    def only(self, chosen: np.ndarray) -> Frames:
        """The rows marked in bool[rows]."""
        return Frames(self.entity[chosen], self.number[chosen], self.start[chosen], self.stop[chosen])


def whole(entities: int) -> Frames:
    """One row an entity."""
    index = np.arange(entities, dtype=np.int64)
    return Frames(index, np.full(entities, -1, dtype=np.int64), np.full(entities, -np.inf), np.full(entities, np.inf))


def rolling(first: np.ndarray, last: np.ndarray, size: float, stride: float) -> Frames:
    """All windows of all entities; an entity without times is one row without steps.

    Args:
      first: float64[entities], NaN for an entity without times.
      last: float64[entities].
      size: width of a window, in units of the times.
      stride: distance between window starts.
    """
    beyond = np.floor((np.nan_to_num(last - first) - size) / stride)
    counts = np.maximum(beyond + 2, 1).astype(np.int64)
    entity = np.repeat(np.arange(len(first), dtype=np.int64), counts)
    number = np.arange(len(entity)) - np.repeat(np.cumsum(counts) - counts, counts)
    start = np.nan_to_num(first)[entity] + number * stride
    return Frames(entity, number, start, start + size)


def outside(entity: np.ndarray, time: np.ndarray, first: np.ndarray, size: float, stride: float) -> np.ndarray:
    """bool[events]: events in no window, which exist only when the stride is larger than the size."""
    since = time - first[entity]
    return since - np.floor(since / stride) * stride >= size


def ranges(frames: Frames, entity: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(begin, end) int64[rows]: the steps inside each frame.

    Args:
      frames: the rows.
      entity: int64[steps], sorted.
      time: float64[steps], sorted within each entity.
    """
    begin = np.searchsorted(entity, frames.entity, side="left")
    end = np.searchsorted(entity, frames.entity, side="right")
    if not np.isfinite(frames.start).any():
        return begin, end
    # A merged order of steps and frame edges: an edge's place is the number of steps before it.
    low = _steps_before(frames.entity, frames.start, entity, time)
    high = _steps_before(frames.entity, frames.stop, entity, time)
    return np.clip(low, begin, end), np.clip(high, begin, end)


def _steps_before(of: np.ndarray, edge: np.ndarray, entity: np.ndarray, time: np.ndarray) -> np.ndarray:
    """int64[edges]: steps with a smaller entity, or of the same entity and before the edge."""
    order = np.lexsort(
        (
            np.concatenate([np.zeros(len(of), np.int8), np.ones(len(entity), np.int8)]),
            np.concatenate([edge, time]),
            np.concatenate([of, entity]),
        )
    )
    is_step = order >= len(of)
    before = np.cumsum(is_step)
    found = np.empty(len(of), dtype=np.int64)
    found[order[~is_step]] = before[~is_step]
    return found


def gather(begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(index int64[total], offsets int64[rows + 1]): the concatenation of the ranges [begin, end)."""
    lengths = end - begin
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    index = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths) + np.repeat(begin, lengths)
    return index, offsets
