"""Keras inputs, and what comes before the encoders: ids to vectors, rows moved to the start, context to vectors."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from trainer.layers.compact import Compact
from trainer.layers.embedding import MaskedEmbedding
from trainer.layers.mask import Tensor
from trainer.layers.time_shared_dropout import TimeSharedDropout
from trainer.models.config import EncoderOptions
from trainer.models.inputs import FeatureInput, InputDescription

# Category vectors this wide hold any number of values that a category here has; fewer values need fewer channels.
LARGEST_CATEGORY_VECTOR = 16


@dataclass(frozen=True)
class Sequence:
    """A symbolic sequence and its lengths.

    Attributes:
      steps: [batch, steps, channels].
      lengths: int32[batch].
    """

    steps: Tensor
    lengths: Tensor


def make_inputs(description: InputDescription) -> dict[str, Tensor]:
    """A Keras input for every feature and every length, by name; see `inputs`."""
    integer = "int64" if keras.backend.backend() == "tensorflow" else "int32"  # JAX has no int64 unless asked
    inputs = {}
    for feature in description.features:
        shapes = {"ids": (None,), "series": (None, feature.channels), "category": ()}
        inputs[feature.name] = keras.Input(
            shapes.get(feature.kind, (feature.channels,)),
            dtype=integer if feature.kind in ("ids", "category") else "float32",
            name=feature.name,
        )
        if feature.is_sequence:
            inputs[f"{feature.name}_length"] = keras.Input((), dtype=integer, name=f"{feature.name}_length")
    return inputs


def enter(feature: FeatureInput, inputs: dict[str, Tensor], options: EncoderOptions) -> Sequence:
    """One sequence feature as vectors padded after their real steps, with input dropout.

    Args:
      feature: ids or a series.
      inputs: of the model.
      options: of the feature's encoder.
    """
    name = feature.name
    steps, lengths = Compact(feature.padding, name=f"{name}_entry")(inputs[name], inputs[f"{name}_length"])
    if feature.kind == "ids":
        embedding = MaskedEmbedding(feature.vocabulary_size, options.embedding, name=f"{name}_embedding")
        steps, lengths = embedding(steps, lengths)
    if options.input_dropout:
        steps, lengths = TimeSharedDropout(options.input_dropout, name=f"{name}_input_dropout")(steps, lengths)
    return Sequence(steps, lengths)


def encode_context(feature: FeatureInput, inputs: dict[str, Tensor], units: int) -> Tensor:
    """One context feature as a vector [batch, units]."""
    name = feature.name
    vector = inputs[name]
    if feature.kind == "category":
        width = min(LARGEST_CATEGORY_VECTOR, (feature.vocabulary_size + 1) // 2)
        vector = keras.layers.Embedding(feature.vocabulary_size, width, name=f"{name}_embedding")(vector)
    return keras.layers.Dense(units, activation="relu", name=f"{name}_projection")(vector)
