"""Regression on targets of any size: the model learns (target - mean) / deviation and answers in the target's unit.

A fixed affine layer behind the model undoes the scaling, so that everything outside (metrics, saved model, serving)
sees the unit of the data; the loss is divided by the variance, so that gradients are those of the scaled target.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

LAYER_NAME = "target_scale"


@dataclass(frozen=True)
class TargetScale:
    """Mean and standard deviation of the train split's target.

    Attributes:
      mean: in the target's unit.
      deviation: in the target's unit; 1 for a constant target.
    """

    mean: float
    deviation: float


def target_scale(labels: np.ndarray) -> TargetScale:
    """Measures the target.

    Args:
      labels: float32[rows] of the train split.
    """
    values = labels.astype(np.float64)
    deviation = float(values.std())
    return TargetScale(float(values.mean()), deviation if deviation > 0 else 1.0)


def with_target_scale(model: Any, scale: TargetScale) -> Any:
    """The same model, answering in the target's unit.

    Args:
      model: a functional Keras model whose output is float32[batch, 1].
      scale: of the target.
    """
    import keras

    layer = keras.layers.Rescaling(scale.deviation, offset=scale.mean, dtype="float32", name=LAYER_NAME)
    return keras.Model(model.input, layer(model.output), name=model.name)
