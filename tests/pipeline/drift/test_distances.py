"""Distances: zero for samples of one population, far for others, known values by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.drift.distances import (
    LARGEST,
    binned,
    mean_shift,
    quantile_bins,
    share_difference,
    shares_distance,
    spread_change,
)


def test_jensen_shannon_of_large_samples_is_the_textbook_value() -> None:
    n = 10**9
    assert shares_distance([n, 0], [0, n]) == pytest.approx(1.0, abs=1e-6)
    # p = (1, 0), q = (1/2, 1/2): divergence 1/2 log2(4/3) + 1/4 log2(2/3) + 1/4 log2(2)
    expected = (math.log2(4 / 3) + (math.log2(2 / 3) + math.log2(2)) / 2) / 2
    assert shares_distance([2 * n, 0], [n, n]) == pytest.approx(math.sqrt(expected), abs=1e-6)
    assert shares_distance([n, 2 * n], [2 * n, 4 * n]) == 0.0


def test_distances_are_symmetric() -> None:
    assert shares_distance([50, 30, 20], [20, 30, 50]) == shares_distance([20, 30, 50], [50, 30, 20]) > 0
    assert share_difference(0.1, 500, 0.2, 400) == share_difference(0.2, 400, 0.1, 500) > 0


@pytest.mark.parametrize("rows", [30, 300, 3000])
def test_samples_of_one_population_are_seldom_apart(rows: int) -> None:
    random = np.random.default_rng(rows)
    shares = np.full(10, 0.1)
    tries = 400
    apart = {"shares": 0, "share": 0, "mean": 0, "spread": 0}
    for _ in range(tries):
        a, b = random.multinomial(rows, shares), random.multinomial(2 * rows, shares)
        apart["shares"] += shares_distance(a, b) > 0
        apart["share"] += share_difference(a[0] / rows, rows, b[0] / (2 * rows), 2 * rows) > 0
        x, y = random.normal(size=rows), random.normal(size=2 * rows)
        apart["mean"] += mean_shift((x.mean(), x.std(), rows), (y.mean(), y.std(), 2 * rows)) > 0
        apart["spread"] += spread_change((x.std(), rows), (y.std(), 2 * rows)) > 0
    assert all(count / tries < 0.12 for count in apart.values()), apart


def test_a_real_shift_is_seen_in_few_rows() -> None:
    assert shares_distance([60, 30, 10], [10, 30, 60]) > 0.2
    assert share_difference(0.02, 200, 0.3, 200) > 0.15
    assert mean_shift((0.0, 1.0, 100), (1.0, 1.0, 100)) == pytest.approx(1 - 1.96 * math.sqrt(0.02))
    assert spread_change((1.0, 100), (4.0, 100)) > 1.5


def test_nothing_to_compare_is_no_distance() -> None:
    assert shares_distance([], []) == 0.0
    assert shares_distance([0, 0], [3, 4]) == 0.0
    assert share_difference(0.0, 0, 1.0, 10) == 0.0
    assert mean_shift((0.0, 0.0, 0), (5.0, 1.0, 10)) == 0.0
    assert spread_change((0.0, 0), (5.0, 10)) == 0.0


def test_a_constant_that_moved_is_far_and_still_a_number() -> None:
    assert mean_shift((1.0, 0.0, 50), (2.0, 0.0, 50)) == LARGEST
    assert mean_shift((1.0, 0.0, 50), (1.0, 0.0, 50)) == 0.0
    assert spread_change((0.0, 50), (2.0, 50)) == LARGEST


def test_bins_follow_the_quantiles_of_before_and_hold_every_row() -> None:
    lengths, rows = np.arange(1, 101), np.ones(100, np.int64)
    starts = quantile_bins(lengths, rows)
    assert starts.tolist() == [0, 11, 21, 31, 41, 51, 61, 71, 81, 91]
    assert binned(lengths, rows, starts).tolist() == [10] * 10
    assert binned([0, 5000], [3, 4], starts).tolist() == [3, 0, 0, 0, 0, 0, 0, 0, 0, 4]
    assert quantile_bins([], []).tolist() == [0]
    assert quantile_bins([7], [12]).tolist() == [0, 7]
