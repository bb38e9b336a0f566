"""The mean of a row over its real steps."""

from __future__ import annotations

import keras
from keras import ops

from trainer.layers.base import PACKAGE, LengthLayer
from trainer.layers.mask import Tensor, accumulation_dtype, clean


def mean_step(sequence: Tensor, lengths: Tensor) -> Tensor:
    """The mean over the real steps of every row, [batch, channels]; 0 for empty rows."""
    dtype = accumulation_dtype(keras.backend.standardize_dtype(sequence.dtype))
    sums = ops.sum(ops.cast(clean(sequence, lengths), dtype), axis=1)
    counts = ops.cast(ops.maximum(lengths, 1), dtype)
    return ops.cast(sums / ops.expand_dims(counts, 1), sequence.dtype)


@keras.saving.register_keras_serializable(package=PACKAGE)
class GlobalMeanPooling(LengthLayer):
    """Mean over time, channel by channel.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].

    Input shape: [batch, steps, channels].
    Output shape: [batch, channels].

    Example:
      >>> vector = GlobalMeanPooling()(x, lengths)

    Masking behaviour: padded steps enter neither the sum nor the count; an empty row gives 0. Sums of half precision
    are kept in float32 (1000 steps of 100 overflow float16).
    """

    def call(self, sequence: Tensor, lengths: Tensor) -> Tensor:
        """Pools; see the class."""
        return mean_step(sequence, self.checked(sequence, lengths))
