"""Joint length statistics of transformed rows: the one table behind the bucket plan, the report and shard sizes.

    split  label  text  lines | rows      one line for every distinct combination, exact
    train  keras     8     12 |    3
    train  numpy     8     12 |    1

Everything else about lengths follows from it: histograms, quantiles, length by class, rows a bucket. Beside it, for
every split and sequence feature: steps lost to truncation, rows cut, unknown ids, raw lengths.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.transform.length_counts import LengthCounts
from pipeline.transformed import joint_lengths_of, labels_of, raw_lengths_of, splits_of
from schemas.features import UNKNOWN_ID
from schemas.manifest import FeatureInfo

ROWS = "rows"
SPLIT_COLUMN = "split"
LABEL_COLUMN = "label"


@dataclass(frozen=True)
class FeatureCounts:
    """One sequence feature in one split.

    Attributes:
      raw_lengths: rows by length before truncation.
      cut_rows: rows that lost steps.
      lost_steps: steps cut from them.
      unknown_steps: ids that are unknown, after truncation (0 for series).
    """

    raw_lengths: LengthCounts
    cut_rows: int = 0
    lost_steps: int = 0
    unknown_steps: int = 0

    @classmethod
    def merge(cls, parts: Iterable[FeatureCounts]) -> FeatureCounts:
        """The sums of all parts."""
        parts = list(parts)
        return cls(
            LengthCounts.merge(part.raw_lengths for part in parts),
            sum(part.cut_rows for part in parts),
            sum(part.lost_steps for part in parts),
            sum(part.unknown_steps for part in parts),
        )


@dataclass(frozen=True)
class LengthTable:
    """Rows by split, label and lengths.

    Attributes:
      table: columns split, label (string; "" without a class label), one int64 column a sequence feature, rows.
      features: FeatureCounts by (split, feature name).
    """

    table: pa.Table
    features: dict[tuple[str, str], FeatureCounts]

    @classmethod
    def of(cls, batch: pa.RecordBatch, infos: list[FeatureInfo], label_kind: str | None) -> LengthTable:
        """Counts one batch of transformed rows.

        Args:
          batch: transformed rows.
          infos: the sequence features.
          label_kind: of the spec's label; None without one.
        """
        splits = splits_of(batch)
        labels = labels_of(batch, label_kind if label_kind != "regression" else None)
        joint = joint_lengths_of(batch, infos)
        columns = {
            SPLIT_COLUMN: splits,
            LABEL_COLUMN: labels if labels is not None else pa.array([""] * batch.num_rows),
        }
        columns |= {info.name: pa.array(joint[:, index]) for index, info in enumerate(infos)}
        columns[ROWS] = pa.array(np.ones(batch.num_rows, np.int64))
        features = {}
        for split in pc.unique(splits).to_pylist():
            rows = pc.equal(splits, split).to_numpy(zero_copy_only=False)
            for index, info in enumerate(infos):
                features[split, info.name] = _count_feature(batch, info, rows, joint[:, index])
        return cls(_group(pa.table(columns), infos), features)

    @classmethod
    def merge(cls, parts: Iterable[LengthTable]) -> LengthTable:
        """The sums of all parts; `parts` must not be empty."""
        parts = list(parts)
        names = [name for name in parts[0].table.column_names if name not in (SPLIT_COLUMN, LABEL_COLUMN, ROWS)]
        keys = sorted({key for part in parts for key in part.features})
        features = {
            key: FeatureCounts.merge(part.features[key] for part in parts if key in part.features) for key in keys
        }
        table = pa.concat_tables([part.table for part in parts])
        return cls(_group_by(table, [SPLIT_COLUMN, LABEL_COLUMN, *names]), features)

    @property
    def splits(self) -> list[str]:
        """Splits that have rows."""
        return sorted(pc.unique(self.table[SPLIT_COLUMN]).to_pylist())

    def rows_by_label(self, split: str) -> dict[str, int]:
        """Rows of each class in a split, by class name."""
        table = self.table.filter(pc.equal(self.table[SPLIT_COLUMN], split))
        grouped = table.group_by(LABEL_COLUMN).aggregate([(ROWS, "sum")]).sort_by(LABEL_COLUMN)
        return dict(zip(grouped[LABEL_COLUMN].to_pylist(), grouped[f"{ROWS}_sum"].to_pylist(), strict=True))

    def labels(self) -> list[str]:
        """All class names in all splits, sorted."""
        return sorted(pc.unique(self.table[LABEL_COLUMN]).to_pylist())

    def joint(
        self, names: list[str], split: str | None = None, label: str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Distinct joint lengths and their rows.

        Args:
          names: sequence features, in column order of the result.
          split: only this one; all when None.
          label: only this class; all when None.

        Returns:
          int64[n, features], sorted, and int64[n] rows.
        """
        table = self.table
        if split is not None:
            table = table.filter(pc.equal(table[SPLIT_COLUMN], split))
        if label is not None:
            table = table.filter(pc.equal(table[LABEL_COLUMN], label))
        grouped = _group_by(table, names).sort_by([(name, "ascending") for name in names])
        lengths = [grouped[name].to_numpy() for name in names]
        return np.stack(lengths, axis=1).astype(np.int64), grouped[ROWS].to_numpy().astype(np.int64)


def _count_feature(batch: pa.RecordBatch, info: FeatureInfo, rows: np.ndarray, lengths: np.ndarray) -> FeatureCounts:
    raw = raw_lengths_of(batch, info)[rows]
    lost = raw - lengths[rows]
    unknown = 0
    if info.kind == "ids":
        column = batch.column(info.name)
        is_unknown = column.flatten().to_numpy(zero_copy_only=False) == UNKNOWN_ID
        step_rows = np.repeat(rows, lengths)
        unknown = int(np.count_nonzero(is_unknown & step_rows))
    return FeatureCounts(LengthCounts.of(raw), int((lost > 0).sum()), int(lost.sum()), unknown)


def _group(table: pa.Table, infos: list[FeatureInfo]) -> pa.Table:
    return _group_by(table, [SPLIT_COLUMN, LABEL_COLUMN, *(info.name for info in infos)])


def _group_by(table: pa.Table, keys: list[str]) -> pa.Table:
    grouped = table.group_by(keys, use_threads=False).aggregate([(ROWS, "sum")])
    return grouped.rename_columns([*keys, ROWS])
