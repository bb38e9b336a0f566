"""Each step normalised over its own channels (Ba et al. 2016)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from trainer.layers.base import PACKAGE, LengthLayer
from trainer.layers.mask import Tensor, accumulation_dtype, clean


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedLayerNormalization(LengthLayer):
    """Zero mean and unit variance over the channels of every real step, then a scale and an offset.

    Args:
      epsilon: added to the variance.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].

    Input shape: [batch, steps, channels].
    Output shape: the same, and the lengths.

    Example:
      >>> y, lengths = MaskedLayerNormalization()(x, lengths)

    Masking behaviour: padded steps are 0, not the offset. Moments of half precision are kept in float32.
    """

    def __init__(self, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, sequence_shape: tuple[int | None, ...]) -> None:
        """Makes the scale and the offset."""
        self.gamma = self.add_weight(name="gamma", shape=(sequence_shape[-1],), initializer="ones")
        self.beta = self.add_weight(name="beta", shape=(sequence_shape[-1],), initializer="zeros")

    def call(self, sequence: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Normalises; see the class."""
        lengths = self.checked(sequence, lengths)
        dtype = accumulation_dtype(keras.backend.standardize_dtype(sequence.dtype))
        values = ops.cast(clean(sequence, lengths), dtype)
        values = values - ops.mean(values, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(values), axis=-1, keepdims=True)
        values = values * ops.rsqrt(variance + self.epsilon)
        output = ops.cast(values, sequence.dtype) * self.gamma + self.beta
        return clean(output, lengths), lengths

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return super().get_config() | {"epsilon": self.epsilon}
