"""Dropout that drops whole channels of a row, the same ones at every step.

Noise drawn for every step has the shape of the padded batch: with a fixed seed every row but the first changes with the
padded length. Noise drawn for [batch, 1, channels] does not (Gal and Ghahramani 2016, for recurrent networks).
"""

from __future__ import annotations

from typing import Any

import keras

from trainer.layers.base import PACKAGE, LengthLayer
from trainer.layers.mask import Tensor, clean
from trainer.layers.row_dropout import RowDropout


@keras.saving.register_keras_serializable(package=PACKAGE)
class TimeSharedDropout(LengthLayer):
    """Drops channels of a row.

    Args:
      rate: share of channels dropped in training, in [0, 1).
      seed: of the noise.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].
      training: whether anything is dropped.

    Input shape: [batch, steps, channels].
    Output shape: the same, and the lengths.

    Example:
      >>> y, lengths = TimeSharedDropout(0.3)(x, lengths, training=True)

    Masking behaviour: the noise does not depend on the padded length; padded steps are 0.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"TimeSharedDropout: received rate={rate!r}, expected a share of at least 0 and below 1")
        self.rate = rate
        self.seed = seed
        self.dropout = RowDropout(rate, (None, 1, None), seed=seed, dtype=self.dtype_policy, name="dropout")

    def call(self, sequence: Tensor, lengths: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """Drops; see the class."""
        lengths = self.checked(sequence, lengths)
        return self.dropout(clean(sequence, lengths), training=training), lengths

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return super().get_config() | {"rate": self.rate, "seed": self.seed}
