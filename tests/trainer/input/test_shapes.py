"""Batch sizes follow the token budget; buckets that look alike to the model share a shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from schemas.manifest import load_manifest
from trainer.input.shapes import LARGEST_BUDGET, batch_shapes, default_budget, rows_per_batch


@given(st.integers(1, 5000), st.integers(1, 50_000), st.integers(0, 10_000))
def test_a_batch_keeps_to_the_budget_and_needs_no_more_batches(cost: int, budget: int, rows: int) -> None:
    size = rows_per_batch(cost, budget, rows)
    assert size >= 1
    assert size == 1 or size * cost <= budget
    allowed = max(1, budget // cost)
    if allowed >= 8:
        assert size % 8 == 0
        allowed -= allowed % 8
    assert -(-rows // size) == -(-rows // allowed)


def test_batches_of_a_shape_are_evenly_filled() -> None:
    assert rows_per_batch(cost=10, budget=1000, rows=104) == 56  # two batches of 56 rather than 96 and 8


def test_small_data_gets_smaller_batches() -> None:
    assert default_budget(padded_steps=10_000_000, longest_row=1000) == LARGEST_BUDGET
    assert default_budget(padded_steps=100_000, longest_row=100) == 2000
    assert default_budget(padded_steps=16, longest_row=4) == 32


def test_buckets_that_differ_in_unread_features_share_a_shape(make_dataset: Callable[..., Path]) -> None:
    manifest = load_manifest(make_dataset(features=("text", "signal")))
    assert [s.buckets for s in batch_shapes(manifest, ["text"], 64)] == [(0,), (1, 2), (3,)]
    assert [s.buckets for s in batch_shapes(manifest, ["text", "signal"], 64)] == [(0,), (1,), (2,), (3,)]
    assert [s.rows for s in batch_shapes(manifest, ["text"], 64)][-1] == 4
