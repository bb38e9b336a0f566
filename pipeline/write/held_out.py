"""Held-out rows as serving would receive them: what any exported model of this data can be scored on.

    held_out/test/rows-00003-of-00016.tfrecord      validation/...
    a record is a tf.Example: key bytes[1]; label bytes[1] (the class's name) or float32[1]; raw bytes[1], the
    serialized tf.Example of raw features

Two models of different runs have different vocabularies, buckets and classes, so neither can read the other's
transformed rows; both take these. A row's file is a hash of its key, and rows stand by key within a file: the same
rows give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems

from pipeline.examples import encode_examples
from pipeline.rows import KEY, LABEL, SPLIT, raw_features
from pipeline.transform.raw_schema import to_transform_batch
from pipeline.write.chunks import from_ipc, to_ipc
from pipeline.write.shards import write_tfrecord
from schemas.manifest import HELD_OUT
from schemas.spec import DatasetSpec

HELD_OUT_SPLITS = ("validation", "test")
# A file's rows are in memory while it is written: a sixteenth of the held-out rows.
FILES = 16

FileKey = tuple[str, int]
"""(split, file number)"""


class WriteHeldOut(beam.PTransform):
    """Writes the held-out rows among canonical batches.

    Args:
      spec: the resolved spec.
      directory: the dataset's directory, on any filesystem that Beam knows.
    """

    def __init__(self, spec: DatasetSpec, directory: str) -> None:
        super().__init__()
        self._spec, self._directory = spec, directory

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        return (
            rows
            | "Encode" >> beam.FlatMap(held_out_chunks, self._spec)
            | "GroupByFile" >> beam.GroupByKey()
            | "Write" >> beam.Map(write_held_out_file, self._directory)
        )


def held_out_chunks(batch: pa.RecordBatch, spec: DatasetSpec) -> Iterator[tuple[FileKey, bytes]]:
    """Cuts the held-out rows out of a canonical batch, one chunk a file, with their raw features encoded.

    Yields:
      (split, file number) and the Arrow IPC bytes of key, label and raw.
    """
    for split in HELD_OUT_SPLITS:
        rows = batch.filter(pc.equal(batch.column(SPLIT), split))
        if not rows.num_rows:
            continue
        names = [raw.name for name in spec.features for raw in raw_features(spec, name)]
        columns = {KEY: rows.column(KEY).cast(pa.binary())}
        if LABEL in rows.schema.names:
            column = rows.column(LABEL)
            columns[LABEL] = column.cast(pa.float32() if pa.types.is_floating(column.type) else pa.binary())
        columns["raw"] = pa.array(encode_examples(to_transform_batch(rows, spec).select(names)), pa.binary())
        encoded = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
        places = [file_of(key) for key in columns[KEY].to_pylist()]
        for place in sorted(set(places)):
            chosen = [row for row, at in enumerate(places) if at == place]
            yield (split, place), to_ipc(encoded.take(pa.array(chosen)))


def file_of(key: bytes) -> int:
    """The file that a row belongs to, by a hash of its key."""
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") % FILES


def write_held_out_file(element: tuple[FileKey, Iterable[bytes]], directory: str) -> int:
    """Writes one file; returns its rows."""
    (split, place), chunks = element
    table = from_ipc(chunks).sort_by(KEY).combine_chunks()
    (batch,) = table.to_batches()
    ones = pa.array(range(batch.num_rows + 1), pa.int32())
    lists = [pa.ListArray.from_arrays(ones, column) for column in batch.columns]
    records = encode_examples(pa.RecordBatch.from_arrays(lists, names=batch.schema.names))
    name = f"rows-{place:05d}-of-{FILES:05d}.tfrecord"
    write_tfrecord(records, FileSystems.join(directory, HELD_OUT, split, name))
    return batch.num_rows
