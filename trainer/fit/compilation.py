"""What XLA compiles in a run on TensorFlow, and how a batch is divided among the processor's cores.

XLA takes longer to compile a shape and less to run it. On 2 CPU cores, a training step and its compilation, plain
against XLA:

    LSTM 64, 16 x 1024     0.16 s to 0.06 s a step      LSTM 64, 64 x 256      0.05 s to 0.04 s
    transformer, 64 x 256  1.9 s to 0.9 s               convolutions, 64 x 256  no faster
    compilation            1 s to 3.5 s of processor time a shape

so a shape with a recurrence or attention earns its compilation back after some 800,000 padded steps, and one with
convolutions never. On a GPU it is used unless a layer says that it has a fused kernel which XLA cannot hold.

A compiled loop over time uses one core. Two parts of a batch at the same time, on 2 cores: 0.044 s to 0.032 s
(64 x 256), 0.056 s to 0.032 s (16 x 1024).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal

PADDED_STEPS_TO_PAY = 800_000
# A part of fewer rows multiplies matrices too thin to be worth a core.
LEAST_ROWS_A_PART = 4


@dataclass(frozen=True)
class Compilation:
    """What is compiled, and how batches are divided.

    Attributes:
      train: whether XLA compiles training steps.
      predict: whether XLA compiles predictions.
      parts: into how many parts the rows of a batch are divided at most; more than one only where XLA compiles.
    """

    train: bool = False
    predict: bool = False
    parts: int = 1

    def parts_of(self, rows: int) -> int:
        """Parts of a batch: equal ones, each of at least 4 rows.

        Args:
          rows: of the batch.
        """
        return max(n for n in range(1, self.parts + 1) if n == 1 or (rows % n == 0 and rows // n >= LEAST_ROWS_A_PART))


def choose_compilation(setting: Literal["auto"] | bool, model: Any, padded_steps: int, shapes: int) -> Compilation:
    """Decides for one run.

    On a CPU predictions are left to TensorFlow unless XLA is asked for: a validation split is too small to earn the
    compilation of every shape back.

    Args:
      setting: of the configuration; auto decides here.
      model: a Keras model.
      padded_steps: of the whole run, all epochs.
      shapes: batch shapes that have rows.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return Compilation()
    train = use_xla(setting, model, padded_steps, shapes)
    on_cpu = not _has_gpu()
    return Compilation(train, train and not (on_cpu and setting == "auto"), _parts(model) if train and on_cpu else 1)


def use_xla(setting: Literal["auto"] | bool, model: Any, padded_steps: int, shapes: int) -> bool:
    """Whether XLA compiles training steps; arguments as in `choose_compilation`."""
    if setting != "auto":
        return setting
    layers = all_layers(model)
    if _has_gpu():
        return all(getattr(layer, "supports_jit", True) for layer in layers)
    return any(map(_is_gaining, layers)) and padded_steps // max(shapes, 1) >= PADDED_STEPS_TO_PAY


def _has_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_logical_devices("GPU"))


def _parts(model: Any) -> int:
    """As many as cores for a recurrent model; statistics over a batch, as batch normalisation's, want it whole."""
    import keras

    if not any(isinstance(layer, keras.layers.RNN) for layer in all_layers(model)):
        return 1
    return len(os.sched_getaffinity(0)) if all(map(is_seed, model.non_trainable_variables)) else 1


def is_seed(variable: Any) -> bool:
    """Whether a variable of a model is the state of a generator of noise."""
    return str(variable.path).endswith("seed_generator_state")


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
