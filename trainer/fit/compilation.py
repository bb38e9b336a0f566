"""Whether XLA pays for a run on TensorFlow.

XLA takes longer to compile a shape and less to run it. On 2 CPU cores, LSTM of 64 units: some 2 s a shape against
0.6 s, for a step 2.3 times as fast at batch 32 x 512; the difference is earned back after some 300,000 padded steps
of a shape. On a GPU it is used unless a layer says that it has a fused kernel which XLA cannot hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

PADDED_STEPS_TO_PAY = 300_000


def use_xla(setting: Literal["auto"] | bool, model: Any, padded_steps: int, shapes: int) -> bool:
    """Decides for one run.

    Args:
      setting: of the configuration; auto decides here.
      model: a Keras model.
      padded_steps: of the whole run, all epochs.
      shapes: batch shapes that have rows.
    """
    if setting != "auto":
        return setting
    import tensorflow as tf

    if tf.config.list_logical_devices("GPU"):
        return all(getattr(layer, "supports_jit", True) for layer in _all_layers(model))
    return padded_steps // max(shapes, 1) >= PADDED_STEPS_TO_PAY


def _all_layers(layer: Any) -> Sequence[Any]:
    found, waiting = [], [layer]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting.extend(getattr(one, "_layers", []))
    return found
