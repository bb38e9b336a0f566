"""The options of each architecture, as written under `architecture:` in a training configuration.

    rnn:        {units: 64, depth: 1, cell: lstm, bidirectional: true, pooling: max_mean}
    cnn:        {blocks: 2, filters: 128, kernel_size: 5, dilation: [1, 2], stride: 1, residual: true}
    attention:  {dimension: 64, depth: 2, heads: 4}
    multimodal: {encoders: {text: {kind: cnn}, vitals: {kind: rnn, units: 32}}, join: gate}

Every option has a default that needs no tuning; an unknown one is refused with the nearest name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from schemas.strict import Strict, explain, nearest_name
from trainer.models.errors import ModelError

Pooling = Literal["max_mean", "max", "mean", "last", "attention"]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class EncoderOptions(Strict):
    """What every encoder of a sequence has."""

    embedding: Count = Field(64, description="Channels of the vector of an id.")
    input_dropout: Share = Field(0.3, description="Share of input channels dropped for a whole row.")
    pooling: Pooling = Field("max_mean", description="How steps become one vector; last is the final state of an rnn.")
    summary: bool = Field(
        True,
        description="Mean, minimum, maximum and last step of a series join its vector, past the encoder: what is plain "
        "in them need not be learnt from few rows.",
    )


class RnnOptions(EncoderOptions):
    """Recurrent encoder."""

    kind: Literal["rnn"] = "rnn"
    units: Count = Field(64, description="Channels of each direction.")
    depth: Count = Field(1, description="Layers.")
    cell: Literal["lstm", "gru"] = "lstm"
    bidirectional: bool = True
    dropout: Share = Field(
        0.0, description="Share of the channels between layers dropped, the same ones at every step."
    )
    recurrent_dropout: Share = Field(0.0, description="Share of state channels dropped; rules fused kernels out.")


class CnnOptions(EncoderOptions):
    """Convolutional encoder: blocks of convolution, activation, dropout, residual and pooling."""

    kind: Literal["cnn"] = "cnn"
    blocks: Count = 2
    filters: Count = 128
    kernel_size: Count | list[Count] = Field(5, description="Taps; one number, or one for each block.")
    dilation: Count | list[Count] = Field(1, description="Steps between taps; one number, or one for each block.")
    stride: Count | list[Count] = Field(1, description="Steps between windows; one number, or one for each block.")
    pool: Count | list[Count] = Field(1, description="Steps pooled after a block; one number, or one for each block.")
    residual: bool = Field(True, description="Adds a block's input to its output where steps and channels agree.")
    separable: bool = Field(False, description="Depthwise-separable convolutions.")
    padding: Literal["same", "causal", "valid"] = "same"
    normalization: Literal["none", "layer", "batch"] = "none"
    activation: str = "relu"
    dropout: Share = Field(0.1, description="Share of channels dropped after each block, the same ones at every step.")


class AttentionOptions(EncoderOptions):
    """Transformer encoder."""

    kind: Literal["attention"] = "attention"
    dimension: Count = Field(64, description="Channels of every block; a multiple of the heads.")
    depth: Count = Field(2, description="Blocks.")
    heads: Count = 4
    feed_forward: Count = Field(128, description="Hidden units of a block.")
    positions: Literal["sinusoidal", "learned", "none"] = "sinusoidal"
    maximum_positions: Count = Field(512, description="Rows of the learned table; later positions share its last one.")
    dropout: Share = 0.1


class HeadOptions(Strict):
    """From vectors to the prediction."""

    head_units: int = Field(0, ge=0, description="Hidden units before the output; none when 0.")
    head_dropout: Share = Field(0.5, description="Share of the joined vector dropped.")
    context_units: Count = Field(32, description="Channels that each context feature is projected to.")


class RnnConfig(RnnOptions, HeadOptions):
    """Model `rnn`."""


class CnnConfig(CnnOptions, HeadOptions):
    """Model `cnn`."""


class AttentionConfig(AttentionOptions, HeadOptions):
    """Model `attention`."""


AnyEncoder = Annotated[RnnOptions | CnnOptions | AttentionOptions, Field(discriminator="kind")]


class MultimodalConfig(HeadOptions):
    """Model `multimodal`."""

    encoders: dict[str, AnyEncoder] = Field(
        default_factory=dict, description="Encoder by feature; cnn for ids and rnn for series when absent."
    )
    join: Literal["concatenate", "gate", "cross_attention"] = "concatenate"
    join_units: Count = Field(64, description="Channels of the gated vector, and of cross-attention.")
    join_heads: Count = Field(4, description="Heads of cross-attention.")
    head_units: int = Field(64, ge=0, description="Hidden units before the output; none when 0.")

    def encoder_of(self, name: str, kind: str) -> RnnOptions | CnnOptions | AttentionOptions:
        """The encoder of a feature: the configured one, else convolutions for ids and a recurrence for series."""
        if name in self.encoders:
            return self.encoders[name]
        return CnnOptions() if kind == "ids" else RnnOptions()


CONFIGS: dict[str, type[HeadOptions]] = {
    "rnn": RnnConfig,
    "cnn": CnnConfig,
    "multimodal": MultimodalConfig,
    "attention": AttentionConfig,
}


def parse_architecture(model: str, options: Mapping[str, Any] | None) -> Any:
    """Checks the options of an architecture.

    Args:
      model: "rnn", "cnn", "multimodal" or "attention".
      options: as loaded from YAML.

    Returns:
      The architecture's configuration object.

    Raises:
      ModelError: an unknown model or option (with the nearest name), or a value that cannot be used.
    """
    if model not in CONFIGS:
        near = nearest_name(model, CONFIGS)
        hint = f"; did you mean {near!r}?" if near else ""
        raise ModelError(f"received the model {model!r}, expected one of {', '.join(CONFIGS)}{hint}")
    config = CONFIGS[model]
    data = dict(options or {})
    try:
        return config.model_validate(data)
    except ValidationError as error:
        raise ModelError(f"architecture of {model}:\n{explain(error, config, data)}") from error


def by_block(name: str, value: int | list[int], blocks: int) -> list[int]:
    """One number for each block.

    Raises:
      ModelError: a list of another length.
    """
    numbers = value if isinstance(value, list) else [value] * blocks
    if len(numbers) != blocks:
        raise ModelError(f"{name}: received {len(numbers)} numbers {numbers}, expected one for each of {blocks} blocks")
    return numbers
