"""A sequence that reads itself."""

from __future__ import annotations

from typing import Any

import keras

from trainer.layers.base import PACKAGE, LengthLayer
from trainer.layers.cross_attention import MaskedCrossAttention
from trainer.layers.mask import Tensor


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedSelfAttention(LengthLayer):
    """Multi-head attention among the real steps of each row.

    Args:
      heads: attention heads.
      key_dimension: channels of a head.
      output_dimension: channels of the output; those of the sequence when absent.
      causal: whether step t sees only steps 0..t.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].

    Input shape: [batch, steps, channels].
    Output shape: [batch, steps, output_dimension], and the lengths.

    Example:
      >>> y, lengths = MaskedSelfAttention(4, 16)(x, lengths)

    Masking behaviour: padded steps have weight 0 as keys and are 0 as queries.
    """

    def __init__(
        self,
        heads: int,
        key_dimension: int,
        output_dimension: int | None = None,
        causal: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.attention = MaskedCrossAttention(
            heads, key_dimension, output_dimension, causal, dtype=self.dtype_policy, name="attention"
        )

    def build(self, sequence_shape: tuple[int | None, ...]) -> None:
        """Makes the projections."""
        self.attention.build(sequence_shape, sequence_shape)

    def call(self, sequence: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Attends; see the class."""
        return self.attention(sequence, lengths, sequence, lengths)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        names = ("heads", "key_dimension", "output_dimension", "causal")
        return super().get_config() | {name: getattr(self.attention, name) for name in names}
