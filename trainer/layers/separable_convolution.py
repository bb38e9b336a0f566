"""Depthwise then pointwise convolution over real steps: the cheap form of a wide kernel."""

from __future__ import annotations

from typing import Any

import keras

from trainer.layers.base import PACKAGE, LengthLayer, check_choice, check_positive
from trainer.layers.mask import Tensor, clean
from trainer.layers.time_grid import CONVOLUTION_RULES, TimeGrid


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedSeparableConv1D(LengthLayer):
    """A separable one-dimensional convolution on a grid fixed at the first real step.

    Args:
      filters: channels of the output.
      kernel_size: taps.
      strides: steps between windows.
      padding: "valid", "same" or "causal"; see `time_grid`.
      dilation_rate: steps between taps.
      depth_multiplier: depthwise outputs of each channel.
      activation: name or function.
      use_bias: whether a bias is added.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].

    Input shape: [batch, steps, channels].
    Output shape: [batch, (steps - 1) // strides + 1, filters], and the lengths of the output.

    Example:
      >>> y, lengths = MaskedSeparableConv1D(64, 9, activation="relu")(x, lengths)

    Masking behaviour: as `MaskedConv1D`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        strides: int = 1,
        padding: str = "same",
        dilation_rate: int = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_positive(
            "MaskedSeparableConv1D",
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            dilation_rate=dilation_rate,
            depth_multiplier=depth_multiplier,
        )
        check_choice("MaskedSeparableConv1D", "padding", padding, CONVOLUTION_RULES)
        self.strides = strides
        self.grid = TimeGrid(kernel_size, strides, dilation_rate, padding)
        self.thinning = strides if dilation_rate > 1 else 1
        self.convolution = keras.layers.SeparableConv1D(
            filters,
            kernel_size,
            strides=1 if dilation_rate > 1 else strides,
            padding="valid",
            dilation_rate=dilation_rate,
            depth_multiplier=depth_multiplier,
            activation=activation,
            use_bias=use_bias,
            dtype=self.dtype_policy,
            name="convolution",
        )

    def build(self, sequence_shape: tuple[int | None, ...]) -> None:
        """Makes the kernels and the bias."""
        self.convolution.build((sequence_shape[0], None, sequence_shape[2]))

    def call(self, sequence: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Convolves; see the class."""
        lengths = self.checked(sequence, lengths)
        output = self.convolution(self.grid.pad(clean(sequence, lengths)))
        if self.thinning > 1:
            output = output[:, :: self.thinning]
        lengths = self.grid.output_lengths(lengths)
        return clean(output, lengths), lengths

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        inner = self.convolution.get_config()
        return (
            super().get_config()
            | {name: inner[name] for name in ("filters", "depth_multiplier", "activation", "use_bias")}
            | {
                "kernel_size": self.grid.size,
                "strides": self.strides,
                "padding": self.grid.rule,
                "dilation_rate": self.grid.dilation,
            }
        )
