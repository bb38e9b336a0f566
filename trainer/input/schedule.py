"""The order of an epoch: a pure function of (seed, epoch), so that any step of any epoch can be found again.

Within each shape the rows are shuffled and cut into batches; the batches of all shapes are then put into one
permutation, so that short and long batches mix instead of following each other by length.

    shape 0: rows 7 2 9 | 4 1 .      epoch order: (1, 0) (0, 1) (0, 0) ...     (shape, batch)
    shape 1: rows 3 8 | 0 5

`.` is a row of zero weight: it fills the last batch of a shape to its static size.
Every row stands in exactly one batch of an epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Keeps the generator of the batch order apart from those of the rows, which are numbered by shape.
ORDER_STREAM = 2**31


@dataclass(frozen=True)
class ScheduledBatch:
    """One step: which rows of which shape.

    Attributes:
      shape: index of the batch shape.
      rows: int64[real rows] positions in that shape's rows, at most the shape's batch size.
    """

    shape: int
    rows: np.ndarray


def batch_counts(row_counts: Sequence[int], batch_rows: Sequence[int]) -> list[int]:
    """Batches of each shape in one epoch.

    Args:
      row_counts: rows of each shape.
      batch_rows: batch size of each shape.
    """
    return [-(-rows // size) for rows, size in zip(row_counts, batch_rows, strict=True)]


class EpochSchedule:
    """All steps of one epoch.

    Args:
      row_counts: rows of each shape.
      batch_rows: batch size of each shape.
      seed: of the run; None keeps rows and batches in the order they are stored in.
      epoch: number of the epoch, from 0.
    """

    def __init__(self, row_counts: Sequence[int], batch_rows: Sequence[int], seed: int | None, epoch: int = 0) -> None:
        self._batch_rows = list(batch_rows)
        counts = batch_counts(row_counts, batch_rows)
        self._order = np.array([(s, b) for s, count in enumerate(counts) for b in range(count)], np.int64).reshape(
            -1, 2
        )
        if seed is None:
            self._rows = [np.arange(count) for count in row_counts]
            return
        self._order = np.random.default_rng([seed, epoch, ORDER_STREAM]).permutation(self._order)
        self._rows = [
            np.random.default_rng([seed, epoch, shape]).permutation(count) for shape, count in enumerate(row_counts)
        ]

    def __len__(self) -> int:
        """Steps of the epoch."""
        return len(self._order)

    def __getitem__(self, step: int) -> ScheduledBatch:
        """The batch of one step, counted from 0.

        Raises:
          IndexError: the epoch has no such step.
        """
        if not 0 <= step < len(self._order):
            raise IndexError(f"received step {step}, expected one of the {len(self._order)} steps of the epoch")
        shape, batch = (int(value) for value in self._order[step])
        size = self._batch_rows[shape]
        return ScheduledBatch(shape, self._rows[shape][batch * size : (batch + 1) * size])

    def first_steps(self) -> list[int]:
        """The first step of every shape that has rows."""
        return sorted(int(step) for step in np.unique(self._order[:, 0], return_index=True)[1])
