"""Canonical rows as tf.Transform takes them: Arrow lists on one side, tensors on the other.

    canonical                  Arrow for tf.Transform     tensor
    string, float32            list of exactly one        [batch]
    list<...> of a vector      list of `size`             [batch, size]
    list<...> otherwise        list                       ragged [batch, (steps)]

The columns that only travel along (key, split, digest, label) are binary or double lists of one.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig

from pipeline.rows import DIGEST, KEY, LABEL, SPLIT, raw_features
from schemas.features import VectorFeature
from schemas.spec import DatasetSpec

_TRANSFORM_TYPES = {"string": pa.binary(), "int64": pa.int64(), "float32": pa.float32()}


def passthrough_names(spec: DatasetSpec) -> list[str]:
    """Columns that travel beside the features."""
    return [KEY, SPLIT, DIGEST] + ([LABEL] if spec.label is not None else [])


def transform_arrow_schema(spec: DatasetSpec) -> pa.Schema:
    """The Arrow schema of batches given to tf.Transform."""
    fields = [pa.field(name, pa.list_(_passthrough_type(spec, name))) for name in passthrough_names(spec)]
    for name in spec.features:
        fields += [pa.field(raw.name, pa.list_(_TRANSFORM_TYPES[raw.dtype])) for raw in raw_features(spec, name)]
    return pa.schema(fields)


def _passthrough_type(spec: DatasetSpec, name: str) -> pa.DataType:
    regression = spec.label is not None and spec.label.kind == "regression"
    return pa.float32() if name == LABEL and regression else pa.binary()


def to_transform_batch(batch: pa.RecordBatch, spec: DatasetSpec) -> pa.RecordBatch:
    """Wraps scalars into lists of one and views strings as bytes; no values are copied but regression labels."""
    columns = []
    schema = transform_arrow_schema(spec)
    for field in schema:
        column = batch.column(field.name)
        value_type = field.type.value_type
        if pa.types.is_list(column.type):
            values = column.values.cast(value_type)
            columns.append(pa.ListArray.from_arrays(column.offsets, values))
        else:
            offsets = pa.array(np.arange(len(column) + 1, dtype=np.int32))
            columns.append(pa.ListArray.from_arrays(offsets, column.cast(value_type)))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def tensor_adapter_config(spec: DatasetSpec) -> TensorAdapterConfig:
    """How each raw feature becomes a tensor."""
    representations = {}
    for name, feature in spec.features.items():
        for raw in raw_features(spec, name):
            representation = schema_pb2.TensorRepresentation()
            if raw.shape == "scalar" or isinstance(feature, VectorFeature):
                representation.dense_tensor.column_name = raw.name
                if isinstance(feature, VectorFeature):
                    representation.dense_tensor.shape.dim.add().size = feature.size
                else:
                    representation.dense_tensor.shape.SetInParent()
            else:
                representation.ragged_tensor.feature_path.step.append(raw.name)
                representation.ragged_tensor.row_partition_dtype = schema_pb2.TensorRepresentation.INT64
            representations[raw.name] = representation
    return TensorAdapterConfig(transform_arrow_schema(spec), representations)
