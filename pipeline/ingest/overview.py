"""A look at ingested rows: rows and labels by split, lengths by sequence feature, an example of each reject reason.

Overviews are plain JSON values that merge in any order, so that a runner can build them in parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert.series import channel_count
from pipeline.rows import LABEL, SPLIT
from schemas.features import SeriesFeature
from schemas.spec import DatasetSpec

EXAMPLES = 3
Overview = dict[str, Any]


def overview_of_rows(spec: DatasetSpec, rows: pa.RecordBatch) -> Overview:
    """The overview of one canonical batch.

    Args:
      spec: the resolved spec.
      rows: canonical rows.
    """
    labels: dict[str, dict[str, int]] = {}
    if LABEL in rows.schema.names and pa.types.is_string(rows.schema.field(LABEL).type):
        table = pa.table({"split": rows.column(SPLIT), "label": rows.column(LABEL)})
        for row in table.group_by(["split", "label"]).aggregate([([], "count_all")]).to_pylist():
            labels.setdefault(row["label"], {})[row["split"]] = row["count_all"]
    splits = {row["values"]: row["counts"] for row in pc.value_counts(rows.column(SPLIT)).to_pylist()}
    lengths = {name: _length_summary(_lengths(spec, name, rows)) for name in spec.sequence_names if rows.num_rows}
    return {"splits": splits, "labels": labels, "lengths": lengths, "examples": {}}


def overview_of_reject(line: bytes) -> Overview:
    """The overview of one reject line."""
    reject = json.loads(line)
    return {"splits": {}, "labels": {}, "lengths": {}, "examples": {reject["reason"]: [reject]}}


def merge_overviews(overviews: Iterable[Overview]) -> Overview:
    """One overview out of several; of the examples of a reason the first few by file and position are kept."""
    merged: Overview = {"splits": {}, "labels": {}, "lengths": {}, "examples": {}}
    for part in overviews:
        for split, count in part["splits"].items():
            merged["splits"][split] = merged["splits"].get(split, 0) + count
        for label, by_split in part["labels"].items():
            into = merged["labels"].setdefault(label, {})
            for split, count in by_split.items():
                into[split] = into.get(split, 0) + count
        for name, summary in part["lengths"].items():
            known = merged["lengths"].get(name)
            merged["lengths"][name] = summary if known is None else _merge_lengths(known, summary)
        for reason, examples in part["examples"].items():
            kept = [*merged["examples"].get(reason, []), *examples]
            merged["examples"][reason] = sorted(kept, key=_place)[:EXAMPLES]
    return merged


def _place(reject: dict[str, Any]) -> tuple[str, int, str]:
    return reject["file"] or "", reject["position"] or 0, json.dumps(reject, sort_keys=True)


def _lengths(spec: DatasetSpec, name: str, rows: pa.RecordBatch) -> np.ndarray:
    """int64[rows]: steps, or bytes for text."""
    column, feature = rows.column(name), spec.features[name]
    if pa.types.is_string(column.type):
        return pc.binary_length(column).to_numpy(zero_copy_only=False)
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    return lengths // channel_count(feature) if isinstance(feature, SeriesFeature) else lengths


def _length_summary(lengths: np.ndarray) -> dict[str, int]:
    return {
        "rows": len(lengths),
        "empty": int((lengths == 0).sum()),
        "total": int(lengths.sum()),
        "shortest": int(lengths.min()),
        "longest": int(lengths.max()),
    }


def _merge_lengths(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    merged = {name: one[name] + other[name] for name in ("rows", "empty", "total")}
    return merged | {
        "shortest": min(one["shortest"], other["shortest"]),
        "longest": max(one["longest"], other["longest"]),
    }
