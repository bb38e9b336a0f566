"""Bootstrap intervals cover what they should; trivial models know frequencies and lengths, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trainer.evaluation.baselines import LengthOnly, majority_predictions
from trainer.evaluation.bootstrap import draw_count, intervals, mean_interval
from trainer.evaluation.metrics import compute_metrics


def test_the_interval_of_a_mean_is_that_of_its_normal_approximation() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, 1000)
    found = mean_interval(values, samples=2000)
    error = 1.96 * values.std() / math.sqrt(1000)
    assert found["value"] == values.mean()
    assert found["low"] == pytest.approx(values.mean() - error, abs=0.03)
    assert found["high"] == pytest.approx(values.mean() + error, abs=0.03)


def test_intervals_are_the_same_in_every_run() -> None:
    labels = np.array([0, 1] * 20)
    scores = np.linspace(0, 1, 40)

    def compute(rows: np.ndarray) -> dict[str, float]:
        return compute_metrics("binary", labels[rows], scores[rows])

    first, second = intervals(compute, 40, 50), intervals(compute, 40, 50)
    assert first == second
    assert first["auc"]["low"] <= first["auc"]["value"] <= first["auc"]["high"]


def test_no_rows_give_no_interval() -> None:
    assert all(math.isnan(value) for value in mean_interval(np.zeros(0), 10).values())


def test_many_rows_are_drawn_less_often() -> None:
    assert draw_count(1_000, 1000) == 1000
    assert draw_count(100_000, 1000) == 200
    assert draw_count(10_000_000, 1000) == 100
    assert draw_count(10_000_000, 50) == 50


def test_the_majority_model_gives_the_train_shares() -> None:
    labels = np.array([0] * 60 + [1] * 30 + [2] * 10)
    found = majority_predictions("multiclass", labels, 3, rows=2)
    assert found.shape == (2, 3)
    assert found[0].tolist() == pytest.approx([61 / 103, 31 / 103, 11 / 103])
    assert majority_predictions("binary", np.array([0, 1, 1]), 2, 1).tolist() == pytest.approx([0.6])
    assert majority_predictions("regression", np.array([1.0, 4.0]), 0, 2).tolist() == [2.5, 2.5]


def test_labels_that_follow_from_lengths_are_found_by_lengths_alone() -> None:
    generator = np.random.default_rng(1)
    lengths = {"text": generator.integers(0, 100, 2000), "noise": generator.integers(0, 100, 2000)}
    classes = (lengths["text"] >= 50).astype(np.int64)
    found = LengthOnly("binary", lengths, classes, 2).predict(lengths)
    assert compute_metrics("binary", classes, found)["accuracy"] > 0.95
    target = 3.0 * lengths["text"] + 7.0
    values = LengthOnly("regression", lengths, target, 0).predict(lengths)
    assert compute_metrics("regression", target, values)["r2"] > 0.97
    shares = LengthOnly("multiclass", lengths, classes, 3).predict(lengths)
    assert shares.shape == (2000, 3)
    assert np.allclose(shares.sum(axis=1), 1)


def test_lengths_that_say_nothing_give_the_train_shares() -> None:
    generator = np.random.default_rng(2)
    lengths = {"text": generator.integers(0, 100, 20_000)}
    labels = (generator.random(20_000) < 0.3).astype(np.int64)
    found = LengthOnly("binary", lengths, labels, 2).predict(lengths)
    assert np.allclose(found, 0.3, atol=0.06)


def test_constant_and_unseen_lengths_are_predicted() -> None:
    model = LengthOnly("binary", {"text": np.full(10, 5)}, np.array([0, 1] * 5), 2)
    assert np.allclose(model.predict({"text": np.array([0, 5, 1_000_000])}), 0.5)
