"""A row's real steps averaged by learned weights (Yang et al. 2016)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from trainer.layers.attention_weights import masked_softmax
from trainer.layers.base import PACKAGE, LengthLayer, check_positive
from trainer.layers.mask import Tensor, clean, length_mask


@keras.saving.register_keras_serializable(package=PACKAGE)
class AttentionPooling(LengthLayer):
    """Softmax over time of a small network's score, and the mean it gives.

    Args:
      units: hidden units of the score.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].

    Input shape: [batch, steps, channels].
    Output shape: [batch, channels].

    Example:
      >>> vector = AttentionPooling(64)(x, lengths)

    Masking behaviour: padded steps have weight 0; an empty row gives 0.
    """

    def __init__(self, units: int = 64, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_positive("AttentionPooling", units=units)
        self.units = units
        self.hidden = keras.layers.Dense(units, activation="tanh", dtype=self.dtype_policy, name="hidden")
        self.score = keras.layers.Dense(1, use_bias=False, dtype=self.dtype_policy, name="score")

    def build(self, sequence_shape: tuple[int | None, ...]) -> None:
        """Makes the weights of the score."""
        self.hidden.build(sequence_shape)
        self.score.build((*sequence_shape[:2], self.units))

    def call(self, sequence: Tensor, lengths: Tensor) -> Tensor:
        """Pools; see the class."""
        lengths = self.checked(sequence, lengths)
        sequence = clean(sequence, lengths)
        scores = self.score(self.hidden(sequence))[:, :, 0]
        weights = masked_softmax(scores, length_mask(lengths, ops.shape(sequence)[1]))
        pooled = ops.sum(ops.expand_dims(weights, -1) * ops.cast(sequence, weights.dtype), axis=1)
        return ops.cast(pooled, sequence.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return super().get_config() | {"units": self.units}
