"""Parquet: typed columns in row groups, each of which can be read by another worker."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ingest.files import InputFile, open_seekable
from pipeline.ingest.raw import Peek, RawBatch, Request, from_record_batches

SAMPLE_ROWS = 1000


def peek(file: InputFile) -> Peek:
    """Schema, row groups and first rows."""
    with open_seekable(file) as source:
        parquet = pq.ParquetFile(source)
        groups = tuple(parquet.metadata.row_group(i).num_rows for i in range(parquet.num_row_groups))
        first = next(parquet.iter_batches(batch_size=SAMPLE_ROWS), None)
        schema = parquet.schema_arrow
        sample = pa.Table.from_batches([] if first is None else [first], schema=schema if first is None else None)
        return Peek(schema, sum(groups) > 0, sample, groups, typed=True)


def read(file: InputFile, request: Request) -> Iterator[RawBatch]:
    """Streams the row groups asked for, in order."""
    with open_seekable(file) as source:
        parquet = pq.ParquetFile(source)
        wanted = [name for name in request.shapes if name in parquet.schema_arrow.names]
        starts = [0]
        for group in range(parquet.num_row_groups):
            starts.append(starts[-1] + parquet.metadata.row_group(group).num_rows)
        for group in range(parquet.num_row_groups) if request.pieces is None else request.pieces:
            batches = parquet.iter_batches(batch_size=request.rows_per_batch, row_groups=[group], columns=wanted)
            yield from from_record_batches(batches, starts[group])
