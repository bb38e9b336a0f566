"""Where a step stands in its row, counted from the first real step.

In the padded-after form that is the index on the time axis. A pre-padded batch whose positions are counted from the
start of the axis gives every row other positions in every bucket; `Compact` comes before this layer.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from trainer.layers.base import PACKAGE, LengthLayer, check_choice, check_positive
from trainer.layers.mask import Tensor, accumulation_dtype, clean


@keras.saving.register_keras_serializable(package=PACKAGE)
class PositionEncoding(LengthLayer):
    """Adds an encoding of the position to every real step.

    Args:
      kind: "sinusoidal" (Vaswani et al. 2017; any length) or "learned" (a table).
      maximum: rows of the learned table; later positions use its last row.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].

    Input shape: [batch, steps, channels].
    Output shape: the same, and the lengths.

    Example:
      >>> y, lengths = PositionEncoding()(x, lengths)

    Masking behaviour: a step's encoding depends on the real steps before it alone; padded steps are 0.
    """

    def __init__(self, kind: str = "sinusoidal", maximum: int = 512, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_choice("PositionEncoding", "kind", kind, ("sinusoidal", "learned"))
        check_positive("PositionEncoding", maximum=maximum)
        self.kind = kind
        self.maximum = maximum

    def build(self, sequence_shape: tuple[int | None, ...]) -> None:
        """Makes the table of learned positions."""
        if self.kind == "learned":
            self.table = self.add_weight(
                name="table",
                shape=(self.maximum, sequence_shape[-1]),
                initializer=keras.initializers.RandomNormal(stddev=0.02),
            )

    def call(self, sequence: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Adds the positions; see the class."""
        lengths = self.checked(sequence, lengths)
        positions = ops.arange(ops.shape(sequence)[1], dtype="int32")
        if self.kind == "learned":
            encoding = ops.take(self.table, ops.minimum(positions, self.maximum - 1), axis=0)
        else:
            dtype = accumulation_dtype(keras.backend.standardize_dtype(sequence.dtype))
            encoding = _sinusoids(ops.cast(positions, dtype), sequence.shape[-1], dtype)
        encoding = ops.expand_dims(ops.cast(encoding, sequence.dtype), 0)
        return clean(sequence + encoding, lengths), lengths

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return super().get_config() | {"kind": self.kind, "maximum": self.maximum}


def _sinusoids(positions: Tensor, channels: int, dtype: str) -> Tensor:
    """[steps, channels]: sines of falling frequency in the first half of the channels, cosines in the second."""
    half = (channels + 1) // 2
    frequencies = ops.exp(ops.arange(half, dtype=dtype) * (-math.log(10000.0) / max(half - 1, 1)))
    angles = ops.expand_dims(positions, 1) * ops.expand_dims(frequencies, 0)
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=1)[:, :channels]
