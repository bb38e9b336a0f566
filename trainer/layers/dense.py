"""The same projection at every real step."""

from __future__ import annotations

from typing import Any

import keras

from trainer.layers.base import PACKAGE, LengthLayer, check_positive
from trainer.layers.mask import Tensor, clean


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedDense(LengthLayer):
    """A dense layer applied step by step.

    Args:
      units: channels of the output.
      activation: name or function.
      use_bias: whether a bias is added.
      kernel_initializer: of the kernel.
      kernel_regularizer: of the kernel.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].

    Input shape: [batch, steps, channels].
    Output shape: [batch, steps, units], and the lengths.

    Example:
      >>> y, lengths = MaskedDense(32, activation="relu")(x, lengths)

    Masking behaviour: padded steps are cleaned before the kernel, so that NaN there reaches no weight's gradient, and
    are 0 in the output, where the bias would stand otherwise.
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_positive("MaskedDense", units=units)
        self.dense = keras.layers.Dense(
            units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            dtype=self.dtype_policy,
            name="dense",
        )

    def build(self, sequence_shape: tuple[int | None, ...]) -> None:
        """Makes the kernel and the bias."""
        self.dense.build(sequence_shape)

    def call(self, sequence: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Projects every real step; see the class."""
        lengths = self.checked(sequence, lengths)
        return clean(self.dense(clean(sequence, lengths)), lengths), lengths

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        inner = self.dense.get_config()
        names = ("units", "activation", "use_bias", "kernel_initializer", "kernel_regularizer")
        return super().get_config() | {name: inner[name] for name in names}
