"""Which epoch is the best so far, and when enough have passed without a better one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from schemas.errors import LengthwiseError
from schemas.strict import nearest_name
from trainer.config import EarlyStopping
from trainer.evaluation.metrics import LARGER_IS_BETTER, METRICS_OF
from trainer.fit.state import Progress

SMALLEST_PATIENCE = 3
# Small data has many short epochs: three without improvement say little there.
PATIENCE_SHARE = 5


@dataclass(frozen=True)
class Watch:
    """Early stopping with nothing left open.

    Attributes:
      metric: of the validation split.
      patience: epochs without improvement after which training stops.
      minimum_change: an improvement smaller than this is none.
      restore_best: keep the best epoch's weights rather than the last one's.
    """

    metric: str
    patience: int
    minimum_change: float = 0.0
    restore_best: bool = True


def settle(settings: EarlyStopping, kind: str, epochs: int) -> Watch:
    """What a run watches.

    Args:
      settings: as configured.
      kind: of the label.
      epochs: of the run.

    Raises:
      LengthwiseError: a metric that the kind of label does not have.
    """
    check_metric(settings.metric, kind)
    return Watch(
        metric=settings.metric,
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


def record_epoch(progress: Progress, watch: Watch, value: float, epoch: int) -> bool:
    """Notes an epoch's value of the watched metric.

    Args:
      progress: changed in place: best value, best epoch, stale epochs.
      watch: the metric and how large a change counts.
      value: of the metric on the validation split.
      epoch: its number, from 0.

    Returns:
      Whether it is the best so far. A value that is not a number never is, unless there is none yet.
    """
    sign = 1.0 if LARGER_IS_BETTER[watch.metric] else -1.0
    best = progress.best_value
    if best is None or math.isnan(best):
        better = True
    else:
        better = not math.isnan(value) and sign * (value - best) > watch.minimum_change
    if better:
        progress.best_value, progress.best_epoch, progress.stale_epochs = value, epoch, 0
    else:
        progress.stale_epochs += 1
    return better


def is_exhausted(progress: Progress, watch: Watch) -> bool:
    """Whether as many epochs as patience allows have passed without improvement."""
    return progress.stale_epochs >= watch.patience
