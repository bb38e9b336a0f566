"""Which batch shapes a dataset is trained in.

Vocabulary:
  bucket        one tuple of padded lengths, as the pipeline wrote it
  batch shape   the padded lengths of the *selected* features, and the number of rows of its batches; buckets that
                differ only in features that the model does not read share one
  cost          padded steps of one row: the sum over the selected sequence features
  token budget  padded steps of one batch: rows x cost stays at or below it (but a batch has at least one row)

    budget 1024:   length  16 -> 64 rows      length 96 -> 8 rows (1024 // 96 = 10, down to a multiple of 8)
                   length 900 ->  1 row

Each shape is compiled once, so the number of shapes bounds the number of compilations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.manifest import Manifest

ROW_MULTIPLE = 8

# Chosen on IMDB, Embedding 32 + LSTM 64, 2 cores: a batch of 16k padded steps trains within 5% of the speed of 32k,
# and one of 8k loses some 15% to the fixed cost of a time step.
LARGEST_BUDGET = 16_384
# An epoch of fewer optimizer steps than this converges slowly on small data, whatever the speed of a step.
STEPS_PER_EPOCH = 50


@dataclass(frozen=True)
class BatchShape:
    """One static shape.

    Attributes:
      lengths: padded length of every selected sequence feature, steps.
      buckets: indices of the dataset's buckets that have these lengths.
      rows: rows of a batch, zero-weight rows counted in.
    """

    lengths: Mapping[str, int]
    buckets: tuple[int, ...]
    rows: int

    @property
    def cost(self) -> int:
        """Padded steps of one row."""
        return max(1, sum(self.lengths.values()))


def rows_per_batch(cost: int, budget: int, rows: int) -> int:
    """Rows of a batch: what the budget allows, spread evenly over the batches that are needed anyway.

    Args:
      cost: padded steps of one row.
      budget: padded steps of one batch.
      rows: rows of the train split of this shape; 0 when it has none.

    Returns:
      At least 1; a multiple of 8 wherever the budget allows 8 rows.
    """
    allowed = max(1, budget // cost)
    if allowed >= ROW_MULTIPLE:
        allowed -= allowed % ROW_MULTIPLE
    if rows == 0:
        return allowed
    batches = math.ceil(rows / allowed)
    even = math.ceil(rows / batches)
    if allowed >= ROW_MULTIPLE:
        even = math.ceil(even / ROW_MULTIPLE) * ROW_MULTIPLE
    return min(allowed, even)


def default_budget(padded_steps: int, longest_row: int) -> int:
    """The token budget where none is given: 16,384 padded steps, less where an epoch would have under 50 steps.

    It never falls so low that the longest shape has batches of fewer than 8 rows while the largest budget allows them.

    Args:
      padded_steps: padded steps of the whole train split.
      longest_row: cost of a row of the longest shape, steps.
    """
    adapted = padded_steps // STEPS_PER_EPOCH
    return max(1, min(LARGEST_BUDGET, max(adapted, ROW_MULTIPLE * longest_row)))


def batch_shapes(
    manifest: Manifest, features: Sequence[str], budget: int | None = None, multiple: int = 1
) -> list[BatchShape]:
    """The shapes of all batches, of every split, shortest first.

    Args:
      manifest: of the dataset.
      features: the selected sequence features.
      budget: padded steps of a batch; chosen by `default_budget` when None.
      multiple: rows of every batch are rounded up to a multiple of it: the devices that share a batch.
    """
    merged: dict[tuple[int, ...], list[int]] = {}
    for bucket in manifest.buckets:
        merged.setdefault(tuple(bucket.lengths[name] for name in features), []).append(bucket.index)
    train_rows = {contents.bucket: contents.rows for contents in manifest.splits["train"].buckets}
    rows = {key: sum(train_rows.get(index, 0) for index in buckets) for key, buckets in merged.items()}
    costs = {key: max(1, sum(key)) for key in merged}
    if budget is None:
        budget = default_budget(sum(costs[key] * rows[key] for key in merged), max(costs.values()))
    return [
        BatchShape(
            lengths=dict(zip(features, key, strict=True)),
            buckets=tuple(merged[key]),
            rows=math.ceil(rows_per_batch(costs[key], budget, rows[key]) / multiple) * multiple,
        )
        for key in sorted(merged, key=lambda key: (costs[key], key))
    ]
