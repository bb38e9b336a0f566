"""Transformed rows: what the transform graph gives back for a batch, as Arrow, still unpadded.

    key, split, digest, label      list of one, as they went in
    NAME                           list<int32 or int64> ids, list<float32> flat steps * channels, or one value
    NAME_raw_length                list of one: steps before truncation

`lengths_of` reads steps from the lists, so lengths never come from values.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.rows import KEY, LABEL, SPLIT
from schemas.manifest import FeatureInfo

RAW_LENGTH = "_raw_length"


def scalars(batch: pa.RecordBatch, name: str) -> pa.Array:
    """The values of a column whose lists all have one element."""
    column = batch.column(name)
    values = column.flatten()
    if len(values) != batch.num_rows:
        raise ValueError(f"column {name!r}: received {len(values)} values for {batch.num_rows} rows, expected one each")
    return values


def text_column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A binary column of lists of one, as string[rows]."""
    return scalars(batch, name).cast(pa.binary()).cast(pa.string())


def splits_of(batch: pa.RecordBatch) -> pa.Array:
    """string[rows]: each row's split."""
    return text_column(batch, SPLIT)


def keys_of(batch: pa.RecordBatch) -> pa.Array:
    """string[rows]: each row's key."""
    return text_column(batch, KEY)


def labels_of(batch: pa.RecordBatch, label_kind: str | None) -> pa.Array | None:
    """string[rows] class names, float32[rows] for regression, None without a label."""
    if label_kind is None:
        return None
    return scalars(batch, LABEL) if label_kind == "regression" else text_column(batch, LABEL)


def lengths_of(batch: pa.RecordBatch, feature: FeatureInfo) -> np.ndarray:
    """int64[rows]: steps of a sequence feature after truncation."""
    values = pc.list_value_length(batch.column(feature.name)).to_numpy(zero_copy_only=False).astype(np.int64)
    return values // feature.channels if feature.kind == "series" and feature.channels else values


def raw_lengths_of(batch: pa.RecordBatch, feature: FeatureInfo) -> np.ndarray:
    """int64[rows]: steps of a sequence feature before truncation."""
    return scalars(batch, f"{feature.name}{RAW_LENGTH}").to_numpy(zero_copy_only=False).astype(np.int64)


def joint_lengths_of(batch: pa.RecordBatch, features: list[FeatureInfo]) -> np.ndarray:
    """int64[rows, features]: lengths of several sequence features."""
    return np.stack([lengths_of(batch, feature) for feature in features], axis=1)
