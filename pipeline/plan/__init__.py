"""The bucket planner: from length histograms to padded shapes. Pure numpy."""

from pipeline.plan.assignment import UNASSIGNED, assign, extend_for
from pipeline.plan.baselines import equal_count, pad_to_max, padding_efficiency, powers_of_two, waste
from pipeline.plan.boundaries import optimal_boundaries, optimal_boundaries_up_to, padded_steps
from pipeline.plan.bucket_plan import BucketPlan, plan_buckets
from pipeline.plan.joint import optimal_tuples
from pipeline.plan.product_grid import best_product_grid, grid_tuples

__all__ = [
    "UNASSIGNED",
    "BucketPlan",
    "assign",
    "best_product_grid",
    "equal_count",
    "extend_for",
    "grid_tuples",
    "optimal_boundaries",
    "optimal_boundaries_up_to",
    "optimal_tuples",
    "pad_to_max",
    "padded_steps",
    "padding_efficiency",
    "plan_buckets",
    "powers_of_two",
    "waste",
]
