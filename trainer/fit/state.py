"""How far a run has come: all that a resumed run needs beside the variables of model and optimizer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np


@dataclass
class Progress:
    """Where a run stands.

    Attributes:
      epoch: epochs finished.
      step: steps finished in the epoch that is under way.
      global_step: steps finished in all.
      sums: sums of the epoch under way: weighted loss, weighted metric, weight.
      real_steps: real steps trained on in the epoch under way.
      padded_steps: padded steps computed in the epoch under way.
      seconds: time spent training, in all.
      epoch_seconds: time spent in the epoch under way.
      history: one mapping of metric to value for each finished epoch.
      best_value: best value of the watched metric.
      best_epoch: its epoch, counted from 0.
      stale_epochs: epochs since.
      finished: no step is left to take.
    """

    epoch: int = 0
    step: int = 0
    global_step: int = 0
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    real_steps: int = 0
    padded_steps: int = 0
    seconds: float = 0.0
    epoch_seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    best_value: float | None = None
    best_epoch: int | None = None
    stale_epochs: int = 0
    finished: bool = False

    def start_epoch(self) -> None:
        """Clears what is counted by epoch."""
        self.step = 0
        self.sums = [0.0, 0.0, 0.0]
        self.real_steps = self.padded_steps = 0
        self.epoch_seconds = 0.0

    def to_json(self) -> dict[str, Any]:
        """A mapping that JSON can hold without loss: Python writes a float64 so that it is read back bit for bit."""
        return asdict(self)


def variables_of(model: Any, optimizer: Any) -> dict[str, list[Any]]:
    """Every variable that training changes, seeds of dropout among them.

    Args:
      model: a Keras model.
      optimizer: its optimizer, built.
    """
    return {"model": list(model.variables), "optimizer": list(optimizer.variables)}


def snapshot(variables: list[Any]) -> list[np.ndarray]:
    """Copies of the values of some variables."""
    from keras import ops

    return [np.array(ops.convert_to_numpy(variable.value)) for variable in variables]


def restore(variables: list[Any], values: list[np.ndarray]) -> None:
    """Puts values back into variables.

    Raises:
      ValueError: their number or a shape differs.
    """
    if len(variables) != len(values):
        raise ValueError(f"received {len(values)} values, expected one for each of {len(variables)} variables")
    for variable, value in zip(variables, values, strict=True):
        if tuple(variable.shape) != tuple(value.shape):
            raise ValueError(f"{variable.path}: received shape {tuple(value.shape)}, expected {tuple(variable.shape)}")
        variable.assign(value)
