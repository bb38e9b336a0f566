"""Steps of one sequence that read another of a different length; with itself, self-attention.

The mask of the keys is given explicitly, built from their lengths. Keras's MultiHeadAttention takes it from a tensor
attribute and erases that attribute while it runs, so that the second block of a residual encoder reads padding.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from trainer.layers.attention_weights import attend
from trainer.layers.base import PACKAGE, LengthLayer, check_positive
from trainer.layers.mask import Tensor, clean, length_mask


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedCrossAttention(LengthLayer):
    """Multi-head attention of one sequence to another.

    Args:
      heads: attention heads.
      key_dimension: channels of a head.
      output_dimension: channels of the output; those of the sequence when absent.
      causal: whether step t sees only steps 0..t of the other sequence.

    Call arguments:
      sequence: [batch, steps, channels], the queries.
      lengths: integer[batch], of the queries.
      other: [batch, other_steps, other_channels], the keys and values.
      other_lengths: integer[batch], of the keys.

    Input shape: as above; the two lengths are independent.
    Output shape: [batch, steps, output_dimension], and the lengths of the queries.

    Example:
      >>> y, text_lengths = MaskedCrossAttention(4, 16)(text, text_lengths, series, series_lengths)

    Masking behaviour: padded keys have weight 0; a row whose other sequence is empty attends to nothing (its output is
    the output bias); padded queries are 0.
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
        check_positive(type(self).__name__, heads=heads, key_dimension=key_dimension)
        if output_dimension is not None:
            check_positive(type(self).__name__, output_dimension=output_dimension)
        self.heads = heads
        self.key_dimension = key_dimension
        self.output_dimension = output_dimension
        self.causal = causal
        self.projections = {name: self._projection(name) for name in ("query", "key", "value")}

    def _projection(self, name: str) -> keras.layers.EinsumDense:
        return keras.layers.EinsumDense(
            "btc,chd->bthd",
            output_shape=(None, self.heads, self.key_dimension),
            bias_axes="hd",
            dtype=self.dtype_policy,
            name=name,
        )

    def build(self, sequence_shape: tuple[int | None, ...], other_shape: tuple[int | None, ...]) -> None:
        """Makes the projections."""
        for name, projection in self.projections.items():
            projection.build(sequence_shape if name == "query" else other_shape)
        self.output_projection = keras.layers.EinsumDense(
            "bthd,hdc->btc",
            output_shape=(None, self.output_dimension or sequence_shape[-1]),
            bias_axes="c",
            dtype=self.dtype_policy,
            name="output",
        )
        self.output_projection.build((*sequence_shape[:2], self.heads, self.key_dimension))

    def call(self, sequence: Tensor, lengths: Tensor, other: Tensor, other_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Attends; see the class."""
        lengths = self.checked(sequence, lengths)
        other_lengths = self.checked(other, other_lengths)
        sequence = clean(sequence, lengths)
        other = clean(other, other_lengths)
        steps, other_steps = ops.shape(sequence)[1], ops.shape(other)[1]
        mask = length_mask(other_lengths, other_steps)[:, None, None, :]
        if self.causal:
            mask = ops.logical_and(
                mask, ops.arange(other_steps)[None, None, None, :] <= ops.arange(steps)[None, None, :, None]
            )
        attended = attend(
            self.projections["query"](sequence), self.projections["key"](other), self.projections["value"](other), mask
        )
        return clean(self.output_projection(attended), lengths), lengths

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return super().get_config() | {
            "heads": self.heads,
            "key_dimension": self.key_dimension,
            "output_dimension": self.output_dimension,
            "causal": self.causal,
        }
