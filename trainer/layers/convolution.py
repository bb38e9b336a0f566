"""Convolution over time that reads real steps only.

Kernel of three ones, stride 2, "same", 5 real steps 1 2 3 4 5:

    padded to 5: [3 9 9]     to 6: [3 9 9]     to 7: [3 9 9 0]     length 3 each time
    stock Keras: [3 9 9]           [6 12 5]          [3 9 9 0]
"""

from __future__ import annotations

from typing import Any

import keras

from trainer.layers.base import PACKAGE, LengthLayer, check_choice, check_positive
from trainer.layers.mask import Tensor, clean
from trainer.layers.time_grid import CONVOLUTION_RULES, TimeGrid


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedConv1D(LengthLayer):
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
        super().__init__(**kwargs)
        check_positive(
            "MaskedConv1D",
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            dilation_rate=dilation_rate,
            groups=groups,
        )
        check_choice("MaskedConv1D", "padding", padding, CONVOLUTION_RULES)
        self.strides = strides
        self.padding = padding
        self.grid = TimeGrid(kernel_size, strides, dilation_rate, padding)
        # No primitive takes a stride and a dilation at once: the dilated one runs at every step and is then thinned.
        self.thinning = strides if dilation_rate > 1 else 1
        self.convolution = keras.layers.Conv1D(
            filters,
            kernel_size,
            strides=1 if dilation_rate > 1 else strides,
            padding="valid",
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            groups=groups,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            dtype=self.dtype_policy,
            name="convolution",
        )

    def build(self, sequence_shape: tuple[int | None, ...]) -> None:
        """Makes the kernel and the bias."""
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
        names = ("filters", "activation", "use_bias", "groups", "kernel_initializer", "kernel_regularizer")
        return (
            super().get_config()
            | {name: inner[name] for name in names}
            | {
                "kernel_size": self.grid.size,
                "strides": self.strides,
                "padding": self.padding,
                "dilation_rate": self.grid.dilation,
            }
        )
