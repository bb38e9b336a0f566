"""Canonical rows: the one Arrow form that all checked input takes, whatever file it came from.

    key      string           identity; a content hash when the spec names none
    split    string           "train", "validation" or "test"
    digest   binary[16]       hash of features and label: equal content, equal digest
    label    string | double  class as text ("1", "true", "spam"), or a number for regression; absent without a label
    NAME     one or two columns a feature, the raw features that the transform graph (and so serving) takes:

    text      NAME: string
    tokens    NAME: list<string>
    ids       NAME: list<int64>
    series    NAME: list<float32>, row-major steps * channels, NaN = missing
              NAME_time: list<float32>, one a step, counted from the first step (only with time_delta)
    number    NAME: float32, NaN = missing
    category  NAME: string, "" = missing
    vector    NAME: list<float32> of the fixed size

Assumes that ingest has checked every row: no nulls inside, no infinity, valid UTF-8, whole steps.
"""

from __future__ import annotations

import pyarrow as pa

from schemas.features import NumberFeature, SeriesFeature, VectorFeature
from schemas.manifest import RawFeature
from schemas.spec import DatasetSpec

KEY = "key"
SPLIT = "split"
DIGEST = "digest"
LABEL = "label"
DIGEST_BYTES = 16

_ARROW_TYPES = {
    ("string", "scalar"): pa.string(),
    ("string", "list"): pa.list_(pa.string()),
    ("int64", "list"): pa.list_(pa.int64()),
    ("float32", "scalar"): pa.float32(),
    ("float32", "list"): pa.list_(pa.float32()),
}


def raw_features(spec: DatasetSpec, name: str) -> list[RawFeature]:
    """The raw features behind spec feature `name`: what serving receives and canonical rows hold."""
    feature = spec.features[name]
    if isinstance(feature, SeriesFeature):
        values = [RawFeature(name=name, dtype="float32", shape="list")]
        return values + ([RawFeature(name=f"{name}_time", dtype="float32", shape="list")] if feature.time_delta else [])
    if isinstance(feature, VectorFeature):
        return [RawFeature(name=name, dtype="float32", shape="list")]
    if isinstance(feature, NumberFeature):
        return [RawFeature(name=name, dtype="float32", shape="scalar", default="nan")]
    if feature.kind in ("text", "category"):
        return [RawFeature(name=name, dtype="string", shape="scalar", default="")]
    return [RawFeature(name=name, dtype="string" if feature.kind == "tokens" else "int64", shape="list")]


def canonical_schema(spec: DatasetSpec) -> pa.Schema:
    """The Arrow schema of canonical rows for `spec`, in the column order above."""
    fields = [pa.field(KEY, pa.string()), pa.field(SPLIT, pa.string()), pa.field(DIGEST, pa.binary(DIGEST_BYTES))]
    if spec.label is not None:
        fields.append(pa.field(LABEL, pa.float64() if spec.label.kind == "regression" else pa.string()))
    for name in spec.features:
        for raw in raw_features(spec, name):
            fields.append(pa.field(raw.name, _ARROW_TYPES[raw.dtype, raw.shape]))
    return pa.schema(fields)
