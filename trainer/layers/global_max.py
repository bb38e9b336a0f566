"""The maximum of a row over its real steps."""

from __future__ import annotations

import keras
from keras import ops

from trainer.layers.base import PACKAGE, LengthLayer
from trainer.layers.mask import LOWEST, Tensor, fill, zero_empty_rows


def largest_step(sequence: Tensor, lengths: Tensor) -> Tensor:
    """The maximum over the real steps of every row, [batch, channels]; 0 for empty rows."""
    lowest = LOWEST[keras.backend.standardize_dtype(sequence.dtype)]
    return zero_empty_rows(ops.max(fill(sequence, lengths, lowest), axis=1), lengths)


@keras.saving.register_keras_serializable(package=PACKAGE)
class GlobalMaxPooling(LengthLayer):
    """Maximum over time, channel by channel.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].

    Input shape: [batch, steps, channels].
    Output shape: [batch, channels].

    Example:
      >>> vector = GlobalMaxPooling()(x, lengths)

    Masking behaviour: padded steps never are the maximum (a row of negative values gives a negative one); an empty row
    gives 0.
    """

    def call(self, sequence: Tensor, lengths: Tensor) -> Tensor:
        """Pools; see the class."""
        return largest_step(sequence, self.checked(sequence, lengths))
