"""The gain of a swept tuple is the cost it saves, for every tuple and value."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.plan.gains import Cells, Sweep
from pipeline.plan.tuple_search import improve


def random_cells(seed: int) -> tuple[Cells, np.random.Generator]:
    random = np.random.default_rng(seed)
    features = int(random.integers(1, 4))
    lengths = np.unique(random.integers(1, 8, (random.integers(1, 20), features)), axis=0)
    return Cells(lengths, random.integers(1, 9, len(lengths)), random.choice([0.3, 1.0, 4.0], features)), random


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_gain_is_the_cost_saved(seed):
    cells, random = random_cells(seed)
    features = cells.lengths.shape[1]
    present = np.vstack([cells.lengths.max(axis=0), random.integers(1, 8, (2, features))])
    limit = cells.prices(present).min(axis=0)
    tuples = random.integers(1, 8, (3, features))
    feature = int(random.integers(features))
    values = np.unique(cells.lengths[:, feature])
    sweep = Sweep(cells, tuples, feature, values)
    gains = sweep.gains(limit)
    for which, column in np.ndindex(gains.shape):
        placed = tuples[which].copy()
        placed[feature] = values[column]
        saved = cells.cost(present) - cells.cost(np.vstack([present, placed]))
        np.testing.assert_allclose(gains[which, column], saved, atol=1e-9)
    chosen, gain = sweep.best(limit)
    assert gain == gains.max()
    saved = cells.cost(present) - cells.cost(np.vstack([present, chosen]))
    np.testing.assert_allclose(gain, saved, atol=1e-9)


def test_worked_example():
    cells = Cells(np.array([[3], [8]]), np.array([1, 1]), np.ones(1))
    gains = Sweep(cells, np.array([[0]]), 0, np.array([2, 3, 4, 6, 8])).gains(np.array([8.0, 8.0]))
    assert gains.tolist() == [[0, 5, 4, 2, 0]]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(0, 3))
def test_improvement_never_costs_more_and_keeps_the_covering_tuple(seed, buckets, rounds):
    cells, random = random_cells(seed)
    largest = cells.lengths.max(axis=0)
    others = cells.lengths[random.integers(len(cells.lengths), size=int(random.integers(buckets)))]
    start = np.vstack([largest, others])
    before = start.copy()
    improved = improve(cells, start, buckets, rounds)
    assert start.tolist() == before.tolist()
    assert len(improved) <= max(buckets, len(start))
    assert improved[0].tolist() == largest.tolist()
    assert cells.cost(improved) <= cells.cost(start) * (1 + 1e-12)
