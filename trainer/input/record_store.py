"""A split too large for memory: rows are read from the TFRecord shards where they stand, by an index of offsets.

A TFRecord file is a row of frames; the index holds where each record's data begins and how long it is:

    | length: uint64 | crc of the length: uint32 | data: length bytes | crc of the data: uint32 |

(tensorflow/core/lib/io/record_writer.h). Building the index reads 12 bytes a record; it holds 16 bytes a record.
Any row can be read at any time, so the order of an epoch is the same as for a split held in memory.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np

from schemas.errors import InputError
from trainer.input.shards import SplitFiles, check_records

HEADER_BYTES = 12
FOOTER_BYTES = 4
RECORDS_A_SCAN = 4096


def record_offsets(path: Path) -> np.ndarray:
    """Where the records of a TFRecord file stand.

    Args:
      path: an uncompressed TFRecord file.

    Returns:
      int64[records, 2]: position of the data, bytes of the data.

    Raises:
      InputError: the file ends within a record.
    """
    size = path.stat().st_size
    offsets: list[tuple[int, int]] = []
    position = 0
    with path.open("rb") as file:
        while position < size:
            file.seek(position)
            header = file.read(HEADER_BYTES)
            length = struct.unpack("<Q", header[:8])[0] if len(header) == HEADER_BYTES else size
            end = position + HEADER_BYTES + length + FOOTER_BYTES
            if end > size:
                raise InputError(f"{path}: ends within record {len(offsets)}; preprocess again")
            offsets.append((position + HEADER_BYTES, length))
            position = end
    return np.array(offsets, np.int64).reshape(-1, 2)


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
        import tensorflow as tf

        if not len(rows):
            return self._split.empty_rows(shape)
        spec = self._split.parsing_spec(shape)
        records = [os.pread(self._files[file], size, start) for file, start, size in self._index[shape][rows].tolist()]
        return {name: values.numpy() for name, values in tf.io.parse_example(records, spec).items()}

    def column(self, shape: int, name: str) -> np.ndarray:
        """One array of one shape, all rows: a length, a label or the keys. Reads every record of the shape."""
        import tensorflow as tf

        whole = self._split.parsing_spec(shape)
        parts = [self._split.empty_rows(shape)[name]]
        for start in range(0, self.row_count(shape), RECORDS_A_SCAN):
            index = self._index[shape][start : start + RECORDS_A_SCAN].tolist()
            records = [os.pread(self._files[file], size, begin) for file, begin, size in index]
            parts.append(tf.io.parse_example(records, {name: whole[name]})[name].numpy())
        return np.concatenate(parts)
