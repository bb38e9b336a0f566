"""Convolution over time that reads real steps only.

Kernel of three ones, stride 2, "same", 5 real steps 1 2 3 4 5:

    padded to 5: [3 9 9]     to 6: [3 9 9]     to 7: [3 9 9 0]     length 3 each time
    stock Keras: [3 9 9]           [6 12 5]          [3 9 9 0]
"""

from __future__ import annotations

from typing import Any

import keras

from trainer.layers.base import PACKAGE
from trainer.layers.convolution_base import MaskedConvolution
from trainer.layers.time_grid import TimeGrid


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedConv1D(MaskedConvolution):
    """A one-dimensional convolution on a grid fixed at the first real step.

    Args:
      filters: channels of the output.
      kernel_size: taps.
      strides: steps between windows.
      padding: "valid", "same" or "causal"; see `time_grid`.
      dilation_rate: steps between taps.
      activation: name or function.
      use_bias: whether a bias is added.
      groups: groups of channels convolved apart.
      kernel_initializer: of the kernel.
      kernel_regularizer: of the kernel.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].

    Input shape: [batch, steps, channels].
    Output shape: [batch, (steps - 1) // strides + 1, filters] whatever the padding rule, and the lengths of the output.

    Example:
      >>> y, lengths = MaskedConv1D(64, 5, strides=2, padding="same", activation="relu")(x, lengths)

    Masking behaviour: padded steps are read as zeros, like the border of an unpadded row; output steps past a row's
    output length are 0. With "same" and a stride above 1 the grid does not follow the padded length as the stock
    layer's does.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        strides: int = 1,
        padding: str = "same",
        dilation_rate: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        groups: int = 1,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        grid = TimeGrid(kernel_size, strides, dilation_rate, padding)
        arguments = {
            "filters": filters,
            "activation": activation,
            "use_bias": use_bias,
            "groups": groups,
            "kernel_initializer": kernel_initializer,
            "kernel_regularizer": kernel_regularizer,
        }
        super().__init__(keras.layers.Conv1D, grid, arguments, **kwargs)
