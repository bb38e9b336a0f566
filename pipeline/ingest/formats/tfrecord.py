"""TFRecord files of tf.Example: every feature is a list, decoded by tfx_bsl's C++ coder.

    uint64 length | uint32 masked crc of length | bytes[length] data | uint32 masked crc of data        (little endian)

A record whose checksum or end is wrong makes the file unreadable; a record that is no tf.Example is a malformed row.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice

import google_crc32c
import numpy as np
import pyarrow as pa

from pipeline.ingest.files import InputFile, open_stream
from pipeline.ingest.raw import Malformed, Peek, RawBatch, Request

SAMPLE_RECORDS = 256
BATCH_BYTES = 8 << 20
MASK_DELTA = 0xA282EAD8  # tensorflow/core/lib/hash/crc32c.h


def peek(file: InputFile) -> Peek:
    """The features of the first records."""
    with open_stream(file) as stream:
        head = list(islice(_records(stream), SAMPLE_RECORDS))
    columns, _, _ = _decode(head, 0)
    return Peek(
        pa.schema([(name, array.type) for name, array in columns.items()]),
        bool(head),
        pa.table(dict(columns)) if columns else pa.table({}),
    )


def read(file: InputFile, request: Request) -> Iterator[RawBatch]:
    """Streams the records; a feature that a batch lacks is null."""
    position = 0
    with open_stream(file) as stream:
        for records in _batches(_records(stream), request.rows_per_batch):
            columns, wrong, malformed = _decode(records, position)
            bad = {row.position for row in malformed}
            kept = [position + i for i in range(len(records)) if position + i not in bad]
            wanted = {name: columns.get(name, pa.nulls(len(kept))) for name in request.shapes}
            marked = {name: rows for name, rows in wrong.items() if name in wanted}
            yield RawBatch(wanted, np.array(kept, dtype=np.int64), marked, tuple(malformed))
            position += len(records)


def _records(stream: pa.NativeFile) -> Iterator[bytes]:
    number = 0
    while head := stream.read(12):
        if len(head) < 12:
            raise OSError(f"record {number} breaks off in its length")
        length, length_crc = struct.unpack("<QI", head)
        if _masked_crc(head[:8]) != length_crc:
            raise OSError(f"record {number} has a damaged length")
        data, tail = stream.read(length), stream.read(4)
        if len(data) < length or len(tail) < 4:
            raise OSError(f"record {number} breaks off: {len(data):,} of {length:,} bytes")
        if _masked_crc(data) != struct.unpack("<I", tail)[0]:
            raise OSError(f"record {number} has a wrong checksum")
        yield data
        number += 1


def _masked_crc(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF


def _batches(records: Iterator[bytes], rows: int) -> Iterator[list[bytes]]:
    held, size = [], 0
    for record in records:
        held.append(record)
        size += len(record)
        if len(held) == rows or size >= BATCH_BYTES:
            yield held
            held, size = [], 0
    if held:
        yield held


def _decode(records: list[bytes], first: int) -> tuple[dict[str, pa.Array], dict[str, np.ndarray], list[Malformed]]:
    """(columns, wrong types, malformed rows) of some records; malformed ones have no row in the columns."""
    from tfx_bsl.coders import example_coder  # late: its extension module takes a third of a second to load

    decoder = example_coder.ExamplesToRecordBatchDecoder()
    if not records:
        return {}, {}, []
    try:
        batch = decoder.DecodeBatch(records)
        return dict(zip(batch.schema.names, batch.columns, strict=True)), {}, []
    except RuntimeError:  # one record is no tf.Example, or two differ in a feature's type: one by one
        rows, malformed = [], []
        for number, record in enumerate(records):
            try:
                rows.append(decoder.DecodeBatch([record]))
            except RuntimeError as error:
                detail = " ".join(str(error).split())[:200]
                malformed.append(Malformed(first + number, f"no tf.Example: {detail}", record[:100].hex()))
        return *_stack(rows), malformed


def _stack(rows: list[pa.RecordBatch]) -> tuple[dict[str, pa.Array], dict[str, np.ndarray]]:
    """One column a feature out of one batch a record; values not of the commonest type become null and marked."""
    columns, wrong = {}, {}
    for name in dict.fromkeys(name for row in rows for name in row.schema.names):
        types = [row.schema.field(name).type for row in rows if name in row.schema.names]
        commonest = max(sorted(set(types), key=str), key=types.count)
        values = [row.column(name) if name in row.schema.names else pa.nulls(1, commonest) for row in rows]
        marked = np.array([value.type != commonest for value in values], dtype=bool)
        columns[name] = pa.concat_arrays(
            [pa.nulls(1, commonest) if bad else value for value, bad in zip(values, marked, strict=True)]
        )
        if marked.any():
            wrong[name] = marked
    return columns, wrong
