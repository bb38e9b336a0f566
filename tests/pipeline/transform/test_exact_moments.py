"""Moments are exact: equal to rational arithmetic, and the same bits for any order and grouping of rows."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.transform.exact_moments import (
    ExactMoments,
    merge_moments,
    moments_from_json,
    moments_of,
    moments_to_json,
)

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)


def as_steps(values: list[float]) -> np.ndarray:
    return np.array(values, np.float32).reshape(-1, 1)


@given(st.lists(FLOATS, min_size=1, max_size=30))
def test_mean_and_deviation_equal_rational_arithmetic(values: list[float]) -> None:
    (moments,) = moments_of(as_steps(values))
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    variance = sum((value - mean) ** 2 for value in exact) / len(exact)
    assert moments.mean == float(mean)
    assert moments.standard_deviation == math.sqrt(float(variance))
    assert (moments.minimum, moments.maximum) == (min(values), max(values))


@given(st.lists(FLOATS, min_size=1, max_size=30), st.randoms())
def test_order_and_grouping_change_nothing(values: list[float], random: object) -> None:
    whole = moments_of(as_steps(values))
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    cut = len(values) // 3
    assert merge_moments([moments_of(as_steps(shuffled[:cut])), moments_of(as_steps(shuffled[cut:]))]) == whole
    assert merge_moments([moments_of(as_steps([value])) for value in shuffled]) == whole
    assert moments_from_json(moments_to_json(whole)) == whole


def test_missing_values_are_counted_and_left_out() -> None:
    steps = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]], np.float32)
    first, second = moments_of(steps)
    assert (first.count, first.missing, first.mean, first.standard_deviation) == (2, 1, 2.0, 1.0)
    assert (second.count, second.missing, second.mean, second.standard_deviation) == (0, 3, 0.0, 0.0)


def test_subnormal_values_count_as_zero() -> None:
    (moments,) = moments_of(as_steps([1e-40, -1e-45, 2.0]))
    assert (moments.count, moments.mean, moments.minimum) == (3, 2.0 / 3, 0.0)


def test_nothing_at_all_has_no_moments() -> None:
    assert moments_of(np.zeros((0, 2), np.float32)) == [ExactMoments(), ExactMoments()]
    assert merge_moments([]) == []


def test_float64_sums_would_have_differed() -> None:
    values = [2.0**24, 1.0, -(2.0**24), 2.0**-30]
    forward, backward = (moments_of(as_steps(order)) for order in (values, values[::-1]))
    assert forward == backward
    assert forward[0].mean == float((1 + Fraction(1, 2**30)) / 4)


def test_different_channels_do_not_merge() -> None:
    with pytest.raises(ValueError, match="shorter|longer"):
        merge_moments([moments_of(np.zeros((1, 2), np.float32)), moments_of(np.zeros((1, 3), np.float32))])
