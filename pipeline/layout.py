"""The layout of a dataset's rows: which classes there are, which bucket a row goes to, and into which shard.

It is decided once, from the joint length table of all rows, and every writer follows it:

    row -> bucket   cheapest covering padded shape
        -> shard    hash of the row's content, modulo the shards of its split and bucket
        -> place    sorted by that hash within the shard

The place is a hash, so reading shards in order is already shuffled; and it depends on the row alone, so the same rows
make the same bytes, however they arrived.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pipeline.plan import BucketPlan, plan_buckets
from pipeline.statistics.lengths import LengthTable
from schemas.errors import DataError
from schemas.features import Label
from schemas.manifest import FeatureInfo, LabelInfo
from schemas.spec import DatasetSpec

# A shard of 64 MiB is large enough to read sequentially and small enough to sort in a worker's memory.
SHARD_BYTES = 64 * 1024 * 1024
# Estimated bytes of a padded step: a varint id takes 1 to 3 bytes, a float 4.
_ID_BYTES = 2
_FLOAT_BYTES = 4
# More classes than this are a key or a number taken for a label.
MOST_CLASSES = 1_000


@dataclass(frozen=True)
class Layout:
    """Classes, buckets and shards.

    Attributes:
      label: kind and class names; None without a label.
      plan: the buckets.
      shards: number of shards by (split, bucket index).
      rows: number of rows by (split, bucket index).
    """

    label: LabelInfo | None
    plan: BucketPlan
    shards: dict[tuple[str, int], int]
    rows: dict[tuple[str, int], int]

    def shard_of(self, digests: np.ndarray, split: str, bucket: int) -> np.ndarray:
        """int64[rows]: the shard of each row.

        Args:
          digests: uint64[rows], the first eight bytes of the rows' digests.
        """
        return (digests % np.uint64(self.shards[split, bucket])).astype(np.int64)


def make_layout(table: LengthTable, spec: DatasetSpec, features: list[FeatureInfo]) -> Layout:
    """Decides the layout from all rows' lengths and labels.

    Raises:
      DataError: no rows in the train split, or labels that cannot be what the spec says.
    """
    sequences = [feature for feature in features if feature.is_sequence]
    names = [feature.name for feature in sequences]
    if "train" not in table.splits:
        found = ", ".join(table.splits) or "none"
        raise DataError(
            f"no rows in the train split (splits with rows: {found}); check 'splits' in the spec and the input"
        )
    lengths, rows = table.joint(names, "train")
    plan = plan_buckets(names, lengths, rows, spec.batching.buckets, spec.batching.align, _step_costs(sequences))
    every_length, _ = table.joint(names)
    plan = plan.extended_for(every_length)
    shards, bucket_rows = {}, {}
    for split in table.splits:
        lengths, rows = table.joint(names, split)
        buckets = plan.assign(lengths)
        for bucket in np.unique(buckets).tolist():
            count = int(rows[buckets == bucket].sum())
            padded = sum(
                _step_bytes(feature) * length
                for feature, length in zip(sequences, plan.boundaries[bucket], strict=True)
            )
            shards[split, bucket] = max(1, math.ceil(count * padded / SHARD_BYTES))
            bucket_rows[split, bucket] = count
    return Layout(_label_info(spec.label, table), plan, shards, bucket_rows)


def _step_bytes(feature: FeatureInfo) -> int:
    return _ID_BYTES if feature.kind == "ids" else _FLOAT_BYTES * (feature.channels or 1)


def _step_costs(features: list[FeatureInfo]) -> list[float]:
    """Relative cost of a padded step: every feature's steps count the same, whatever their width."""
    return [1.0] * len(features)


def _label_info(label: Label | None, table: LengthTable) -> LabelInfo | None:
    if label is None:
        return None
    if label.kind == "regression":
        return LabelInfo(kind="regression", classes=None)
    found = table.labels()
    classes = list(label.classes) if label.classes is not None else found
    column = label.column or label.channel
    if label.kind == "binary":
        classes = _binary_classes(label, classes, str(column))
    if len(classes) > MOST_CLASSES:
        raise DataError(
            f"label {column!r}: received {len(classes):,} distinct classes, expected at most {MOST_CLASSES:,}; "
            "a column like this is a key or a number: choose another column, or kind: regression"
        )
    if len(classes) < 2:
        raise DataError(
            f"label {column!r}: received only the class {found}, expected at least two; "
            "check the column and the filter that made this input"
        )
    return LabelInfo(kind=label.kind, classes=classes)


def _binary_classes(label: Label, classes: list[str], column: str) -> list[str]:
    """Two class names, the positive one last."""
    if set(classes) <= {"0", "1"}:
        classes = ["0", "1"]
    if len(classes) != 2:
        shown = ", ".join(repr(name) for name in classes[:10])
        raise DataError(
            f"label {column!r} (binary): received {len(classes)} classes ({shown}), expected two; "
            "use kind: multiclass, or another column"
        )
    if label.positive is not None:
        if label.positive not in classes:
            raise DataError(f"label {column!r}: positive class {label.positive!r} is none of {classes}")
        classes = [name for name in classes if name != label.positive] + [label.positive]
    return classes
