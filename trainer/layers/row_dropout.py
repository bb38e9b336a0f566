"""Dropout whose noise belongs to the rows of a whole batch, also where several devices or cores share them.

Stock dropout gives the k-th row of every shard the same noise, because all start from one seed. Here each shard draws
the noise of the whole batch and takes that of its own rows: what is dropped does not depend on who shares the work.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from trainer.layers.base import PACKAGE
from trainer.layers.mask import Tensor
from trainer.layers.replicas import shard_count, shard_index


@keras.saving.register_keras_serializable(package=PACKAGE)
class RowDropout(keras.layers.Dropout):
    """keras.layers.Dropout for vectors [batch, channels] or sequences [batch, steps, channels].

    Args:
      rate: share of values dropped in training.
      noise_shape: as in keras.layers.Dropout; the first axis must be the rows.
      seed: of the noise.

    Masking behaviour: none; see `TimeSharedDropout` for sequences.
    """

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Drops, and scales what is left."""
        count = shard_count()
        if count == 1 or not training or self.rate == 0:
            return super().call(inputs, training=training)
        rows = ops.shape(inputs)[0]
        shape = [rows * count, *self._noise_shape_of(inputs)[1:]]
        noise = keras.random.uniform(shape, dtype=self.compute_dtype, seed=self.seed_generator)
        first = [shard_index() * rows] + [0] * (len(shape) - 1)
        kept = ops.slice(noise, first, [rows, *shape[1:]]) >= self.rate
        return ops.where(kept, inputs / (1.0 - self.rate), ops.zeros_like(inputs))

    def _noise_shape_of(self, inputs: Tensor) -> list[Any]:
        shape = ops.shape(inputs)
        given = self.noise_shape or (None,) * len(shape)
        return [size if fixed is None else fixed for size, fixed in zip(shape, given, strict=True)]
