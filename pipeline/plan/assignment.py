"""Which bucket a row belongs to, and more buckets for rows that are longer than any in the plan.

    plan       int64[buckets, features]: a padded length for each feature, one row a bucket
    covers     a bucket covers a row whose length is at most the bucket's in every feature
    cost       the sum over features of step cost * padded length
    overflow   a row that no bucket covers: validation and test rows may be longer than every train row

A row belongs to the cheapest bucket that covers it, the first of equals:

    plan      rows      bucket
    [ 8 16]   [3  9]    0
    [32 16]   [9  9]    1
    [32 64]   [9 17]    2
              [9 65]   -1    no bucket covers it: extend the plan

Assumes plans and lengths in steps, in one order of features.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.plan.histogram import Integers, align_up, check_align

UNASSIGNED = -1


def assign(joint_lengths: npt.ArrayLike, plan: npt.ArrayLike, step_costs: npt.ArrayLike | None = None) -> Integers:
    """The bucket of each row.

    Args:
      joint_lengths: int64[n, features], steps.
      plan: int64[buckets, features], padded lengths.
      step_costs: float64[features], what a padded step of each feature costs; 1 each when None.

    Returns:
      int64[n], the index of the cheapest covering bucket, the first of equals, or -1 where none covers the row.

    Raises:
      ValueError: lengths, plan or step costs of different numbers of features.
    """
    lengths, buckets = _same_features(joint_lengths, plan)
    order = np.argsort(buckets @ check_step_costs(step_costs, buckets.shape[1]), kind="stable")
    chosen = np.full(len(lengths), UNASSIGNED, dtype=np.int64)
    waiting = np.arange(len(lengths))
    for bucket in order:
        covered = np.all(lengths[waiting] <= buckets[bucket], axis=1)
        chosen[waiting[covered]] = bucket
        waiting = waiting[~covered]
        if not len(waiting):
            break
    return chosen


def extend_for(plan: npt.ArrayLike, joint_lengths: npt.ArrayLike, align: int) -> Integers:
    """Adds buckets until every row is covered.

    Overflow rows are grouped by how many doublings of the plan's largest lengths they need, and each group gets one
    bucket, no larger than its own longest rows. A row of twice the train maximum so adds one shape, of a thousand times
    at most ten, whatever the rows between: shapes are compilations, and overflow rows are few.

    Args:
      plan: int64[buckets, features], padded lengths.
      joint_lengths: int64[n, features], steps, of the splits to be covered; covered rows change nothing.
      align: new lengths are multiples of this.

    Returns:
      int64[more buckets, features]: `plan`, then the overflow buckets from short to long. `plan` itself where all is
      covered.

    Raises:
      ValueError: lengths and plan of different numbers of features, an empty plan, or an alignment below 1.
    """
    check_align(align)
    lengths, buckets = _same_features(joint_lengths, plan)
    if not len(buckets):
        raise ValueError("plan: received no buckets, expected at least one; plan from the train split first")
    overflow = lengths[assign(lengths, buckets) == UNASSIGNED]
    if not len(overflow):
        return buckets
    doublings = _doublings(overflow, buckets.max(axis=0))
    added = [align_up(overflow[doublings == group].max(axis=0), align) for group in np.unique(doublings)]
    return np.concatenate([buckets, np.array(added, dtype=np.int64)])


def check_step_costs(step_costs: npt.ArrayLike | None, features: int) -> npt.NDArray[np.float64]:
    """The cost of a padded step of each feature, 1 each when None.

    Raises:
      ValueError: not one cost a feature, or one that is not a finite number above 0.
    """
    if step_costs is None:
        return np.ones(features)
    costs = np.asarray(step_costs, dtype=np.float64)
    if costs.shape != (features,) or not np.all(np.isfinite(costs) & (costs > 0)):
        raise ValueError(
            f"step_costs: received {np.asarray(step_costs).tolist()}, expected {features} finite numbers above 0, "
            "one a sequence feature"
        )
    return costs


def _doublings(lengths: Integers, largest: Integers) -> Integers:
    """How often `largest` must be doubled to hold each row in every feature."""
    needed = np.zeros(len(lengths), dtype=np.int64)
    limit = largest.copy()
    while np.any(short := np.any(lengths > limit, axis=1)):
        needed[short] += 1
        limit = limit * 2
    return needed


def _same_features(joint_lengths: npt.ArrayLike, plan: npt.ArrayLike) -> tuple[Integers, Integers]:
    lengths, buckets = np.asarray(joint_lengths, dtype=np.int64), np.asarray(plan, dtype=np.int64)
    if lengths.ndim != 2 or buckets.ndim != 2 or lengths.shape[1] != buckets.shape[1]:
        raise ValueError(
            f"received lengths of shape {lengths.shape} and a plan of shape {buckets.shape}, expected [rows, features] "
            "and [buckets, features] with the same features"
        )
    return lengths, buckets
