"""One split of a dataset as a source of batches: by the schedule of an epoch, from any step on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from schemas.manifest import FeatureInfo, Manifest
from trainer.input.batches import Batch, assemble
from trainer.input.decode import LABEL
from trainer.input.memory_store import MemoryStore
from trainer.input.prefetch import prefetched
from trainer.input.record_store import RecordStore
from trainer.input.schedule import EpochSchedule
from trainer.input.shapes import BatchShape
from trainer.input.shards import SplitFiles


class RowStore(Protocol):
    """Random access to the rows of a split, shape by shape."""

    def row_count(self, shape: int) -> int:
        """Rows of one shape."""

    def read(self, shape: int, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Some rows of one shape, an array for every feature, length, label and key."""

    def column(self, shape: int, name: str) -> np.ndarray:
        """One array of one shape, all rows."""


class Split:
    """One split.

    Args:
      directory: of the dataset.
      manifest: of the dataset.
      name: of the split.
      features: the selected features.
      shapes: the batch shapes, of all splits.
      memory_limit: bytes up to which the split is decoded into memory; beyond, rows are read from the shards.

    Raises:
      InputError: a shard that is missing, unreadable or not what the manifest says.
    """

    def __init__(
        self,
        directory: str | Path,
        manifest: Manifest,
        name: str,
        features: Sequence[FeatureInfo],
        shapes: Sequence[BatchShape],
        memory_limit: int,
    ) -> None:
        self.name = name
        self.features = list(features)
        self.shapes = list(shapes)
        files = SplitFiles(Path(directory), manifest, name, features, shapes)
        self.in_memory = files.decoded_bytes() <= memory_limit
        self._store: RowStore = MemoryStore(files) if self.in_memory else RecordStore(files)
        self.row_counts = [self._store.row_count(index) for index in range(len(shapes))]
        self.class_weights: np.ndarray | None = None

    @property
    def rows(self) -> int:
        """Rows of the split."""
        return sum(self.row_counts)

    def schedule(self, seed: int | None, epoch: int = 0) -> EpochSchedule:
        """The order of an epoch; the stored order when seed is None."""
        return EpochSchedule(self.row_counts, [shape.rows for shape in self.shapes], seed, epoch)

    def total_weight(self) -> float:
        """Sum of the weights of all rows."""
        if self.class_weights is None:
            return float(self.rows)
        labels = self.column(LABEL)
        return float(np.sum(self.class_weights[labels]))

    def column(self, name: str) -> np.ndarray:
        """A length, the label or the key of all rows, in the stored order of an unshuffled schedule."""
        return np.concatenate([self._store.column(index, name) for index in range(len(self.shapes))])

    def row(self, position: int) -> dict[str, np.ndarray]:
        """One row, padded as in its batch shape.

        Args:
          position: of the row in the stored order of an unshuffled schedule.
        """
        ends = np.cumsum(self.row_counts)
        shape = int(np.searchsorted(ends, position, side="right"))
        first = int(ends[shape]) - self.row_counts[shape]
        return {name: values[0] for name, values in self._store.read(shape, np.array([position - first])).items()}

    def batch(self, schedule: EpochSchedule, step: int) -> Batch:
        """The batch of one step."""
        scheduled = schedule[step]
        columns = self._store.read(scheduled.shape, scheduled.rows)
        return assemble(columns, self.shapes[scheduled.shape], scheduled.shape, self.features, self.class_weights)

    def batches(self, schedule: EpochSchedule, first_step: int = 0) -> Iterator[Batch]:
        """Batches from one step to the end of the epoch, made ready in the background."""
        return prefetched(self.batch(schedule, step) for step in range(first_step, len(schedule)))
