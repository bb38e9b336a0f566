"""tf.Examples with the same bytes in every process.

A tf.Example is a protobuf map, and protobuf writes maps in an order that changes from process to process (the C++
encoder of tfx_bsl too: three processes, three digests of the same batch, 2026-11-23). So each column is encoded by
itself, where there is no order to choose, and the entries are joined by name:

    Example  = 0A length Features        Features = entry entry ...      entry = 0A length (name, value)

The result is a standard tf.Example; the encoding of values stays in C++.
"""

from __future__ import annotations

import pyarrow as pa
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

_FEATURES_TAG = b"\x0a"


def encode_examples(batch: pa.RecordBatch) -> list[bytes]:
    """Serializes each row as a tf.Example, features in order of their names.

    Args:
      batch: columns of list<int64>, list<float32> or list<binary>, without nulls.

    Returns:
      One serialized tf.Example a row, equal for equal rows in any process.
    """
    names = sorted(batch.schema.names)
    encoder = RecordBatchToExamplesEncoder()
    columns = [encoder.encode(batch.select([name])) for name in names]
    examples = []
    for entries in zip(*columns, strict=True):
        features = b"".join(entry[_header_bytes(entry) :] for entry in entries)
        examples.append(_FEATURES_TAG + _varint(len(features)) + features)
    return examples


def _header_bytes(example: bytes) -> int:
    """Bytes of the outer tag and length of a serialized tf.Example."""
    size = 2
    while example[size - 1] & 0x80:
        size += 1
    return size


def _varint(value: int) -> bytes:
    """Protobuf's base-128 encoding of a length."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append((value & 0x7F) | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
