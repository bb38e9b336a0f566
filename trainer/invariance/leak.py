"""The first layer whose output, at real steps, moves with the padding.

The same rows are sent through the model padded less and padded more, and the layers' outputs compared in order:

    [rows, steps, ..]   the time axis grows with the padding: only a row's real share of it is compared
    [rows, channels]    nothing grows: all is compared
    [rows, steps * n]   longer than the input: the padding itself has become part of a vector, which is a leak
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.invariance.recorder import LayerOutput, Recording, cause_of
from trainer.invariance.rows import Rows


@dataclass(frozen=True)
class Leak:
    """Where padding gets in.

    Attributes:
      layer: name.
      kind: class.
      change: largest change of its output; infinite where the shape itself follows the padded length.
      reason: in words.
    """

    layer: str
    kind: str
    change: float
    reason: str


def first_leak(less: Recording, more: Recording, rows: Rows, steps: int, tolerance: float) -> Leak | None:
    """Compares two recordings of the same rows.

    Args:
      less: padded less.
      more: padded more.
      rows: that were sent.
      steps: longest padded length of `less`.
      tolerance: change below which outputs are equal.

    Returns:
      None where every output that both have agrees.
    """
    lengths = np.max([[len(row) for row in values] for values in rows.sequences.values()], axis=0)
    for a, b in zip(less.outputs, more.outputs, strict=False):
        leak = _compare(a, b, lengths, steps, rows.side, tolerance)
        if leak is not None:
            return leak
    if more.error is not None and less.error is None:
        behind = less.outputs[len(more.outputs)] if len(more.outputs) < len(less.outputs) else less.outputs[-1]
        words = f"it refuses another padded length: {cause_of(more.error)}"
        return Leak(behind.layer, behind.kind, float("inf"), words)
    return None


def _compare(
    a: LayerOutput, b: LayerOutput, lengths: Sequence[int], steps: int, side: str, tolerance: float
) -> Leak | None:
    one, other = a.value, b.value
    grown = [axis for axis in range(min(one.ndim, other.ndim)) if one.shape[axis] != other.shape[axis]]
    if one.dtype == bool or not grown == [1] and grown:
        return None  # attention maps and masks: what reads them is compared
    if grown and one.ndim == 2 and one.shape[1] > steps:
        reason = f"it makes one vector of all padded steps: {one.shape[1]} values become {other.shape[1]}"
        return Leak(a.layer, a.kind, float("inf"), reason)
    change = 0.0
    for row, length in enumerate(lengths):
        first, second = one[row], other[row]
        if grown:
            real = int(length) * one.shape[1] // steps
            first, second = _real(first, real, side), _real(second, real, side)
        if first.size:
            difference = np.abs(first.astype(np.float64) - second)
            scale = max(1.0, float(np.nanmax(np.abs(first))) if np.isfinite(first).any() else 1.0)
            change = max(change, float(np.max(np.where(np.isfinite(difference), difference, np.inf))) / scale)
    if change <= tolerance:
        return None
    return Leak(a.layer, a.kind, change, "its output at real steps moves with the padding")


def _real(values: np.ndarray, real: int, side: str) -> np.ndarray:
    return values[:real] if side == "post" else values[len(values) - real :]
