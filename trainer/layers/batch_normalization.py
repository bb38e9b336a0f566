"""Channels normalised over all real steps of a batch (Ioffe and Szegedy 2015).

A step counts once, whichever row it stands in; padded steps and filled-in rows of length 0 count nothing. A batch
without one real step leaves the moving statistics as they are: the stock layer drags them to 0.

Where several devices share a batch, its moments are those of all of their rows.

Outputs in training depend on the other rows of the batch, as everywhere with this layer; at inference they do not.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from trainer.layers.base import PACKAGE, LengthLayer
from trainer.layers.mask import Tensor, accumulation_dtype, clean, length_mask
from trainer.layers.replicas import sum_over_replicas


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedBatchNormalization(LengthLayer):
    """Zero mean and unit variance of every channel over the real steps, then a scale and an offset.

    Args:
      momentum: of the moving statistics.
      epsilon: added to the variance.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].
      training: whether the batch's moments are used, and the moving ones updated.

    Input shape: [batch, steps, channels].
    Output shape: the same, and the lengths.

    Example:
      >>> y, lengths = MaskedBatchNormalization()(x, lengths, training=True)

    Masking behaviour: moments and moving statistics are those of the real steps; padded steps are 0, not the offset.
    """

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, sequence_shape: tuple[int | None, ...]) -> None:
        """Makes the scale, the offset and the moving statistics."""
        shape = (sequence_shape[-1],)
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones")
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")
        fixed = {"trainable": False, "autocast": False}
        self.moving_mean = self.add_weight(name="moving_mean", shape=shape, initializer="zeros", **fixed)
        self.moving_variance = self.add_weight(name="moving_variance", shape=shape, initializer="ones", **fixed)

    def call(self, sequence: Tensor, lengths: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """Normalises; see the class."""
        lengths = self.checked(sequence, lengths)
        dtype = accumulation_dtype(keras.backend.standardize_dtype(sequence.dtype))
        values = ops.cast(clean(sequence, lengths), dtype)
        if training and self.trainable:
            mean, variance = self._moments(values, lengths, dtype)
        else:
            mean, variance = ops.cast(self.moving_mean, dtype), ops.cast(self.moving_variance, dtype)
        values = (values - mean) * ops.rsqrt(variance + self.epsilon)
        output = ops.cast(values, sequence.dtype) * self.gamma + self.beta
        return clean(output, lengths), lengths

    def _moments(self, values: Tensor, lengths: Tensor, dtype: str) -> tuple[Tensor, Tensor]:
        """Mean and variance of the real steps; moves the moving ones towards them."""
        steps = sum_over_replicas(ops.cast(ops.sum(lengths), dtype))
        count = ops.maximum(steps, 1)
        mask = length_mask(lengths, ops.shape(values)[1])[:, :, None]
        mean = sum_over_replicas(ops.sum(values, axis=(0, 1))) / count
        squares = ops.where(mask, ops.square(values - mean), ops.cast(0, dtype))
        variance = sum_over_replicas(ops.sum(squares, axis=(0, 1))) / count
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            old = ops.convert_to_tensor(moving.value)
            new = ops.cast(ops.stop_gradient(batch), old.dtype)
            moved = old * self.momentum + new * (1.0 - self.momentum)
            moving.assign(ops.where(steps > 0, moved, old))
        return mean, variance

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return super().get_config() | {"momentum": self.momentum, "epsilon": self.epsilon}
