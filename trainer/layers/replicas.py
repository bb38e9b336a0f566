"""What a layer must know when its batch is one of several shards: who else has rows of it.

    replica   a copy of the model that sees its own rows of every batch, one on each device

Only TensorFlow runs layers in replicas (tf.distribute). JAX traces a layer once, for the whole batch, and divides the
work afterwards, so a layer there is always the only one.
"""

from __future__ import annotations

from typing import Any

import keras

from trainer.layers.mask import Tensor


def replica_count() -> int:
    """Replicas that run this layer on shards of one batch."""
    context = _context()
    return int(context.num_replicas_in_sync) if context is not None else 1


def replica_index() -> int:
    """Which of them this is, from 0; shards are numbered in the order of their rows."""
    context = _context()
    if context is None:
        return 0
    import tensorflow as tf

    return int(tf.get_static_value(context.replica_id_in_sync_group))


def sum_over_replicas(value: Tensor) -> Tensor:
    """The sum of a value over all replicas, in each of them; its gradient is summed likewise.

    Args:
      value: a floating-point tensor, of the same shape in every replica.
    """
    if replica_count() == 1:
        return value
    return _context().all_reduce("SUM", value)


def _context() -> Any:
    """TensorFlow's replica context, None on another backend or outside of one."""
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    return tf.distribute.get_replica_context()
