"""An epoch holds every row exactly once, in an order that depends on (seed, epoch) alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.input.schedule import EpochSchedule

SHAPES = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), min_size=1, max_size=5)


@given(SHAPES, st.integers(0, 1000), st.integers(0, 5))
def test_every_row_stands_in_exactly_one_batch(shapes: list[tuple[int, int]], seed: int, epoch: int) -> None:
    counts, sizes = zip(*shapes, strict=True)
    schedule = EpochSchedule(counts, sizes, seed, epoch)
    seen: list[list[int]] = [[] for _ in shapes]
    for step in range(len(schedule)):
        batch = schedule[step]
        assert 1 <= len(batch.rows) <= sizes[batch.shape]
        seen[batch.shape] += batch.rows.tolist()
    assert [sorted(rows) for rows in seen] == [list(range(count)) for count in counts]


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[tuple[int, list[int]]]:
        schedule = EpochSchedule([50, 20], [8, 4], seed, epoch)
        return [(schedule[step].shape, schedule[step].rows.tolist()) for step in range(len(schedule))]

    assert order(3, 1) == order(3, 1)
    assert order(3, 1) != order(3, 2)
    assert order(3, 1) != order(4, 1)


def test_shapes_are_mixed_rather_than_sorted() -> None:
    schedule = EpochSchedule([80, 80], [8, 8], seed=0)
    shapes = [schedule[step].shape for step in range(len(schedule))]
    assert shapes != sorted(shapes)
    assert shapes != sorted(shapes, reverse=True)


def test_without_a_seed_rows_keep_their_order() -> None:
    schedule = EpochSchedule([5, 2], [2, 2], seed=None)
    rows = np.concatenate([schedule[step].rows for step in range(len(schedule))])
    assert rows.tolist() == [0, 1, 2, 3, 4, 0, 1]


def test_the_first_step_of_every_shape_that_has_rows() -> None:
    schedule = EpochSchedule([30, 0, 7, 50], [8, 4, 4, 8], seed=5)
    shapes = [schedule[step].shape for step in range(len(schedule))]
    assert schedule.first_steps() == sorted(shapes.index(shape) for shape in (0, 2, 3))


def test_a_step_past_the_end_is_refused() -> None:
    with pytest.raises(IndexError, match="received step 2, expected one of the 2 steps"):
        EpochSchedule([4], [2], seed=0)[2]
