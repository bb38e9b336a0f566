"""The last real step of a row."""

from __future__ import annotations

import keras

from trainer.layers.base import PACKAGE, LengthLayer
from trainer.layers.mask import Tensor, last_step


@keras.saving.register_keras_serializable(package=PACKAGE)
class LastStep(LengthLayer):
    """Picks each row's step at length - 1, not at the end of the padded axis.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].

    Input shape: [batch, steps, channels].
    Output shape: [batch, channels].

    Example:
      >>> vector = LastStep()(x, lengths)

    Masking behaviour: padded steps are not read; an empty row gives 0.
    """

    def call(self, sequence: Tensor, lengths: Tensor) -> Tensor:
        """Picks; see the class."""
        return last_step(sequence, self.checked(sequence, lengths))
