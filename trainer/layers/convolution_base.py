"""What both convolutions over time share: the checks, the fixed grid round a stock layer, and the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from trainer.layers.base import LengthLayer, check_choice, check_positive
from trainer.layers.mask import Tensor, clean
from trainer.layers.time_grid import CONVOLUTION_RULES, TimeGrid

COUNTS = ("filters", "groups", "depth_multiplier")


class MaskedConvolution(LengthLayer):
    """A stock convolution that pads nothing itself, on a grid fixed at the first real step.

    Args:
      stock: Keras's layer, such as `keras.layers.Conv1D`.
      grid: the window; its rule is "valid", "same" or "causal".
      arguments: of the stock layer, all but the window.

    Raises:
      ValueError: a size that is no positive integer, or an unknown rule.

    Masking behaviour: padded steps are read as zeros, like the border of an unpadded row; output steps past a row's
    output length are 0.
    """

    def __init__(
        self, stock: type[keras.layers.Layer], grid: TimeGrid, arguments: Mapping[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        layer = type(self).__name__
        counts = {name: arguments[name] for name in COUNTS if name in arguments}
        check_positive(layer, **counts, kernel_size=grid.size, strides=grid.stride, dilation_rate=grid.dilation)
        check_choice(layer, "padding", grid.rule, CONVOLUTION_RULES)
        self.grid = grid
        self.argument_names = tuple(arguments)
        # No primitive takes a stride and a dilation at once: the dilated one runs at every step and is then thinned.
        self.thinning = grid.stride if grid.dilation > 1 else 1
        self.convolution = stock(
            kernel_size=grid.size,
            strides=grid.stride // self.thinning,
            padding="valid",
            dilation_rate=grid.dilation,
            **arguments,
            dtype=self.dtype_policy,
            name="convolution",
        )

    def build(self, sequence_shape: tuple[int | None, ...]) -> None:
        """Makes the weights."""
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
            | {name: inner[name] for name in self.argument_names}
            | {
                "kernel_size": self.grid.size,
                "strides": self.grid.stride,
                "padding": self.grid.rule,
                "dilation_rate": self.grid.dilation,
            }
        )
