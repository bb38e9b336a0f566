"""Each row normalised over its real steps, in groups of channels (Wu and He 2018).

With as many groups as channels this is instance normalisation. Keras's GroupNormalization hands a mask on and does not
read it: its moments change with the padded length.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from trainer.layers.base import PACKAGE, LengthLayer, check_positive
from trainer.layers.mask import Tensor, accumulation_dtype, clean, length_mask


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedGroupNormalization(LengthLayer):
    """Zero mean and unit variance over time and over the channels of a group, then a scale and an offset.

    Args:
      groups: of channels; must divide them.
      epsilon: added to the variance.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].

    Input shape: [batch, steps, channels].
    Output shape: the same, and the lengths.

    Example:
      >>> y, lengths = MaskedGroupNormalization(8)(x, lengths)

    Masking behaviour: moments are those of a row's real steps; padded steps are 0; an empty row stays 0.
    """

    def __init__(self, groups: int = 1, epsilon: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_positive("MaskedGroupNormalization", groups=groups)
        self.groups = groups
        self.epsilon = epsilon

    def build(self, sequence_shape: tuple[int | None, ...]) -> None:
        """Makes the scale and the offset."""
        channels = sequence_shape[-1]
        if channels is None or channels % self.groups:
            raise ValueError(
                f"{self.name}: received {channels} channels and {self.groups} groups, expected a multiple of the groups"
            )
        self.gamma = self.add_weight(name="gamma", shape=(channels,), initializer="ones")
        self.beta = self.add_weight(name="beta", shape=(channels,), initializer="zeros")

    def call(self, sequence: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Normalises; see the class."""
        lengths = self.checked(sequence, lengths)
        dtype = accumulation_dtype(keras.backend.standardize_dtype(sequence.dtype))
        steps, channels = ops.shape(sequence)[1], sequence.shape[-1]
        values = ops.cast(clean(sequence, lengths), dtype)
        values = ops.reshape(values, (-1, steps, self.groups, channels // self.groups))
        mask = length_mask(lengths, steps)[:, :, None, None]
        count = ops.cast(ops.maximum(lengths, 1), dtype)[:, None, None, None] * (channels // self.groups)
        zero = ops.cast(0, dtype)
        mean = ops.sum(values, axis=(1, 3), keepdims=True) / count
        values = ops.where(mask, values - mean, zero)
        variance = ops.sum(ops.square(values), axis=(1, 3), keepdims=True) / count
        values = values * ops.rsqrt(variance + self.epsilon)
        values = ops.cast(ops.reshape(values, (-1, steps, channels)), sequence.dtype)
        return clean(values * self.gamma + self.beta, lengths), lengths

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return super().get_config() | {"groups": self.groups, "epsilon": self.epsilon}
