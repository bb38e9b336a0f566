"""Which epoch is the best so far, and when enough have passed without a better one."""

from __future__ import annotations

import math
from collections.abc import Mapping

from schemas.errors import LengthwiseError
from schemas.strict import nearest_name
from trainer.config import EarlyStopping
from trainer.evaluation.metrics import LARGER_IS_BETTER, METRICS_OF
from trainer.fit.state import Progress


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


def record_epoch(progress: Progress, settings: EarlyStopping, validation: Mapping[str, float], epoch: int) -> bool:
    """Notes an epoch's value of the watched metric.

    Args:
      progress: changed in place: best value, best epoch, stale epochs.
      settings: the metric and how large a change counts.
      validation: the epoch's metrics on the validation split.
      epoch: its number, from 0.

    Returns:
      Whether it is the best so far. A value that is not a number never is, unless there is none yet.
    """
    value = validation[settings.metric]
    sign = 1.0 if LARGER_IS_BETTER[settings.metric] else -1.0
    best = progress.best_value
    if best is None or math.isnan(best):
        better = True
    else:
        better = not math.isnan(value) and sign * (value - best) > settings.minimum_change
    if better:
        progress.best_value, progress.best_epoch, progress.stale_epochs = value, epoch, 0
    else:
        progress.stale_epochs += 1
    return better


def is_exhausted(progress: Progress, settings: EarlyStopping) -> bool:
    """Whether as many epochs as patience allows have passed without improvement."""
    return progress.stale_epochs >= settings.patience
