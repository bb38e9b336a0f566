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
    settings = EarlyStopping(metric="accuracy", patience=1, within_error=False, minimum_change=0.1, restore_best=False)
    assert settle(settings, "binary", 60) == Watch("accuracy", 1, False, 0.1, False)
    with pytest.raises(LengthwiseError, match="received 'rmse'; .*A binary label has loss"):
        settle(EarlyStopping(metric="rmse"), "binary", 60)


def kept_epochs(watch: Watch, values: list[float], error: float = 0.0) -> tuple[list[int], int]:
    """(epochs whose weights were kept until the next, epochs run)."""
    progress, kept = Progress(), []
    for epoch, value in enumerate(values):
        if record_epoch(progress, watch, value, error, epoch):
            kept.append(epoch)
        if is_exhausted(progress, watch):
            return kept, epoch + 1
    return kept, len(values)


def test_the_last_epoch_within_one_error_of_the_best_is_kept() -> None:
    losses = [0.9, 0.5, 0.55, 0.61, 0.59, 0.62, 0.63]
    assert kept_epochs(Watch("loss", 2), losses, 0.1) == ([0, 1, 2, 4], 7)
    assert kept_epochs(Watch("loss", 2, within_error=False), losses, 0.1) == ([0, 1], 4)
    assert kept_epochs(Watch("loss", 2), losses, 0.001) == ([0, 1], 4)


def test_the_error_is_counted_from_the_best_and_does_not_creep() -> None:
    assert kept_epochs(Watch("loss", 9), [0.5, 0.58, 0.66, 0.74], 0.1) == ([0, 1], 4)
    assert kept_epochs(Watch("auc", 9), [0.8, 0.75, 0.65, 0.85, 0.76], 0.1) == ([0, 1, 3, 4], 5)


def test_equal_values_without_an_error_change_nothing() -> None:
    assert kept_epochs(Watch("accuracy", 2), [1.0, 1.0, 1.0]) == ([0], 3)


def test_a_change_below_the_minimum_is_none() -> None:
    assert kept_epochs(Watch("loss", 2, minimum_change=0.1), [1.0, 0.95, 0.85, 0.84, 0.83]) == ([0, 2], 5)


def test_what_is_no_number_is_never_better() -> None:
    nan = math.nan
    assert kept_epochs(Watch("auc", 3), [nan, 0.5, nan, 0.6], 0.2) == ([0, 1, 3], 4)
