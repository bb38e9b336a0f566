"""One training step and one prediction step, compiled once a batch shape, on the backend in use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from schemas.errors import LengthwiseError
from trainer.environment import device_names
from trainer.fit.compilation import Compilation
from trainer.input.batches import Batch

# What a training step reports, summed over its rows: loss x weight, headline metric x weight, weight.
SUMS = ("loss", "metric", "weight")


class Steps(Protocol):
    """The compiled steps of one model.

    Attributes:
      train_traces: training steps traced so far; at most one for a batch shape, on TensorFlow on each device.
      predict_traces: prediction steps traced so far; likewise.
    """

    train_traces: int
    predict_traces: int

    def prepare(self, batches: Iterable[Batch]) -> None:
        """Compiles the training steps of these batches' shapes ahead of the first one, where that pays."""

    def train(self, batch: Batch) -> Any:
        """Takes one optimizer step; gives a device array float32[3] of SUMS, without waiting for it."""

    def predict(self, batch: Batch) -> np.ndarray:
        """float32[real rows, outputs], the model in inference mode."""

    def publish(self) -> None:
        """Makes the variables of model and optimizer hold the state that the steps have reached."""

    def adopt(self) -> None:
        """Makes the steps go on from what the variables of model and optimizer hold."""


def make_steps(
    model: Any, optimizer: Any, kind: str, scale: float, compilation: Compilation, devices: int = 1
) -> Steps:
    """The steps of the backend in use.

    Args:
      model: a Keras model with dict inputs.
      optimizer: a Keras optimizer; it is built here.
      kind: of the label: binary, multiclass or regression.
      scale: factor from the sum of weighted losses of a batch to the loss that is minimised.
      compilation: what TensorFlow compiles with XLA; JAX always does, PyTorch never.
      devices: that share every batch; not on PyTorch.

    Raises:
      LengthwiseError: the backend has no training step here.
    """
    import keras

    backend = keras.backend.backend()
    optimizer.build(model.trainable_variables)
    if backend == "tensorflow":
        if devices > 1:
            from trainer.fit.steps.mirrored_steps import MirroredSteps

            return MirroredSteps(model, optimizer, kind, scale, compilation, device_names()[:devices])
        from trainer.fit.steps.tensorflow_steps import TensorFlowSteps

        return TensorFlowSteps(model, optimizer, kind, scale, compilation)
    if backend == "jax":
        from trainer.fit.steps.jax_steps import JaxSteps

        return JaxSteps(model, optimizer, kind, scale, devices)
    if backend == "torch":
        from trainer.fit.steps.torch_steps import TorchSteps

        return TorchSteps(model, optimizer, kind, scale)
    raise LengthwiseError(
        f"KERAS_BACKEND: received {backend!r}, the trainer runs on tensorflow, jax and torch; set one of them"
    )
