"""Plain tables, one row an example: a raw batch in, finished rows and rejects out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.ingest.convert import convert_feature, convert_label
from pipeline.ingest.convert.moments import TimeColumn
from pipeline.ingest.convert.scalars import as_text
from pipeline.ingest.files import InputFile
from pipeline.ingest.finishing import Converted, finish
from pipeline.ingest.inputs import Inputs
from pipeline.ingest.needs import column_of
from pipeline.ingest.problems import Problems
from pipeline.ingest.raw import FILE_SHIFT, RawBatch
from pipeline.ingest.rejects import reject_line, shortened_row
from schemas.features import SeriesFeature
from schemas.spec import DatasetSpec
from schemas.splits import ColumnSplit, HashSplit, TimeSplit


@dataclass(frozen=True)
class Prepared:
    """What one batch became.

    Attributes:
      rows: finished rows.
      rejects: JSON lines.
      counts: partial counters, rows_in and rejected/REASON.
    """

    rows: pa.RecordBatch
    rejects: list[bytes]
    counts: dict[str, int]


def prepare(spec: DatasetSpec, inputs: Inputs, file: InputFile, batch: RawBatch, assign_split: bool = True) -> Prepared:
    """Converts, checks, keys and splits one batch of a plain table.

    Args:
      spec: the resolved spec; without a label for rows that are only predicted.
      inputs: what was found of the input.
      file: where the batch comes from.
      batch: the raw rows.
      assign_split: False for rows that are only predicted.
    """
    problems = Problems(batch.num_rows)
    for column, wrong in batch.wrong_type.items():
        problems.flag(wrong, "type", f"{column}: a value of another type than the rest of the column")
    keys = _keys(spec, batch, problems)
    converted = Converted(
        features=features_of(spec, inputs, batch.columns, batch.num_rows, problems),
        label=label_of(spec, batch.columns, batch.num_rows, problems),
        keys=keys,
        rows=batch.positions | (file.index << FILE_SHIFT),
        split_column=split_column(spec, inputs, batch.columns) if assign_split else None,
        split=file.split if assign_split else None,
    )
    rows = finish(spec, converted, problems, assign_split)
    rejects = rejects_of(file, batch, problems, keys)
    counts = {"rows_in": batch.num_rows + len(batch.malformed)}
    for reason, _ in rejects:
        counts[f"rejected/{reason}"] = counts.get(f"rejected/{reason}", 0) + 1
    return Prepared(rows, [line for _, line in rejects], counts)


def features_of(
    spec: DatasetSpec, inputs: Inputs, columns: Mapping[str, pa.Array], rows: int, problems: Problems
) -> dict[str, pa.Array]:
    """The canonical columns of all features, by raw feature name."""
    features: dict[str, pa.Array] = {}
    for name, feature in spec.features.items():
        time = None
        if isinstance(feature, SeriesFeature) and feature.time is not None:
            time = TimeColumn(columns.get(feature.time, pa.nulls(rows)), feature.time in inputs.moments)
        raw = columns.get(column_of(name, feature), pa.nulls(rows))
        features |= convert_feature(name, feature, raw, time, problems)
    return features


def label_of(spec: DatasetSpec, columns: Mapping[str, pa.Array], rows: int, problems: Problems) -> pa.Array | None:
    """The canonical label column; None without one."""
    if spec.label is None or spec.label.column is None:
        return None
    return convert_label(spec.label, columns.get(spec.label.column, pa.nulls(rows)), problems)


def split_column(spec: DatasetSpec, inputs: Inputs, columns: Mapping[str, pa.Array]) -> TimeColumn | None:
    """The column that the split goes by; None when it goes by the key or by the file."""
    name = split_column_name(spec)
    return None if name is None else TimeColumn(columns[name], name in inputs.moments)


def split_column_name(spec: DatasetSpec) -> str | None:
    """The name of the column that the split goes by; None when there is none."""
    if isinstance(spec.splits, HashSplit):
        return spec.splits.group
    return spec.splits.column if isinstance(spec.splits, TimeSplit | ColumnSplit) else None


def rejects_of(
    file: InputFile, batch: RawBatch, problems: Problems, keys: pa.StringArray | None
) -> list[tuple[str, bytes]]:
    """(reason, JSON line) of every malformed or flagged row of a batch."""
    lines = [
        ("malformed", reject_line("malformed", bad.detail, (file.path, bad.position), None, bad.text[:400]))
        for bad in batch.malformed
    ]
    for row in np.flatnonzero(~problems.good).tolist():
        reason, detail = problems.at(row)
        key = None if keys is None else keys[row].as_py() or None
        place = (file.path, int(batch.positions[row]))
        lines.append((reason, reject_line(reason, detail, place, key, shortened_row(batch.columns, row))))
    return lines


def _keys(spec: DatasetSpec, batch: RawBatch, problems: Problems) -> pa.StringArray | None:
    if spec.key is None:
        return None
    keys, missing, bad = as_text(batch.columns.get(spec.key, pa.nulls(batch.num_rows)))
    problems.flag(missing | bad, "missing_key", f"{spec.key}: no key, or one that is not valid UTF-8 text or a number")
    return keys
