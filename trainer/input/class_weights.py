"""How much a row of each class weighs in loss and gradient.

`balanced` gives every class the same total weight. Weights are scaled so that the mean over the train split is 1,
which leaves the meaning of the learning rate as it was.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from schemas.errors import LengthwiseError
from schemas.manifest import LabelInfo
from schemas.strict import nearest_name


def class_weights(setting: str | Mapping[str, float], label: LabelInfo, counts: Mapping[str, int]) -> np.ndarray | None:
    """Weights by class index.

    Args:
      setting: none, balanced, or a weight for each class name (1 for a class that is not named).
      label: of the dataset.
      counts: rows of the train split by class name.

    Returns:
      float64[classes], or None when all rows weigh the same.

    Raises:
      LengthwiseError: weights for a regression label, an unknown class, a weight that is not positive.
    """
    if setting == "none":
        return None
    if label.classes is None:
        raise LengthwiseError("class_weights: a regression label has no classes; remove the setting")
    rows = np.array([counts.get(name, 0) for name in label.classes], np.float64)
    if isinstance(setting, str):
        weights = np.where(rows > 0, rows.sum() / np.maximum(rows, 1), 0.0)
    else:
        for name, weight in setting.items():
            if name not in label.classes:
                near = nearest_name(name, label.classes)
                hint = f"; did you mean {near!r}?" if near else ""
                raise LengthwiseError(
                    f"class_weights: unknown class {name!r}{hint} The classes are {', '.join(label.classes)}"
                )
            if not weight > 0:
                raise LengthwiseError(f"class_weights.{name}: received {weight}, expected a number above 0")
        weights = np.array([float(setting.get(name, 1.0)) for name in label.classes])
    return weights * rows.sum() / max(float(np.sum(weights * rows)), 1e-12)
