"""Padding inside the serving graph: every request is padded to the smallest bucket that covers its rows.

So a server sees the few shapes that the model was trained in, whatever is sent to it. A row longer than every bucket
(a feature without a length cap) pads its request to its own length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from schemas.manifest import FeatureInfo
from trainer.input.shapes import BatchShape


class ServingPadder:
    """Makes model inputs of transformed features.

    Args:
      features: the model's, as the manifest describes them.
      shapes: the batch shapes, cheapest first.
    """

    def __init__(self, features: Sequence[FeatureInfo], shapes: Sequence[BatchShape]) -> None:
        self._features = list(features)
        self._sequences = [feature for feature in features if feature.is_sequence]
        self._lengths = np.array([[s.lengths[f.name] for f in self._sequences] for s in shapes], np.int64)

    def __call__(self, transformed: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """Pads the sequences and shapes the context features.

        Args:
          transformed: the transform graph's outputs: ragged int64[batch, (steps)] ids, ragged
            float32[batch, (steps * channels)] series, dense context features.

        Returns:
          The model's inputs: name -> int64[batch, padded] or float32[batch, padded, channels], NAME_length, context.
        """
        lengths = {
            feature.name: transformed[feature.name].row_lengths() // (feature.channels or 1)
            for feature in self._sequences
        }
        padded = self._padded_lengths([tf.reduce_max(tf.concat([[0], lengths[f.name]], 0)) for f in self._sequences])
        inputs: dict[str, tf.Tensor] = {}
        for index, feature in enumerate(self._sequences):
            steps = padded[index]
            inputs[feature.name] = _pad(transformed[feature.name], feature, lengths[feature.name], steps)
            inputs[f"{feature.name}_length"] = lengths[feature.name]
        for feature in self._features:
            if not feature.is_sequence:
                value = transformed[feature.name]
                rank_one = feature.kind == "category"
                inputs[feature.name] = tf.reshape(value, [-1] if rank_one else [-1, feature.channels or 1])
        return inputs

    def _padded_lengths(self, longest: list[tf.Tensor]) -> tf.Tensor:
        """int64[sequences]: of the smallest shape that covers all; beyond all shapes, the lengths themselves."""
        need = tf.stack(longest)
        shapes = tf.constant(self._lengths)
        covers = tf.reduce_all(shapes >= need, axis=1)
        smallest = tf.gather(shapes, tf.argmax(tf.cast(covers, tf.int64)))
        return tf.where(tf.reduce_any(covers), smallest, tf.maximum(need, tf.reduce_max(shapes, axis=0)))


def _pad(values: Any, feature: FeatureInfo, lengths: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
    channels = feature.channels or 1
    rows = values.nrows()
    dense = values.to_tensor(shape=[None, None])
    dense = tf.pad(dense, [[0, 0], [0, steps * channels - tf.shape(dense, tf.int64)[1]]])
    if feature.kind == "series":
        dense = tf.ensure_shape(tf.reshape(dense, tf.stack([rows, steps, channels])), [None, None, channels])
    else:
        dense = tf.reshape(dense, tf.stack([rows, steps]))
    if feature.padding == "pre":
        # Real steps first and turned round, then everything turned round: padding first, real steps in order.
        dense = tf.reverse(tf.reverse_sequence(dense, lengths, seq_axis=1, batch_axis=0), [1])
    return dense
