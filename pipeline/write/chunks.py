"""Rows on their way to a shard: cut out of their batch, still unpadded, as compact Arrow IPC bytes.

Unpadded rows travel through the shuffle and are padded where the shard is written, so that padding costs no traffic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from pipeline.layout import Layout
from pipeline.rows import DIGEST, KEY, LABEL
from pipeline.transformed import joint_lengths_of, scalars, splits_of, text_column
from schemas.errors import DataError
from schemas.manifest import FeatureInfo, LabelInfo

ShardKey = tuple[str, int, int]
"""(split, bucket index, shard index)"""

_IPC = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1))


def first_eight_bytes(digests: pa.Array) -> np.ndarray:
    """uint64[rows]: the first eight bytes of binary[rows] digests of at least eight bytes, big-endian."""
    joined = np.frombuffer(b"".join(digest[:8] for digest in digests.to_pylist()), dtype=">u8")
    return joined.astype(np.uint64)


def split_into_chunks(
    batch: pa.RecordBatch, layout: Layout, features: list[FeatureInfo]
) -> Iterator[tuple[ShardKey, bytes]]:
    """Cuts a batch of transformed rows into one chunk for every shard that it has rows for.

    Args:
      batch: transformed rows.
      layout: which row goes where.
      features: every feature, in the manifest's order.

    Yields:
      (split, bucket, shard) and the Arrow IPC bytes of its rows.
    """
    if not batch.num_rows:
        return
    sequences = [feature for feature in features if feature.is_sequence]
    buckets = layout.plan.assign(joint_lengths_of(batch, sequences))
    splits = splits_of(batch).to_numpy(zero_copy_only=False)
    digests = first_eight_bytes(scalars(batch, DIGEST))
    table = shard_columns(batch, layout, features)
    for split in sorted(set(splits.tolist())):
        in_split = splits == split
        for bucket in np.unique(buckets[in_split]).tolist():
            rows = np.flatnonzero(in_split & (buckets == bucket))
            shards = layout.shard_of(digests[rows], split, bucket)
            for shard in np.unique(shards).tolist():
                yield (split, bucket, shard), to_ipc(table.take(pa.array(rows[shards == shard])))


def shard_columns(batch: pa.RecordBatch, layout: Layout, features: list[FeatureInfo]) -> pa.RecordBatch:
    """Key, digest, label (class index or number) and the transformed features of every row."""
    columns: dict[str, pa.Array] = {KEY: batch.column(KEY), DIGEST: batch.column(DIGEST)}
    if layout.label is not None:
        columns[LABEL] = _encoded_labels(batch, layout.label)
    columns |= {feature.name: batch.column(feature.name) for feature in features}
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _encoded_labels(batch: pa.RecordBatch, label: LabelInfo) -> pa.Array:
    """int64[rows] class indices, or float32[rows]."""
    values = text_column(batch, LABEL) if label.classes is not None else scalars(batch, LABEL)
    if label.classes is None:
        return values.cast(pa.float32())
    indices = pa.compute.index_in(values, pa.array(label.classes))
    if indices.null_count:
        unknown = values.filter(indices.is_null())[0].as_py()
        raise DataError(f"label: received class {unknown!r}, expected one of {', '.join(label.classes[:20])}")
    return indices.cast(pa.int64())


def to_ipc(batch: pa.RecordBatch) -> bytes:
    """Arrow IPC stream of one batch."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_IPC) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def from_ipc(chunks: Iterable[bytes]) -> pa.Table:
    """All rows of several IPC streams of one schema, in the order given."""
    tables = [pa.ipc.open_stream(chunk).read_all() for chunk in chunks]
    return pa.concat_tables(tables).combine_chunks()
