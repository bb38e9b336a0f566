"""The mean of each window of real steps."""

from __future__ import annotations

import keras
from keras import ops

from trainer.layers.base import PACKAGE
from trainer.layers.mask import Tensor, accumulation_dtype, clean
from trainer.layers.pooling_base import WindowPooling


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedAveragePooling1D(WindowPooling):
    """Mean over windows of time, of the real steps in each.

    Args:
      pool_size: steps of a window.
      strides: steps between windows; `pool_size` when absent.
      padding: "valid" keeps only full windows and so drops the tail, as the stock layer does; "ceil" keeps the last
        window and divides by the real steps in it.

    Call arguments:
      sequence: [batch, steps, channels].
      lengths: integer[batch].

    Input shape: [batch, steps, channels].
    Output shape: [batch, (steps - 1) // strides + 1, channels], and the lengths of the output.

    Example:
      >>> y, lengths = MaskedAveragePooling1D(2)(x, lengths)

    Masking behaviour: padded steps enter neither the sum nor the count; output steps past a row's output length are 0.
    """

    def call(self, sequence: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Pools; see the class."""
        lengths = self.checked(sequence, lengths)
        size, stride = self.grid.size, self.grid.stride
        dtype = accumulation_dtype(keras.backend.standardize_dtype(sequence.dtype))
        padded = self.grid.pad(ops.cast(clean(sequence, lengths), dtype))
        sums = ops.average_pool(padded, size, stride, "valid", data_format="channels_last") * size
        starts = ops.arange(ops.shape(sums)[1], dtype="int32") * stride
        real = ops.expand_dims(lengths, 1) - ops.expand_dims(starts, 0)
        counts = ops.cast(ops.minimum(ops.maximum(real, 1), size), dtype)
        output = ops.cast(sums / ops.expand_dims(counts, -1), sequence.dtype)
        lengths = self.grid.output_lengths(lengths)
        return clean(output, lengths), lengths
