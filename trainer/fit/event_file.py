"""Event files as TensorBoard reads them, written without TensorFlow: a TFRecord file of Event messages.

    Event { wall_time: 1  step: 2  file_version: 3  summary: 5 }     Summary { value: 1 }
    Value { tag: 1  tensor: 8  metadata: 9 }                         TensorProto { dtype: 1  float_val: 5 }
    SummaryMetadata { plugin_data: 1 { plugin_name: 1 }  data_class: 4 }

(tensorflow/core/util/event.proto, framework/summary.proto and tensor.proto)
"""

from __future__ import annotations

import os
import platform
import struct
import time
from collections.abc import Mapping
from pathlib import Path

from schemas.errors import OutputError
from trainer.input.tfrecord import frame

SCALARS = 1  # DATA_CLASS_SCALAR
FLOAT = 1  # DT_FLOAT
VERSION = b"brain.Event:2"


class EventFile:
    """One event file of scalars.

    Args:
      directory: made when absent; one for each line in TensorBoard's charts.

    Raises:
      OutputError: it cannot be written.
    """

    def __init__(self, directory: Path) -> None:
        name = f"events.out.tfevents.{time.time():.6f}.{platform.node()}.{os.getpid()}.v2"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._file = (directory / name).open("wb")
        except OSError as error:
            raise OutputError(f"{directory}: cannot be written ({error.strerror})") from error
        self._write(_message(3, VERSION))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes some scalars of one step.

        Args:
          step: its number.
          values: by tag.
        """
        summary = b"".join(_message(1, _scalar(tag, value)) for tag, value in values.items())
        self._write(_number(2, step) + _message(5, summary))

    def flush(self) -> None:
        """Hands what was written to the operating system, so that TensorBoard sees it."""
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _write(self, content: bytes) -> None:
        self._file.write(frame(_tag(1, 1) + struct.pack("<d", time.time()) + content))


def _scalar(tag: str, value: float) -> bytes:
    tensor = _number(1, FLOAT) + _message(2, b"") + _message(5, struct.pack("<f", value))
    metadata = _message(1, _message(1, b"scalars")) + _number(4, SCALARS)
    return _message(1, tag.encode()) + _message(8, tensor) + _message(9, metadata)


def _message(number: int, content: bytes) -> bytes:
    return _tag(number, 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _tag(number, 0) + _varint(value)


def _tag(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
