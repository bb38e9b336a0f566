"""One shard: its rows put in order, padded to the bucket, encoded as tf.Examples, written as TFRecord."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from pipeline.examples import encode_examples
from pipeline.layout import Layout
from pipeline.padding import pad_ragged
from pipeline.rows import DIGEST, KEY, LABEL
from pipeline.whole_files import created_whole
from pipeline.write.chunks import ShardKey, from_ipc
from schemas.features import PADDING_ID
from schemas.manifest import FeatureInfo, ShardInfo

STORED_TYPES = {"int64": pa.int64(), "float32": pa.float32()}
# Rows encoded at once: keeps the padded copy of a shard's rows below some 16 MiB.
_ENCODED_STEPS = 1 << 21


@dataclass(frozen=True)
class WrittenShard:
    """A shard and what it holds.

    Attributes:
      split, bucket, shard: where it belongs.
      info: path relative to the dataset, rows, bytes, checksum.
      real_steps: steps before padding, by sequence feature.
    """

    split: str
    bucket: int
    shard: int
    info: ShardInfo
    real_steps: dict[str, int]


def shard_path(layout: Layout, key: ShardKey) -> str:
    """Path of a shard relative to the dataset: train/bucket-00096/data-00000-of-00004.tfrecord."""
    split, bucket, shard = key
    total = layout.shards[split, bucket]
    return f"{split}/{layout.plan.bucket_name(bucket)}/data-{shard:05d}-of-{total:05d}.tfrecord"


def write_shard(
    element: tuple[ShardKey, Iterable[bytes]], layout: Layout, features: list[FeatureInfo], directory: str
) -> WrittenShard:
    """Writes one shard.

    Args:
      element: (split, bucket, shard) and the chunks of its rows, in any order.
      layout: classes, buckets, shards.
      features: every feature, in the manifest's order.
      directory: the dataset's directory, on any filesystem that Beam knows.
    """
    key, chunks = element
    split, bucket, shard = key
    table = _in_order(from_ipc(chunks))
    sequences = [feature for feature in features if feature.is_sequence]
    padded_lengths = dict(zip((f.name for f in sequences), layout.plan.boundaries[bucket], strict=True))
    path = shard_path(layout, key)
    widest = max(length * (f.channels or 1) for f, length in zip(sequences, padded_lengths.values(), strict=True))
    rows_at_once = max(1, _ENCODED_STEPS // widest)
    real_steps = dict.fromkeys(padded_lengths, 0)
    records = []
    for start in range(0, table.num_rows, rows_at_once):
        batch = table.slice(start, rows_at_once).combine_chunks().to_batches()[0]
        padded, steps = pad_batch(batch, features, padded_lengths)
        records += encode_examples(padded)
        real_steps = {name: real_steps[name] + steps[name] for name in real_steps}
    size, checksum = write_tfrecord(records, FileSystems.join(directory, *path.split("/")))
    info = ShardInfo(path=path, rows=table.num_rows, bytes=size, sha256=checksum)
    return WrittenShard(split, bucket, shard, info, real_steps)


def _in_order(table: pa.Table) -> pa.Table:
    """Rows by digest, then key: an order that is as good as random, and the same however rows arrived."""
    order = sorted(
        range(table.num_rows),
        key=list(zip(_bytes_of(table, DIGEST), _bytes_of(table, KEY), strict=True)).__getitem__,
    )
    return table.take(pa.array(order, pa.int64()))


def _bytes_of(table: pa.Table, name: str) -> list[bytes]:
    return [value for chunk in table[name].chunks for value in chunk.flatten().to_pylist()]


def pad_batch(
    batch: pa.RecordBatch, features: list[FeatureInfo], padded_lengths: dict[str, int]
) -> tuple[pa.RecordBatch, dict[str, int]]:
    """Pads every sequence to its bucket and adds NAME_length.

    Args:
      batch: key, label and features of rows of one bucket.
      features: every feature.
      padded_lengths: steps by sequence feature.

    Returns:
      A batch of the columns a tf.Example has, and the real steps by sequence feature.
    """
    rows = batch.num_rows
    columns = {KEY: batch.column(KEY)}
    if LABEL in batch.schema.names:
        columns[LABEL] = _lists(batch.column(LABEL), rows)
    real_steps = {}
    for feature in features:
        column = batch.column(feature.name)
        if not feature.is_sequence:
            columns[feature.name] = column.cast(pa.list_(STORED_TYPES[feature.dtype]))
            continue
        offsets = column.offsets.to_numpy().astype(np.int64)
        values = column.values.to_numpy(zero_copy_only=False)
        if feature.kind == "series":
            offsets = offsets // feature.channels
            values = values.reshape(-1, feature.channels)
        padded = pad_ragged(values, offsets, padded_lengths[feature.name], feature.padding or "post", PADDING_ID)
        columns[feature.name] = _lists(pa.array(padded.reshape(-1).astype(feature.dtype, copy=False)), rows)
        lengths = np.diff(offsets)
        columns[f"{feature.name}_length"] = _lists(pa.array(lengths), rows)
        real_steps[feature.name] = int(lengths.sum())
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns)), real_steps


def _lists(values: pa.Array, rows: int) -> pa.ListArray:
    """Equal parts of flat values as lists, one a row."""
    if isinstance(values, pa.ListArray):
        return values
    width = len(values) // rows if rows else 0
    return pa.ListArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32) * width), values)


def write_tfrecord(records: list[bytes], path: str) -> tuple[int, str]:
    """Writes records to a TFRecord file on any filesystem that Beam knows.

    Returns:
      Size in bytes and SHA-256 of the file.
    """
    import tensorflow as tf

    digest = hashlib.sha256()
    size = 0
    with tempfile.TemporaryDirectory() as scratch:
        local = os.path.join(scratch, "shard.tfrecord")
        with tf.io.TFRecordWriter(local) as writer:
            for record in records:
                writer.write(record)
        with open(local, "rb") as source, created_whole(path) as target:
            while block := source.read(1 << 20):
                digest.update(block)
                target.write(block)
                size += len(block)
    return size, digest.hexdigest()
