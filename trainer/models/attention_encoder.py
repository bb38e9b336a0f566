"""A sequence through a transformer encoder."""

from __future__ import annotations

from trainer.layers.dense import MaskedDense
from trainer.layers.layer_normalization import MaskedLayerNormalization
from trainer.layers.positions import PositionEncoding
from trainer.layers.transformer_block import TransformerBlock
from trainer.models.config import AttentionOptions
from trainer.models.entry import Sequence
from trainer.models.errors import ModelError


def attention_steps(name: str, sequence: Sequence, options: AttentionOptions) -> Sequence:
    """The normalised output of the last block.

    Raises:
      ModelError: channels that the heads do not divide.
    """
    if options.dimension % options.heads:
        raise ModelError(
            f"{name}: received dimension {options.dimension} and {options.heads} heads, expected a multiple "
            "of the heads"
        )
    steps, lengths = sequence.steps, sequence.lengths
    if steps.shape[-1] != options.dimension:
        steps, lengths = MaskedDense(options.dimension, name=f"{name}_projection")(steps, lengths)
    if options.positions != "none":
        encoding = PositionEncoding(options.positions, options.maximum_positions, name=f"{name}_positions")
        steps, lengths = encoding(steps, lengths)
    for index in range(options.depth):
        block = TransformerBlock(
            options.heads, options.feed_forward, dropout=options.dropout, name=f"{name}_block_{index}"
        )
        steps, lengths = block(steps, lengths)
    return Sequence(*MaskedLayerNormalization(name=f"{name}_normalization")(steps, lengths))
