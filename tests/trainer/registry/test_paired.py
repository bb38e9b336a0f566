"""Paired comparison: what both models share cancels out, and the tests agree with their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from schemas.errors import InputError
from schemas.manifest import LabelInfo
from trainer.registry.comparison import Question, compare_answers
from trainer.registry.held_out import Answers
from trainer.registry.paired import binomial_two_sided, length_edges, mcnemar, paired_gain, row_gain


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 5), (3, 9), (20, 20), (400, 460), (3000, 3300)])
def test_the_exact_test_is_the_binomial_one(first: int, second: int) -> None:
    expected = stats.binomtest(first, first + second).pvalue if first + second else 1.0
    assert binomial_two_sided(first, second) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_counts_the_rows_on_which_the_models_differ() -> None:
    labels = np.array([1, 1, 0, 0, 1])
    champion, challenger = np.array([0.9, 0.1, 0.2, 0.9, 0.9]), np.array([0.9, 0.8, 0.6, 0.2, 0.7])
    found = mcnemar("binary", labels, (champion, challenger))
    assert found == {"only_champion": 1, "only_challenger": 2, "p_value": 1.0}
    assert mcnemar("regression", labels, (champion, challenger)) is None


def test_a_paired_interval_is_narrower_than_two_models_own() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 2000)
    hard = generator.random(2000) < 0.3  # both models guess on the same rows
    champion = np.where(hard, generator.random(2000), labels)
    challenger = champion.copy()
    challenger[:20] = labels[:20]
    gain = paired_gain("binary", "accuracy", labels, (champion, challenger), 0.95)
    assert gain.value == pytest.approx(gain.challenger - gain.champion) and gain.value > 0
    assert gain.high - gain.low < 0.01 < 2 * 1.96 * math.sqrt(0.15 * 0.85 / 2000)
    assert gain.low <= gain.value <= gain.high


def test_an_interval_covers_the_true_gain_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(50):
        generator = np.random.default_rng(seed)
        champion = (generator.random(300) < 0.7).astype(float)
        challenger = np.where(generator.random(300) < 0.2, generator.random(300) < 0.9, champion).astype(float)
        gain = row_gain(champion, challenger, 1.0, 0.9)  # the true gain is 0.2 * (0.9 - 0.7)
        covered += gain.low <= 0.04 <= gain.high
    assert 39 <= covered <= 49


@pytest.mark.parametrize("metric", ["loss", "brier", "accuracy", "auc"])
def test_more_is_better_whichever_way_a_metric_runs(metric: str) -> None:
    labels = np.array([0, 1] * 50)
    good, bad = np.where(labels == 1, 0.8, 0.2), np.where(labels == 1, 0.4, 0.6)
    assert paired_gain("binary", metric, labels, (bad, good), 0.95).value > 0
    assert paired_gain("binary", metric, labels, (good, bad), 0.95).high < 0


def test_slices_hold_every_row_once() -> None:
    lengths = np.random.default_rng(0).geometric(0.1, 1000) - 1
    edges = length_edges(lengths, 4)
    assert [sum((lengths >= low) & (lengths <= high)) for low, high in edges] == pytest.approx([250] * 4, abs=60)
    assert all(later[0] == earlier[1] + 1 for earlier, later in zip(edges, edges[1:], strict=False))
    assert sum(int(((lengths >= low) & (lengths <= high)).sum()) for low, high in edges) == 1000
    assert length_edges(np.array([3, 3, 3]), 4) == [(3, 3)]
    assert length_edges(np.array([], int), 4) == []


def answers(classes: list[str], values: list[list[float]]) -> Answers:
    table = np.array(values, np.float32)
    label = LabelInfo(kind="multiclass", classes=classes)
    return Answers(label, table, {"text": np.arange(len(table))})


def test_classes_are_matched_by_name() -> None:
    labels = np.array(["a", "b", "c", "d"])
    champion = answers(["a", "b"], [[1, 0], [0, 1], [1, 0], [1, 0]])
    challenger = answers(["c", "b", "a"], [[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 0, 0]])
    found = compare_answers(labels, champion, challenger, Question(slices=2))
    assert found["champion"]["accuracy"] == 0.5 and found["challenger"]["accuracy"] == 0.75
    assert found["mcnemar"]["only_challenger"] == 1
    assert [part["rows"] for part in found["slices"]] == [2, 2]
    assert found["slices"][0]["confidence"] == pytest.approx(0.975)


def test_an_unknown_metric_and_another_kind_are_refused() -> None:
    model = answers(["a"], [[1]])
    with pytest.raises(InputError, match="received 'auc', expected one of loss, accuracy, macro_f1"):
        compare_answers(np.array(["a"]), None, model, Question(metric="auc"))
    other = Answers(LabelInfo(kind="regression"), np.zeros((1, 1), np.float32), {})
    with pytest.raises(InputError, match="predicts a regression label, the challenger a multiclass one"):
        compare_answers(np.array(["a"]), other, model, Question())
