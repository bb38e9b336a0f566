"""A split decoded once and held in memory, so that any rows of it are one numpy gather away.

Ids are held as int32: they are less than 2**31, and half the memory of the int64 that the records and the model use.
"""

from __future__ import annotations

import numpy as np

from schemas.errors import InputError
from trainer.input.decode import KEY
from trainer.input.parse import parse_records
from trainer.input.shards import SplitFiles, read_shard

RECORDS_A_PARSE = 512


class MemoryStore:
    """All rows of a split, decoded.

    Args:
      files: of the split.

    Raises:
      InputError: a shard that is missing, unreadable or not what the manifest says.
    """

    def __init__(self, files: SplitFiles) -> None:
        self._shapes = [_decode_shape(files, shape) for shape in range(len(files.shapes))]

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


def _decode_shape(files: SplitFiles, shape: int) -> dict[str, np.ndarray]:
    fields = files.fields(shape)
    parts = [files.empty_rows(shape)]
    for path, info in files.shards(shape):
        records = read_shard(path, info)
        try:
            parts += [
                parse_records(records[start : start + RECORDS_A_PARSE], fields)
                for start in range(0, len(records), RECORDS_A_PARSE)
            ]
        except ValueError as error:
            raise InputError(
                f"{path}: cannot be read ({error}); expected records of {', '.join(fields)} with padded lengths "
                f"{dict(files.shapes[shape].lengths)}. Preprocess again"
            ) from error
    parts = [_compact(part) for part in parts]
    return {name: np.concatenate([part[name] for part in parts]) for name in fields}


def _compact(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        name: values.astype(np.int32) if values.dtype == np.int64 and values.ndim > 1 else values
        for name, values in columns.items()
    }
