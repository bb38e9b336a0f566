"""Plain tables whose label (or some features) stands in a second file: rows wait for it, keyed, with their problems.

keyed rows     key string | row int64 | canonical columns of the input's own features | label | split | file split
               | reason | detail
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert import convert_feature, convert_label
from pipeline.ingest.convert.moments import TimeColumn
from pipeline.ingest.convert.scalars import as_text
from pipeline.ingest.files import InputFile
from pipeline.ingest.finishing import ROW, Converted
from pipeline.ingest.inputs import Inputs
from pipeline.ingest.labels import DETAIL, REASON, join_labels, joined_features
from pipeline.ingest.needs import column_of
from pipeline.ingest.plain import rejects_of, split_column_name
from pipeline.ingest.problems import Problems
from pipeline.ingest.raw import FILE_SHIFT, RawBatch
from pipeline.rows import KEY, LABEL, SPLIT, raw_features
from schemas.spec import DatasetSpec
from schemas.splits import ColumnSplit, InputSplit

FILE_SPLIT = "file split"


def keyed_rows(
    spec: DatasetSpec, inputs: Inputs, file: InputFile, batch: RawBatch, assign_split: bool
) -> tuple[pa.RecordBatch, list[bytes], dict[str, int]]:
    """(keyed rows, reject lines of rows that cannot be keyed, counts) of one raw batch."""
    problems = Problems(batch.num_rows)
    for column, wrong in batch.wrong_type.items():
        problems.flag(wrong, "type", f"{column}: a value of another type than the rest of the column")
    keys, missing, bad = as_text(batch.columns[str(spec.key)])
    problems.flag(missing | bad, "missing_key", f"{spec.key}: no key, or one that is not valid UTF-8 text or a number")
    keyless = missing | bad
    columns: dict[str, pa.Array] = {KEY: keys, ROW: pa.array(batch.positions | (file.index << FILE_SHIFT))}
    elsewhere = set(joined_features(spec, inputs))
    for name, feature in spec.features.items():
        if name not in elsewhere:
            time = getattr(feature, "time", None)
            times = None if time is None else TimeColumn(batch.columns[time], time in inputs.moments)
            raw = batch.columns.get(column_of(name, feature), pa.nulls(batch.num_rows))
            columns |= convert_feature(name, feature, raw, times, problems)
    if spec.label is not None and spec.label.column not in inputs.from_labels:
        columns[LABEL] = convert_label(spec.label, batch.columns[str(spec.label.column)], problems)
    split = split_column_name(spec)
    if assign_split and split is not None and split not in inputs.from_labels:
        columns[SPLIT] = batch.columns[split]
    if assign_split and isinstance(spec.splits, InputSplit):
        columns[FILE_SPLIT] = pa.array([file.split] * batch.num_rows, pa.string())
    rejected = Problems(batch.num_rows)
    rejected.inherit(problems, np.where(keyless, np.arange(batch.num_rows), -1))
    lines = rejects_of(file, batch, rejected, None)
    counts = {"rows_in": batch.num_rows + len(batch.malformed)}
    for reason, _ in lines:
        counts[f"rejected/{reason}"] = counts.get(f"rejected/{reason}", 0) + 1
    found = [problems.at(row) if wrong else (None, None) for row, wrong in enumerate(~problems.good)]
    columns[REASON] = pa.array([reason for reason, _ in found], pa.string())
    columns[DETAIL] = pa.array([detail for _, detail in found], pa.string())
    table = pa.RecordBatch.from_pydict(columns).filter(pa.array(~keyless))
    return table, [line for _, line in lines], counts


def join_rows(
    spec: DatasetSpec, inputs: Inputs, rows: pa.RecordBatch, labels: Sequence[pa.RecordBatch]
) -> tuple[Converted, Problems, dict[str, int]]:
    """(rows with everything they need, their problems, label counts) for all rows and label rows of some keys."""
    problems = Problems(rows.num_rows)
    reasons, details = rows.column(REASON), rows.column(DETAIL)
    for reason in reasons.unique().drop_null().to_pylist():
        flagged = pc.fill_null(pc.equal(reasons, reason), False).to_numpy(zero_copy_only=False)
        problems.flag(flagged, reason, lambda row: details[row].as_py())
    distinct = rows.column(KEY).dictionary_encode()
    place = distinct.indices.to_numpy(zero_copy_only=False)
    of_key = Problems(len(distinct.dictionary))
    joined = join_labels(spec, inputs, distinct.dictionary, labels, of_key)
    problems.inherit(of_key, place)
    features = {
        raw.name: joined.features[raw.name].take(pa.array(place))
        if raw.name in joined.features
        else rows.column(raw.name)
        for name in spec.features
        for raw in raw_features(spec, name)
    }
    label = None if joined.label is None else joined.label.take(pa.array(place))
    if LABEL in rows.schema.names:
        label = rows.column(LABEL)
    converted = Converted(
        features=features,
        label=label,
        keys=rows.column(KEY),
        rows=rows.column(ROW).to_numpy(zero_copy_only=False),
        split_column=_split_column(
            spec, inputs, rows, None if joined.split is None else joined.split.take(pa.array(place))
        ),
    )
    return converted, problems, joined.counts


def _split_column(
    spec: DatasetSpec, inputs: Inputs, rows: pa.RecordBatch, joined: pa.Array | None
) -> TimeColumn | None:
    name = split_column_name(spec)
    if FILE_SPLIT in rows.schema.names:
        return TimeColumn(rows.column(FILE_SPLIT), moments=False)
    if SPLIT in rows.schema.names:
        return TimeColumn(rows.column(SPLIT), name in inputs.moments)
    if joined is None:
        return None
    if isinstance(spec.splits, ColumnSplit) or name not in inputs.moments:
        return TimeColumn(joined, moments=False)
    return TimeColumn(joined.cast(pa.int64(), safe=False).cast(pa.timestamp("us", "UTC")), moments=True)
