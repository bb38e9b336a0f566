"""One sequence after the other, without a gap.

a [[1 2 0]] length 2,  b [[7 8 9]] length 3   ->   [[1 2 7 8 9 0]] length 5
"""

from __future__ import annotations

import keras
from keras import ops

from trainer.layers.base import PACKAGE, LengthLayer
from trainer.layers.mask import Tensor, clean, gather_steps


@keras.saving.register_keras_serializable(package=PACKAGE)
class TimeJoin(LengthLayer):
    """Appends the real steps of one sequence to those of another.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].
      other: [batch, other_steps, channels].
      other_lengths: integer[batch].

    Input shape: as above; the same channels.
    Output shape: [batch, steps + other_steps, channels], and the sums of the lengths.

    Example:
      >>> y, lengths = TimeJoin()(title, title_lengths, text, text_lengths)

    Masking behaviour: the padding of the first sequence does not stand between the two.
    """

    def call(self, sequence: Tensor, lengths: Tensor, other: Tensor, other_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Joins; see the class."""
        lengths = self.checked(sequence, lengths)
        other_lengths = self.checked(other, other_lengths)
        if sequence.shape[-1] != other.shape[-1]:
            raise ValueError(
                f"{self.name}: received {sequence.shape[-1]} and {other.shape[-1]} channels, expected the same number; "
                "project one of the sequences with MaskedDense first"
            )
        steps, other_steps = ops.shape(sequence)[1], ops.shape(other)[1]
        both = ops.concatenate([clean(sequence, lengths), clean(other, other_lengths)], axis=1)
        positions = ops.expand_dims(ops.arange(steps + other_steps, dtype="int32"), 0)
        first = ops.expand_dims(lengths, 1)
        index = ops.where(positions < first, positions, positions - first + steps)
        joined = lengths + other_lengths
        return clean(gather_steps(both, ops.minimum(index, steps + other_steps - 1)), joined), joined
