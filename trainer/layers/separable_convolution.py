"""Depthwise then pointwise convolution over real steps: the cheap form of a wide kernel."""

from __future__ import annotations

from typing import Any

import keras

from trainer.layers.base import PACKAGE
from trainer.layers.convolution_base import MaskedConvolution
from trainer.layers.time_grid import TimeGrid


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedSeparableConv1D(MaskedConvolution):
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
        grid = TimeGrid(kernel_size, strides, dilation_rate, padding)
        arguments = {
            "filters": filters,
            "depth_multiplier": depth_multiplier,
            "activation": activation,
            "use_bias": use_bias,
        }
        super().__init__(keras.layers.SeparableConv1D, grid, arguments, **kwargs)
