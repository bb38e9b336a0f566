"""Events to steps, windows and picks: pure functions on small literal arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pipeline.ingest.picks import constant, pick_numbers, pick_texts
from pipeline.ingest.steps import (
    Steps,
    drop_empty,
    merge_pairs,
    resample,
    resampled_lengths,
    sorted_pairs,
    steps_of_columns,
    steps_of_pairs,
)
from pipeline.ingest.windows import gather, outside, ranges, rolling, whole

NAN = np.nan


def pairs(*events: tuple[int, float, int, float]):
    entity, time, slot, value = zip(*events, strict=True)
    return sorted_pairs(np.array(entity), np.array(time, float), np.array(slot, np.int16), np.array(value, float))


def test_pairs_become_steps_in_order_of_time() -> None:
    steps = steps_of_pairs(pairs((1, 5, 1, 7.0), (0, 5, 0, 3.0), (1, 0, 0, 1.0), (1, 5, 2, 9.0)), (1, 0), True)
    assert steps.entity.tolist() == [0, 1, 1]
    assert steps.time.tolist() == [5, 0, 5]
    np.testing.assert_array_equal(steps.values, [[NAN, 3], [NAN, 1], [7, NAN]])  # columns in the order of the slots


@pytest.mark.parametrize(("rule", "value"), [("last", 8), ("max", 8), ("first", 2), ("min", 2), ("mean", 5)])
def test_equal_entity_time_and_slot_are_merged(rule: str, value: float) -> None:
    events = pairs((0, 1, 0, 5.0), (0, 1, 0, 8.0), (0, 1, 0, 2.0), (0, 1, 1, 4.0), (0, 2, 0, 6.0))
    merged = merge_pairs(events, rule)
    assert merged.value.tolist() == [value, 4, 6]
    again = merge_pairs(merged, rule)
    assert again.value.tolist() == merged.value.tolist()


def test_no_events_are_no_steps() -> None:
    none = sorted_pairs(*(np.zeros(0, dtype) for dtype in (np.int64, float, np.int16, float)))
    assert len(merge_pairs(none, "mean")) == 0
    assert steps_of_pairs(none, (0, 1), True).values.shape == (0, 2)
    empty = Steps(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 2), np.float32))
    assert resample(empty, 1.0, "mean").values.shape == (0, 2)


@pytest.mark.parametrize("rule", ["last", "first", "mean", "min", "max"])
def test_columns_are_merged_channel_by_channel(rule: str) -> None:
    values = np.array([[1, NAN], [3, 4], [NAN, NAN], [5, 6]])
    steps = steps_of_columns(np.zeros(4, np.int64), np.array([2.0, 2.0, 3.0, 1.0]), values, rule, True)
    low, high = {"last": (3, 4), "max": (3, 4), "first": (1, 4), "min": (1, 4), "mean": (2, 4)}[rule]
    np.testing.assert_array_equal(steps.values, [[5, 6], [low, high]])


def test_columns_do_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(7)
    entity, time = rng.integers(0, 5, 200), rng.integers(0, 6, 200).astype(float)
    values = np.where(rng.random((200, 3)) < 0.3, NAN, rng.random((200, 3)) * 1e6)
    order = rng.permutation(200)
    for rule in ("mean", "last"):
        one = steps_of_columns(entity, time, values, rule, True)
        other = steps_of_columns(entity[order], time[order], values[order], rule, True)
        np.testing.assert_array_equal(one.values, other.values)


def test_steps_without_any_value_are_dropped() -> None:
    steps = Steps(np.array([0, 0, 1]), np.array([1.0, 2.0, 3.0]), np.array([[NAN], [1], [NAN]], np.float32))
    assert drop_empty(steps).time.tolist() == [2.0]


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("mean", [2, NAN, 4]),
        ("sum", [4, NAN, 4]),
        ("min", [1, NAN, 4]),
        ("max", [3, NAN, 4]),
        ("first", [1, NAN, 4]),
        ("last", [3, NAN, 4]),
        ("count", [2, 0, 1]),
    ],
)
def test_resampling(aggregate: str, expected: list[float]) -> None:
    values = np.array([[1], [NAN], [3], [4], [9]], np.float32)
    steps = Steps(np.array([0, 0, 0, 0, 2]), np.array([10.0, 10.5, 11.9, 14.0, 3.0]), values)
    regular = resample(steps, 2.0, aggregate)
    assert regular.entity.tolist() == [0, 0, 0, 2]
    assert regular.time.tolist() == [10, 12, 14, 3]
    np.testing.assert_array_equal(regular.values[:3, 0], np.array(expected, np.float32))
    assert resampled_lengths(steps, 2.0, 3).tolist() == [3, 0, 1]


def test_rolling_windows_reach_past_the_last_time_once() -> None:
    frames = rolling(np.array([0.0, 5.0, NAN]), np.array([12.0, 5.0, NAN]), size=5, stride=4)
    assert frames.entity.tolist() == [0, 0, 0, 1, 2]
    assert frames.start[:4].tolist() == [0, 4, 8, 5]
    assert frames.stop[:4].tolist() == [5, 9, 13, 10]


@pytest.mark.parametrize("stride", [1.0, 3.0, 5.0, 8.0])
def test_windows_hold_exactly_the_steps_between_their_edges(stride: float) -> None:
    rng = np.random.default_rng(1)
    entity = np.sort(rng.integers(0, 4, 60))
    time = rng.integers(0, 40, 60).astype(float)
    time = time[np.lexsort((time, entity))]
    first = np.array([time[entity == e].min() for e in range(4)])
    last = np.array([time[entity == e].max() for e in range(4)])
    frames = rolling(first, last, 5.0, stride)
    begin, end = ranges(frames, entity, time)
    for row, (e, start, stop) in enumerate(zip(frames.entity, frames.start, frames.stop, strict=True)):
        wanted = np.flatnonzero((entity == e) & (time >= start) & (time < stop)).tolist()
        assert list(range(begin[row], end[row])) == wanted
    index, offsets = gather(begin, end)
    assert offsets[-1] == len(index)
    in_none = outside(entity, time, first, 5.0, stride)
    assert set(np.flatnonzero(~in_none)) == set(index.tolist())
    assert in_none.any() == (stride > 5)


def test_whole_entities_take_all_their_steps() -> None:
    begin, end = ranges(whole(3), np.array([0, 0, 2]), np.array([1.0, 2.0, 0.0]))
    assert (begin.tolist(), end.tolist()) == ([0, 2, 2], [2, 2, 3])


@pytest.mark.parametrize(("rule", "expected"), [("first", 1), ("last", 6), ("min", 0), ("max", 9), ("mean", 4)])
def test_picking_a_number(rule: str, expected: float) -> None:
    entity, time = np.array([0, 0, 0, 0, 2, 0]), np.array([5.0, 1.0, 1.0, 5.0, 0.0, 3.0])
    value = np.array([6.0, 4.0, 1.0, 0.0, 7.0, 9.0])  # two at the first time, two at the last
    found, none = pick_numbers(entity, time, value, 3, rule)
    assert none.tolist() == [False, True, False]
    assert (found[0], found[2]) == (expected, 7.0)


def test_picking_a_text() -> None:
    texts = pa.array(["z", "b", "a", "m"])
    entity, time = np.array([0, 0, 0, 2]), np.array([1.0, 0.0, 0.0, 0.0])
    assert pick_texts(entity, time, texts, 3, "first").to_pylist() == ["a", None, "m"]
    assert pick_texts(entity, time, texts, 3, "last").to_pylist() == ["z", None, "m"]


def test_constants() -> None:
    assert constant(np.array([0, 1, 0, 1]), np.array([5, 6, 5, 7]), 3).tolist() == [False, True, False]
    assert constant(np.zeros(0, np.int64), np.zeros(0), 2).tolist() == [False, False]
