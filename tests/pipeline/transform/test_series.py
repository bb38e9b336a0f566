"""The graph's series functions against a plain row-by-row definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

tf = pytest.importorskip("tensorflow")
series = pytest.importorskip("pipeline.transform.series")

VALUES = st.one_of(st.just(math.nan), st.integers(-3, 3).map(float))


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[np.ndarray], int]:
    channels = draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(0, 5), min_size=1, max_size=5))
    rows = [
        np.array(draw(st.lists(VALUES, min_size=n * channels, max_size=n * channels)), np.float32).reshape(n, channels)
        for n in lengths
    ]
    return rows, channels


def flat(rows: list[np.ndarray], channels: int) -> tuple[np.ndarray, np.ndarray]:
    splits = np.cumsum([0, *(len(row) for row in rows)]).astype(np.int64)
    return np.concatenate([row.reshape(-1, channels) for row in rows]), splits


@settings(deadline=None, max_examples=60)
@given(batches())
def test_forward_fill_takes_the_last_value_of_the_same_row_and_channel(batch: tuple[list[np.ndarray], int]) -> None:
    rows, channels = batch
    expected = []
    for row in rows:
        filled = row.copy()
        for step in range(1, len(row)):
            missing = np.isnan(filled[step])
            filled[step][missing] = filled[step - 1][missing]
        expected.append(filled)
    steps, splits = flat(rows, channels)
    np.testing.assert_array_equal(
        series.forward_fill(tf.constant(steps), tf.constant(splits)), flat(expected, channels)[0]
    )


@settings(deadline=None, max_examples=60)
@given(batches(), st.integers(1, 6), st.sampled_from(["tail", "head"]))
def test_truncation_keeps_the_other_end(batch: tuple[list[np.ndarray], int], cap: int, end: str) -> None:
    rows, channels = batch
    steps, splits = flat(rows, channels)
    kept = series.truncate(tf.constant(steps), tf.constant(splits), tf.constant(cap, tf.int64), end)
    expected = [row[:cap] if end == "tail" else row[max(len(row) - cap, 0) :] for row in rows]
    np.testing.assert_array_equal(kept.flat_values, flat(expected, channels)[0])
    np.testing.assert_array_equal(kept.row_lengths(), [len(row) for row in expected])


def test_no_cap_keeps_everything() -> None:
    cap = tf.constant(np.iinfo(np.int64).max, tf.int64)
    for end in ("tail", "head"):
        kept = series.truncate(tf.constant([1, 2, 3]), tf.constant([0, 2, 2, 3], tf.int64), cap, end)
        assert kept.to_list() == [[1, 2], [], [3]]


def test_time_since_the_step_before_starts_anew_in_every_row() -> None:
    times = tf.constant([5.0, 6.0, 6.0, 100.0, 90.0, 7.0])
    delta = series.time_since_last_step(times, tf.constant([0, 3, 3, 5, 6], tf.int64))
    np.testing.assert_allclose(delta, [0, math.log1p(1), 0, 0, 0, 0], rtol=1e-6)


@pytest.mark.parametrize(
    ("scale", "clip", "expected"),
    [
        ("z_score", None, [[-1.0, 0.0], [3.0, 0.0]]),
        ("z_score", 2.0, [[-1.0, 0.0], [2.0, 0.0]]),
        ("min_max", None, [[0.0, 0.0], [1.0, 0.0]]),
        ("none", None, [[1.0, 7.0], [9.0, 7.0]]),
    ],
)
def test_scaling_with_a_channel_that_never_changes(scale: str, clip: float | None, expected: list[list[float]]) -> None:
    moments = tuple(tf.constant(value) for value in ([3.0, 7.0], [2.0, 0.0], [1.0, 7.0], [9.0, 7.0]))
    values = tf.constant([[1.0, 7.0], [9.0, 7.0]])
    np.testing.assert_allclose(series.scale_values(values, scale, moments, clip), expected)


def test_values_that_mean_missing_become_nan() -> None:
    marked = series.mark_missing(tf.constant([[-1.0, 0.0], [999.0, math.nan]]), [-1.0, 999.0])
    np.testing.assert_array_equal(marked, [[np.nan, 0.0], [np.nan, np.nan]])
