"""One value an entity out of its events: picked by time, or required to be the same in all of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def pick_numbers(
    entity: np.ndarray, time: np.ndarray, value: np.ndarray, entities: int, rule: str
) -> tuple[np.ndarray, np.ndarray]:
    """(float64[entities], bool[entities] without any value).

    Args:
      entity: int64[events].
      time: float64[events].
      value: float64[events] without NaN; at equal times the smallest is first and the largest last.
      entities: their number.
      rule: first, last, mean, min or max.
    """
    by_time = (value, time, entity) if rule in ("first", "last") else (value, entity)
    order = np.lexsort(by_time)
    begin = np.searchsorted(entity[order], np.arange(entities), side="left")
    end = np.searchsorted(entity[order], np.arange(entities), side="right")
    none = begin == end
    found = np.full(entities, np.nan)
    if rule == "mean":
        sums = np.bincount(entity[order], weights=value[order], minlength=entities)
        found[~none] = sums[~none] / (end - begin)[~none]
    else:
        place = begin if rule in ("first", "min") else end - 1
        found[~none] = value[order][place[~none]]
    return found, none


def pick_texts(entity: np.ndarray, time: np.ndarray, text: pa.StringArray, entities: int, rule: str) -> pa.StringArray:
    """string[entities], null without any; `text` string[events] without nulls, at equal times in its own order."""
    encoded = text.dictionary_encode()
    rank = ranks(encoded.dictionary)[encoded.indices.to_numpy(zero_copy_only=False)]
    picked, none = pick_numbers(entity, time, rank.astype(np.float64), entities, rule)
    by_rank = encoded.dictionary.take(pc.sort_indices(encoded.dictionary))
    return by_rank.take(pa.array(np.nan_to_num(picked).astype(np.int64), mask=none))


def constant(entity: np.ndarray, value: np.ndarray, entities: int) -> np.ndarray:
    """bool[entities]: entities with two different values; int64[events] entity, sortable [events] value."""
    if not len(entity):
        return np.zeros(entities, dtype=bool)
    order = np.lexsort((value, entity))
    differs = (np.diff(entity[order]) == 0) & (value[order][1:] != value[order][:-1])
    return np.bincount(entity[order][1:][differs], minlength=entities) > 0


def ranks(texts: pa.StringArray) -> np.ndarray:
    """int64[texts]: the place of each text among them in sorted order."""
    order = pc.sort_indices(texts).to_numpy(zero_copy_only=False)
    rank = np.empty(len(texts), dtype=np.int64)
    rank[order] = np.arange(len(texts))
    return rank
