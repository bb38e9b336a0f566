"""The preprocessing function: raw features in, transformed features out, as one TensorFlow graph.

    text      string[batch]            -> NAME ragged int64 ids,     NAME_raw_length int64[batch]
    tokens    ragged string            -> the same
    ids       ragged int64             -> the same
    series    ragged float32, flat     -> NAME ragged float32, flat [steps * channels], NAME_raw_length
    number    float32[batch]           -> NAME float32[batch], or [batch, 2] with an indicator
    category  string[batch]            -> NAME int64[batch] id
    vector    float32[batch, size]     -> NAME float32[batch, size]

NAME_raw_length is the length before truncation. Steps of a series stay flat because ragged tensors with an inner
dimension do not pass through Arrow; readers divide by the number of channels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform as tft

from pipeline.transform import series
from pipeline.transform.channel_names import channel_names, output_channel_names
from pipeline.transform.found import Found
from pipeline.transform.tokenizers import tokenize_in_graph
from pipeline.transformed import RAW_LENGTH
from schemas.features import (
    RESERVED_IDS,
    UNKNOWN_ID,
    CategoryFeature,
    NumberFeature,
    SeriesFeature,
    TextFeature,
    TokenSequence,
    VectorFeature,
)
from schemas.spec import DatasetSpec

Tensors = dict[str, Any]


def make_preprocessing_fn(spec: DatasetSpec, findings: beam.PCollection) -> Callable[[Tensors], Tensors]:
    """Builds the preprocessing function of a dataset.

    Args:
      spec: a resolved spec (every series knows its channels).
      findings: a PCollection of one Findings, what analysis found in the train rows.

    Returns:
      The function that tf.Transform traces.
    """

    def preprocessing_fn(inputs: Tensors) -> Tensors:
        outputs: Tensors = {}
        for name, feature in spec.features.items():
            found = Found(name, findings)
            if isinstance(feature, TokenSequence):
                outputs.update(_token_sequence(name, feature, inputs[name], found))
            elif isinstance(feature, SeriesFeature):
                outputs.update(_series(name, feature, inputs, found))
            elif isinstance(feature, NumberFeature):
                outputs[name] = _number(name, feature, inputs[name], found)
            elif isinstance(feature, VectorFeature):
                outputs[name] = _vector(name, feature, inputs[name], found)
            else:
                outputs[name] = _category(name, feature, inputs[name], found)
        return outputs

    return preprocessing_fn


def _lookup(tokens: tf.Tensor, vocabulary: tf.Tensor) -> tf.Tensor:
    found = tft.apply_vocabulary(tokens, vocabulary, default_value=-1)
    return tf.where(found >= 0, found + RESERVED_IDS, tf.constant(UNKNOWN_ID, tf.int64))


def _token_sequence(name: str, feature: TokenSequence, raw: Any, found: Found) -> Tensors:
    tokens = tokenize_in_graph(raw, feature) if isinstance(feature, TextFeature) else raw
    kept = series.truncate(tokens.flat_values, tokens.row_splits, found.cap(raw), feature.truncate)
    values = kept.flat_values
    if isinstance(feature, TextFeature) and feature.tokenizer == "bytes":
        ids = values + RESERVED_IDS
    else:
        ids = _lookup(values if values.dtype == tf.string else tf.strings.as_string(values), found.vocabulary(raw))
    return {name: kept.with_flat_values(ids), f"{name}{RAW_LENGTH}": tokens.row_lengths()}


def _series(name: str, feature: SeriesFeature, inputs: Tensors, found: Found) -> Tensors:
    names = channel_names(name, feature)
    flat = inputs[name]
    row_splits = flat.row_splits // len(names)
    steps = tf.reshape(flat.flat_values, [-1, len(names)])
    steps = series.mark_missing(steps, feature.missing_values)
    moments = found.moments(flat, len(names))
    observed = tf.logical_not(tf.math.is_nan(steps))
    filled = series.forward_fill(steps, row_splits) if feature.missing == "forward_fill" else steps
    stand_in = tf.zeros_like(moments[0]) if feature.missing == "zero" else moments[0]
    filled = tf.where(tf.math.is_nan(filled), stand_in, filled)
    parts = [series.scale_values(filled, feature.scale, moments, feature.clip)]
    if feature.indicators:
        parts.append(tf.cast(observed, tf.float32))
    if feature.time_delta:
        times = inputs[f"{name}_time"]
        parts.append(series.time_since_last_step(times.flat_values, times.row_splits)[:, tf.newaxis])
    transformed = tf.concat(parts, axis=1)
    kept = series.truncate(transformed, row_splits, found.cap(flat), feature.truncate)
    channels = len(output_channel_names(name, feature))
    flat_kept = tf.RaggedTensor.from_row_splits(
        tf.reshape(kept.flat_values, [-1]), kept.row_splits * channels, validate=False
    )
    return {name: flat_kept, f"{name}{RAW_LENGTH}": row_splits[1:] - row_splits[:-1]}


def _number(name: str, feature: NumberFeature, raw: tf.Tensor, found: Found) -> tf.Tensor:
    values = series.mark_missing(raw, feature.missing_values)[:, tf.newaxis]
    moments = found.moments(raw, 1)
    observed = tf.logical_not(tf.math.is_nan(values))
    scaled = series.scale_values(tf.where(observed, values, moments[0]), feature.scale, moments, feature.clip)
    if feature.indicator:
        return tf.concat([scaled, tf.cast(observed, tf.float32)], axis=1)
    return scaled[:, 0]


def _vector(name: str, feature: VectorFeature, raw: tf.Tensor, found: Found) -> tf.Tensor:
    return series.scale_values(raw, feature.scale, found.moments(raw, feature.size), None)


def _category(name: str, feature: CategoryFeature, raw: tf.Tensor, found: Found) -> tf.Tensor:
    return _lookup(raw, found.vocabulary(raw))
