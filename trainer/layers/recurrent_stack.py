"""Recurrent layers one upon the other."""

from __future__ import annotations

from typing import Any

import keras

from trainer.layers.base import PACKAGE, LengthLayer, check_positive
from trainer.layers.mask import Tensor
from trainer.layers.recurrent import MaskedRecurrent


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedRecurrentStack(LengthLayer):
    """`depth` recurrent layers; all but the last hand on their sequences.

    Args:
      units: channels of each direction of each layer.
      depth: layers.
      cell: "lstm" or "gru".
      direction: "forward", "backward" or "both".
      return_sequences: whether the last layer returns every step, or its final state.
      dropout: share of the input channels of every layer dropped, the same ones at every step of a row.
      recurrent_dropout: share of state channels dropped.
      fused: "auto" or "never"; see `MaskedRecurrent`.
      seed: of the dropout.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].
      training: whether dropout is applied.

    Input shape: [batch, steps, channels].
    Output shape: as the last `MaskedRecurrent`.

    Example:
      >>> state = MaskedRecurrentStack(64, depth=2, direction="both")(x, lengths)

    Masking behaviour: as `MaskedRecurrent`.
    """

    def __init__(
        self,
        units: int,
        depth: int = 2,
        cell: str = "lstm",
        direction: str = "forward",
        return_sequences: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        fused: str = "auto",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_positive("MaskedRecurrentStack", units=units, depth=depth)
        self.options: dict[str, Any] = {
            "cell": cell,
            "direction": direction,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "fused": fused,
        }
        self.units = units
        self.depth = depth
        self.return_sequences = return_sequences
        self.seed = seed
        self.recurrent_layers = [
            MaskedRecurrent(
                units,
                return_sequences=return_sequences or index < depth - 1,
                seed=None if seed is None else seed + 2 * index,
                dtype=self.dtype_policy,
                name=f"recurrent_{index}",
                **self.options,
            )
            for index in range(depth)
        ]

    def build(self, sequence_shape: tuple[int | None, ...]) -> None:
        """Makes the weights of each layer."""
        channels = self.units * (2 if self.options["direction"] == "both" else 1)
        for index, layer in enumerate(self.recurrent_layers):
            layer.build(sequence_shape if index == 0 else (*sequence_shape[:2], channels))

    def call(self, sequence: Tensor, lengths: Tensor, training: bool = False) -> Any:
        """Runs the layers in order; see the class."""
        for layer in self.recurrent_layers[:-1]:
            sequence, lengths = layer(sequence, lengths, training=training)
        return self.recurrent_layers[-1](sequence, lengths, training=training)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return (
            super().get_config()
            | self.options
            | {
                "units": self.units,
                "depth": self.depth,
                "return_sequences": self.return_sequences,
                "seed": self.seed,
            }
        )
