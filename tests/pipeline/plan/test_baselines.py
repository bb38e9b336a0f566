"""The baselines are fair: each covers every row, ends at the same length, and never beats the optimum of its size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.plan import (
    equal_count,
    optimal_boundaries,
    pad_to_max,
    padded_steps,
    padding_efficiency,
    powers_of_two,
    waste,
)

HISTOGRAMS = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 6)), min_size=1, max_size=30)


@settings(max_examples=200, deadline=None)
@given(HISTOGRAMS, st.integers(1, 10), st.integers(1, 9))
def test_no_baseline_beats_the_optimum_of_its_size(histogram, buckets, align):
    lengths, counts = np.array(histogram).T
    for plan in (
        pad_to_max(lengths, counts, align),
        equal_count(lengths, counts, buckets, align),
        powers_of_two(lengths, counts, align),
    ):
        assert np.all(np.diff(plan) > 0)
        assert np.all(plan % align == 0)
        assert plan[-1] == max(-(-lengths.max() // align), 1) * align
        best = optimal_boundaries(lengths, counts, len(plan), align)
        assert padded_steps(lengths, counts, best) <= padded_steps(lengths, counts, plan)


def test_equal_count_splits_at_the_quantiles():
    assert equal_count(np.arange(1, 101), np.ones(100, int), 4).tolist() == [25, 50, 75, 100]
    assert equal_count(np.arange(1, 11), np.ones(10, int), 3).tolist() == [4, 7, 10]
    assert equal_count([1, 2, 3], [98, 1, 1], 4).tolist() == [1, 3]


def test_powers_of_two_keeps_buckets_that_hold_rows():
    assert powers_of_two([3, 9, 100], [1, 1, 1], 8).tolist() == [8, 16, 104]
    assert powers_of_two([8, 17], [1, 1], 8).tolist() == [8, 24]
    assert powers_of_two([1, 2, 3, 5, 8, 9], np.ones(6, int)).tolist() == [1, 2, 4, 8, 9]


@pytest.mark.parametrize(
    "plan", [pad_to_max, powers_of_two, lambda lengths, counts, align: equal_count(lengths, counts, 4, align)]
)
def test_without_rows_every_baseline_is_one_least_bucket(plan):
    assert plan([], [], 8).tolist() == [8]
    assert plan([0], [5], 8).tolist() == [8]


def test_efficiency_and_waste():
    assert padding_efficiency(44, 50) == 0.88
    assert waste(44, 50) == pytest.approx(0.12)
    assert padding_efficiency(0, 0) == 1.0
    assert padding_efficiency(0, 8) == 0.0


@pytest.mark.parametrize(("real", "padded"), [(9, 8), (-1, 8)])
def test_impossible_steps_are_refused(real, padded):
    with pytest.raises(ValueError, match=f"received {real} real and {padded} padded steps"):
        padding_efficiency(real, padded)
