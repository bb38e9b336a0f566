"""The bucket plan: the padded shapes of a dataset, one a bucket, as the writer and the report use them.

    bucket    a padded length for each sequence feature
    index     the place of the bucket in the plan, the same in every split
    name      its directory: 'bucket-00096', or 'bucket-00096-00032' with two sequence features

    features ("text", "prices")    boundaries ((96, 8), (96, 32), (240, 32))    align 8
    a row of 90 tokens and 12 days belongs to bucket 1, 'bucket-00096-00032'

Assumes joint lengths in the order of `features`, in steps, after truncation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.plan.assignment import UNASSIGNED, assign, check_step_costs, extend_for
from pipeline.plan.histogram import Integers, check_align, check_counts
from pipeline.plan.joint import optimal_tuples


@dataclass(frozen=True)
class BucketPlan:
    """The padded shapes of a dataset.

    Attributes:
      features: names of the sequence features.
      boundaries: a tuple of padded lengths, one a feature, for each bucket; all distinct.
      align: every padded length is a multiple of this.
      step_costs: what a padded step of each feature costs; 1 each when left out.
    """

    features: tuple[str, ...]
    boundaries: tuple[tuple[int, ...], ...]
    align: int
    step_costs: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_align(self.align)
        if not self.features or len(set(self.features)) != len(self.features):
            raise ValueError(f"features: received {self.features!r}, expected one or more distinct names")
        if not self.boundaries or len(set(self.boundaries)) != len(self.boundaries):
            raise ValueError(f"boundaries: received {self.boundaries!r}, expected one or more distinct buckets")
        for bucket in self.boundaries:
            if len(bucket) != len(self.features) or any(length < 1 or length % self.align for length in bucket):
                raise ValueError(
                    f"boundaries: received the bucket {bucket!r}, expected a multiple of {self.align} for each of "
                    f"{', '.join(self.features)}"
                )
        costs = check_step_costs(self.step_costs or None, len(self.features))
        object.__setattr__(self, "step_costs", tuple(costs.tolist()))

    def __len__(self) -> int:
        return len(self.boundaries)

    @property
    def array(self) -> Integers:
        """The padded lengths, int64[buckets, features]."""
        return np.array(self.boundaries, dtype=np.int64)

    def assign(self, joint_lengths: npt.ArrayLike) -> Integers:
        """The bucket of each row: int64[n, features] in steps to int64[n], -1 where no bucket covers the row."""
        return assign(joint_lengths, self.array, self.step_costs)

    def extended_for(self, joint_lengths: npt.ArrayLike) -> BucketPlan:
        """This plan with overflow buckets behind it, so that it covers all of int64[n, features] (see `extend_for`)."""
        extended = extend_for(self.array, joint_lengths, self.align)
        return BucketPlan(self.features, _as_tuples(extended), self.align, self.step_costs)

    def shape(self, bucket: int) -> dict[str, int]:
        """The padded length of every feature in a bucket."""
        return dict(zip(self.features, self.boundaries[bucket], strict=True))

    def bucket_name(self, bucket: int) -> str:
        """The directory name of a bucket, such as 'bucket-00096-00032'."""
        return "-".join(["bucket", *(f"{length:05d}" for length in self.boundaries[bucket])])

    def padded_steps(self, joint_lengths: npt.ArrayLike, counts: npt.ArrayLike) -> Integers:
        """The padded steps of every feature over a histogram.

        Args:
          joint_lengths: int64[n, features], steps.
          counts: int64[n], rows.

        Returns:
          int64[features].

        Raises:
          ValueError: a histogram that cannot be used, or a row that no bucket covers.
        """
        lengths, rows = check_counts(joint_lengths, counts, dimensions=2)
        chosen = self.assign(lengths)
        if np.any(chosen == UNASSIGNED):
            longest = lengths[chosen == UNASSIGNED].max(axis=0).tolist()
            raise ValueError(
                f"joint_lengths: received rows of up to {longest} steps ({', '.join(self.features)}), expected at most "
                f"{self.array.max(axis=0).tolist()}; extend the plan with extended_for"
            )
        return rows @ self.array[chosen]

    def padded_cost(self, joint_lengths: npt.ArrayLike, counts: npt.ArrayLike) -> float:
        """What a histogram costs under this plan: the sum over features of step cost * padded steps."""
        return float(np.dot(self.padded_steps(joint_lengths, counts), self.step_costs))

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, strings and numbers, for JSON."""
        return {
            "features": list(self.features),
            "boundaries": [list(bucket) for bucket in self.boundaries],
            "align": self.align,
            "step_costs": list(self.step_costs),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BucketPlan:
        """The plan that `to_dict` wrote.

        Raises:
          ValueError: missing or unknown keys, or values that make no plan.
        """
        known = {"features", "boundaries", "align", "step_costs"}
        if set(data) != known:
            raise ValueError(f"received a plan with keys {sorted(data)}, expected {sorted(known)}")
        boundaries = tuple(tuple(int(length) for length in bucket) for bucket in data["boundaries"])
        return cls(tuple(data["features"]), boundaries, int(data["align"]), tuple(data["step_costs"]))


def plan_buckets(
    features: Sequence[str],
    joint_lengths: npt.ArrayLike,
    counts: npt.ArrayLike,
    buckets: int,
    align: int = 1,
    step_costs: npt.ArrayLike | None = None,
) -> BucketPlan:
    """The plan of least padded cost over the train split's lengths, for one or several sequence features.

    Args:
      features: names of the sequence features.
      joint_lengths: int64[n, features], steps after truncation.
      counts: int64[n], rows.
      buckets: largest number of buckets.
      align: padded lengths are multiples of this.
      step_costs: float64[features]; 1 each when None.

    Returns:
      A plan whose buckets go from cheap to dear, the last of which covers every row.

    Raises:
      ValueError: an argument that cannot be used.
    """
    plan = optimal_tuples(joint_lengths, counts, buckets, align, step_costs)
    costs = tuple(check_step_costs(step_costs, len(features)).tolist())
    return BucketPlan(tuple(features), _as_tuples(plan), int(align), costs)


def _as_tuples(plan: Integers) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(bucket) for bucket in plan.tolist())
