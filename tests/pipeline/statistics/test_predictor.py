"""The length-only predictor: counts in, scores out, against brute force over rows."""

import numpy as np
import pytest

from pipeline.statistics.predictor import (
    Sums,
    bin_starts,
    regression_verdict,
    score_classes,
    score_regression,
)


def counts(lengths, labels, classes, every):
    table = np.zeros((classes, len(every)), np.int64)
    np.add.at(table, (labels, np.searchsorted(every, lengths)), 1)
    return table


def test_length_that_tells_the_class_is_a_strong_leak():
    every = np.arange(1, 41)
    lengths = np.tile(every, 10)
    labels = (lengths > 20).astype(int)
    score = score_classes(counts(lengths, labels, 2, every), counts(lengths, labels, 2, every))
    assert score.accuracy == 1.0
    assert score.auc == 1.0
    assert score.majority_accuracy == 0.5
    assert score.verdict == "strong"


def test_length_without_relation_is_no_better_than_chance():
    random = np.random.default_rng(0)
    lengths, labels = random.integers(1, 200, 4000), random.integers(0, 2, 4000)
    every = np.unique(lengths)
    fit = counts(lengths[:3000], labels[:3000], 2, every)
    held_out = counts(lengths[3000:], labels[3000:], 2, every)
    score = score_classes(fit, held_out)
    assert abs(score.auc - 0.5) < 0.05
    assert score.bins <= 4
    assert score.verdict == "none"


def test_auc_is_the_share_of_pairs_in_order_with_ties_as_half():
    random = np.random.default_rng(1)
    lengths = random.integers(1, 60, 600)
    labels = (random.random(600) < lengths / 60).astype(int)
    every = np.unique(lengths)
    table = counts(lengths, labels, 2, every)
    score = score_classes(table, table)
    starts = bin_starts(table.sum(axis=0), score.bins)
    place = np.searchsorted(every[starts], lengths, side="right") - 1
    shares = np.add.reduceat(table, starts, axis=1)
    posterior = (shares[1] + labels.mean()) / (shares.sum(axis=0) + 1)
    positive, negative = posterior[place[labels == 1]], posterior[place[labels == 0]]
    pairs = positive[:, None] - negative[None, :]
    assert score.auc == pytest.approx(((pairs > 0) + (pairs == 0) / 2).mean())
    assert score.accuracy == pytest.approx(((posterior[place] > 0.5) == labels).mean(), abs=0.01)


def test_several_classes_average_one_against_rest_over_those_that_occur():
    every = np.array([1, 2, 3])
    fit = np.array([[50, 0, 0], [0, 50, 0], [0, 0, 50], [0, 0, 0]])
    score = score_classes(fit, fit)
    assert score.auc == 1.0
    assert score.accuracy == 1.0
    assert len(every) == score.bins


@pytest.mark.parametrize(
    ("fit", "scored"),
    [
        (np.zeros((2, 0), np.int64), np.zeros((2, 0), np.int64)),
        (np.zeros((2, 3), np.int64), np.ones((2, 3), np.int64)),
        (np.ones((2, 3), np.int64), np.zeros((2, 3), np.int64)),
        (np.ones((1, 3), np.int64), np.ones((1, 3), np.int64)),
    ],
)
def test_nothing_to_tell(fit, scored):
    assert score_classes(fit, scored) is None


def test_one_length_and_one_held_out_class():
    score = score_classes(np.array([[3], [5]]), np.array([[0], [4]]))
    assert score.auc == 0.5
    assert score.accuracy == 1.0
    assert score.verdict == "none"


def test_few_rows_do_not_make_a_verdict():
    score = score_classes(np.array([[3, 0], [0, 3]]), np.array([[2, 1], [1, 2]]))
    assert score.verdict == "none"


def test_bins_hold_about_as_many_rows_each():
    rows = np.ones(100, np.int64)
    assert bin_starts(rows, 4).tolist() == [0, 25, 50, 75]
    assert bin_starts(np.array([100, 1, 1]), 4).tolist() == [0]
    assert bin_starts(np.array([5]), 64).tolist() == [0]


def sums(lengths, labels, every):
    place = np.searchsorted(every, lengths)
    size = len(every)
    return Sums(
        np.bincount(place, minlength=size),
        np.bincount(place, labels, size),
        np.bincount(place, labels**2, size),
    )


def test_regression_explains_what_length_explains():
    random = np.random.default_rng(2)
    lengths = random.integers(1, 30, 2000)
    labels = lengths / 3.0 + random.normal(0, 1, 2000)
    every = np.arange(1, 31)
    found = score_regression(sums(lengths[:1500], labels[:1500], every), sums(lengths[1500:], labels[1500:], every))
    assert found is not None
    bins, r_squared = found
    assert bins > 4
    assert 0.8 < r_squared < 0.95
    assert regression_verdict(r_squared) == "strong"
    noise = random.normal(0, 1, 2000)
    found = score_regression(sums(lengths[:1500], noise[:1500], every), sums(lengths[1500:], noise[1500:], every))
    assert found is not None
    assert abs(found[1]) < 0.02
    assert regression_verdict(found[1]) == "none"


def test_regression_without_rows_or_variance():
    one = Sums(np.array([2]), np.array([0.0]), np.array([0.0]))
    none = Sums(np.array([0]), np.array([0.0]), np.array([0.0]))
    assert score_regression(one, one) is None
    assert score_regression(none, one) is None
    assert score_regression(one, none) is None
