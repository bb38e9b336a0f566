"""Lengths, masks and the two operations every layer is made of.

    length   real steps of a row, int32[batch]
    mask     bool[batch, steps], True = real; always a prefix: mask[b, t] = t < lengths[b]
    clean    padded steps replaced by 0 with `where`

    lengths [3 0 2]      mask [[1 1 1 0]     clean([[4 5 6 7]     [[4 5 6 0]
                               [0 0 0 0]            [8 9 1 2]  =   [0 0 0 0]
                               [1 1 0 0]]           [3 4 5 6]])    [3 4 0 0]]

`where` and not a product: 0 * NaN is NaN, in the value and in the gradient of every weight that reads it.

Assumptions: sequences are [batch, steps] or [batch, steps, channels], padded after the last real step, with
0 <= length <= steps. Shapes may be unknown while a model is traced, so they are read with `ops.shape`.
"""

from __future__ import annotations

from typing import Any

from keras import ops

Tensor = Any
"""A tensor of the active backend, or a symbolic one."""

LOWEST = {"float16": -65504.0, "bfloat16": -3.0e38, "float32": -3.0e38, "float64": -3.0e38}
"""A finite number below every value of a layer: an infinite one turns into NaN when subtracted from itself."""


def length_mask(lengths: Tensor, steps: int | Tensor) -> Tensor:
    """The prefix mask of rows of known length.

    Args:
      lengths: integer[batch], real steps.
      steps: padded steps.

    Returns:
      bool[batch, steps], True = real.
    """
    positions = ops.arange(steps, dtype="int32")
    return ops.expand_dims(positions, 0) < ops.expand_dims(ops.cast(lengths, "int32"), 1)


def clean(sequence: Tensor, lengths: Tensor) -> Tensor:
    """The sequence with every padded step replaced by 0.

    Args:
      sequence: [batch, steps] or [batch, steps, channels], any dtype.
      lengths: integer[batch].
    """
    return fill(sequence, lengths, 0)


def fill(sequence: Tensor, lengths: Tensor, value: float) -> Tensor:
    """The sequence with every padded step replaced by `value`; arguments as in `clean`."""
    mask = length_mask(lengths, ops.shape(sequence)[1])
    for _ in range(len(sequence.shape) - 2):
        mask = ops.expand_dims(mask, -1)
    return ops.where(mask, sequence, ops.cast(value, sequence.dtype))


def zero_empty_rows(vectors: Tensor, lengths: Tensor) -> Tensor:
    """The vectors [batch, channels] with those of rows of length 0 replaced by 0."""
    return ops.where(ops.expand_dims(lengths > 0, 1), vectors, ops.cast(0, vectors.dtype))


def gather_steps(sequence: Tensor, index: Tensor) -> Tensor:
    """Picks steps row by row: output[b, j] = sequence[b, index[b, j]].

    Whole steps are gathered from the flattened batch; `take_along_axis` would build an index as large as the output
    and a gradient of single numbers.

    Args:
      sequence: [batch, steps] or [batch, steps, channels].
      index: int32[batch, picked], each in [0, steps).

    Returns:
      [batch, picked] or [batch, picked, channels].
    """
    shape = ops.shape(sequence)
    first = ops.expand_dims(ops.arange(shape[0], dtype="int32") * shape[1], 1)
    return ops.take(ops.reshape(sequence, (-1, *sequence.shape[2:])), index + first, axis=0)


def reverse_within_length(sequence: Tensor, lengths: Tensor) -> Tensor:
    """Each row's real steps in opposite order, still padded after the last; its own inverse.

    [[4 5 6 0]]  with length 3  ->  [[6 5 4 0]]
    """
    steps = ops.shape(sequence)[1]
    positions = ops.expand_dims(ops.arange(steps, dtype="int32"), 0)
    index = ops.expand_dims(ops.cast(lengths, "int32"), 1) - 1 - positions
    return clean(gather_steps(sequence, ops.where(index < 0, positions, index)), lengths)


def last_step(sequence: Tensor, lengths: Tensor) -> Tensor:
    """The last real step of every row, [batch, channels]; 0 for empty rows."""
    index = ops.expand_dims(ops.maximum(ops.cast(lengths, "int32") - 1, 0), 1)
    return zero_empty_rows(gather_steps(sequence, index)[:, 0], lengths)


def accumulation_dtype(dtype: str) -> str:
    """The dtype in which sums over time are kept: float16 overflows at 65504, bfloat16 holds 8 bits."""
    return "float32" if dtype in ("float16", "bfloat16") else dtype
