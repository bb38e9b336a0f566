"""Which epoch is the best so far, and when enough have passed without a better one.

What is watched unless the user says it: the area under the ROC curve of a binary label, else the loss. On few
validation rows the loss turns early, because some predictions grow too sure of themselves, while the order of the rows
still improves (icu, 320 rows: lowest loss after epoch 3 of 33, largest area after epoch 14; docs/log.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from schemas.errors import LengthwiseError
from schemas.strict import nearest_name
from trainer.config import EarlyStopping
from trainer.evaluation.metrics import LARGER_IS_BETTER, METRICS_OF
from trainer.fit.state import Progress

SMALLEST_PATIENCE = 3
# Small data has many short epochs and a noisy validation split: three without improvement say little there.
PATIENCE_SHARE = 5


@dataclass(frozen=True)
class Watch:
    """Early stopping with nothing left open.

    Attributes:
      metric: of the validation split.
      patience: epochs without improvement after which training stops.
      minimum_change: an improvement smaller than this is none.
      restore_best: keep the best epoch's weights.
    """

    metric: str
    patience: int
    minimum_change: float = 0.0
    restore_best: bool = True


def settle(settings: EarlyStopping, kind: str, epochs: int, labels: np.ndarray) -> Watch:
    """What a run watches.

    Args:
      settings: as configured.
      kind: of the label.
      epochs: of the run.
      labels: [rows] of the validation split; the area under the curve needs both classes among them.

    Raises:
      LengthwiseError: a metric that the kind of label does not have.
    """
    if settings.metric is not None:
        check_metric(settings.metric, kind)
    by_order = kind == "binary" and len(np.unique(labels)) > 1
    return Watch(
        metric=settings.metric or ("auc" if by_order else "loss"),
        patience=settings.patience or max(SMALLEST_PATIENCE, math.ceil(epochs / PATIENCE_SHARE)),
        minimum_change=settings.minimum_change,
        restore_best=settings.restore_best,
    )


def check_metric(metric: str, kind: str) -> None:
    """Refuses a metric that the kind of label does not have.

    Raises:
      LengthwiseError: with the known names.
    """
    known = METRICS_OF[kind]
    if metric not in known:
        near = nearest_name(metric, known)
        hint = f"did you mean {near!r}? " if near else ""
        raise LengthwiseError(
            f"early_stopping.metric: received {metric!r}; {hint}A {kind} label has {', '.join(known)}"
        )


def record_epoch(progress: Progress, watch: Watch, validation: Mapping[str, float], epoch: int) -> bool:
    """Notes an epoch's value of the watched metric.

    Args:
      progress: changed in place: best value, its loss, best epoch, stale epochs.
      watch: the metric and how large a change counts.
      validation: the epoch's metrics on the validation split.
      epoch: its number, from 0.

    Returns:
      Whether it is the best so far: a better value, or an equal one with a lower loss, because a metric that counts or
      orders rows cannot improve on 1. A value that is not a number never is, unless there is none yet.
    """
    value, loss = validation[watch.metric], validation["loss"]
    sign = 1.0 if LARGER_IS_BETTER[watch.metric] else -1.0
    best, best_loss = progress.best_value, progress.best_loss
    if best is None or best_loss is None or math.isnan(best):
        better = True
    else:
        change = sign * (value - best)
        better = change > watch.minimum_change or (change == 0 and best_loss - loss > watch.minimum_change)
    if better:
        progress.best_value, progress.best_loss = value, loss
        progress.best_epoch, progress.stale_epochs = epoch, 0
    else:
        progress.stale_epochs += 1
    return better


def is_exhausted(progress: Progress, watch: Watch) -> bool:
    """Whether as many epochs as patience allows have passed without improvement."""
    return progress.stale_epochs >= watch.patience
