"""A split too large for memory: rows are read from the TFRecord shards where they stand, by an index of offsets.

The index holds where each record's data begins and how long it is (`tfrecord.py`). Building it reads 12 bytes a record;
it holds 16 bytes a record.
Any row can be read at any time, so the order of an epoch is the same as for a split held in memory.
"""

from __future__ import annotations

import os

import numpy as np

from trainer.input.parse import parse_records
from trainer.input.shards import SplitFiles, check_records
from trainer.input.tfrecord import record_offsets

RECORDS_A_SCAN = 4096


class RecordStore:
    """Rows of a split, read from its shards on demand.

    Args:
      files: of the split.

    Raises:
      InputError: a shard that is missing, unreadable or not what the manifest says.
    """

    def __init__(self, files: SplitFiles) -> None:
        self._split = files
        self._files: list[int] = []
        self._index: list[np.ndarray] = []
        for shape in range(len(files.shapes)):
            parts = [np.zeros((0, 3), np.int64)]
            for path, info in files.shards(shape):
                offsets = record_offsets(path)
                check_records(path, len(offsets), info.rows)
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
            return self._split.empty_rows(shape)
        return parse_records(self._records(shape, rows), self._split.fields(shape))

    def column(self, shape: int, name: str) -> np.ndarray:
        """One array of one shape, all rows: a length, a label or the keys. Reads every record of the shape."""
        fields = {name: self._split.fields(shape)[name]}
        parts = [self._split.empty_rows(shape)[name]]
        for start in range(0, self.row_count(shape), RECORDS_A_SCAN):
            rows = np.arange(start, min(start + RECORDS_A_SCAN, self.row_count(shape)))
            parts.append(parse_records(self._records(shape, rows), fields)[name])
        return np.concatenate(parts)

    def _records(self, shape: int, rows: np.ndarray) -> list[bytes]:
        return [os.pread(self._files[file], size, start) for file, start, size in self._index[shape][rows].tolist()]
