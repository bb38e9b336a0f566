"""The SavedModel: raw rows in, predictions out.

Signatures:
  serving_default   examples string[batch], serialized tf.Examples of raw features
  serving_tensors   the same raw features as plain tensors
  transformed       examples string[batch] -> the model's inputs, as the transform graph and the padding give them

The first two give `probabilities` float32[batch, classes] and `class` string[batch], or `prediction` float32[batch].
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from schemas.errors import InputError
from schemas.manifest import FeatureInfo, Manifest
from trainer.input.shapes import BatchShape
from trainer.serving.padding import ServingPadder
from trainer.serving.raw_inputs import RawInputs


class ServingModule(tf.Module):
    """Transform graph, padding and model as one object that tf.saved_model.save can write.

    Args:
      model: a Keras model with dict inputs, on the TensorFlow backend.
      manifest: of the dataset that it was trained on.
      features: the model's features.
      shapes: the batch shapes.
      transform_directory: the dataset's transform_fn.
    """

    def __init__(
        self,
        model: Any,
        manifest: Manifest,
        features: Sequence[FeatureInfo],
        shapes: Sequence[BatchShape],
        transform_directory: Path,
    ) -> None:
        super().__init__(name="serving")
        self._transform = tf.saved_model.load(str(transform_directory))
        self._model_variables = [variable.value for variable in model.variables]
        self._model = _Untracked(model)
        if manifest.label is None:
            raise InputError(f"{manifest.name}: has no label, so there is no model of it to export")
        self._label = manifest.label
        read = {raw.name for feature in features for raw in feature.raw}
        specs = self._transform.transform_fn.structured_input_signature[0][0]
        optional = frozenset(raw.name for raw in manifest.raw_features if raw.name not in read)
        self._raw = _Untracked(RawInputs(manifest.raw_features, specs, optional))
        self._pad = _Untracked(ServingPadder(features, shapes))

    def signatures(self) -> dict[str, Any]:
        """The concrete functions to save, by signature name."""
        examples = tf.TensorSpec([None], tf.string, name="examples")
        tensors = self._raw.held.tensor_specs()
        return {
            "serving_default": tf.function(self.predict_examples, autograph=False).get_concrete_function(examples),
            "serving_tensors": tf.function(self._predict_tensors, autograph=False).get_concrete_function(**tensors),
            "transformed": tf.function(self.transform_examples, autograph=False).get_concrete_function(examples),
        }

    def predict_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Predictions for serialized tf.Examples of raw features, string[batch]."""
        return self._outputs(self.transform_examples(examples))

    def transform_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """The model's inputs for serialized tf.Examples of raw features, string[batch]."""
        return self._transformed(self._raw.held.parse(examples))

    def _predict_tensors(self, **tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._outputs(self._transformed(self._raw.held.from_tensors(tensors)))

    def _transformed(self, raw: dict[str, Any]) -> dict[str, tf.Tensor]:
        return self._pad.held(self._transform.transform_fn(raw))

    def _outputs(self, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        values = tf.cast(self._model.held(inputs, training=False), tf.float32)
        if self._label.kind == "regression":
            return {"prediction": values[:, 0]}
        if self._label.kind == "binary":
            values = tf.concat([1.0 - values, values], axis=1)
        classes = tf.constant(self._label.classes or [])
        return {"probabilities": values, "class": tf.gather(classes, _chosen(self._label.kind, values))}


class _Untracked:
    """Keeps an object out of the SavedModel: its operations are in the functions, its variables beside them."""

    def __init__(self, held: Any) -> None:
        self.held = held


def _chosen(kind: str, probabilities: tf.Tensor) -> tf.Tensor:
    """int64[batch]: the class that evaluation chooses, at exactly one half the positive one."""
    if kind == "binary":
        return tf.cast(probabilities[:, 1] >= 0.5, tf.int64)
    return tf.argmax(probabilities, axis=1)
