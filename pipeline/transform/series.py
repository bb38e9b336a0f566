"""Series inside the transform graph: missing values, scaling, indicators, time since the step before.

    raw      [[1, NaN], [NaN, NaN], [3, 5]]      one row, two channels, forward_fill
    filled   [[1, m],   [1, m],     [3, 5]]      m: the train mean, where nothing was observed yet
    observed [[1, 0],   [0, 0],     [1, 1]]

All functions take the steps of a whole batch end to end, float32[total steps, channels], and int64[batch + 1] row
splits; none looks across a row's edge, and an empty row is a row without steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Sequence


def mark_missing(values: tf.Tensor, missing_values: Sequence[float]) -> tf.Tensor:
    """NaN wherever a value is one of `missing_values`; any shape."""
    for missing in missing_values:
        values = tf.where(tf.equal(values, tf.cast(missing, values.dtype)), float("nan"), values)
    return values


def forward_fill(steps: tf.Tensor, row_splits: tf.Tensor) -> tf.Tensor:
    """Replaces NaN by the last value observed in the same row and channel; NaN stays where there is none.

    Without a scan: the observed values of a channel are packed; a running count of observations points at the last
    one, and stays valid only if it lies in the row at hand.
    """
    total = tf.shape(steps, out_type=tf.int64)[0]
    observed = tf.logical_not(tf.math.is_nan(steps))
    position = tf.where(observed, tf.range(total)[:, tf.newaxis], tf.constant(-1, tf.int64))
    # The running maximum of positions: an observation's position is larger than all before it, so the maximum is
    # the position of the latest, found by counting.
    latest = _running_latest(position, observed)
    row_start = tf.gather(row_splits, tf.searchsorted(row_splits, tf.range(total), side="right", out_type=tf.int64) - 1)
    valid = latest >= row_start[:, tf.newaxis]
    filled = tf.gather(steps, tf.maximum(latest, 0), batch_dims=0, axis=0) if steps.shape[1] == 1 else None
    if filled is not None:
        filled = tf.reshape(filled, [-1, 1])
    else:
        channel = tf.broadcast_to(tf.range(tf.shape(steps)[1])[tf.newaxis, :], tf.shape(steps))
        filled = tf.gather_nd(steps, tf.stack([tf.cast(tf.maximum(latest, 0), tf.int32), channel], axis=-1))
    return tf.where(valid, filled, steps)


def _running_latest(position: tf.Tensor, observed: tf.Tensor) -> tf.Tensor:
    """int64[total, channels]: for each step the position of the latest observation so far, -1 without one."""
    count = tf.cumsum(tf.cast(observed, tf.int64), axis=0)
    total = tf.shape(position, out_type=tf.int64)[0]
    channels = tf.shape(position, out_type=tf.int64)[1]
    # Channel by channel end to end: the n-th observation of a channel stands at packed[offset + n - 1].
    packed = tf.boolean_mask(tf.transpose(position), tf.transpose(observed))
    per_channel = tf.reduce_sum(tf.cast(observed, tf.int64), axis=0)
    offset = tf.cumsum(per_channel, exclusive=True)
    packed = tf.concat([packed, tf.constant([-1], tf.int64)], axis=0)
    index = tf.where(count > 0, offset[tf.newaxis, :] + count - 1, tf.shape(packed, out_type=tf.int64)[0] - 1)
    return tf.reshape(tf.gather(packed, index), tf.stack([total, channels]))


def scale_values(values: tf.Tensor, scale: str, moments: tuple[tf.Tensor, ...], clip: float | None) -> tf.Tensor:
    """Scales the last axis by what analysis found; a channel without spread becomes 0.

    Args:
      values: float32[..., channels].
      scale: "z_score", "min_max" or "none".
      moments: mean, standard deviation, minimum, maximum, float32[channels] each.
      clip: cut to [-clip, clip] afterwards; None leaves all.
    """
    mean, deviation, minimum, maximum = moments
    if scale == "z_score":
        values = tf.math.divide_no_nan(values - mean, deviation)
    elif scale == "min_max":
        values = tf.math.divide_no_nan(values - minimum, maximum - minimum)
    return tf.clip_by_value(values, -clip, clip) if clip is not None else values


def time_since_last_step(times: tf.Tensor, row_splits: tf.Tensor) -> tf.Tensor:
    """log1p of the time since the step before, float32[total steps]; 0 at a row's first step and for steps back."""
    before = tf.concat([times[:1], times[:-1]], axis=0)
    total = tf.shape(times, out_type=tf.int64)[0]
    row = tf.searchsorted(row_splits, tf.range(total), side="right", out_type=tf.int64) - 1
    is_first = tf.equal(tf.gather(row_splits, row), tf.range(total))
    return tf.where(is_first, 0.0, tf.math.log1p(tf.maximum(times - before, 0.0)))


def truncate(flat: tf.Tensor, row_splits: tf.Tensor, cap: tf.Tensor, end: str) -> tf.RaggedTensor:
    """Keeps at most `cap` steps of each row, cutting the named end.

    Args:
      flat: [total steps, ...] of any type.
      row_splits: int64[batch + 1].
      cap: int64[].
      end: "tail" keeps the first steps, "head" the last.

    Returns:
      ragged[batch, (steps), ...].
    """
    starts, limits = row_splits[:-1], row_splits[1:]
    if end == "tail":
        limits = tf.minimum(limits, starts + tf.minimum(cap, limits - starts))
    else:
        starts = tf.maximum(starts, limits - tf.minimum(cap, limits - starts))
    kept = tf.ragged.range(starts, limits, row_splits_dtype=tf.int64)
    return kept.with_flat_values(tf.gather(flat, kept.flat_values))
