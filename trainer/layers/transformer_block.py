"""One block of a transformer encoder, normalised before each half (Xiong et al. 2020).

    x -> norm -> self-attention -> dropout -> + x -> norm -> dense -> activation -> dense -> dropout -> +

The lengths go round the residuals as an argument; a mask on the tensors would not survive the first sum.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from trainer.layers.base import PACKAGE, LengthLayer, check_positive
from trainer.layers.dense import MaskedDense
from trainer.layers.layer_normalization import MaskedLayerNormalization
from trainer.layers.mask import Tensor, clean
from trainer.layers.self_attention import MaskedSelfAttention
from trainer.layers.time_shared_dropout import TimeSharedDropout


@keras.saving.register_keras_serializable(package=PACKAGE)
class TransformerBlock(LengthLayer):
    """Self-attention and a position-wise network, each with a residual.

    Args:
      heads: attention heads; the channels are divided among them.
      feed_forward: units of the hidden layer.
      dropout: share of channels dropped after each half, the same ones at every step of a row.
      activation: of the hidden layer.
      causal: whether step t sees only steps 0..t.
      seed: of the dropout.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].
      training: whether dropout is applied.

    Input shape: [batch, steps, channels], channels a multiple of the heads.
    Output shape: the same, and the lengths.

    Example:
      >>> y, lengths = TransformerBlock(heads=4, feed_forward=256)(x, lengths)

    Masking behaviour: padded steps are never attended to and are 0 in the output, through any number of blocks.
    """

    def __init__(
        self,
        heads: int,
        feed_forward: int,
        dropout: float = 0.0,
        activation: Any = "gelu",
        causal: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_positive("TransformerBlock", heads=heads, feed_forward=feed_forward)
        self.heads = heads
        self.causal = causal
        self.seed = seed
        options = {"dtype": self.dtype_policy}
        self.attention_norm = MaskedLayerNormalization(name="attention_norm", **options)
        self.hidden_norm = MaskedLayerNormalization(name="hidden_norm", **options)
        self.hidden = MaskedDense(feed_forward, activation=activation, name="hidden", **options)
        self.attention_dropout = TimeSharedDropout(dropout, seed=seed, name="attention_dropout", **options)
        self.hidden_dropout = TimeSharedDropout(
            dropout, seed=None if seed is None else seed + 1, name="hidden_dropout", **options
        )

    def build(self, sequence_shape: tuple[int | None, ...]) -> None:
        """Makes the weights of both halves."""
        channels = sequence_shape[-1]
        if channels is None or channels % self.heads:
            raise ValueError(
                f"{self.name}: received {channels} channels and {self.heads} heads, expected a multiple of the heads"
            )
        options = {"dtype": self.dtype_policy}
        self.attention = MaskedSelfAttention(
            self.heads, channels // self.heads, causal=self.causal, name="attention", **options
        )
        self.projection = MaskedDense(channels, name="projection", **options)
        for layer in (self.attention_norm, self.attention, self.hidden_norm, self.hidden):
            layer.build(sequence_shape)
        self.projection.build((*sequence_shape[:2], self.hidden.dense.units))

    def call(self, sequence: Tensor, lengths: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """Runs both halves; see the class."""
        lengths = self.checked(sequence, lengths)
        sequence = clean(sequence, lengths)
        change, _ = self.attention(*self.attention_norm(sequence, lengths))
        change, _ = self.attention_dropout(change, lengths, training=training)
        sequence = ops.add(sequence, change)
        change, _ = self.projection(*self.hidden(*self.hidden_norm(sequence, lengths)))
        change, _ = self.hidden_dropout(change, lengths, training=training)
        return ops.add(sequence, change), lengths

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        inner = self.hidden.get_config()
        return super().get_config() | {
            "heads": self.heads,
            "feed_forward": inner["units"],
            "dropout": self.attention_dropout.rate,
            "activation": inner["activation"],
            "causal": self.causal,
            "seed": self.seed,
        }
