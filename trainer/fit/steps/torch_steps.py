"""Training and prediction steps on PyTorch: eager, on the variables themselves; nothing is compiled.

PyTorch is imported where it is used: the project's own environment has none, and this module must import there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from keras import ops

from trainer.fit.losses import example_losses, example_metric, weighted_sum
from trainer.input.batches import Batch


class TorchSteps:
    """The steps of one model on PyTorch.

    Args:
      model: a Keras model with dict inputs.
      optimizer: a Keras optimizer, built for the model's trainable variables.
      kind: of the label: binary, multiclass or regression.
      scale: factor from the sum of weighted losses of a batch to the loss that is minimised.
    """

    def __init__(self, model: Any, optimizer: Any, kind: str, scale: float) -> None:
        self.train_traces = 0
        self.predict_traces = 0
        self._model = model
        self._optimizer = optimizer
        self._kind = kind
        self._scale = scale

    def prepare(self, batches: Iterable[Batch]) -> None:
        """Nothing is compiled."""

    def train(self, batch: Batch) -> Any:
        """Takes one optimizer step; gives float32[3]: sums of weighted loss, weighted metric, weight."""
        import torch

        variables = self._model.trainable_variables
        labels, weights = ops.convert_to_tensor(batch.labels), ops.convert_to_tensor(batch.weights)
        predictions = self._model(_inputs(batch), training=True)
        total = weighted_sum(example_losses(self._kind, labels, predictions), weights)
        loss = total * self._scale + sum(self._model.losses)
        minimised = self._optimizer.scale_loss(loss)
        # A variable that this batch does not reach has a gradient of 0, as on the other backends.
        gradients = torch.autograd.grad(minimised, [v.value for v in variables], allow_unused=True)
        with torch.no_grad():
            pairs = zip(gradients, variables, strict=True)
            self._optimizer.apply([torch.zeros_like(v.value) if g is None else g for g, v in pairs], variables)
            metric = weighted_sum(example_metric(self._kind, labels, predictions), weights)
            return torch.stack([total.detach(), metric, ops.sum(weights)])

    def predict(self, batch: Batch) -> np.ndarray:
        """float32[real rows, outputs], the model in inference mode."""
        import torch

        with torch.no_grad():
            predictions = self._model(_inputs(batch), training=False)
        return predictions.float().cpu().numpy()[: batch.rows]

    def publish(self) -> None:
        """The steps work on the variables themselves, so there is nothing to write back."""

    def adopt(self) -> None:
        """The steps work on the variables themselves, so there is nothing to read."""


def _inputs(batch: Batch) -> Mapping[str, Any]:
    return {name: ops.convert_to_tensor(values) for name, values in batch.features.items()}
