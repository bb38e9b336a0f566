"""Identities that never depend on where a row stands: keys, their hashes, and content digests.

    digest     blake2b, 16 bytes, over the canonical features and label: equal content, equal digest
    key hash   the first 8 bytes of blake2b(salt, key) as an unsigned integer, uniform over [0, 2^64)

A key hash decides a row's split and its partition; Python's hash() differs between processes and is never used.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert.scalars import is_list
from pipeline.rows import DIGEST_BYTES


def hash_texts(texts: pa.StringArray, salt: str = "") -> np.ndarray:
    """uint64[rows]: a uniform hash of each text, the same in every process.

    Args:
      texts: string[rows] without nulls.
      salt: up to 16 bytes of it change every hash.
    """
    salt_bytes = hashlib.blake2b(salt.encode(), digest_size=16).digest() if salt else b""
    offsets, data = _bytes_of(texts)
    blake2b = hashlib.blake2b
    hashes = b"".join(
        blake2b(data[start:stop], digest_size=8, salt=salt_bytes).digest()
        for start, stop in zip(offsets[:-1], offsets[1:], strict=True)
    )
    return np.frombuffer(hashes, dtype=">u8").astype(np.uint64)


def content_digests(columns: list[pa.Array]) -> pa.FixedSizeBinaryArray:
    """fixed_size_binary(16)[rows]: one hash a row over all `columns`, canonical and without nulls.

    Each value enters with its length in front, so that ("ab", "c") and ("a", "bc") differ.
    """
    rows = len(columns[0])
    parts = [part for column in columns for part in _binary_parts(column)]
    lengths = [pc.binary_length(part).to_numpy(zero_copy_only=False).astype("<i8") for part in parts]
    head = pa.array(np.stack(lengths, axis=1).reshape(-1).view(np.uint8))
    width = 8 * len(parts)
    prefix = _binary(np.arange(rows + 1, dtype=np.int64) * width, head.buffers()[1])
    joined = pc.binary_join_element_wise(prefix, *parts, pa.scalar(b"", pa.binary()))
    offsets, data = _bytes_of(joined)
    blake2b = hashlib.blake2b
    digests = b"".join(
        blake2b(data[start:stop], digest_size=DIGEST_BYTES).digest()
        for start, stop in zip(offsets[:-1], offsets[1:], strict=True)
    )
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(DIGEST_BYTES), rows, [None, pa.py_buffer(digests)])


def hexadecimal(digests: pa.FixedSizeBinaryArray) -> pa.StringArray:
    """string[rows]: digests as 32 hexadecimal digits."""
    data = b"".join(digests.to_pylist()).hex().encode()
    offsets = np.arange(len(digests) + 1, dtype=np.int64) * (2 * DIGEST_BYTES)
    return _binary(offsets, pa.py_buffer(data)).view(pa.string())


def _bytes_of(array: pa.Array) -> tuple[list[int], memoryview]:
    """(offsets, data) of a string or binary array, whatever slice of its buffers it is."""
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32)[array.offset : array.offset + len(array) + 1]
    data = array.buffers()[2]
    return offsets.tolist(), memoryview(data if data is not None else b"")


def _binary_parts(column: pa.Array) -> list[pa.Array]:
    """The bytes of each row's value as one or two binary arrays."""
    if is_list(column.type):
        lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        values = column.flatten()
        if pa.types.is_string(values.type):
            sizes = pc.binary_length(values).to_numpy(zero_copy_only=False).astype("<i4")
            ends = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
            text_offsets = np.frombuffer(values.buffers()[1], np.int32) if len(values) else np.zeros(1, np.int32)
            base = int(text_offsets[values.offset]) if len(values) else 0
            text = _binary(base + ends[offsets], values.buffers()[2] if len(values) else None)
            return [text, _binary(offsets * 4, pa.py_buffer(sizes))]
        numbers = np.ascontiguousarray(values.to_numpy(zero_copy_only=False))
        return [_binary(offsets * numbers.itemsize, pa.py_buffer(numbers))]
    if pa.types.is_string(column.type):
        return [column.view(pa.binary())]
    numbers = np.ascontiguousarray(column.to_numpy(zero_copy_only=False))
    return [_binary(np.arange(len(column) + 1, dtype=np.int64) * numbers.itemsize, pa.py_buffer(numbers))]


def _binary(offsets: np.ndarray, data: pa.Buffer | None) -> pa.BinaryArray:
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets, dtype=np.int32)), data or pa.py_buffer(b"")]
    return pa.BinaryArray.from_buffers(pa.binary(), len(offsets) - 1, buffers)
