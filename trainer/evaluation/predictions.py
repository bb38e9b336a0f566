"""Predictions of a whole split, with what evaluation needs of every row beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trainer.fit.steps import Steps
from trainer.input.decode import KEY, LABEL
from trainer.input.split import Split


@dataclass(frozen=True)
class Predictions:
    """A split's rows, shape by shape in stored order.

    Attributes:
      values: float32[rows] (binary, regression) or float32[rows, classes].
      labels: int64[rows] or float32[rows].
      shapes: int64[rows], index of the batch shape.
      lengths: feature -> int64[rows], real steps.
      keys: bytes[rows]; None unless asked for.
    """

    values: np.ndarray
    labels: np.ndarray
    shapes: np.ndarray
    lengths: dict[str, np.ndarray]
    keys: np.ndarray | None = None


def predict_split(steps: Steps, split: Split, kind: str, with_keys: bool = False) -> Predictions:
    """Runs the model over a split, in stored order.

    Args:
      steps: the compiled steps of the model.
      split: to predict.
      kind: of the label; binary and regression predictions lose their last axis.
      with_keys: whether to give the rows' keys too.
    """
    schedule = split.schedule(seed=None)
    parts: Iterator[np.ndarray] = (steps.predict(batch) for batch in split.batches(schedule))
    collected = list(parts)
    values = np.concatenate(collected) if collected else np.zeros((0, 1), np.float32)
    return Predictions(
        values=values if kind == "multiclass" else values[:, 0],
        labels=split.column(LABEL),
        shapes=np.repeat(np.arange(len(split.row_counts)), split.row_counts),
        lengths={f.name: split.column(f"{f.name}_length") for f in split.features if f.is_sequence},
        keys=split.column(KEY) if with_keys else None,
    )
