"""TFRecord files, read and written without TensorFlow. A file is a row of frames:

    | length: uint64 | crc of the length: uint32 | data: length bytes | crc of the data: uint32 |

(tensorflow/core/lib/io/record_writer.h). Checksums are written, and not read: a shard is checked as a whole, against
the manifest.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

from schemas.errors import InputError

HEADER_BYTES = 12
FOOTER_BYTES = 4
CRC32C_POLYNOMIAL = 0x82F63B78


def record_offsets(path: Path) -> np.ndarray:
    """Where the records of a TFRecord file stand.

    Args:
      path: an uncompressed TFRecord file.

    Returns:
      int64[records, 2]: position of the data, bytes of the data.

    Raises:
      InputError: the file ends within a record.
    """
    with path.open("rb") as file:
        return _offsets(file, path.stat().st_size, path)


def split_records(content: bytes, path: Path) -> list[bytes]:
    """The records of a whole file.

    Args:
      content: of the file.
      path: its name in errors.

    Raises:
      InputError: it ends within a record.
    """
    offsets = _offsets(BytesIO(content), len(content), path)
    return [content[start : start + size] for start, size in offsets.tolist()]


def frame(data: bytes) -> bytes:
    """One record as it stands in a file."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


def masked_crc(data: bytes) -> int:
    """The CRC-32C of some bytes, rotated and moved as TFRecord files hold it (tensorflow/core/lib/hash/crc32c.h)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _crc_table() -> Iterator[int]:
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (CRC32C_POLYNOMIAL if value & 1 else 0)
        yield value


_TABLE = tuple(_crc_table())


def _offsets(file: BinaryIO, size: int, path: Path) -> np.ndarray:
    offsets: list[tuple[int, int]] = []
    position = 0
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
