"""A split decoded once and held in memory, so that any rows of it are one numpy gather away.

Ids are held as int32: they are less than 2**31, and half the memory of the int64 that the records and the model use.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from schemas.errors import InputError
from schemas.manifest import FeatureInfo, Manifest
from trainer.input.decode import KEY, empty_rows, record_fields
from trainer.input.parse import parse_records
from trainer.input.shapes import BatchShape
from trainer.input.shards import read_shard, shards_of

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
    shards = shards_of(directory, manifest, split, shape)
    fields = record_fields(manifest, features, shape.lengths)
    parts = [empty_rows(manifest, features, shape.lengths)]
    for path, info in shards:
        records = read_shard(path, info)
        try:
            parts += [
                parse_records(records[start : start + RECORDS_A_PARSE], fields)
                for start in range(0, len(records), RECORDS_A_PARSE)
            ]
        except ValueError as error:
            raise InputError(
                f"{path}: cannot be read ({error}); expected records of {', '.join(fields)} with padded lengths "
                f"{dict(shape.lengths)}. Preprocess again"
            ) from error
    parts = [_compact(part) for part in parts]
    return {name: np.concatenate([part[name] for part in parts]) for name in fields}


def _compact(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        name: values.astype(np.int32) if values.dtype == np.int64 and values.ndim > 1 else values
        for name, values in columns.items()
    }
