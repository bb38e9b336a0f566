"""Optimal boundaries: no choice of at most K boundaries pads less, and no fewer reach as little."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.plan import optimal_boundaries, optimal_boundaries_up_to, padded_steps
from pipeline.plan.histogram import LARGEST_COST, align_up, compress

HISTOGRAMS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)), max_size=9)


def price_by_hand(lengths: list[int], counts: list[int], boundaries: list[int]) -> int:
    """Padded steps by the definition, one row of the histogram at a time."""
    return sum(
        count * next(boundary for boundary in boundaries if boundary >= length)
        for length, count in zip(lengths, counts, strict=True)
        if count
    )


def least_price(histogram: list[tuple[int, int]], buckets: int, align: int) -> tuple[int, int]:
    """The least padded steps of any set of at most `buckets` boundaries, and the fewest boundaries that reach it."""
    lengths, counts = [length for length, _ in histogram], [count for _, count in histogram]
    values = sorted({max(align, -(-length // align) * align) for length, count in histogram if count})
    plans = [
        sorted({*chosen, values[-1]})
        for size in range(min(buckets, len(values)))
        for chosen in itertools.combinations(values[:-1], size)
    ]
    return min((price_by_hand(lengths, counts, plan), len(plan)) for plan in plans)


@settings(max_examples=300, deadline=None)
@given(HISTOGRAMS, st.integers(1, 6), st.integers(1, 9))
def test_no_choice_of_boundaries_pads_less(histogram, buckets, align):
    lengths, counts = [length for length, _ in histogram], [count for _, count in histogram]
    boundaries = optimal_boundaries(np.array(lengths, int), np.array(counts, int), buckets, align)
    assert 1 <= len(boundaries) <= buckets
    assert np.all(np.diff(boundaries) > 0)
    assert np.all(boundaries % align == 0)
    if not any(counts):
        assert boundaries.tolist() == [align]
        return
    price = price_by_hand(lengths, counts, boundaries.tolist())
    assert (price, len(boundaries)) == least_price(histogram, buckets, align)
    assert price == padded_steps(lengths, counts, boundaries)
    longest = max(length for length, count in histogram if count)
    assert boundaries[-1] == align_up(longest, align)


@settings(max_examples=50, deadline=None)
@given(HISTOGRAMS, st.integers(1, 8), st.integers(1, 4))
def test_up_to_holds_the_optimum_of_every_number_of_buckets(histogram, buckets, align):
    lengths, counts = [length for length, _ in histogram], [count for _, count in histogram]
    plans = optimal_boundaries_up_to(lengths, counts, buckets, align)
    for number, plan in enumerate(plans, start=1):
        assert plan.tolist() == optimal_boundaries(lengths, counts, number, align).tolist()
        assert len(plan) == number


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_large_histograms_match_the_quadratic_programme(seed, buckets):
    random = np.random.default_rng(seed)
    lengths = np.cumsum(random.integers(1, 20, 150))
    counts = random.integers(1, 50, 150)
    rows_up_to = np.concatenate([[0], np.cumsum(counts)])
    cost = rows_up_to[1:] * lengths
    for _ in range(buckets - 1):
        cost = np.array(
            [
                min([cost[j]] + [cost[i] + (rows_up_to[j + 1] - rows_up_to[i + 1]) * lengths[j] for i in range(j)])
                for j in range(150)
            ]
        )
    assert padded_steps(lengths, counts, optimal_boundaries(lengths, counts, buckets)) == cost[-1]


def test_worked_example():
    assert optimal_boundaries([2, 3, 9, 10], [5, 5, 1, 1], 2).tolist() == [3, 10]
    assert padded_steps([2, 3, 9, 10], [5, 5, 1, 1], [3, 10]) == 50


@pytest.mark.parametrize(
    ("lengths", "counts", "buckets", "align", "expected"),
    [
        pytest.param([7], [100], 16, 8, [8], id="constant lengths"),
        pytest.param([16], [100], 16, 8, [16], id="constant lengths on a multiple"),
        pytest.param([1, 9, 17], [1, 1, 1], 16, 8, [8, 16, 24], id="fewer distinct lengths than buckets"),
        pytest.param([10, 11, 1_000_000], [500, 500, 1], 2, 8, [16, 1_000_000], id="one giant"),
        pytest.param([0], [9], 4, 8, [8], id="all empty"),
        pytest.param([0, 30], [9, 9], 4, 8, [8, 32], id="empty rows join the smallest bucket"),
        pytest.param([0, 1, 2], [1, 1, 1], 3, 1, [1, 2], id="align 1 pads empty rows to one step"),
        pytest.param([], [], 4, 8, [8], id="no rows"),
        pytest.param([5, 900], [3, 0], 4, 8, [8], id="a length without rows"),
        pytest.param([9, 1, 9], [1, 1, 1], 2, 1, [1, 9], id="unsorted and repeated"),
    ],
)
def test_edge_cases(lengths, counts, buckets, align, expected):
    assert optimal_boundaries(lengths, counts, buckets, align).tolist() == expected


def test_maximum_caps_lengths_and_alignment_may_round_above_it():
    assert optimal_boundaries([5, 50, 5000], [9, 9, 1], 8, align=8, maximum=100).tolist() == [8, 56, 104]
    assert optimal_boundaries([5, 50], [9, 9], 8, align=8, maximum=100).tolist() == [8, 56]


def test_five_thousand_lengths_and_thirty_two_buckets_take_at_most_200_ms():
    random = np.random.default_rng(5)
    lengths, counts = np.arange(5000), random.integers(1, 1000, 5000)
    seconds = []
    for _ in range(5):
        start = time.process_time()
        optimal_boundaries(lengths, counts, 32)
        seconds.append(time.process_time() - start)
    # Measured 30 ms; time of this process alone and the best of five, so that a busy machine does not matter.
    assert min(seconds) < 0.2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(lengths=[1], counts=[1], buckets=0), "buckets: received 0"),
        (dict(lengths=[1], counts=[1], buckets=True), "buckets: received True"),
        (dict(lengths=[1], counts=[1], buckets=2, align=0), "align: received 0"),
        (dict(lengths=[1], counts=[1], buckets=2, maximum=0), "maximum: received 0"),
        (dict(lengths=[-1], counts=[1], buckets=2), "lengths: received -1"),
        (dict(lengths=[1], counts=[-1], buckets=2), "counts: received -1"),
        (dict(lengths=[1.5], counts=[1], buckets=2), "lengths: received values of type float64"),
        (dict(lengths=[1, 2], counts=[1], buckets=2), "one count a length"),
        (dict(lengths=[[1]], counts=[1], buckets=2), r"received shape \(1, 1\), expected \[n\]"),
        (dict(lengths=[2**40], counts=[2**40], buckets=2), r"fewer than 2\*\*62 padded steps"),
    ],
)
def test_errors_say_what_was_received(arguments, message):
    with pytest.raises(ValueError, match=message):
        optimal_boundaries(**arguments)


def test_costs_near_the_limit_stay_exact():
    lengths = [2**30, 2**30 + 1]
    counts = [2**31 - 1, 2**30]
    assert sum(counts) * lengths[1] < LARGEST_COST
    assert padded_steps(lengths, counts, optimal_boundaries(lengths, counts, 2)) == sum(
        length * count for length, count in zip(lengths, counts, strict=True)
    )


def test_padded_steps_refuses_a_length_above_the_last_boundary():
    with pytest.raises(ValueError, match="received a length of 9 steps, expected at most the last boundary 8"):
        padded_steps([9], [1], [8])


def test_compress_adds_counts_of_one_aligned_length():
    values, counts = compress([0, 3, 8, 9, 9], [2, 1, 1, 4, 1], 8)
    assert values.tolist() == [8, 16]
    assert counts.tolist() == [4, 5]
