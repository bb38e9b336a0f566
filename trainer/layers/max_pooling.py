"""The maximum of each window of real steps."""

from __future__ import annotations

import keras
from keras import ops

from trainer.layers.base import PACKAGE
from trainer.layers.mask import LOWEST, Tensor, clean, fill
from trainer.layers.pooling_base import WindowPooling


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedMaxPooling1D(WindowPooling):
    """Maximum over windows of time.

    Args:
      pool_size: steps of a window.
      strides: steps between windows; `pool_size` when absent.
      padding: "valid" keeps only full windows and so drops the tail, as the stock layer does; "ceil" keeps the last,
        shorter window, so that no real step is lost and a short row never becomes empty.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].

    Input shape: [batch, steps, channels].
    Output shape: [batch, (steps - 1) // strides + 1, channels], and the lengths of the output.

    Example:
      >>> y, lengths = MaskedMaxPooling1D(2)(x, lengths)

    Masking behaviour: a padded step never is the maximum, nor is a border of zeros; output steps past a row's output
    length are 0.
    """

    def call(self, sequence: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Pools; see the class."""
        lengths = self.checked(sequence, lengths)
        lowest = LOWEST[keras.backend.standardize_dtype(sequence.dtype)]
        padded = self.grid.pad(fill(sequence, lengths, lowest), lowest)
        output = ops.max_pool(padded, self.grid.size, self.grid.stride, "valid", data_format="channels_last")
        lengths = self.grid.output_lengths(lengths)
        return clean(output, lengths), lengths
