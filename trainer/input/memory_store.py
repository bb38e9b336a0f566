"""A split decoded once and held in memory, so that any rows of it are one numpy gather away.

Ids are held as int32: they are less than 2**31, and half the memory of the int64 that the records and the model use.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from schemas.errors import InputError
from schemas.manifest import FeatureInfo, Manifest
from trainer.input.decode import KEY, empty_rows, parsing_spec
from trainer.input.shapes import BatchShape
from trainer.input.shards import shards_of

RECORDS_A_PARSE = 512


def decoded_bytes(manifest: Manifest, split: str, features: Sequence[FeatureInfo], shapes: Sequence[BatchShape]) -> int:
    """Memory that a split takes once decoded."""
    total = 0
    for shape in shapes:
        rows = sum(c.rows for c in manifest.splits[split].buckets if c.bucket in shape.buckets)
        values = sum(shape.lengths.get(f.name, 1) * (f.channels or 1) for f in features)
        total += rows * (4 * values + 64)
    return total


class MemoryStore:
    """All rows of a split, decoded.

    Args:
      directory: of the dataset.
      manifest: of the dataset.
      split: its name.
      features: the selected features.
      shapes: the batch shapes.

    Raises:
      InputError: a shard that is missing, unreadable or not what the manifest says.
    """

    def __init__(
        self,
        directory: Path,
        manifest: Manifest,
        split: str,
        features: Sequence[FeatureInfo],
        shapes: Sequence[BatchShape],
    ) -> None:
        self._shapes = [_decode_shape(directory, manifest, split, features, shape) for shape in shapes]

    def row_count(self, shape: int) -> int:
        """Rows of one shape."""
        return len(self._shapes[shape][KEY])

    def read(self, shape: int, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Some rows of one shape.

        Args:
          shape: its index.
          rows: int64[rows] positions.

        Returns:
          For every feature, length, label and key an array of that many rows.
        """
        return {name: values[rows] for name, values in self._shapes[shape].items()}

    def column(self, shape: int, name: str) -> np.ndarray:
        """One array of one shape, all rows: a length, a label or the keys."""
        return self._shapes[shape][name]


def _decode_shape(
    directory: Path, manifest: Manifest, split: str, features: Sequence[FeatureInfo], shape: BatchShape
) -> dict[str, np.ndarray]:
    import tensorflow as tf

    shards = shards_of(directory, manifest, split, shape)
    if not shards:
        return _compact(empty_rows(manifest, features, shape.lengths))
    spec = parsing_spec(manifest, features, shape.lengths)
    # One reader over the files in order: the row order, and so every epoch, must not depend on timing.
    dataset = tf.data.TFRecordDataset([str(path) for path, _ in shards])
    dataset = dataset.batch(RECORDS_A_PARSE).map(lambda records: tf.io.parse_example(records, spec)).prefetch(2)
    try:
        parts = [_compact(part) for part in dataset.as_numpy_iterator()]
    except (tf.errors.OpError, ValueError) as error:
        raise InputError(
            f"{shards[0][0].parent}: cannot be read ({str(error).splitlines()[0]}); expected records of "
            f"{', '.join(spec)} with padded lengths {dict(shape.lengths)}. Preprocess again"
        ) from error
    columns = {name: np.concatenate([part[name] for part in parts]) for name in spec}
    expected = sum(info.rows for _, info in shards)
    if len(columns[KEY]) != expected:
        raise InputError(
            f"{shards[0][0].parent}: received {len(columns[KEY])} records, the manifest says {expected}; "
            "preprocess again"
        )
    return columns


def _compact(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        name: values.astype(np.int32) if values.dtype == np.int64 and values.ndim > 1 else values
        for name, values in columns.items()
    }
