"""Arrow IPC: files (Feather) with random access, and streams."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from pipeline.ingest.files import InputFile, open_seekable
from pipeline.ingest.raw import Peek, RawBatch, Request, from_record_batches, slices

MAGIC = b"ARROW1"
SAMPLE_ROWS = 1000


def peek(file: InputFile) -> Peek:
    """Schema and first rows."""
    with open_seekable(file) as source:
        schema, batches = _batches(source)
        first = next((batch for batch in batches if batch.num_rows), None)
        sample = schema.empty_table() if first is None else pa.Table.from_batches([first.slice(0, SAMPLE_ROWS)])
        return Peek(schema, first is not None, sample, typed=True)


def read(file: InputFile, request: Request) -> Iterator[RawBatch]:
    """Streams the record batches, cut to `rows_per_batch`."""
    with open_seekable(file) as source:
        schema, batches = _batches(source)
        wanted = [name for name in request.shapes if name in schema.names]
        cut = (part for batch in batches for part in slices(batch.select(wanted), request.rows_per_batch))
        yield from from_record_batches(cut)


def _batches(source: pa.NativeFile) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    magic = source.read(len(MAGIC))
    source.seek(0)
    if magic == MAGIC:
        reader = pa.ipc.open_file(source)
        return reader.schema, (reader.get_batch(i) for i in range(reader.num_record_batches))
    stream = pa.ipc.open_stream(source)
    return stream.schema, iter(stream)
