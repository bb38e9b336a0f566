"""Vectors of several features to one, and sequences that read each other before they become vectors."""

from __future__ import annotations

import keras

from trainer.layers.cross_attention import MaskedCrossAttention
from trainer.layers.dense import MaskedDense
from trainer.layers.gated_join import GatedJoin
from trainer.layers.layer_normalization import MaskedLayerNormalization
from trainer.layers.mask import Tensor
from trainer.layers.residual import MaskedResidual
from trainer.models.entry import Sequence


def concatenate(vectors: list[Tensor]) -> Tensor:
    """One vector of all."""
    return vectors[0] if len(vectors) == 1 else keras.layers.Concatenate(name="joined")(vectors)


def gate(vectors: list[Tensor], units: int) -> Tensor:
    """The gated sum of all."""
    return GatedJoin(units, name="joined")(vectors)


def cross_attend(sequences: dict[str, Sequence], units: int, heads: int) -> dict[str, Sequence]:
    """Each sequence plus what it reads in each other one, normalised; lengths stay as they are.

    Args:
      sequences: encoded, by feature.
      units: channels that all are projected to.
      heads: of the attention.
    """
    projected = {
        name: Sequence(*MaskedDense(units, name=f"{name}_join")(sequence.steps, sequence.lengths))
        for name, sequence in sequences.items()
    }
    joined = {}
    for name, sequence in projected.items():
        steps, lengths = sequence.steps, sequence.lengths
        for other_name, other in projected.items():
            if other_name == name:
                continue
            reading = f"{name}_reads_{other_name}"
            attention = MaskedCrossAttention(heads, max(units // heads, 1), name=reading)
            change, _ = attention(sequence.steps, sequence.lengths, other.steps, other.lengths)
            steps, lengths = MaskedResidual(name=f"{reading}_residual")(steps, change, lengths)
        joined[name] = Sequence(*MaskedLayerNormalization(name=f"{name}_joined")(steps, lengths))
    return joined
