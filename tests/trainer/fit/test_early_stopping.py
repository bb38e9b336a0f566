"""Which epoch's weights are kept, and when a run ends, on figures written down by hand."""

from __future__ import annotations

import math

import pytest

from schemas.errors import LengthwiseError
from trainer.config import EarlyStopping
from trainer.fit.early_stopping import Watch, is_exhausted, record_epoch, settle
from trainer.fit.state import Progress


@pytest.mark.parametrize(("epochs", "patience"), [(1, 3), (15, 3), (16, 4), (60, 12)])
def test_patience_by_the_number_of_epochs(epochs: int, patience: int) -> None:
    assert settle(EarlyStopping(), "binary", epochs).patience == patience


def test_what_the_user_says_wins() -> None:
    settings = EarlyStopping(metric="accuracy", patience=1, minimum_change=0.1, restore_best=False)
    assert settle(settings, "binary", 60) == Watch("accuracy", 1, 0.1, False)
    with pytest.raises(LengthwiseError, match="received 'rmse'; .*A binary label has loss"):
        settle(EarlyStopping(metric="rmse"), "binary", 60)


def best_epochs(watch: Watch, values: list[float]) -> tuple[list[int], int]:
    """(epochs that were the best so far, epochs run)."""
    progress, best = Progress(), []
    for epoch, value in enumerate(values):
        if record_epoch(progress, watch, value, epoch):
            best.append(epoch)
        if is_exhausted(progress, watch):
            return best, epoch + 1
    return best, len(values)


def test_the_best_so_far_and_the_end_of_patience() -> None:
    assert best_epochs(Watch("loss", 2), [0.9, 0.5, 0.5, 0.4, 0.45, 0.41, 0.1]) == ([0, 1, 3], 6)
    assert best_epochs(Watch("auc", 2), [0.7, 0.6, 0.8, 0.8, 0.79, 0.9]) == ([0, 2], 5)


def test_a_change_below_the_minimum_is_none() -> None:
    assert best_epochs(Watch("loss", 2, 0.1), [1.0, 0.95, 0.85, 0.84, 0.83]) == ([0, 2], 5)


def test_what_is_no_number_is_never_better() -> None:
    nan = math.nan
    assert best_epochs(Watch("auc", 3), [nan, 0.5, nan, 0.6]) == ([0, 1, 3], 4)
