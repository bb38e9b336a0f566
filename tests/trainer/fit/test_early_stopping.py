"""Which epoch's weights are kept, and when a run ends, on figures written down by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from schemas.errors import LengthwiseError
from trainer.config import EarlyStopping
from trainer.fit.early_stopping import Watch, is_exhausted, record_epoch, settle
from trainer.fit.state import Progress

BOTH = np.array([0, 1, 1])


@pytest.mark.parametrize(
    ("kind", "labels", "metric"),
    [
        ("binary", BOTH, "auc"),
        ("binary", np.array([1, 1]), "loss"),  # one class alone has no area
        ("binary", np.zeros(0, np.int64), "loss"),
        ("multiclass", np.array([0, 1, 2]), "loss"),
        ("regression", np.array([0.5, 1.5]), "loss"),
    ],
)
def test_the_metric_by_the_kind_of_label(kind: str, labels: np.ndarray, metric: str) -> None:
    assert settle(EarlyStopping(), kind, 5, labels).metric == metric


@pytest.mark.parametrize(("epochs", "patience"), [(1, 3), (15, 3), (16, 4), (60, 12)])
def test_patience_by_the_number_of_epochs(epochs: int, patience: int) -> None:
    assert settle(EarlyStopping(), "binary", epochs, BOTH).patience == patience


def test_what_the_user_says_wins() -> None:
    settings = EarlyStopping(metric="accuracy", patience=1, minimum_change=0.1, restore_best=False)
    assert settle(settings, "binary", 60, BOTH) == Watch("accuracy", 1, 0.1, False)
    with pytest.raises(LengthwiseError, match="received 'rmse'; .*A binary label has loss"):
        settle(EarlyStopping(metric="rmse"), "binary", 60, BOTH)


def best_epochs(watch: Watch, values: list[float], losses: list[float]) -> tuple[list[int], int]:
    """(epochs that were the best so far, epochs run)."""
    progress, best = Progress(), []
    for epoch, (value, loss) in enumerate(zip(values, losses, strict=True)):
        if record_epoch(progress, watch, {watch.metric: value, "loss": loss}, epoch):
            best.append(epoch)
        if is_exhausted(progress, watch):
            return best, epoch + 1
    return best, len(values)


def test_a_perfect_area_goes_on_improving_by_its_loss() -> None:
    assert best_epochs(Watch("auc", 3), [1.0, 1.0, 1.0, 0.9, 1.0], [0.6, 0.4, 0.5, 0.1, 0.3]) == ([0, 1, 4], 5)


def test_a_larger_area_wins_over_a_lower_loss() -> None:
    assert best_epochs(Watch("auc", 2), [0.7, 0.8, 0.79, 0.78], [0.3, 0.5, 0.2, 0.2]) == ([0, 1], 4)


def test_a_change_below_the_minimum_is_none() -> None:
    assert best_epochs(Watch("loss", 2, 0.1), [1.0, 0.95, 0.85, 0.84, 0.83], [1.0, 0.95, 0.85, 0.84, 0.83]) == (
        [0, 2],
        5,
    )


def test_what_is_no_number_is_never_better() -> None:
    nan = math.nan
    assert best_epochs(Watch("auc", 3), [nan, 0.5, nan, 0.6], [1.0, 0.9, 0.1, 0.8]) == ([0, 1, 3], 4)
