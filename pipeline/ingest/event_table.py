"""The events of one partition: arrays of one length, entities numbered in the sorted order of their names."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert.moments import MICROSECONDS
from pipeline.ingest.event_plan import MARKER, EventPlan
from pipeline.ingest.inputs import Inputs
from pipeline.ingest.picks import pick_numbers, ranks
from schemas.spec import DatasetSpec


class EventTable:
    """All events of some entities.

    Args:
      spec: the resolved spec.
      inputs: what was found of the input.
      plan: `plan_events(spec, inputs)`.
      events: the events, as `event_batches` makes them, in any order.

    Attributes:
      names: string[entities], sorted.
      entity: int64[events], index into `names`.
      time: float64[events], comparable times.
      slot: int16[events].
      real: bool[events], False for rows that only say that their entity exists.
      per_unit: comparable units of time in one of the user's.
    """

    def __init__(self, spec: DatasetSpec, inputs: Inputs, plan: EventPlan, events: pa.RecordBatch) -> None:
        self.spec, self.inputs, self.plan = spec, inputs, plan
        self._events = events
        encoded = events.column("entity").dictionary_encode()
        rank = ranks(encoded.dictionary)
        self.names: pa.StringArray = encoded.dictionary.take(pc.sort_indices(encoded.dictionary))
        self.entity: np.ndarray = rank[encoded.indices.to_numpy(zero_copy_only=False)]
        self.time: np.ndarray = events.column("time").to_numpy(zero_copy_only=False)
        self.slot: np.ndarray = events.column("slot").to_numpy(zero_copy_only=False)
        self.real = self.slot != MARKER
        self.per_unit = MICROSECONDS if plan.events.time in inputs.moments else 1.0

    def column(self, name: str) -> pa.Array:
        """A column of the events by its name in `event_batches`."""
        return self._events.column(name)

    def has_value(self, name: str) -> np.ndarray:
        """bool[events]: where column `name` holds a value."""
        return self.column(name).is_valid().to_numpy(zero_copy_only=False)

    def span(self) -> tuple[np.ndarray, np.ndarray]:
        """(first, last) float64[entities]: times of each entity's real events, NaN without any."""
        entity, time = self.entity[self.real], self.time[self.real]
        first, none = pick_numbers(entity, time, time, len(self.names), "min")
        last, _ = pick_numbers(entity, time, time, len(self.names), "max")
        return np.where(none, np.nan, first), np.where(none, np.nan, last)
