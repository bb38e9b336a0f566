"""Loss and headline metric of every example, for each kind of label, in keras.ops.

Values are per row, float32[rows]; reduction is the caller's, so that every example weighs the same however many
stand beside it. A row of zero weight contributes exactly 0, also where its prediction is not finite.
"""

from __future__ import annotations

from typing import Any

from keras import ops

# Probabilities are kept this far from 0 and 1 before the logarithm: float32 has no number between 1 - 6e-8 and 1.
SMALLEST_PROBABILITY = 1e-7

HEADLINE_METRIC = {"binary": "accuracy", "multiclass": "accuracy", "regression": "mae"}


def example_losses(kind: str, labels: Any, predictions: Any) -> Any:
    """Cross-entropy, or the squared error of a regression.

    Args:
      kind: binary, multiclass or regression.
      labels: int64[rows, 1] class index, or float32[rows, 1].
      predictions: float32[rows, 1] probability of class 1 or value, or float32[rows, classes] probabilities.

    Returns:
      float32[rows].
    """
    predictions = ops.cast(predictions, "float32")
    if kind == "regression":
        return ops.square(predictions[:, 0] - ops.cast(labels[:, 0], "float32"))
    safe = ops.clip(predictions, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
    if kind == "binary":
        positive = ops.cast(labels[:, 0], "float32")
        return -(positive * ops.log(safe[:, 0]) + (1.0 - positive) * ops.log(1.0 - safe[:, 0]))
    chosen = ops.one_hot(ops.cast(labels[:, 0], "int32"), predictions.shape[-1], dtype="float32")
    return -ops.sum(chosen * ops.log(safe), axis=-1)


def example_metric(kind: str, labels: Any, predictions: Any) -> Any:
    """1 where the most probable class is the label's (accuracy), or the absolute error of a regression.

    Args and Returns as in `example_losses`.
    """
    predictions = ops.cast(predictions, "float32")
    if kind == "regression":
        return ops.abs(predictions[:, 0] - ops.cast(labels[:, 0], "float32"))
    if kind == "binary":
        chosen = ops.cast(predictions[:, 0] >= 0.5, "int32")
    else:
        chosen = ops.cast(ops.argmax(predictions, axis=-1), "int32")
    return ops.cast(ops.equal(chosen, ops.cast(labels[:, 0], "int32")), "float32")


def weighted_sum(values: Any, weights: Any) -> Any:
    """Sum of values times weights over the rows that have a weight.

    Args:
      values: float32[rows].
      weights: float32[rows, 1].
    """
    weights = weights[:, 0]
    return ops.sum(ops.where(weights > 0, values, 0.0) * weights)
