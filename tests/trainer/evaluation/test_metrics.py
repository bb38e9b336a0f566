"""Metrics against definitions written out, and their edge cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.evaluation.metrics import (
    METRICS_OF,
    area_under_curve,
    compute_metrics,
    confusion_matrix,
    macro_f1,
    reliability,
)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40))
def test_the_area_under_the_curve_counts_pairs(rows: list[tuple[bool, int]]) -> None:
    labels = np.array([int(label) for label, _ in rows])
    scores = np.array([score / 6 for _, score in rows])
    pairs = [1.0 if p > n else 0.5 if p == n else 0.0 for p in scores[labels == 1] for n in scores[labels == 0]]
    found = area_under_curve(labels, scores)
    assert math.isnan(found) if not pairs else found == pytest.approx(np.mean(pairs))


def test_binary_metrics_of_a_small_case() -> None:
    labels, scores = np.array([1, 0, 1, 0]), np.array([0.9, 0.2, 0.4, 0.6])
    found = compute_metrics("binary", labels, scores)
    assert found["accuracy"] == 0.5
    assert found["auc"] == 0.75
    assert found["loss"] == pytest.approx(-np.mean(np.log([0.9, 0.8, 0.4, 0.4])))
    assert found["brier"] == pytest.approx(np.mean([0.01, 0.04, 0.36, 0.36]))
    assert found["calibration_error"] == pytest.approx(np.mean([0.1, 0.2, 0.6, 0.6]))


def test_a_probability_of_one_half_counts_as_positive() -> None:
    assert compute_metrics("binary", np.array([1]), np.array([0.5]))["accuracy"] == 1.0


def test_multiclass_metrics_of_a_small_case() -> None:
    labels = np.array([0, 0, 1, 2])
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.6, 0.2], [0.3, 0.3, 0.4]])
    found = compute_metrics("multiclass", labels, probabilities)
    assert found["accuracy"] == 0.75
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert found["loss"] == pytest.approx(-np.mean(np.log([0.7, 0.1, 0.6, 0.4])))


def test_classes_that_never_occur_do_not_count_in_macro_f1() -> None:
    assert macro_f1(confusion_matrix(np.array([0, 1]), np.array([0, 1]), 5)) == 1.0


def test_confusion_has_the_true_class_first() -> None:
    found = confusion_matrix(np.array([0, 0, 1]), np.array([1, 1, 0]), 2)
    assert found.tolist() == [[0, 2], [1, 0]]


def test_regression_metrics_of_a_small_case() -> None:
    found = compute_metrics("regression", np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 6.0]))
    assert found == {"loss": 3.0, "mae": 1.0, "rmse": pytest.approx(math.sqrt(3)), "r2": pytest.approx(1 - 9 / 2)}


def test_what_is_not_defined_is_not_a_number() -> None:
    assert math.isnan(compute_metrics("regression", np.array([2.0, 2.0]), np.array([1.0, 3.0]))["r2"])
    assert math.isnan(compute_metrics("binary", np.array([1, 1]), np.array([0.1, 0.9]))["auc"])
    for kind, names in METRICS_OF.items():
        empty = compute_metrics(kind, np.zeros(0, np.int64), np.zeros((0, 3) if kind == "multiclass" else 0))
        assert set(empty) == set(names) and all(math.isnan(value) for value in empty.values())


def test_a_certain_and_wrong_prediction_has_a_finite_loss() -> None:
    assert compute_metrics("binary", np.array([0]), np.array([1.0]))["loss"] == pytest.approx(-math.log(1e-7), rel=1e-3)


def test_reliability_bins_hold_every_row_once() -> None:
    scores = np.array([0.0, 0.05, 0.55, 1.0])
    bins = reliability(np.array([0, 1, 1, 1]), scores)
    assert [b["rows"] for b in bins] == [2, 1, 1]
    assert bins[0]["observed"] == 0.5
    assert bins[0]["predicted"] == pytest.approx(0.025)
