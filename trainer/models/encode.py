"""Any encoder, to steps or to a vector."""

from __future__ import annotations

import keras

from trainer.layers.attention_pooling import AttentionPooling
from trainer.layers.global_max import GlobalMaxPooling
from trainer.layers.global_mean import GlobalMeanPooling
from trainer.layers.last_step import LastStep
from trainer.layers.mask import Tensor
from trainer.layers.series_summary import SeriesSummary
from trainer.models.attention_encoder import attention_steps
from trainer.models.config import AttentionOptions, CnnOptions, EncoderOptions, RnnOptions
from trainer.models.convolutional_encoder import convolutional_steps
from trainer.models.entry import Sequence
from trainer.models.inputs import FeatureInput
from trainer.models.recurrent_encoder import recurrent_state, recurrent_steps


def encode_steps(name: str, sequence: Sequence, options: EncoderOptions) -> Sequence:
    """A sequence through the encoder that the options are of.

    Args:
      name: of the feature; layers are named after it.
      sequence: as it enters.
      options: of the encoder.

    Raises:
      TypeError: options of no known encoder.
    """
    if isinstance(options, RnnOptions):
        return recurrent_steps(name, sequence, options)
    if isinstance(options, CnnOptions):
        return convolutional_steps(name, sequence, options)
    if isinstance(options, AttentionOptions):
        return attention_steps(name, sequence, options)
    raise TypeError(f"{name}: received {type(options).__name__}, expected the options of an encoder")


def encode_vector(name: str, sequence: Sequence, options: EncoderOptions) -> Tensor:
    """A sequence as one vector, [batch, channels]; arguments as in `encode_steps`."""
    if isinstance(options, RnnOptions) and options.pooling == "last":
        return recurrent_state(name, sequence, options)
    return pool(name, encode_steps(name, sequence, options), options)


def summarize(feature: FeatureInput, sequence: Sequence, options: EncoderOptions) -> list[Tensor]:
    """The vector that goes past the encoder of a series; none for ids, or where the options say so.

    Args:
      feature: ids or a series.
      sequence: as it enters.
      options: of its encoder.
    """
    if feature.kind != "series" or not options.summary:
        return []
    return [SeriesSummary(name=f"{feature.name}_summary")(sequence.steps, sequence.lengths)]


def pool(name: str, sequence: Sequence, options: EncoderOptions) -> Tensor:
    """Steps to one vector, the way the options say.

    Args:
      name: of the feature.
      sequence: encoded.
      options: of its encoder.
    """
    steps, lengths = sequence.steps, sequence.lengths
    if options.pooling == "max_mean":
        highest = GlobalMaxPooling(name=f"{name}_max")(steps, lengths)
        mean = GlobalMeanPooling(name=f"{name}_mean")(steps, lengths)
        return keras.layers.Concatenate(name=f"{name}_pooled")([highest, mean])
    pooling = {"max": GlobalMaxPooling, "mean": GlobalMeanPooling, "last": LastStep, "attention": AttentionPooling}
    return pooling[options.pooling](name=f"{name}_pooled")(steps, lengths)
