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

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.fit.compilation import Compilation, all_layers
from trainer.fit.steps.tensorflow_steps import TensorFlowSteps, arguments_of, specs_of
from trainer.input.batches import Batch
from trainer.layers.batch_normalization import MaskedBatchNormalization
from trainer.layers.replicas import replica_index


class MirroredSteps(TensorFlowSteps):
    """The compiled steps of one model on several devices of TensorFlow.

    Args:
      model: a Keras model with dict inputs.
      optimizer: a Keras optimizer, built for the model's trainable variables.
      kind: of the label: binary, multiclass or regression.
      scale: factor from the sum of weighted losses of a batch to the loss that is minimised.
      compilation: whether XLA compiles each replica; it does not where batch normalisation adds over the replicas.
      devices: names of at least two; the rows of a batch must be a multiple of their number.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        kind: str,
        scale: float,
        compilation: Compilation,
        devices: Sequence[str],
    ) -> None:
        if any(isinstance(layer, MaskedBatchNormalization) for layer in all_layers(model)):
            compilation = Compilation()
        super().__init__(model, optimizer, kind, scale, compilation)
        self._devices = list(devices)
        self._strategy = tf.distribute.MirroredStrategy(self._devices)

    def prepare(self, batches: Iterable[Batch]) -> None:
        """Each shape is compiled, on all devices at once, when its first step is taken."""

    def train(self, batch: Batch) -> tf.Tensor:
        """Takes one optimizer step; gives float32[3]: sums of weighted loss, weighted metric, weight."""
        shards = self.shards(arguments_of(batch))
        function = self._gradient_functions.get(batch.shape)
        if function is None:
            function = self._keep(batch.shape, _traced(self._gradients_of_shards, shards))
        gradients, moved, sums = function(shards)
        self._apply(gradients, moved)
        return sums

    def predict(self, batch: Batch) -> np.ndarray:
        """float32[real rows, outputs], the model in inference mode."""
        shards = self.shards((dict(batch.features),))
        if batch.shape not in self._predict_functions:
            self._predict_functions[batch.shape] = _traced(self._predictions_of_shards, shards)
        return self._predict_functions[batch.shape](shards).numpy()[: batch.rows]

    def shards(self, arrays: Any) -> list[Any]:
        """The rows of every device, on it.

        Args:
          arrays: a structure of arrays with the rows of a batch as their first axis.
        """
        count = len(self._devices)
        shards = []
        for index, device in enumerate(self._devices):
            with tf.device(device):
                shards.append(tf.nest.map_structure(lambda a, i=index: tf.constant(np.split(a, count)[i]), arrays))
        return shards

    def _gradients_of_shards(self, shards: list[Any]) -> tuple[list[tf.Tensor], list[tf.Tensor], tf.Tensor]:
        trainable, fixed = self._values()
        loss_scale = self._optimizer.scale_loss(tf.constant(1.0))

        def work(index: int, shard: Any) -> Any:
            moved = self._moved_seeds(fixed, index)
            return self._gradients_of_part(len(shards), tf.constant(index), trainable, moved, loss_scale, *shard)

        found = self._run(work, shards, bool(self._compilation.train))
        gradients = [tf.add_n(parts) for parts in zip(*(replica[0] for replica in found), strict=True)]
        # Statistics of layers that do not add over replicas are averaged; seeds have moved on alike in all.
        moved = [
            tf.add_n(parts) / len(parts) if parts[0].dtype.is_floating else parts[0]
            for parts in zip(*(replica[1] for replica in found), strict=True)
        ]
        return gradients, moved, tf.add_n([replica[2] for replica in found])

    def _predictions_of_shards(self, shards: list[Any]) -> tf.Tensor:
        trainable, fixed = self._values()

        def work(index: int, shard: Any) -> tf.Tensor:
            self.predict_traces += 1
            predictions, _ = self._model.stateless_call(trainable, fixed, shard[0], training=False)
            return tf.cast(predictions, tf.float32)

        return tf.concat(self._run(work, shards, self._compilation.predict), axis=0)

    def _run(self, work: Callable[[int, Any], Any], shards: list[Any], jit: bool) -> list[Any]:
        """What every replica makes of its shard."""
        results: list[Any] = [None] * len(shards)

        def replica() -> tf.Tensor:
            index = replica_index()
            one: Callable[[Any], Any] = partial(work, index)
            if jit:
                one = tf.function(one, jit_compile=True, autograph=False)
            results[index] = one(shards[index])
            return tf.zeros([])

        self._strategy.run(replica)
        return results


def _traced(step: Any, shards: list[Any]) -> Any:
    return tf.function(step, autograph=False).get_concrete_function(specs_of(shards))
