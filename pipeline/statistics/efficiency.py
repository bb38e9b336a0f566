"""The bucket plan beside other ways to batch: how many of the computed steps are real.

    lengthwise      the plan that was written
    pad_to_max      one shape, the longest train row in every feature
    equal_count     buckets of about as many train rows each
    powers_of_two   boundaries align, 2 align, 4 align, ...

The others get as many buckets as ours, the same alignment, the same overflow buckets rule for rows longer than any in
the train split, and the same rule that a row goes to its cheapest covering bucket. With several sequence features they
bucket rows by total steps, and a shape is as long in each feature as the longest of its train rows.
"""

from __future__ import annotations

import numpy as np

from pipeline.plan import BucketPlan, equal_count, powers_of_two
from pipeline.plan.histogram import align_up
from pipeline.statistics.lengths import LengthTable
from schemas.statistics import PlanStatistics, Steps, StrategySteps


def compare_plans(plan: BucketPlan, table: LengthTable, splits: list[str]) -> PlanStatistics:
    """Real and padded steps of every strategy, by split and in total.

    Args:
      plan: as written; covers all rows.
      table: lengths of all rows.
      splits: splits with rows, in order.
    """
    names = list(plan.features)
    joint = {split: table.joint(names, split) for split in splits}
    lengths, rows = joint["train"]
    every = np.concatenate([lengths for lengths, _ in joint.values()])
    others = {
        "pad_to_max": align_up(lengths.max(axis=0), plan.align)[np.newaxis],
        "equal_count": _by_total(lengths, rows, len(plan), plan.align, "equal_count"),
        "powers_of_two": _by_total(lengths, rows, len(plan), plan.align, "powers_of_two"),
    }
    plans = {"lengthwise": plan}
    for name, shapes in others.items():
        boundaries = tuple(tuple(shape) for shape in shapes.tolist())
        plans[name] = BucketPlan(plan.features, boundaries, plan.align, plan.step_costs).extended_for(every)
    return PlanStatistics(
        features=names,
        align=plan.align,
        strategies=[_strategy(name, other, joint) for name, other in plans.items()],
    )


def _by_total(lengths: np.ndarray, rows: np.ndarray, buckets: int, align: int, rule: str) -> np.ndarray:
    """int64[shapes, features]: rows bucketed by their total steps, each shape as long as its longest rows."""
    totals = lengths.sum(axis=1)
    if rule == "equal_count":
        boundaries = equal_count(totals, rows, buckets, align)
    else:
        # Of more powers than buckets the longest stay: they are where padding is dear.
        boundaries = powers_of_two(totals, rows, align)[-buckets:]
    bucket = np.searchsorted(boundaries, totals, side="left")
    if lengths.shape[1] == 1:
        return boundaries[:, np.newaxis]
    shapes = [align_up(lengths[bucket == index].max(axis=0), align) for index in np.unique(bucket)]
    return np.unique(np.array(shapes, np.int64), axis=0)


def _strategy(name: str, plan: BucketPlan, joint: dict[str, tuple[np.ndarray, np.ndarray]]) -> StrategySteps:
    splits = {}
    for split, (lengths, rows) in joint.items():
        real = int((lengths.sum(axis=1) * rows).sum())
        splits[split] = steps(int(rows.sum()), real, int(plan.padded_steps(lengths, rows).sum()))
    parts = splits.values()
    total = steps(sum(p.rows for p in parts), sum(p.real for p in parts), sum(p.padded for p in parts))
    shapes = [list(shape) for shape in plan.boundaries]
    return StrategySteps(name=name, buckets=len(plan), shapes=shapes, splits=splits, total=total)


def steps(rows: int, real: int, padded: int) -> Steps:
    """Steps with their efficiency, 1 where nothing is padded."""
    return Steps(rows=rows, real=real, padded=padded, efficiency=real / padded if padded else 1.0)
