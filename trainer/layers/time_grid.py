"""Which output steps of a sliding window are real: the same for any amount of padding.

A window of `size` taps, `dilation` apart, spans `extent` = (size - 1) * dilation + 1 steps and moves by `stride`. The
grid starts at the first real step; what is padded on the left is a constant, never a function of the padded length.

    rule    left pad           output step j is real when             outputs of n real steps
    valid   0                  all its taps are real                  max(0, (n - extent) // stride + 1)
    same    (extent - 1) // 2  step j * stride is real                ceil(n / stride)
    causal  extent - 1         step j * stride is real                ceil(n / stride)
    ceil    0                  its first tap, j * stride, is real     ceil(n / stride)

The input is padded on the right by the rest of extent - 1, so `steps` >= 1 in gives (steps - 1) // stride + 1 out,
under every rule, and no window primitive ever sees an input shorter than the window (TensorFlow's CPU convolution
returns uninitialised memory for one).

With stride 1 "same" equals the stock layers on the unpadded row. With a larger stride theirs moves the grid with the
padded length, which no mask can repair; this one is fixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import ops

from trainer.layers.mask import Tensor

CONVOLUTION_RULES = ("valid", "same", "causal")
POOLING_RULES = ("valid", "ceil")


@dataclass(frozen=True)
class TimeGrid:
    """A sliding window.

    Attributes:
      size: taps.
      stride: steps between windows.
      dilation: steps between taps.
      rule: "valid", "same", "causal" or "ceil".
    """

    size: int
    stride: int = 1
    dilation: int = 1
    rule: str = "valid"

    @property
    def extent(self) -> int:
        """Steps from the first tap to the last, both counted."""
        return (self.size - 1) * self.dilation + 1

    @property
    def left(self) -> int:
        """Steps padded before the first real one."""
        return {"same": (self.extent - 1) // 2, "causal": self.extent - 1}.get(self.rule, 0)

    @property
    def right(self) -> int:
        """Steps padded after the last one."""
        return self.extent - 1 - self.left

    def output_lengths(self, lengths: Any) -> Any:
        """Real output steps for `lengths` real input steps; an integer, an array or a tensor of them."""
        if self.rule != "valid":
            return (lengths + self.stride - 1) // self.stride
        windows = (lengths - self.extent) // self.stride + 1
        return max(windows, 0) if isinstance(lengths, int) else ops.maximum(windows, 0)

    def pad(self, sequence: Tensor, value: float = 0.0) -> Tensor:
        """Pads the time axis of [batch, steps, channels] on both sides."""
        if self.extent == 1:
            return sequence
        return ops.pad(sequence, [[0, 0], [self.left, self.right], [0, 0]], constant_values=value)
