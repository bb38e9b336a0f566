"""Training and prediction steps as TensorFlow functions, one concrete function a batch shape.

Concrete functions are held here by shape rather than left to tf.function's own cache, so that their number is known
and no shape can be traced twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops

from trainer.fit.losses import example_losses, example_metric, weighted_sum
from trainer.input.batches import Batch


class TensorFlowSteps:
    """The compiled steps of one model on TensorFlow.

    Args:
      model: a Keras model with dict inputs.
      optimizer: a Keras optimizer, built for the model's trainable variables.
      kind: of the label: binary, multiclass or regression.
      scale: factor from the sum of weighted losses of a batch to the loss that is minimised.
      jit: whether to compile with XLA.
    """

    def __init__(self, model: Any, optimizer: Any, kind: str, scale: float, jit: bool) -> None:
        self.train_traces = 0
        self.predict_traces = 0
        self._model = model
        self._optimizer = optimizer
        self._kind = kind
        self._scale = scale
        self._jit = jit
        self._train_functions: dict[int, Any] = {}
        self._predict_functions: dict[int, Any] = {}

    def train(self, batch: Batch) -> tf.Tensor:
        """Takes one optimizer step; gives float32[3]: sums of weighted loss, weighted metric, weight."""
        arguments = (dict(batch.features), batch.labels, batch.weights)
        function = self._train_functions.get(batch.shape)
        if function is None:
            traced = tf.function(self._train_step, jit_compile=self._jit or None, autograph=False)
            function = self._train_functions[batch.shape] = traced.get_concrete_function(*_specs(arguments))
        return function(*tf.nest.map_structure(tf.constant, arguments))

    def predict(self, batch: Batch) -> np.ndarray:
        """float32[real rows, outputs], the model in inference mode."""
        function = self._predict_functions.get(batch.shape)
        arguments = (dict(batch.features),)
        if function is None:
            traced = tf.function(self._predict_step, jit_compile=self._jit or None, autograph=False)
            function = self._predict_functions[batch.shape] = traced.get_concrete_function(*_specs(arguments))
        return function(*tf.nest.map_structure(tf.constant, arguments)).numpy()[: batch.rows]

    def publish(self) -> None:
        """The steps work on the variables themselves, so there is nothing to write back."""

    def adopt(self) -> None:
        """The steps work on the variables themselves, so there is nothing to read."""

    def _train_step(self, features: Mapping[str, tf.Tensor], labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        self.train_traces += 1
        variables = self._model.trainable_variables
        with tf.GradientTape() as tape:
            predictions = self._model(features, training=True)
            total = weighted_sum(example_losses(self._kind, labels, predictions), weights)
            loss = total * self._scale + sum(self._model.losses)
            minimised = self._optimizer.scale_loss(loss)
        gradients = tape.gradient(minimised, [variable.value for variable in variables])
        self._optimizer.apply(gradients, variables)
        metric = weighted_sum(example_metric(self._kind, labels, predictions), weights)
        return tf.stack([total, metric, ops.sum(weights)])

    def _predict_step(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        self.predict_traces += 1
        return tf.cast(self._model(features, training=False), tf.float32)


def _specs(arguments: Any) -> Any:
    return tf.nest.map_structure(lambda value: tf.TensorSpec(value.shape, value.dtype), arguments)
