"""Batches of static shape, ready for the model.

    rows asked for: 3 of a shape of 4 rows, 5 steps

    features["text"]         [[7 2 9 0 0]      features["text_length"]  [3]    labels [[1]]    weights [[1.]]
                              [4 4 0 0 0]                               [2]           [0]             [1.]
                              [3 1 5 6 2]                               [5]           [1]             [1.]
                              [0 0 0 0 0]]                              [0]           [0]             [0.]

The last row is filled in: it has length 0 and weight 0, so no layer, loss or metric counts it.
Labels and weights are [rows, 1]: Keras would spread weights [rows] along time wherever rows happen to equal steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.manifest import FeatureInfo
from trainer.input.decode import KEY, LABEL
from trainer.input.shapes import BatchShape


@dataclass(frozen=True)
class Batch:
    """One step's input.

    Attributes:
      shape: index of the batch shape.
      features: name -> int64[rows, steps], float32[rows, steps, channels], int64[rows] lengths, or context.
      labels: int64[rows, 1] class indices, float32[rows, 1] for regression; None without labels.
      weights: float32[rows, 1]; 0 for the rows that only fill the batch.
      rows: real rows, which stand first.
      real_steps: real steps of all selected sequence features together.
      padded_steps: padded steps of the whole batch, rows of zero weight counted in.
    """

    shape: int
    features: Mapping[str, np.ndarray]
    labels: np.ndarray | None
    weights: np.ndarray
    rows: int
    real_steps: int
    padded_steps: int


def assemble(
    columns: Mapping[str, np.ndarray],
    shape: BatchShape,
    shape_index: int,
    features: Sequence[FeatureInfo],
    class_weights: np.ndarray | None = None,
) -> Batch:
    """Makes a batch of static shape from some rows.

    Args:
      columns: what a store read: an array of the same number of rows for every feature, length and label.
      shape: of the batch.
      shape_index: its index.
      features: the selected features.
      class_weights: float64[classes]; all rows weigh 1 when None.
    """
    rows = len(columns[KEY])
    inputs: dict[str, np.ndarray] = {}
    real_steps = 0
    for feature in features:
        inputs[feature.name] = _filled(columns[feature.name], shape.rows, np.dtype(feature.dtype))
        if feature.is_sequence:
            lengths = columns[f"{feature.name}_length"]
            inputs[f"{feature.name}_length"] = _filled(lengths, shape.rows, np.dtype(np.int64))
            real_steps += int(lengths.sum())
    labels = None
    weights = np.zeros((shape.rows, 1), np.float32)
    weights[:rows] = 1.0
    if LABEL in columns:
        labels = _filled(columns[LABEL], shape.rows, columns[LABEL].dtype)[:, None]
        if class_weights is not None:
            weights[:rows, 0] = class_weights[columns[LABEL]]
    return Batch(shape_index, inputs, labels, weights, rows, real_steps, shape.rows * shape.cost)


def _filled(values: np.ndarray, rows: int, dtype: np.dtype) -> np.ndarray:
    """`values` as `dtype`, with rows of zeros appended up to `rows`."""
    if len(values) == rows:
        return values.astype(dtype, copy=False)
    result = np.zeros((rows, *values.shape[1:]), dtype)
    result[: len(values)] = values
    return result
