"""Which epoch's weights are kept, and when enough epochs have passed without a better one.

    epoch   1     2     3     4     5     6
    loss    0.9   0.5   0.55  0.61  0.59  0.62      standard error of the 0.5: 0.1
                  best        stale kept  stale     (without the error: 2 is kept, 3 to 6 are stale)

A validation split of few rows cannot tell the best epoch from its neighbours: of all that are within one standard error
of the best, the last is kept (Breiman et al. 1984 choose among trees that way). Its learning rate has fallen further,
and it has learnt more: on icu the loss of 241 validation rows was lowest after epoch 3, that of 803 others after epoch
6 to 12 (docs/log.md). Where rows are many the error is small, and so is the freedom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from schemas.errors import LengthwiseError
from schemas.strict import nearest_name
from trainer.config import EarlyStopping
from trainer.evaluation.metrics import LARGER_IS_BETTER, METRICS_OF
from trainer.fit.state import Progress

SMALLEST_PATIENCE = 3
# Small data has many short epochs: three stale ones say little there.
PATIENCE_SHARE = 5


@dataclass(frozen=True)
class Watch:
    """Early stopping with nothing left open.

    Attributes:
      metric: of the validation split.
      patience: epochs without improvement after which training stops.
      within_error: epochs within one standard error of the best are as good.
      minimum_change: an improvement smaller than this is none.
      restore_best: keep that epoch's weights rather than the last one's.
    """

    metric: str
    patience: int
    within_error: bool = True
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
        within_error=settings.within_error,
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


def record_epoch(progress: Progress, watch: Watch, value: float, error: float, epoch: int) -> bool:
    """Notes an epoch's value of the watched metric.

    Args:
      progress: changed in place: best value, its error, kept epoch, stale epochs.
      watch: the metric and what counts as better.
      value: of the metric on the validation split.
      error: its standard error; 0 where there is none.
      epoch: its number, from 0.

    Returns:
      Whether its weights are to be kept. A value that is not a number is never better, unless there is none yet.
    """
    sign = 1.0 if LARGER_IS_BETTER[watch.metric] else -1.0
    best = progress.best_value
    if best is None or math.isnan(best):
        kept = improved = True
    else:
        change = sign * (value - best)
        improved = change > watch.minimum_change
        kept = improved or (watch.within_error and progress.best_error > 0 and change >= -progress.best_error)
    if improved:
        progress.best_value, progress.best_error = value, error
    if kept:
        progress.best_epoch, progress.stale_epochs = epoch, 0
    else:
        progress.stale_epochs += 1
    return kept


def is_exhausted(progress: Progress, watch: Watch) -> bool:
    """Whether as many epochs as patience allows have passed without improvement."""
    return progress.stale_epochs >= watch.patience
