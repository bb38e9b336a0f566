"""From converted columns to finished rows: drop what is flagged, then digest, key and split.

Finished rows are canonical rows with two columns more, which the search for duplicates needs:

    row        int64    file index << 40 | position, or a partition's own numbering for entities; unique
    key_hash   uint64   hash of the key, for partitioning
    split_hash uint64   hash of label and key, only when splits are stratified: then the split is assigned later
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.ingest.convert.moments import TimeColumn
from pipeline.ingest.keys import content_digests, hash_texts, hexadecimal
from pipeline.ingest.problems import Problems
from pipeline.ingest.splitting import by_column, by_group, by_hash, by_time
from pipeline.ingest.stratifying import class_hashes
from pipeline.rows import DIGEST, KEY, LABEL, SPLIT, canonical_schema
from schemas.spec import DatasetSpec
from schemas.splits import SPLIT_NAMES, ColumnSplit, HashSplit, InputSplit, TimeSplit

ROW = "row"
KEY_HASH = "key_hash"
SPLIT_HASH = "split_hash"


@dataclass(frozen=True)
class Converted:
    """Rows after conversion, before those with problems are dropped; all arrays have one value a row.

    Attributes:
      features: canonical columns by raw feature name.
      label: the canonical label; None without one.
      keys: string[rows] without nulls; None when the content is the key.
      owners: string[rows], what a hash split goes by; None when that is the key (windows belong to their entity).
      split_column: the column the split goes by, where it goes by one.
      split: the name of the split that the whole file belongs to, when inputs are separate.
      rows: int64[rows], unique row ids.
    """

    features: dict[str, pa.Array]
    label: pa.Array | None
    keys: pa.StringArray | None
    rows: np.ndarray
    owners: pa.StringArray | None = None
    split_column: TimeColumn | None = None
    split: str | None = None


def finished_schema(spec: DatasetSpec) -> pa.Schema:
    """The Arrow schema of finished rows."""
    schema = canonical_schema(spec)
    schema = schema.append(pa.field(ROW, pa.int64())).append(pa.field(KEY_HASH, pa.uint64()))
    return schema.append(pa.field(SPLIT_HASH, pa.uint64())) if stratifies(spec) else schema


def stratifies(spec: DatasetSpec) -> bool:
    """Whether splits are cut within each class, which takes a look at all rows first."""
    return isinstance(spec.splits, HashSplit) and spec.splits.stratify


def finish(spec: DatasetSpec, converted: Converted, problems: Problems, assign_split: bool = True) -> pa.RecordBatch:
    """Finished rows, those with problems dropped.

    Args:
      spec: the resolved spec.
      converted: the rows.
      problems: what was found so far; rows whose split cannot be told are flagged here.
      assign_split: False leaves `split` empty, for rows that are only predicted.
    """
    codes = _split_by_column(spec, converted, problems) if assign_split else np.zeros(len(converted.rows), np.int8)
    good = problems.good
    kept = (lambda array: array) if good.all() else (lambda array: array.filter(pa.array(good)))
    features = {name: kept(array) for name, array in converted.features.items()}
    label = None if converted.label is None else kept(converted.label)
    digests = content_digests([*features.values(), *([] if label is None else [label])])
    keys = hexadecimal(digests) if converted.keys is None else kept(converted.keys)
    salt = spec.splits.salt if isinstance(spec.splits, HashSplit) else ""
    key_hashes = hash_texts(keys, salt)
    hashes = key_hashes if converted.owners is None else hash_texts(kept(converted.owners), salt)
    if codes is None:
        codes = by_hash(spec.splits, hashes) if isinstance(spec.splits, HashSplit) else np.zeros(len(keys), np.int8)
    else:
        codes = codes[good]
    names = pa.array(SPLIT_NAMES if assign_split else [""] * len(SPLIT_NAMES))
    columns = {KEY: keys, SPLIT: names.take(pa.array(codes)), DIGEST: digests, LABEL: label, **features}
    columns |= {ROW: pa.array(converted.rows[good]), KEY_HASH: pa.array(key_hashes)}
    if stratifies(spec):
        columns[SPLIT_HASH] = pa.array(class_hashes(label, hashes))
    schema = finished_schema(spec)
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _split_by_column(spec: DatasetSpec, converted: Converted, problems: Problems) -> np.ndarray | None:
    """int8[rows] where a column or the file tells the split; None where the hash of the key does."""
    splits, column = spec.splits, converted.split_column
    if converted.split is not None:
        return np.full(len(converted.rows), SPLIT_NAMES.index(converted.split), dtype=np.int8)
    if isinstance(splits, HashSplit) and splits.group is not None and column is not None:
        return by_group(splits, column.array, problems)
    if isinstance(splits, TimeSplit) and column is not None:
        return by_time(splits, column, problems)
    if isinstance(splits, InputSplit) and column is not None:
        return by_column(ColumnSplit(by="column", column="input"), column.array, problems)
    if isinstance(splits, ColumnSplit) and column is not None:
        return by_column(splits, column.array, problems)
    return None
