"""The entry: rows padded before their steps, or with holes, to rows padded after them.

    side "pre"    [[0 0 4 5]   lengths [2 3]    ->   [[4 5 0 0]    lengths [2 3]
                   [0 6 7 8]]                         [6 7 8 0]]

    side "holes"  [[4 0 5 0]]  mask [[1 0 1 0]] ->   [[4 5 0 0]]   lengths [2]

Done once, so that every layer behind sees one form: windows start at the first real step, positions count from it, and
fused kernels need no mask. It is what a recurrent layer with a mask does anyway.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from trainer.layers.base import PACKAGE, LengthLayer, check_choice
from trainer.layers.mask import Tensor, clean, gather_steps

SIDES = ("post", "pre", "holes")


def compaction_index(lengths_or_mask: Tensor, steps: Tensor, side: str) -> tuple[Tensor, Tensor]:
    """Which input step each output step is, and the lengths.

    Args:
      lengths_or_mask: integer[batch] for "pre"; bool[batch, steps] for "holes".
      steps: padded steps.
      side: "pre" or "holes".

    Returns:
      int32[batch, steps], a permutation in every row, and int32[batch].
    """
    positions = ops.expand_dims(ops.arange(steps, dtype="int32"), 0)
    if side == "pre":
        lengths = ops.cast(lengths_or_mask, "int32")
        return (positions + steps - ops.expand_dims(lengths, 1)) % steps, lengths
    mask = ops.cast(lengths_or_mask, "bool")
    order = ops.where(mask, positions, positions + steps)
    return ops.cast(ops.argsort(order, axis=1), "int32"), ops.sum(ops.cast(mask, "int32"), axis=1)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Compact(LengthLayer):
    """Moves the real steps of every row to its start.

    Args:
      side: "post" (nothing to move: cleans and clips), "pre", or "holes" (any mask).

    Call arguments:
      sequence: [batch, steps] or [batch, steps, channels], any dtype.
      lengths: integer[batch]; bool[batch, steps], True = real, with side "holes". Lengths outside [0, steps] are
        clipped.

    Input shape: [batch, steps] or [batch, steps, channels].
    Output shape: the same, and int32[batch] lengths.

    Example:
      >>> x, lengths = Compact("pre")(ids, lengths)

    Masking behaviour: the same output for any amount of padding, before or between the steps, whatever stands in it.
    """

    def __init__(self, side: str = "post", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_choice("Compact", "side", side, SIDES)
        self.side = side

    def call(self, sequence: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Compacts; see the class."""
        steps = ops.shape(sequence)[1]
        if self.side != "holes":
            lengths = self.checked(sequence, lengths, rank=len(sequence.shape))
            lengths = ops.minimum(ops.maximum(lengths, 0), steps)
        if self.side != "post":
            index, lengths = compaction_index(lengths, steps, self.side)
            sequence = gather_steps(sequence, index)
        return clean(sequence, lengths), lengths

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return super().get_config() | {"side": self.side}
