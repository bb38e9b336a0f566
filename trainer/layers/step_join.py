"""Two sequences of the same clock, joined step by step: channels side by side.

    a [[1 2 3]] length 3      "shorter" -> [[1 8] [2 9]]          length 2
    b [[8 9 0]] length 2      "longer"  -> [[1 8] [2 9] [3 0]]    length 3

Keras merges two masks by OR, or, with one of them missing, by all True, and does not say so. Here the rule is an
argument.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from trainer.layers.base import PACKAGE, LengthLayer, check_choice
from trainer.layers.mask import Tensor, clean


@keras.saving.register_keras_serializable(package=PACKAGE)
class StepJoin(LengthLayer):
    """Concatenates the channels of two sequences at every step.

    Args:
      rule: "shorter" keeps the steps that both have, "longer" those that either has, with zeros for the other.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].
      other: [batch, other_steps, other_channels].
      other_lengths: integer[batch].

    Input shape: as above; the padded lengths may differ.
    Output shape: [batch, max(steps, other_steps), channels + other_channels], and the lengths of the join.

    Example:
      >>> y, lengths = StepJoin("shorter")(speed, speed_lengths, height, height_lengths)

    Masking behaviour: both inputs are cleaned; steps past the joined length are 0.
    """

    def __init__(self, rule: str = "shorter", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_choice("StepJoin", "rule", rule, ("shorter", "longer"))
        self.rule = rule

    def call(self, sequence: Tensor, lengths: Tensor, other: Tensor, other_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Joins; see the class."""
        lengths = self.checked(sequence, lengths)
        other_lengths = self.checked(other, other_lengths)
        steps, other_steps = ops.shape(sequence)[1], ops.shape(other)[1]
        padded = [
            _pad_to(clean(sequence, lengths), other_steps, steps),
            _pad_to(clean(other, other_lengths), steps, other_steps),
        ]
        combine = ops.minimum if self.rule == "shorter" else ops.maximum
        joined = combine(lengths, other_lengths)
        return clean(ops.concatenate(padded, axis=-1), joined), joined

    def compute_output_spec(self, sequence: Tensor, lengths: Tensor, other: Tensor, other_lengths: Tensor) -> Any:
        """Shapes for symbolic inputs: the larger of two unknown step counts is unknown, which JAX cannot trace."""
        lengths = self.checked(sequence, lengths)
        self.checked(other, other_lengths)
        steps = [tensor.shape[1] for tensor in (sequence, other)]
        longest = None if None in steps else max(steps)
        channels = sequence.shape[2] + other.shape[2]
        joined = keras.KerasTensor((sequence.shape[0], longest, channels), dtype=self.compute_dtype)
        return joined, keras.KerasTensor(lengths.shape, dtype="int32")

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return super().get_config() | {"rule": self.rule}


def _pad_to(sequence: Tensor, wanted: Tensor, steps: Tensor) -> Tensor:
    """The sequence padded on the right to `wanted` steps, if it has fewer.

    Padded by all of `wanted` and cut, since neither number need be known while tracing.
    """
    longer = ops.concatenate([sequence, _zero_steps(sequence, wanted)], axis=1)
    if isinstance(wanted, int) and isinstance(steps, int):
        return longer[:, : max(wanted, steps)]
    return longer[:, : ops.maximum(wanted, steps)]


def _zero_steps(sequence: Tensor, steps: Tensor) -> Tensor:
    shape = ops.shape(sequence)
    return ops.zeros((shape[0], steps, shape[2]), dtype=sequence.dtype)
