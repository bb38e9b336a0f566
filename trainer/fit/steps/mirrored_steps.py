"""Training and prediction steps on several devices with TensorFlow: every batch is divided among them by rows.

    batch of 8 rows, 2 devices      rows 0..3 -> device 0        each: predictions, loss, gradients of its own rows
                                    rows 4..7 -> device 1        device 0: gradients added, one optimizer step

tf.distribute.MirroredStrategy runs the model once on each device, at the same time, and lets layers add over all of
them (batch normalisation's moments). The variables are the ordinary ones of model and optimizer, on the first device;
a step hands their values to every replica and sets them once, from the sum of the gradients. So clipping, loss scale,
checkpoints and exports are those of one device, and no variable must be made in a strategy's scope. The price is one
copy of the weights to every device a step, where mirrored weights would cost one exchange of the gradients.

Summed losses, not means, are what every replica minimises: a row weighs the same on whichever device it is, and a
shard of nothing but zero-weight rows adds exactly 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops

from trainer.fit.compilation import all_layers
from trainer.fit.losses import example_losses, example_metric, weighted_sum
from trainer.input.batches import Batch
from trainer.layers.batch_normalization import MaskedBatchNormalization
from trainer.layers.replicas import replica_index
from trainer.layers.row_dropout import RowDropout

# Keeps the noise of replicas apart in layers that draw it for their own rows: the golden ratio, as 31 bits.
SEED_STRIDE = 1_327_217_885


class MirroredSteps:
    """The compiled steps of one model on several devices of TensorFlow.

    Args:
      model: a Keras model with dict inputs.
      optimizer: a Keras optimizer, built for the model's trainable variables.
      kind: of the label: binary, multiclass or regression.
      scale: factor from the sum of weighted losses of a batch to the loss that is minimised.
      jit: whether XLA compiles each replica; it does not where batch normalisation adds over the replicas.
      devices: names of at least two; the rows of a batch must be a multiple of their number.
    """

    def __init__(self, model: Any, optimizer: Any, kind: str, scale: float, jit: bool, devices: Sequence[str]) -> None:
        self.train_traces = 0
        self.predict_traces = 0
        self._model = model
        self._optimizer = optimizer
        self._kind = kind
        self._scale = scale
        self._devices = list(devices)
        self._strategy = tf.distribute.MirroredStrategy(self._devices)
        layers = all_layers(model)
        self._jit = jit and not any(isinstance(layer, MaskedBatchNormalization) for layer in layers)
        self._shared_noise = {
            id(layer.seed_generator.state) for layer in layers if isinstance(layer, RowDropout) and layer.rate
        }
        self._train_functions: dict[int, Any] = {}
        self._predict_functions: dict[int, Any] = {}

    def train(self, batch: Batch) -> tf.Tensor:
        """Takes one optimizer step; gives float32[3]: sums of weighted loss, weighted metric, weight."""
        shards = self._shards((dict(batch.features), batch.labels, batch.weights))
        return _call(self._train_functions, batch.shape, self._train_step, shards)

    def predict(self, batch: Batch) -> np.ndarray:
        """float32[real rows, outputs], the model in inference mode."""
        shards = self._shards((dict(batch.features),))
        return _call(self._predict_functions, batch.shape, self._predict_step, shards).numpy()[: batch.rows]

    def publish(self) -> None:
        """The steps work on the variables themselves, so there is nothing to write back."""

    def adopt(self) -> None:
        """The steps work on the variables themselves, so there is nothing to read."""

    def _shards(self, arrays: Any) -> list[Any]:
        """The rows of every device, on it."""
        count = len(self._devices)
        shards = []
        for index, device in enumerate(self._devices):
            with tf.device(device):
                shards.append(tf.nest.map_structure(lambda a, i=index: tf.constant(np.split(a, count)[i]), arrays))
        return shards

    def _train_step(self, shards: list[Any]) -> tf.Tensor:
        self.train_traces += 1
        trainable, fixed = self._values()
        loss_scale = self._optimizer.scale_loss(tf.constant(1.0))
        replicas = self._run(partial(self._gradients, trainable, fixed, loss_scale), shards)
        gradients = [_add(parts) for parts in zip(*(replica[0] for replica in replicas), strict=True)]
        self._optimizer.apply(gradients, self._model.trainable_variables)
        for variable, *parts in zip(
            self._model.non_trainable_variables, *(replica[1] for replica in replicas), strict=True
        ):
            # Statistics of layers that do not add over replicas are averaged; seeds have moved on alike in all.
            variable.assign(tf.add_n(parts) / len(parts) if parts[0].dtype.is_floating else parts[0])
        return tf.add_n([replica[2] for replica in replicas])

    def _gradients(
        self, trainable: list[tf.Tensor], fixed: list[tf.Tensor], loss_scale: tf.Tensor, index: int, shard: Any
    ) -> tuple[list[Any], list[tf.Tensor], tf.Tensor]:
        """One replica's part of a step: gradients, what its other variables became, and its sums."""
        features, labels, weights = shard
        moved = self._moved_seeds(fixed, index)
        with tf.GradientTape() as tape:
            tape.watch(trainable)
            predictions, fixed_after, penalties = self._model.stateless_call(
                trainable, moved, features, training=True, return_losses=True
            )
            total = weighted_sum(example_losses(self._kind, labels, predictions), weights)
            # A penalty is of the weights, not of rows: all replicas together count it once.
            loss = total * self._scale + sum(penalties) / len(self._devices)
            minimised = loss * loss_scale
        metric = weighted_sum(example_metric(self._kind, labels, predictions), weights)
        return tape.gradient(minimised, trainable), fixed_after, tf.stack([total, metric, ops.sum(weights)])

    def _predict_step(self, shards: list[Any]) -> tf.Tensor:
        self.predict_traces += 1
        return tf.concat(self._run(partial(self._predictions, *self._values()), shards), axis=0)

    def _predictions(self, trainable: list[tf.Tensor], fixed: list[tf.Tensor], index: int, shard: Any) -> tf.Tensor:
        predictions, _ = self._model.stateless_call(trainable, fixed, shard[0], training=False)
        return tf.cast(predictions, tf.float32)

    def _values(self) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """The values that all variables have before the step."""
        model = self._model
        trainable = [tf.convert_to_tensor(variable.value) for variable in model.trainable_variables]
        return trainable, [tf.convert_to_tensor(variable.value) for variable in model.non_trainable_variables]

    def _run(self, work: Callable[[int, Any], Any], shards: list[Any]) -> Sequence[Any]:
        """What every replica makes of its shard."""
        results: list[Any] = [None] * len(shards)

        def replica() -> tf.Tensor:
            index = replica_index()
            one: Callable[[Any], Any] = partial(work, index)
            if self._jit:
                one = tf.function(one, jit_compile=True, autograph=False)
            results[index] = one(shards[index])
            return tf.zeros([])

        self._strategy.run(replica)
        return results

    def _moved_seeds(self, fixed: list[tf.Tensor], index: int) -> list[tf.Tensor]:
        """The values with the seeds of all noise moved by replica, but of that drawn for the whole batch."""
        return [
            value + tf.constant([index * SEED_STRIDE, 0], value.dtype)
            if variable.path.endswith("seed_generator_state") and id(variable) not in self._shared_noise
            else value
            for variable, value in zip(self._model.non_trainable_variables, fixed, strict=True)
        ]


def _call(functions: dict[int, Any], shape: int, step: Any, shards: list[Any]) -> tf.Tensor:
    """Runs a step's function of one batch shape, traced at its first batch."""
    if shape not in functions:
        specs = tf.nest.map_structure(lambda value: tf.TensorSpec(value.shape, value.dtype), shards)
        functions[shape] = tf.function(step, autograph=False).get_concrete_function(specs)
    return functions[shape](shards)


def _add(parts: Sequence[Any]) -> Any:
    """The sum of one variable's gradients; that of an embedding stays a list of rows."""
    if isinstance(parts[0], tf.IndexedSlices):
        values, indices = (tf.concat([getattr(part, name) for part in parts], 0) for name in ("values", "indices"))
        return tf.IndexedSlices(values, indices, parts[0].dense_shape)
    return tf.add_n(parts)
