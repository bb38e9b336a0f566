"""A series in four vectors: its mean, least, largest and last step, channel by channel."""

from __future__ import annotations

import keras
from keras import ops

from trainer.layers.base import PACKAGE, LengthLayer
from trainer.layers.global_max import largest_step
from trainer.layers.global_mean import mean_step
from trainer.layers.mask import Tensor, last_step


@keras.saving.register_keras_serializable(package=PACKAGE)
class SeriesSummary(LengthLayer):
    """Mean, minimum, maximum and last step over time, each as its inverse hyperbolic sine.

    arcsinh is the identity near 0 and a logarithm far from it, on both sides: a channel that nobody scaled, or one
    extreme step, cannot drown the others.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].

    Input shape: [batch, steps, channels].
    Output shape: [batch, 4 * channels]: all means, then all minima, maxima and last steps.

    Example:
      >>> vector = SeriesSummary()(x, lengths)

    Masking behaviour: only real steps are read; an empty row gives 0.
    """

    def call(self, sequence: Tensor, lengths: Tensor) -> Tensor:
        """Summarises; see the class."""
        lengths = self.checked(sequence, lengths)
        parts = [
            mean_step(sequence, lengths),
            -largest_step(-sequence, lengths),
            largest_step(sequence, lengths),
            last_step(sequence, lengths),
        ]
        return ops.arcsinh(ops.concatenate(parts, axis=-1))
