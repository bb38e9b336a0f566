"""A sequence plus a change to it."""

from __future__ import annotations

import keras
from keras import ops

from trainer.layers.base import PACKAGE, LengthLayer
from trainer.layers.mask import Tensor, clean


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedResidual(LengthLayer):
    """Adds two sequences of the same rows, steps and lengths.

    Call arguments:
      sequence: [batch, steps, channels].
      change: [batch, steps, channels], of the same lengths.
      lengths: integer[batch], of both.

    Input shape: as above.
    Output shape: [batch, steps, channels], and the lengths.

    Example:
      >>> change, _ = MaskedConv1D(64, 3)(x, lengths)
      >>> x, lengths = MaskedResidual()(x, change, lengths)

    Masking behaviour: padded steps are 0, whatever stands there in either input.
    """

    def call(self, sequence: Tensor, change: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Adds; see the class."""
        lengths = self.checked(sequence, lengths)
        if tuple(sequence.shape[2:]) != tuple(change.shape[2:]):
            raise ValueError(
                f"{self.name}: received {sequence.shape[-1]} and {change.shape[-1]} channels, expected the same "
                "number; project the sequence with MaskedDense first"
            )
        return ops.add(clean(sequence, lengths), clean(change, lengths)), lengths
