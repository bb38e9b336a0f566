"""Buckets for several sequence features at once: tuples of padded lengths, chosen over the joint lengths.

First version: the used cells of the best product grid.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.plan.assignment import assign, check_step_costs
from pipeline.plan.histogram import Integers, compress_joint
from pipeline.plan.product_grid import best_product_grid, grid_tuples


def optimal_tuples(
    joint_lengths: npt.ArrayLike,
    counts: npt.ArrayLike,
    buckets: int,
    align: int = 1,
    step_costs: npt.ArrayLike | None = None,
) -> Integers:
    """At most `buckets` tuples of padded lengths of small total padded cost.

    Args:
      joint_lengths: int64[n, features], steps, in any order.
      counts: int64[n], rows.
      buckets: largest number of tuples.
      align: padded lengths are multiples of this.
      step_costs: float64[features], what a padded step of each feature costs; 1 each when None.

    Returns:
      int64[k, features], distinct, from cheap to dear; the last one covers every row.

    Raises:
      ValueError: an argument that cannot be used.
    """
    cells, rows = compress_joint(joint_lengths, counts, align)
    costs = check_step_costs(step_costs, cells.shape[1])
    grid = grid_tuples(best_product_grid(joint_lengths, counts, buckets, align, step_costs))
    used = np.unique(np.append(assign(cells, grid, costs), len(grid) - 1))
    plan = grid[used]
    return plan[np.lexsort([*plan.T[::-1], plan @ costs])]
