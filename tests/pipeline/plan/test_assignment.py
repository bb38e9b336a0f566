"""Assignment: every row goes to the cheapest bucket that covers it, and overflow buckets leave no row without one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.plan import UNASSIGNED, assign, extend_for


@st.composite
def plans_and_rows(draw):
    features = draw(st.integers(1, 3))
    tuples = st.lists(st.integers(1, 20), min_size=features, max_size=features)
    plan = draw(st.lists(tuples, min_size=1, max_size=6))
    rows = draw(st.lists(st.lists(st.integers(0, 80), min_size=features, max_size=features), max_size=12))
    costs = draw(st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=features, max_size=features))
    return np.array(plan), np.array(rows, dtype=np.int64).reshape(len(rows), features), np.array(costs)


@settings(max_examples=300, deadline=None)
@given(plans_and_rows())
def test_each_row_goes_to_the_first_cheapest_bucket_that_covers_it(case):
    plan, rows, costs = case
    for row, chosen in zip(rows, assign(rows, plan, costs), strict=True):
        covering = [index for index, bucket in enumerate(plan) if all(row <= bucket)]
        expected = min(covering, key=lambda index: (plan[index] @ costs, index)) if covering else UNASSIGNED
        assert chosen == expected


@settings(max_examples=300, deadline=None)
@given(plans_and_rows(), st.integers(1, 8))
def test_an_extended_plan_covers_every_row_and_keeps_its_buckets(case, align):
    plan, rows, _ = case
    plan = plan * align
    extended = extend_for(plan, rows, align)
    assert np.all(assign(rows, extended) != UNASSIGNED)
    assert extended[: len(plan)].tolist() == plan.tolist()
    assert np.all(extended % align == 0)
    added = extended[len(plan) :]
    assert len(np.unique(added, axis=0)) == len(added)
    # One bucket a doubling at most: 80 steps over a plan of at least 1 step.
    assert len(added) <= 7
    if len(added):
        assert np.all(added.max(axis=0) <= np.maximum(-(-rows.max(axis=0) // align), 1) * align)


def test_worked_example():
    plan = [[8, 16], [32, 16], [32, 64]]
    assert assign([[3, 9], [9, 9], [9, 17], [9, 65]], plan).tolist() == [0, 1, 2, UNASSIGNED]


def test_step_costs_decide_between_buckets():
    plan = [[10, 40], [30, 10]]
    assert assign([[5, 5]], plan).tolist() == [1]
    assert assign([[5, 5]], plan, [4.0, 1.0]).tolist() == [0]


def test_equal_costs_choose_the_first():
    assert assign([[5, 5]], [[20, 10], [10, 20]]).tolist() == [0]


def test_no_rows():
    assert assign(np.zeros((0, 2), np.int64), [[8, 8]]).tolist() == []
    assert extend_for([[8, 8]], np.zeros((0, 2), np.int64), 8).tolist() == [[8, 8]]


def test_validation_longer_than_train_adds_few_shapes_that_fit_their_rows():
    rows = np.arange(1, 1001)[:, np.newaxis]
    assert extend_for([[32], [96]], rows, 8).tolist() == [[32], [96], [192], [384], [768], [1000]]
    assert extend_for([[32], [96]], [[97]], 8).tolist() == [[32], [96], [104]]


def test_overflow_in_one_feature_does_not_inflate_the_other():
    assert extend_for([[64, 16]], [[700, 3], [2, 20]], 8).tolist() == [[64, 16], [8, 24], [704, 8]]


def test_an_extension_leaves_covered_plans_alone():
    assert extend_for([[8], [16]], [[0], [16]], 8).tolist() == [[8], [16]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: assign([[1, 2]], [[8]]), r"lengths of shape \(1, 2\) and a plan of shape \(1, 1\)"),
        (lambda: assign([1, 2], [[8]]), r"lengths of shape \(2,\)"),
        (lambda: assign([[1]], [[8]], [0.0]), "expected 1 finite numbers above 0"),
        (lambda: assign([[1]], [[8]], [1.0, 1.0]), "expected 1 finite numbers above 0"),
        (lambda: extend_for(np.zeros((0, 1), np.int64), [[1]], 8), "received no buckets"),
        (lambda: extend_for([[8]], [[1]], 0), "align: received 0"),
    ],
)
def test_errors_say_what_was_received(call, message):
    with pytest.raises(ValueError, match=message):
        call()
