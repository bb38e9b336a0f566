"""A split too large for memory: rows are read from the TFRecord shards where they stand, by an index of offsets.

The index holds where each record's data begins and how long it is (`tfrecord.py`). Building it reads 12 bytes a record;
it holds 16 bytes a record.
Any row can be read at any time, so the order of an epoch is the same as for a split held in memory.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from schemas.errors import InputError
from schemas.manifest import FeatureInfo, Manifest
from trainer.input.decode import empty_rows, record_fields
from trainer.input.parse import Field, parse_records
from trainer.input.shapes import BatchShape
from trainer.input.shards import shards_of
from trainer.input.tfrecord import record_offsets

RECORDS_A_SCAN = 4096


class RecordStore:
    """Rows of a split, read from its shards on demand.

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
        self._manifest = manifest
        self._features = list(features)
        self._lengths = [shape.lengths for shape in shapes]
        self._files: list[int] = []
        self._index: list[np.ndarray] = []
        for shape in shapes:
            parts = [np.zeros((0, 3), np.int64)]
            for path, info in shards_of(directory, manifest, split, shape):
                offsets = record_offsets(path)
                if len(offsets) != info.rows:
                    raise InputError(
                        f"{path}: received {len(offsets)} records, the manifest says {info.rows}; preprocess again"
                    )
                parts.append(np.column_stack([np.full(len(offsets), len(self._files)), offsets]))
                self._files.append(os.open(path, os.O_RDONLY))
            self._index.append(np.concatenate(parts))

    def __del__(self) -> None:
        for file in getattr(self, "_files", []):
            os.close(file)

    def row_count(self, shape: int) -> int:
        """Rows of one shape."""
        return len(self._index[shape])

    def read(self, shape: int, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Some rows of one shape.

        Args:
          shape: its index.
          rows: int64[rows] positions.

        Returns:
          For every feature, length, label and key an array of that many rows.
        """
        if not len(rows):
            return empty_rows(self._manifest, self._features, self._lengths[shape])
        return parse_records(self._records(shape, rows), self._fields(shape))

    def column(self, shape: int, name: str) -> np.ndarray:
        """One array of one shape, all rows: a length, a label or the keys. Reads every record of the shape."""
        fields = {name: self._fields(shape)[name]}
        parts = [empty_rows(self._manifest, self._features, self._lengths[shape])[name]]
        for start in range(0, self.row_count(shape), RECORDS_A_SCAN):
            rows = np.arange(start, min(start + RECORDS_A_SCAN, self.row_count(shape)))
            parts.append(parse_records(self._records(shape, rows), fields)[name])
        return np.concatenate(parts)

    def _records(self, shape: int, rows: np.ndarray) -> list[bytes]:
        return [os.pread(self._files[file], size, start) for file, start, size in self._index[shape][rows].tolist()]

    def _fields(self, shape: int) -> dict[str, Field]:
        return record_fields(self._manifest, self._features, self._lengths[shape])
