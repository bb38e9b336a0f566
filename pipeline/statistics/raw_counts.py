"""What is counted on canonical rows, before the transform graph: raw values, and texts that may be unknown.

channels  (split, feature) -> one ValueCounts a channel    series, number, vector
texts     (split, feature) -> TokenCounts                  categories; token features outside the train split
labels    split -> ValueCounts                             regression labels
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.rows import LABEL, SPLIT
from pipeline.statistics.token_rows import count_texts
from pipeline.statistics.transformed_counts import Place, merge_by_key
from pipeline.statistics.values import ValueCounts
from pipeline.transform.tokens_analyzer import TokenCounts
from schemas.features import CategoryFeature, NumberFeature, SeriesFeature, VectorFeature
from schemas.spec import DatasetSpec


@dataclass(frozen=True)
class RawCounts:
    """Counts of canonical rows.

    Attributes:
      channels: by (split, feature).
      texts: by (split, feature).
      labels: by split; empty unless the label is a number.
    """

    channels: dict[Place, tuple[ValueCounts, ...]] = field(default_factory=dict)
    texts: dict[Place, TokenCounts] = field(default_factory=dict)
    labels: dict[str, ValueCounts] = field(default_factory=dict)

    @classmethod
    def of(cls, batch: pa.RecordBatch, spec: DatasetSpec) -> RawCounts:
        """Counts one batch of canonical rows of a resolved spec."""
        counts = cls()
        for split in pc.unique(batch.column(SPLIT)).to_pylist():
            rows = pc.equal(batch.column(SPLIT), split)
            if spec.label is not None and spec.label.kind == "regression":
                counts.labels[split] = ValueCounts.of(_numbers(batch.column(LABEL).filter(rows)))
            for name, feature in spec.features.items():
                place = (split, name)
                if isinstance(feature, SeriesFeature | NumberFeature | VectorFeature):
                    counts.channels[place] = _count_channels(batch.column(name).filter(rows), feature)
                elif isinstance(feature, CategoryFeature) or split != "train":
                    texts = count_texts(batch.column(name).filter(rows), feature)
                    if texts is not None:
                        counts.texts[place] = texts
        return counts

    @classmethod
    def merge(cls, parts: Iterable[RawCounts]) -> RawCounts:
        """The counts of all parts together; of none, nothing counted."""
        parts = list(parts)
        return cls(
            merge_by_key([part.channels for part in parts], _merge_channels),
            merge_by_key([part.texts for part in parts], TokenCounts.merge),
            merge_by_key([part.labels for part in parts], ValueCounts.merge),
        )


def _count_channels(
    column: pa.Array, feature: SeriesFeature | NumberFeature | VectorFeature
) -> tuple[ValueCounts, ...]:
    values = _numbers(column.flatten() if isinstance(column, pa.ListArray) else column)
    for missing in getattr(feature, "missing_values", []):
        values = np.where(values == np.float32(missing), np.float32(np.nan), values)
    steps = values.reshape(-1, _channel_count(feature))
    return tuple(ValueCounts.of(steps[:, channel]) for channel in range(steps.shape[1]))


def _channel_count(feature: SeriesFeature | NumberFeature | VectorFeature) -> int:
    if isinstance(feature, VectorFeature):
        return feature.size
    if isinstance(feature, SeriesFeature):
        return len(feature.channels) if isinstance(feature.channels, list) else feature.channels or 1
    return 1


def _merge_channels(parts: list[tuple[ValueCounts, ...]]) -> tuple[ValueCounts, ...]:
    return tuple(ValueCounts.merge(channel) for channel in zip(*parts, strict=True))


def _numbers(column: pa.Array) -> np.ndarray:
    """float32[n], as training sees them."""
    return column.to_numpy(zero_copy_only=False).astype(np.float32)
