"""Whether XLA pays for a run on TensorFlow.

XLA takes longer to compile a shape and less to run it. On 2 CPU cores, a training step and its compilation, plain
against XLA:

    LSTM 64, 32 x 512      0.20 s to 0.10 s a step      LSTM 64, 128 x 128     0.11 s to 0.06 s
    transformer, 64 x 256  1.9 s to 0.9 s               convolutions, 64 x 256  no faster
    compilation            1 s to 3.5 s of processor time a shape

so a shape with a recurrence or attention earns its compilation back after some 800,000 padded steps, and one with
convolutions never. On a GPU it is used unless a layer says that it has a fused kernel which XLA cannot hold.
"""

from __future__ import annotations

from typing import Any, Literal

PADDED_STEPS_TO_PAY = 800_000


def use_xla(setting: Literal["auto"] | bool, model: Any, padded_steps: int, shapes: int) -> bool:
    """Decides for one run.

    Args:
      setting: of the configuration; auto decides here.
      model: a Keras model.
      padded_steps: of the whole run, all epochs.
      shapes: batch shapes that have rows.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return False
    if setting != "auto":
        return setting
    import tensorflow as tf

    layers = all_layers(model)
    if tf.config.list_logical_devices("GPU"):
        return all(getattr(layer, "supports_jit", True) for layer in layers)
    return any(map(_is_gaining, layers)) and padded_steps // max(shapes, 1) >= PADDED_STEPS_TO_PAY


def all_layers(layer: Any) -> list[Any]:
    """A layer or model and everything within it."""
    found, waiting = [], [layer]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting.extend(getattr(one, "_layers", []))
    return found


def _is_gaining(layer: Any) -> bool:
    """Whether a layer is one of those that XLA makes faster on a CPU."""
    import keras

    return isinstance(layer, keras.layers.RNN) or "Attention" in type(layer).__name__
