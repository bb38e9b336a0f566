"""Softmax over real keys, and the attention that uses it.

Scores and weights are kept in float32 at least. A padded key is set to a finite lowest score before the softmax and its
weight to 0 after it; a query without any real key gets weights of 0, not a mean of padding.
"""

from __future__ import annotations

import math

import keras
from keras import ops

from trainer.layers.mask import LOWEST, Tensor, accumulation_dtype


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the last axis, of the positions where the mask is True.

    Args:
      scores: float[..., keys].
      mask: bool that broadcasts against the scores.

    Returns:
      float32 or float64[..., keys]: rows sum to 1, or are 0 where nothing is real.
    """
    dtype = accumulation_dtype(keras.backend.standardize_dtype(scores.dtype))
    scores = ops.where(mask, ops.cast(scores, dtype), ops.cast(LOWEST[dtype], dtype))
    highest = ops.stop_gradient(ops.max(scores, axis=-1, keepdims=True))
    weights = ops.where(mask, ops.exp(scores - highest), ops.cast(0, dtype))
    total = ops.sum(weights, axis=-1, keepdims=True)
    return weights / ops.where(total > 0, total, ops.cast(1, dtype))


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Scaled dot-product attention (Vaswani et al. 2017, equation 1).

    Args:
      query: [batch, queries, heads, channels].
      key: [batch, keys, heads, channels], finite at padded keys.
      value: [batch, keys, heads, channels], finite at padded keys.
      mask: bool that broadcasts against [batch, heads, queries, keys].

    Returns:
      [batch, queries, heads, channels].
    """
    query = query * (1.0 / math.sqrt(query.shape[-1]))
    weights = masked_softmax(ops.einsum("bqhc,bkhc->bhqk", query, key), mask)
    return ops.einsum("bhqk,bkhc->bqhc", ops.cast(weights, value.dtype), value)
