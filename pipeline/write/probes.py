"""Probes: a few hundred rows kept both raw and transformed, the trainer's proof against training-serving skew.

The rows with the smallest digests are taken: as good as random, and the same in every run. They are picked twice,
once from canonical rows and once from transformed rows, and put together by digest and key.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import pyarrow as pa

from pipeline.examples import encode_examples
from pipeline.layout import Layout
from pipeline.rows import DIGEST, KEY, SPLIT, raw_features
from pipeline.transform.raw_schema import to_transform_batch
from pipeline.transformed import lengths_of
from pipeline.write.chunks import from_ipc, shard_columns, to_ipc
from pipeline.write.shards import STORED_TYPES, write_tfrecord
from schemas.manifest import FeatureInfo
from schemas.spec import DatasetSpec

PROBE_ROWS = 256
# Of very long rows fewer are kept, so that probes stay small beside the data.
PROBE_BYTES = 32 * 1024 * 1024


class SmallestDigests(beam.CombineFn):
    """The PROBE_ROWS rows with the smallest (digest, key), as Arrow IPC bytes of one batch; b"" of no rows."""

    def create_accumulator(self) -> list[Any]:
        return []

    def add_input(self, mutable_accumulator: list[Any], element: pa.RecordBatch) -> list[Any]:
        if element.num_rows:
            mutable_accumulator.append(_smallest(pa.Table.from_batches([element])))
        return [self._join(mutable_accumulator)] if len(mutable_accumulator) > 16 else mutable_accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Any]]) -> list[Any]:
        tables = [table for accumulator in accumulators for table in accumulator]
        return [self._join(tables)] if tables else []

    def extract_output(self, accumulator: list[Any]) -> bytes:
        if not accumulator:
            return b""
        return to_ipc(self._join(accumulator).combine_chunks().to_batches()[0])

    def _join(self, tables: list[pa.Table]) -> pa.Table:
        return _smallest(pa.concat_tables(tables))


def _smallest(table: pa.Table) -> pa.Table:
    identity = pa.table({DIGEST: _flat(table, DIGEST), KEY: _flat(table, KEY)})
    order = pa.compute.sort_indices(identity, sort_keys=[(DIGEST, "ascending"), (KEY, "ascending")])
    kept = table.take(order[:PROBE_ROWS]).combine_chunks()
    while kept.nbytes > PROBE_BYTES and kept.num_rows > 1:
        kept = kept.take(pa.array(range(kept.num_rows // 2)))
    return kept


def _flat(table: pa.Table, name: str) -> pa.ChunkedArray:
    column = table[name]
    if pa.types.is_list(column.type):
        column = pa.chunked_array([chunk.flatten() for chunk in column.chunks], column.type.value_type)
    return column.cast(pa.binary())


def write_probes(
    raw: bytes, transformed: bytes, spec: DatasetSpec, layout: Layout, features: list[FeatureInfo], path: str
) -> int:
    """Writes probes.tfrecord.

    Args:
      raw: canonical rows, from SmallestDigests.
      transformed: transformed rows, from SmallestDigests.
      spec: the resolved spec.
      layout: class names.
      features: every feature.
      path: the file to write, on any filesystem that Beam knows.

    Returns:
      Number of probes.
    """
    if not raw or not transformed:
        write_tfrecord([], path)
        return 0
    raw_rows = to_transform_batch(_one_batch(raw), spec)
    transformed_rows = _one_batch(transformed)
    raw_examples = dict(zip(_identities(raw_rows), _encode_raw(raw_rows, spec), strict=True))
    identities = _identities(transformed_rows)
    both = [index for index, identity in enumerate(identities) if identity in raw_examples]
    rows = transformed_rows.take(pa.array(both, pa.int64()))
    columns = _transformed_columns(rows, layout, features)
    columns["raw"] = _ones([raw_examples[identities[index]] for index in both])
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    write_tfrecord(encode_examples(batch), path)
    return batch.num_rows


def _one_batch(data: bytes) -> pa.RecordBatch:
    return from_ipc([data]).to_batches()[0]


def _identities(batch: pa.RecordBatch) -> list[tuple[bytes, bytes]]:
    digests, keys = batch.column(DIGEST).flatten().to_pylist(), batch.column(KEY).flatten().to_pylist()
    return list(zip(digests, keys, strict=True))


def _encode_raw(batch: pa.RecordBatch, spec: DatasetSpec) -> list[bytes]:
    return encode_examples(batch.select([raw.name for name in spec.features for raw in raw_features(spec, name)]))


def _transformed_columns(batch: pa.RecordBatch, layout: Layout, features: list[FeatureInfo]) -> dict[str, pa.Array]:
    table = shard_columns(batch, layout, features)
    columns = {name: table.column(name) for name in table.schema.names if name != DIGEST}
    columns = {
        name: column if isinstance(column, pa.ListArray) else _ones(column.to_pylist(), column.type)
        for name, column in columns.items()
    }
    columns[SPLIT] = batch.column(SPLIT)
    for feature in features:
        columns[feature.name] = columns[feature.name].cast(pa.list_(STORED_TYPES[feature.dtype]))
        if feature.is_sequence:
            columns[f"{feature.name}_length"] = _ones(lengths_of(batch, feature).tolist(), pa.int64())
    return columns


def _ones(values: list[Any], kind: pa.DataType | None = None) -> pa.ListArray:
    offsets = pa.array(range(len(values) + 1), pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array(values, kind or pa.binary()))
