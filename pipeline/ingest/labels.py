"""The label file: a second table with one row a key, joined to rows or entities.

    label batch    key string | canonical columns of the features it holds | label | split | reason | detail

A label row with a problem keeps it in `reason` and `detail`, and hands it to the row it is joined to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert import convert_feature, convert_label
from pipeline.ingest.convert.moments import TimeColumn, times_of
from pipeline.ingest.convert.scalars import as_text
from pipeline.ingest.files import InputFile
from pipeline.ingest.inputs import Inputs
from pipeline.ingest.keys import content_digests
from pipeline.ingest.needs import column_of, needed
from pipeline.ingest.plain import rejects_of, split_column_name
from pipeline.ingest.problems import REASONS, Problems
from pipeline.ingest.raw import RawBatch
from pipeline.rows import KEY, LABEL, SPLIT, raw_features
from schemas.spec import DatasetSpec
from schemas.splits import TimeSplit

REASON, DETAIL = "reason", "detail"


def label_columns(spec: DatasetSpec, inputs: Inputs) -> dict[str, str]:
    """The columns to read from the label files, each with its shape."""
    if spec.source.labels is None or not inputs.label_files:
        return {}
    shapes = {need.column: need.shape for need in needed(spec) if need.column in inputs.from_labels}
    return {spec.source.labels.key: "scalar"} | shapes


def joined_features(spec: DatasetSpec, inputs: Inputs) -> list[str]:
    """The features whose column stands in the label files."""
    return [
        name
        for name, feature in spec.features.items()
        if column_of(name, feature) in inputs.from_labels and getattr(feature, "channel", None) is None
    ]


def label_batch(
    spec: DatasetSpec, inputs: Inputs, file: InputFile, batch: RawBatch
) -> tuple[pa.RecordBatch, list[bytes], dict[str, int]]:
    """(label batch, reject lines, counts labels/in and labels/rejected) of one raw batch of a label file."""
    problems = Problems(batch.num_rows)
    for column, wrong in batch.wrong_type.items():
        problems.flag(wrong, "type", f"{column}: a value of another type than the rest of the column")
    raw_key = batch.columns[spec.source.labels.key] if spec.source.labels else pa.nulls(batch.num_rows)
    keys, missing, bad = as_text(raw_key)
    unusable = missing | bad
    columns: dict[str, pa.Array] = {}
    for name in joined_features(spec, inputs):
        feature = spec.features[name]
        raw = batch.columns.get(column_of(name, feature), pa.nulls(batch.num_rows))
        time = getattr(feature, "time", None)
        times = (
            TimeColumn(batch.columns.get(time, pa.nulls(batch.num_rows)), time in inputs.moments)
            if isinstance(time, str)
            else None
        )
        columns |= convert_feature(name, feature, raw, times, problems)
    if spec.label is not None and spec.label.column in inputs.from_labels:
        columns[LABEL] = convert_label(spec.label, batch.columns[str(spec.label.column)], problems)
    split = split_column_name(spec)
    if split is not None and split in inputs.from_labels:
        columns[SPLIT] = _split_values(spec, inputs, split, batch.columns[split])
    found = [problems.at(row) if bad else (None, None) for row, bad in enumerate(~problems.good)]
    columns[REASON] = pa.array([reason for reason, _ in found], pa.string())
    columns[DETAIL] = pa.array([detail for _, detail in found], pa.string())
    keyless = Problems(batch.num_rows)
    keyless.flag(unusable, "missing_key", "no key in the label file's key column")
    lines = rejects_of(file, batch, keyless, None)
    counts = {"labels/in": batch.num_rows + len(batch.malformed), "labels/rejected": len(lines)}
    table = pa.RecordBatch.from_pydict({KEY: keys, **columns}).filter(pa.array(~unusable))
    return table, [line for _, line in lines], counts


def _split_values(spec: DatasetSpec, inputs: Inputs, name: str, raw: pa.Array) -> pa.Array:
    if isinstance(spec.splits, TimeSplit):
        values, missing, unreadable = times_of(TimeColumn(raw, name in inputs.moments))
        return pa.array(values, mask=missing | unreadable)
    text, missing, bad = as_text(raw)
    return pc.if_else(pa.array(missing | bad), pa.scalar(None, pa.string()), text)


@dataclass(frozen=True)
class Joined:
    """Label rows matched to keys.

    Attributes:
      features: canonical columns by raw feature name, one value a key.
      label: the canonical label, one value a key; None when the label is not in the label file.
      split: the column that the split goes by; None when it is not in the label file.
      counts: labels/used, labels/unmatched, keys/without_label.
    """

    features: dict[str, pa.Array]
    label: pa.Array | None
    split: pa.Array | None
    counts: dict[str, int]


def join_labels(
    spec: DatasetSpec, inputs: Inputs, keys: pa.StringArray, batches: Sequence[pa.RecordBatch], problems: Problems
) -> Joined:
    """Looks every key up among label batches.

    Args:
      spec: the resolved spec.
      inputs: what was found of the input.
      keys: string[rows].
      batches: all label batches that hold any of these keys.
      problems: flagged with missing_label, label_conflict, and what the label rows bring with them.
    """
    labels = pa.concat_batches(list(batches)) if batches else _no_labels(spec, inputs)
    place, used = _places(keys, labels)
    found = place >= 0
    if LABEL in labels.schema.names or not labels.num_rows:
        problems.flag(~found, "missing_label", "no row in the label file has this key")
    _flag_conflicts(labels, place, problems)
    reasons = labels.column(REASON).take(pa.array(place, mask=~found))
    details = labels.column(DETAIL)

    def detail(row: int) -> str:
        return str(details[int(place[row])].as_py())

    for reason in reasons.unique().drop_null().to_pylist():
        rows = pc.fill_null(pc.equal(reasons, reason), False).to_numpy(zero_copy_only=False)
        problems.flag(rows, reason if reason in REASONS else "type", detail)
    counts = {
        "labels/used": int(used.sum()),
        "labels/unmatched": int((~used).sum()),
        "keys/without_label": int((~found).sum()),
    }
    features = {}
    for name in joined_features(spec, inputs):
        blank = Problems(1)
        default = convert_feature(name, spec.features[name], pa.nulls(1), _no_times(spec, inputs, name), blank)
        for raw in raw_features(spec, name):
            features[raw.name] = _take(labels.column(raw.name), default[raw.name], place)
        if spec.features[name].required:
            problems.flag(~found, "missing", f"{name}: no row in the label file has this key")
    label = None
    if LABEL in labels.schema.names:
        column = labels.column(LABEL)
        label = _take(column, pa.array([0.0 if pa.types.is_floating(column.type) else ""]), place)
    split = labels.column(SPLIT).take(pa.array(place, mask=~found)) if SPLIT in labels.schema.names else None
    return Joined(features, label, split, counts)


def _places(keys: pa.StringArray, labels: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
    """(int64[keys] first label row of each key, -1 without; bool[labels] rows whose key exists)."""
    first = labels.column(KEY)
    place = pc.fill_null(pc.index_in(keys, first), -1).to_numpy(zero_copy_only=False).astype(np.int64)
    used = pc.is_in(first, keys).to_numpy(zero_copy_only=False)
    return place, used.astype(bool)


def _flag_conflicts(labels: pa.RecordBatch, place: np.ndarray, problems: Problems) -> None:
    """Flags keys that have several label rows of different content."""
    encoded = labels.column(KEY).dictionary_encode()
    if len(encoded.dictionary) == labels.num_rows:
        return
    content = [
        pc.fill_null(column, 0 if pa.types.is_floating(column.type) else "") if column.null_count else column
        for name, column in zip(labels.schema.names, labels.columns, strict=True)
        if name not in (KEY, DETAIL)
    ]
    digests = content_digests(content).cast(pa.binary()).dictionary_encode().indices.to_numpy(zero_copy_only=False)
    key = encoded.indices.to_numpy(zero_copy_only=False)
    order = np.lexsort((digests, key))
    differs = (np.diff(key[order]) == 0) & (np.diff(digests[order]) != 0)
    conflicting = np.append(np.bincount(key[order][1:][differs], minlength=len(encoded.dictionary)) > 0, False)
    key_of_place = np.where(place >= 0, key[place], len(conflicting) - 1)
    problems.flag(conflicting[key_of_place], "label_conflict", "the label file has different rows for this key")


def _take(column: pa.Array, default: pa.Array, place: np.ndarray) -> pa.Array:
    """`column` at `place`, and `default` where that is -1."""
    extended = pa.concat_arrays([column, default.cast(column.type)])
    return extended.take(pa.array(np.where(place >= 0, place, len(column))))


def _no_times(spec: DatasetSpec, inputs: Inputs, name: str) -> TimeColumn | None:
    time = getattr(spec.features[name], "time", None)
    return None if time is None else TimeColumn(pa.nulls(1), time in inputs.moments)


def _no_labels(spec: DatasetSpec, inputs: Inputs) -> pa.RecordBatch:
    """A label batch without rows, for keys whose partition has none."""
    names = label_columns(spec, inputs)
    blank = RawBatch({name: pa.nulls(0) for name in names}, np.zeros(0, np.int64))
    return label_batch(spec, inputs, InputFile(0, "", "", None, 0), blank)[0]
