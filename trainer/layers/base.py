"""What all layers of this kit share.

A layer is called as `layer(sequence, lengths)`. One that returns a sequence returns `(sequence, lengths)`, so the
lengths that belong to a tensor always travel beside it; one that returns a vector returns only that.

    x, lengths = MaskedEmbedding(20000, 64)(ids, lengths)
    x, lengths = MaskedConv1D(64, 5, strides=2)(x, lengths)
    vector = GlobalMaxPooling()(x, lengths)

Keras's own masks are tensor attributes: operators, residuals and multi-input calls drop them without a warning.
No layer here reads or writes one.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from trainer.layers.mask import Tensor

PACKAGE = "lengthwise"


class LengthLayer(keras.Layer):
    """Base of the layers that are told lengths explicitly.

    Masking behaviour: an implicit Keras mask on an input is ignored, and none is attached to an output.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, *arguments: Any, **keywords: Any) -> None:
        """No implicit mask leaves a layer."""

    def checked(self, sequence: Tensor, lengths: Tensor, rank: int = 3) -> Tensor:
        """Checks a sequence and its lengths at the start of `call`.

        Args:
          sequence: of the expected rank.
          lengths: integer[batch].
          rank: 3 for [batch, steps, channels], 2 for [batch, steps].

        Returns:
          The lengths as int32[batch].

        Raises:
          ValueError: another rank, a time axis of 0 steps, or lengths that are no vector of integers.
        """
        if len(sequence.shape) != rank or sequence.shape[1] == 0:
            axes = "[batch, steps, channels]" if rank == 3 else "[batch, steps]"
            raise ValueError(
                f"{self.name}: received a sequence of shape {tuple(sequence.shape)}, expected {axes} with at least one "
                "step (a batch of empty rows is padded to one step)"
            )
        dtype = keras.backend.standardize_dtype(lengths.dtype)
        if len(lengths.shape) != 1 or "int" not in dtype:
            raise ValueError(
                f"{self.name}: received lengths of shape {tuple(lengths.shape)} and dtype {dtype}, expected the "
                "integers [batch]; pass the number of real steps of each row, not a mask"
            )
        return ops.cast(lengths, "int32")


def check_choice(layer: str, name: str, value: Any, options: tuple[Any, ...]) -> None:
    """Refuses a value that is not among the options.

    Raises:
      ValueError: naming the layer, the argument, what was received and the options.
    """
    if value not in options:
        raise ValueError(f"{layer}: received {name}={value!r}, expected one of {', '.join(map(repr, options))}")


def check_positive(layer: str, **values: int) -> None:
    """Refuses numbers that are not integers of at least 1.

    Raises:
      ValueError: naming the layer, the argument and what was received.
    """
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{layer}: received {name}={value!r}, expected an integer of at least 1")
