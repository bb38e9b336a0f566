"""Length histograms: merged three ways they are equal, and a quantile covers what it says."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.transform.length_counts import LengthCounts

LENGTHS = st.lists(st.integers(0, 50), max_size=40)


def same(a: LengthCounts, b: LengthCounts) -> bool:
    return a.to_json() == b.to_json()


@given(LENGTHS)
def test_merging_singles_uneven_groups_and_one_part_agree(lengths: list[int]) -> None:
    whole = LengthCounts.of(np.array(lengths, np.int64))
    singles = LengthCounts.merge(LengthCounts.of(np.array([length])) for length in lengths)
    uneven = LengthCounts.merge([LengthCounts.of(np.array(lengths[:3])), LengthCounts.of(np.array(lengths[3:]))])
    assert same(whole, singles) and same(whole, uneven) and same(whole, LengthCounts.merge([whole]))
    assert (whole.total_rows, whole.total_steps) == (len(lengths), sum(lengths))


@given(LENGTHS.filter(bool), st.floats(0.01, 1.0))
def test_a_quantile_is_the_smallest_length_that_covers_the_share(lengths: list[int], share: float) -> None:
    found = LengthCounts.of(np.array(lengths)).quantile(share)
    covered = sum(length <= found for length in lengths)
    covered_by_less = sum(length < found for length in lengths)
    assert covered >= share * len(lengths) - 1e-6
    assert covered_by_less < share * len(lengths)


def test_nothing_counted() -> None:
    empty = LengthCounts.merge([])
    assert (empty.quantile(0.5), empty.longest, empty.total_rows, empty.total_steps) == (0, 0, 0, 0)
    assert same(LengthCounts.from_json(empty.to_json()), empty)
