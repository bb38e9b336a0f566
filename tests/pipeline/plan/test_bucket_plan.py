"""The bucket plan object: names, shapes, costs, JSON, and the lengths of other splits."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from pipeline.plan import UNASSIGNED, BucketPlan, plan_buckets

PLAN = BucketPlan(("text", "prices"), ((96, 8), (96, 32), (240, 32)), 8)


def test_names_and_shapes():
    assert PLAN.bucket_name(1) == "bucket-00096-00032"
    assert PLAN.shape(1) == {"text": 96, "prices": 32}
    assert BucketPlan(("text",), ((96,),), 8).bucket_name(0) == "bucket-00096"
    assert len(PLAN) == 3


def test_names_of_lengths_beyond_five_digits_stay_whole():
    assert BucketPlan(("text",), ((1_234_568,),), 8).bucket_name(0) == "bucket-1234568"


def test_json_and_back():
    assert BucketPlan.from_dict(json.loads(json.dumps(PLAN.to_dict()))) == PLAN
    weighted = dataclasses.replace(PLAN, step_costs=(1.0, 5.0))
    assert BucketPlan.from_dict(json.loads(json.dumps(weighted.to_dict()))) == weighted
    assert weighted != PLAN


def test_a_plan_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(PLAN, "align", 4)  # noqa: B010 (an assignment would not pass the type checker)


def test_rows_go_to_their_bucket():
    assert PLAN.assign([[90, 12], [90, 8], [0, 0], [97, 1], [1, 33]]).tolist() == [1, 0, 0, 2, UNASSIGNED]


def test_costs_on_a_histogram():
    lengths, counts = [[90, 12], [90, 8], [241, 0]], [10, 2, 0]
    assert PLAN.padded_steps(lengths, counts).tolist() == [12 * 96, 10 * 32 + 2 * 8]
    assert PLAN.padded_cost(lengths, counts) == 12 * 96 + 10 * 32 + 2 * 8
    weighted = dataclasses.replace(PLAN, step_costs=(1.0, 5.0))
    assert weighted.padded_cost(lengths, counts) == 12 * 96 + 5 * (10 * 32 + 2 * 8)


def test_a_row_that_is_too_long_is_named_and_an_extended_plan_takes_it():
    with pytest.raises(ValueError, match=r"rows of up to \[241, 0\] steps \(text, prices\).*extended_for"):
        PLAN.padded_steps([[241, 0]], [1])
    extended = PLAN.extended_for([[241, 0], [1, 1]])
    assert extended.boundaries == (*PLAN.boundaries, (248, 8))
    assert extended.assign([[241, 0], [90, 12]]).tolist() == [3, 1]
    assert extended.step_costs == PLAN.step_costs


def test_plan_buckets_for_one_feature_is_the_optimal_plan():
    plan = plan_buckets(["text"], np.array([[2], [3], [9], [10]]), np.array([5, 5, 1, 1]), buckets=2)
    assert plan == BucketPlan(("text",), ((3,), (10,)), 1)


def test_plan_buckets_without_rows_has_one_least_bucket():
    plan = plan_buckets(["a", "b"], np.zeros((0, 2), np.int64), np.zeros(0, np.int64), buckets=4, align=8)
    assert plan.boundaries == ((8, 8),)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (dict(features=()), "expected one or more distinct names"),
        (dict(features=("text", "text")), "expected one or more distinct names"),
        (dict(boundaries=()), "expected one or more distinct buckets"),
        (dict(boundaries=((8, 8), (8, 8))), "expected one or more distinct buckets"),
        (dict(boundaries=((8,),)), "a multiple of 8 for each of text, prices"),
        (dict(boundaries=((8, 12),)), "a multiple of 8 for each of text, prices"),
        (dict(boundaries=((8, 0),)), "a multiple of 8 for each of text, prices"),
        (dict(align=0), "align: received 0"),
        (dict(step_costs=(1.0,)), "expected 2 finite numbers above 0"),
        (dict(step_costs=(1.0, float("nan"))), "expected 2 finite numbers above 0"),
    ],
)
def test_refused_plans(fields, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(PLAN, **fields)


@pytest.mark.parametrize("change", [dict(colour=1), dict(align=None)])
def test_refused_dictionaries(change):
    data = {key: value for key, value in {**PLAN.to_dict(), **change}.items() if value is not None}
    with pytest.raises(ValueError, match="received a plan with keys"):
        BucketPlan.from_dict(data)
