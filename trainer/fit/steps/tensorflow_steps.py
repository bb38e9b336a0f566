"""Training and prediction steps as TensorFlow functions, one concrete function a batch shape.

    batch of 8 rows      rows 0..3 -> gradients \\
                         rows 4..7 -> gradients  > added -> one optimizer step

A loop over time keeps one processor core busy, so on a CPU the rows of a batch are divided into parts, which run at the
same time. The gradients of a part are a pure function of rows and weights: it is compiled once a shape, before the
first step, several shapes at a time. The optimizer's step does not depend on the shape and is compiled once.

Concrete functions are held here by shape rather than left to tf.function's own cache, so that their number is known
and no shape can be traced twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops

from trainer.fit.compilation import Compilation, all_layers, is_seed
from trainer.fit.losses import example_losses, example_metric, weighted_sum
from trainer.input.batches import Batch
from trainer.layers.replicas import part_of_batch
from trainer.layers.row_dropout import RowDropout

# Keeps the noise of the parts of a batch apart: the golden ratio, as 31 bits.
SEED_STRIDE = 1_327_217_885


class TensorFlowSteps:
    """The compiled steps of one model on TensorFlow.

    Args:
      model: a Keras model with dict inputs.
      optimizer: a Keras optimizer, built for the model's trainable variables.
      kind: of the label: binary, multiclass or regression.
      scale: factor from the sum of weighted losses of a batch to the loss that is minimised.
      compilation: what XLA compiles, and how many parts a batch may be divided into.
    """

    def __init__(self, model: Any, optimizer: Any, kind: str, scale: float, compilation: Compilation) -> None:
        self.train_traces = 0
        self.predict_traces = 0
        self._model = model
        self._optimizer = optimizer
        self._kind = kind
        self._scale = scale
        self._compilation = compilation
        self._jit = compilation.train or None
        self._gradient_functions: dict[int, Any] = {}
        self._predict_functions: dict[int, Any] = {}
        self._apply: Any = None
        self._shared_noise = {  # seeds of noise that every shard draws for the whole batch
            id(layer.seed_generator.state)
            for layer in all_layers(model)
            if isinstance(layer, RowDropout) and layer.rate
        }

    def prepare(self, batches: Iterable[Batch]) -> None:
        """Compiles the training steps of some shapes, as many at a time as there are parts, and takes none.

        Args:
          batches: one of every shape.
        """
        if not self._jit:
            return
        # Python traces in this thread, one shape after the other, while XLA compiles in the others.
        with ThreadPoolExecutor(self._compilation.parts) as pool:
            for compiling in [pool.submit(_run_on_zeros, self._trace(batch)) for batch in batches]:
                compiling.result()

    def train(self, batch: Batch) -> tf.Tensor:
        """Takes one optimizer step; gives float32[3]: sums of weighted loss, weighted metric, weight."""
        function = self._gradient_functions.get(batch.shape) or self._trace(batch)
        gradients, moved, sums = function(*tf.nest.map_structure(tf.constant, arguments_of(batch)))
        self._apply(gradients, moved)
        return sums

    def predict(self, batch: Batch) -> np.ndarray:
        """float32[real rows, outputs], the model in inference mode."""
        function = self._predict_functions.get(batch.shape)
        features = dict(batch.features)
        if function is None:
            traced = tf.function(self._predict_step, jit_compile=self._compilation.predict or None, autograph=False)
            function = self._predict_functions[batch.shape] = traced.get_concrete_function(specs_of(features))
        return function(tf.nest.map_structure(tf.constant, features)).numpy()[: batch.rows]

    def publish(self) -> None:
        """The steps work on the variables themselves, so there is nothing to write back."""

    def adopt(self) -> None:
        """The steps work on the variables themselves, so there is nothing to read."""

    def _trace(self, batch: Batch) -> Any:
        """The function of the gradients of a batch of this shape."""
        arguments = arguments_of(batch)
        parts = self._compilation.parts_of(len(batch.weights))
        one_part = tf.nest.map_structure(lambda value: value[: len(value) // parts], arguments)
        of_part = tf.function(
            partial(self._gradients_of_part, parts), jit_compile=self._jit, autograph=False
        ).get_concrete_function(
            tf.TensorSpec([], tf.int32), *specs_of(self._values()), tf.TensorSpec([], tf.float32), *specs_of(one_part)
        )
        whole = tf.function(partial(self._gradients, of_part, parts), autograph=False)
        return self._keep(batch.shape, whole.get_concrete_function(*specs_of(arguments)))

    def _keep(self, shape: int, function: Any) -> Any:
        """Holds the function of the gradients of a shape, and makes that of the optimizer's step for what it gives."""
        self._gradient_functions[shape] = function
        if self._apply is None:
            apply = tf.function(self._apply_gradients, jit_compile=self._jit, autograph=False)
            self._apply = apply.get_concrete_function(*specs_of(function.structured_outputs[:2]))
        return function

    def _gradients(
        self, of_part: Any, parts: int, features: Mapping[str, tf.Tensor], labels: tf.Tensor, weights: tf.Tensor
    ) -> tuple[list[tf.Tensor], list[tf.Tensor], tf.Tensor]:
        """Gradients of a batch, what the other variables become, and its sums. Changes nothing."""
        trainable, fixed = self._values()
        loss_scale = self._optimizer.scale_loss(tf.constant(1.0))
        found = [
            of_part(tf.constant(index), trainable, self._moved_seeds(fixed, index), loss_scale, *rows)
            for index, rows in enumerate(_divide((features, labels, weights), parts))
        ]
        gradients = [tf.add_n(of_parts) for of_parts in zip(*(part[0] for part in found), strict=True)]
        return gradients, found[0][1], tf.add_n([part[2] for part in found])

    def _gradients_of_part(
        self,
        parts: int,
        index: tf.Tensor,
        trainable: list[tf.Tensor],
        fixed: list[tf.Tensor],
        loss_scale: tf.Tensor,
        features: Mapping[str, tf.Tensor],
        labels: tf.Tensor,
        weights: tf.Tensor,
    ) -> tuple[list[tf.Tensor], list[tf.Tensor], tf.Tensor]:
        """The same of one part."""
        self.train_traces += 1
        with part_of_batch(index, parts), tf.GradientTape() as tape:
            tape.watch(trainable)
            predictions, fixed_after, penalties = self._model.stateless_call(
                trainable, fixed, features, training=True, return_losses=True
            )
            total = weighted_sum(example_losses(self._kind, labels, predictions), weights)
            # A penalty is of the weights, not of rows: all parts together count it once.
            minimised = (total * self._scale + sum(penalties) / parts) * loss_scale
        gradients = [_dense(gradient) for gradient in tape.gradient(minimised, trainable)]
        metric = weighted_sum(example_metric(self._kind, labels, predictions), weights)
        return gradients, fixed_after, tf.stack([total, metric, ops.sum(weights)])

    def _apply_gradients(self, gradients: list[tf.Tensor], moved: list[tf.Tensor]) -> None:
        self._optimizer.apply(gradients, self._model.trainable_variables)
        for variable, value in zip(self._model.non_trainable_variables, moved, strict=True):
            variable.assign(value)

    def _predict_step(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        self.predict_traces += 1
        return tf.cast(self._model(features, training=False), tf.float32)

    def _values(self) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """What all variables of the model hold."""
        model = self._model
        groups = (model.trainable_variables, model.non_trainable_variables)
        trainable, fixed = ([tf.convert_to_tensor(variable.value) for variable in group] for group in groups)
        return trainable, fixed

    def _moved_seeds(self, fixed: list[tf.Tensor], index: int) -> list[tf.Tensor]:
        """The values with the seeds of all noise moved by part; those of the first part stay."""
        variables = self._model.non_trainable_variables
        return [
            value + tf.constant([index * SEED_STRIDE, 0], value.dtype)
            if index and is_seed(variable) and id(variable) not in self._shared_noise
            else value
            for variable, value in zip(variables, fixed, strict=True)
        ]


def arguments_of(batch: Batch) -> tuple[dict[str, np.ndarray], np.ndarray | None, np.ndarray]:
    """What a step is given of a batch: features, labels, weights."""
    return dict(batch.features), batch.labels, batch.weights


def specs_of(arguments: Any) -> Any:
    """The shape and dtype of every tensor."""
    return tf.nest.map_structure(lambda value: tf.TensorSpec(value.shape, value.dtype), arguments)


def _divide(arguments: Any, parts: int) -> list[Any]:
    """The rows of every tensor in equal parts."""
    flat = [tf.split(value, parts) for value in tf.nest.flatten(arguments)]
    return [tf.nest.pack_sequence_as(arguments, [pieces[index] for pieces in flat]) for index in range(parts)]


def _dense(gradient: Any) -> Any:
    """The gradient of an embedding as a table, each id's rows added.

    TensorFlow gives a list with a row for every occurrence of an id, and Keras's optimizers square, and take the norm
    of, every row for itself: Adam's second moment of an id that occurs often would be too small (seen: a first step of
    3.6 times the learning rate), and another one than on JAX.
    """
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, gradient.dense_shape[0])


def _run_on_zeros(function: Any) -> None:
    """Has XLA compile a function, which it does when the function first runs."""
    flat = [tf.zeros(spec.shape, spec.dtype) for spec in tf.nest.flatten(function.structured_input_signature)]
    arguments, keywords = tf.nest.pack_sequence_as(function.structured_input_signature, flat)
    function(*arguments, **keywords)
