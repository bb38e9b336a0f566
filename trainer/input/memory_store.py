"""A split decoded once and held in memory, so that any rows of it are one numpy gather away.

Ids are held as int32: they are less than 2**31, and half the memory of the int64 that the records and the model use.
"""

from __future__ import annotations

import numpy as np

from schemas.errors import InputError
from trainer.input.decode import KEY
from trainer.input.shards import SplitFiles, check_records

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
    import tensorflow as tf

    shards = files.shards(shape)
    if not shards:
        return _compact(files.empty_rows(shape))
    spec = files.parsing_spec(shape)
    # One reader over the files in order: the row order, and so every epoch, must not depend on timing.
    dataset = tf.data.TFRecordDataset([str(path) for path, _ in shards])
    dataset = dataset.batch(RECORDS_A_PARSE).map(lambda records: tf.io.parse_example(records, spec)).prefetch(2)
    try:
        parts = [_compact(part) for part in dataset.as_numpy_iterator()]
    except (tf.errors.OpError, ValueError) as error:
        raise InputError(
            f"{shards[0][0].parent}: cannot be read ({str(error).splitlines()[0]}); expected records of "
            f"{', '.join(spec)} with padded lengths {dict(files.shapes[shape].lengths)}. Preprocess again"
        ) from error
    columns = {name: np.concatenate([part[name] for part in parts]) for name in spec}
    check_records(shards[0][0].parent, len(columns[KEY]), sum(info.rows for _, info in shards))
    return columns


def _compact(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        name: values.astype(np.int32) if values.dtype == np.int64 and values.ndim > 1 else values
        for name, values in columns.items()
    }
