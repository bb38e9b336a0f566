"""What a layer must know when its batch is one of several shards: who else has rows of it.

    replica   a copy of the model that sees its own rows of every batch, one on each device
    part      rows of a batch that one core works on, beside other parts on the same device
    shard     the rows of a replica or of a part

Only TensorFlow runs layers in replicas (tf.distribute) or parts. JAX traces a layer once, for the whole batch, and
divides the work afterwards, so a layer there is always the only one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras

from trainer.layers.mask import Tensor

_part: ContextVar[tuple[Tensor, int] | None] = ContextVar("part", default=None)


@contextmanager
def part_of_batch(index: Tensor, count: int) -> Iterator[None]:
    """Layers called within see one part of a batch.

    Args:
      index: int32[], which part, from 0 in the order of their rows.
      count: parts of the batch.
    """
    token = _part.set((index, count))
    try:
        yield
    finally:
        _part.reset(token)


def shard_count() -> int:
    """Shards of the batch that this layer sees one of."""
    part = _part.get()
    return part[1] if part is not None else _replica_count()


def shard_index() -> int | Tensor:
    """Which of them this is, from 0; shards are numbered in the order of their rows."""
    part = _part.get()
    return part[0] if part is not None else replica_index()


def replica_index() -> int:
    """Which replica this is, from 0."""
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
    if _replica_count() == 1:
        return value
    return _context().all_reduce("SUM", value)


def _replica_count() -> int:
    context = _context()
    return int(context.num_replicas_in_sync) if context is not None else 1


def _context() -> Any:
    """TensorFlow's replica context, None on another backend or outside of one."""
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    return tf.distribute.get_replica_context()
