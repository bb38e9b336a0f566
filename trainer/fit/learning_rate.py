"""The learning rate of every step: a linear rise, then a cosine fall to zero or a constant.

    rate
    peak |   /-----.
         |  /        `.
       0 | /            `-.____   step
           warm-up        all steps

The rate is a function of the step alone, so a resumed run continues it exactly.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("lengthwise")
class WarmUpSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, then cosine or constant.

    Args:
      peak: highest rate.
      steps: steps of the whole run.
      warm_up_steps: steps over which the rate rises.
      shape: cosine or constant.
    """

    def __init__(self, peak: float, steps: int, warm_up_steps: int, shape: str) -> None:
        super().__init__()
        self.peak = peak
        self.steps = steps
        self.warm_up_steps = warm_up_steps
        self.shape = shape

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        risen = ops.minimum((step + 1.0) / float(self.warm_up_steps + 1), 1.0)
        if self.shape == "constant":
            return self.peak * risen
        after = ops.clip((step - self.warm_up_steps) / float(max(1, self.steps - self.warm_up_steps)), 0.0, 1.0)
        return self.peak * risen * 0.5 * (1.0 + ops.cos(math.pi * after))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"peak": self.peak, "steps": self.steps, "warm_up_steps": self.warm_up_steps, "shape": self.shape}
