"""The exit: steps put back where `Compact` took them from, for an output at every input step."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from trainer.layers.base import PACKAGE, LengthLayer, check_choice
from trainer.layers.compact import SIDES, compaction_index
from trainer.layers.mask import Tensor, clean, gather_steps


@keras.saving.register_keras_serializable(package=PACKAGE)
class Expand(LengthLayer):
    """Undoes `Compact` of the same side.

    Args:
      side: "post", "pre" or "holes".

    Call arguments:
      sequence: [batch, steps, channels], padded after its real steps, as many steps as the original.
      lengths: integer[batch], as given to `Compact`; bool[batch, steps] with side "holes".

    Input shape: [batch, steps, channels].
    Output shape: the same; no lengths, as they no longer describe a prefix.

    Example:
      >>> x, compact_lengths = Compact("pre")(series, lengths)
      >>> tags = Expand("pre")(x, lengths)

    Masking behaviour: steps that were padding are 0.
    """

    def __init__(self, side: str = "post", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_choice("Expand", "side", side, SIDES)
        self.side = side

    def call(self, sequence: Tensor, lengths: Tensor) -> Tensor:
        """Expands; see the class."""
        if self.side == "post":
            return clean(sequence, self.checked(sequence, lengths))
        index, lengths = compaction_index(lengths, ops.shape(sequence)[1], self.side)
        return gather_steps(clean(sequence, lengths), ops.cast(ops.argsort(index, axis=1), "int32"))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return super().get_config() | {"side": self.side}
