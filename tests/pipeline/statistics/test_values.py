"""ValueCounts: cells keep order, counts are exact, merging is a sum in any grouping."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.statistics.values import ValueCounts, bin_edges, cell_of, cell_value, describe_values

floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


def same(a: ValueCounts, b: ValueCounts) -> bool:
    return a.moments == b.moments and np.array_equal(a.cells, b.cells) and np.array_equal(a.counts, b.counts)


@given(st.lists(floats, min_size=2, max_size=30))
def test_cells_keep_the_order_of_values_and_hold_them_closely(values):
    array = np.sort(np.array(values, np.float32))
    cells = cell_of(array)
    assert np.all(np.diff(cells) >= 0)
    held = cell_value(cells)
    assert np.array_equal(cell_of(held.astype(np.float32)), cells)
    assert np.all(np.abs(held) <= np.abs(array.astype(np.float64)))
    normal = np.abs(array) > 1e-37
    assert np.allclose(held[normal], array[normal], rtol=1e-3, atol=0)


def test_whole_numbers_up_to_2048_have_cells_of_their_own():
    numbers = np.arange(-2048, 2049)
    assert np.array_equal(cell_value(cell_of(numbers.astype(np.float32))), numbers)


def test_merging_singles_groups_and_one_accumulator_agree():
    values = np.array([7.38, np.nan, -3.0, 7.381, 0.0, -0.0, 1e30, 2.5, np.nan], np.float32)
    whole = ValueCounts.of(values)
    singles = ValueCounts.merge(ValueCounts.of(values[i : i + 1]) for i in range(len(values)))
    groups = ValueCounts.merge([ValueCounts.of(values[5:]), ValueCounts.of(values[:1]), ValueCounts.of(values[1:5])])
    assert same(whole, singles)
    assert same(whole, groups)
    assert whole.moments.missing == 2
    assert int(whole.counts.sum()) == 7


def test_nothing_counted():
    assert same(ValueCounts.merge([]), ValueCounts.of(np.zeros(0, np.float32)))
    described = describe_values("x", ValueCounts(), bin_edges(ValueCounts()))
    assert described.mean is None and described.minimum is None
    assert described.quantiles == {}
    assert described.histogram.counts == [0]


def test_only_missing_values():
    described = describe_values("x", *(counts := ValueCounts.of(np.full(3, np.nan, np.float32)), bin_edges(counts)))
    assert described.missing == 3 and described.missing_share == 1.0
    assert described.observed == 0 and described.mean is None


def test_a_coarse_grid_gets_one_bin_a_value():
    counts = ValueCounts.of(np.repeat(np.arange(3, 16), np.arange(3, 16)).astype(np.float32))
    described = describe_values("score", counts, bin_edges(counts))
    assert described.histogram.counts == list(range(3, 16))
    assert described.histogram.edges[:2] == [2.5, 3.5]


def test_one_distinct_value_gets_one_bin_around_it():
    counts = ValueCounts.of(np.full(4, -7.0, np.float32))
    described = describe_values("x", counts, bin_edges(counts))
    assert described.histogram.counts == [4]
    assert described.histogram.edges == [-10.5, -3.5]


def test_far_values_do_not_squeeze_the_others():
    values = np.concatenate([np.linspace(0, 1, 2000), [1e6, -1e6]]).astype(np.float32)
    counts = ValueCounts.of(values)
    described = describe_values("x", counts, bin_edges(counts))
    assert (described.histogram.below, described.histogram.above) == (1, 1)
    assert sum(described.histogram.counts) == 2000
    assert max(described.histogram.counts) < 200


@given(st.lists(floats, min_size=1, max_size=50), st.lists(floats, min_size=1, max_size=50))
def test_every_value_is_counted_once_whatever_the_edges(train, other):
    edges = bin_edges(ValueCounts.of(np.array(train, np.float32)))
    assert np.all(np.diff(edges) > 0)
    histogram = describe_values("x", ValueCounts.of(np.array(other, np.float32)), edges).histogram
    assert sum(histogram.counts) + histogram.below + histogram.above == len(other)


def test_quantiles_are_within_a_thousandth():
    values = np.random.default_rng(3).normal(7.4, 0.1, 10_000).astype(np.float32)
    found = ValueCounts.of(values).quantiles()
    for share in (0.05, 0.5, 0.95):
        assert found[str(share)] == pytest.approx(np.quantile(values, share), rel=2e-3)
