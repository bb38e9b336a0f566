"""Buckets for several sequence features at once: tuples of padded lengths, chosen over the joint lengths.

    joint length   the lengths of one row's features, such as (90 tokens, 12 days)
    tuple          the padded lengths of one bucket
    padded cost    the sum over rows and features of step cost * padded length

Lengths of several features often go together. A grid spends cells where no rows are; tuples need not. For rows of
joint lengths (24, 8), (48, 16), (72, 24) and (96, 32), ten of each, and 4 buckets:

    pad to max      (96, 32)                                      padded cost 5,120
    best grid       text [24, 48, 72, 96] x prices [32]                       3,680
    tuples          (24, 8) (48, 16) (72, 24) (96, 32)                        3,200, no padding

With one feature the plan is exactly optimal (`boundaries.py`). With more it is the best product grid, or a better plan:
the used cells of that grid, and the one tuple that covers all rows, are each improved by local search over few
candidate lengths a feature (`tuple_search.py`), and the cheaper one once more over many. Every step from the grid on
lowers the cost, so the result is never dearer than the best grid of as many cells.

The tuple of the largest length in every feature is always in the plan, although no train row may need it: a
validation row that is no longer than the train rows in any feature then always finds a bucket.

Whole-number step costs (channels, say) keep every sum exact and the plan the same on any machine.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.plan.assignment import assign, check_step_costs
from pipeline.plan.baselines import equal_count
from pipeline.plan.boundaries import optimal_boundaries
from pipeline.plan.gains import Cells
from pipeline.plan.histogram import Integers, check_buckets, compress_joint, sum_counts
from pipeline.plan.product_grid import best_product_grid, grid_tuples
from pipeline.plan.tuple_search import improve

# Cells that the first and the second search look at. For 32 buckets and 100,000 distinct joint lengths they take 2 s
# with two features and 4 s with three; 256 buckets take 9 s.
COARSE_CELLS = 4096
FINE_CELLS = 32768
# Additions tried in passes of replacements, over all passes.
MOST_REPLACEMENTS = 512
# Distinct lengths a feature that candidate lengths are chosen from.
MOST_DISTINCT = 4096


def optimal_tuples(
    joint_lengths: npt.ArrayLike,
    counts: npt.ArrayLike,
    buckets: int,
    align: int = 1,
    step_costs: npt.ArrayLike | None = None,
) -> Integers:
    """At most `buckets` tuples of padded lengths of least padded cost found; the optimum for one feature.

    Args:
      joint_lengths: int64[n, features], steps, in any order.
      counts: int64[n], rows.
      buckets: largest number of tuples.
      align: padded lengths are multiples of this.
      step_costs: float64[features], what a padded step of each feature costs; 1 each when None.

    Returns:
      int64[k, features], distinct, 1 <= k <= buckets, from cheap to dear; the last one covers every row. A row belongs
      to the cheapest tuple that covers it (`assign`). Without rows it is [[align, ...]].

    Raises:
      ValueError: an argument that cannot be used.
    """
    check_buckets(buckets)
    lengths, rows = compress_joint(joint_lengths, counts, align)
    features = lengths.shape[1]
    costs = check_step_costs(step_costs, features)
    if features == 1:
        return optimal_boundaries(lengths[:, 0], rows, buckets, align)[:, np.newaxis]
    if not len(lengths):
        return np.full((1, features), align, dtype=np.int64)
    cells = Cells(lengths, rows, costs)
    largest = lengths.max(axis=0, keepdims=True)
    grid = grid_tuples(best_product_grid(lengths, rows, buckets, align, costs))
    starts = [_used(cells, np.vstack([largest, grid[:-1]])), largest]
    rounds = max(2, MOST_REPLACEMENTS // buckets)
    plans = [improve(_quantised(cells, start, COARSE_CELLS), start, buckets, rounds) for start in starts]
    best = _used(cells, min(plans, key=cells.cost))
    best = _used(cells, improve(_quantised(cells, best, FINE_CELLS), best, buckets, rounds=0))
    order: Integers = np.lexsort([*best.T[::-1], best @ costs])
    return best[order]


def _quantised(cells: Cells, plan: Integers, most_cells: int) -> Cells:
    """Cells whose lengths are rounded up to few candidates a feature, the plan's own lengths among them.

    Whether a tuple of candidate lengths covers a row, and so its cost, is the same before and after rounding.
    """
    features = cells.lengths.shape[1]
    candidates = max(2, int(most_cells ** (1 / features) + 1e-9))
    rounded = np.empty_like(cells.lengths)
    for feature, column in enumerate(cells.lengths.T):
        fewer = equal_count(column, cells.rows, MOST_DISTINCT)
        chosen = optimal_boundaries(fewer[np.searchsorted(fewer, column)], cells.rows, candidates)
        values = np.union1d(chosen, plan[:, feature])
        rounded[:, feature] = values[np.searchsorted(values, column)]
    return Cells(*sum_counts(rounded, cells.rows), cells.step_costs)


def _used(cells: Cells, plan: Integers) -> Integers:
    """The plan without tuples that no row belongs to, each cut to the longest of its rows; tuple 0 stays as it is."""
    while True:
        chosen = assign(cells.lengths, plan, cells.step_costs)
        order = np.argsort(chosen, kind="stable")
        used, starts = np.unique(chosen[order], return_index=True)
        longest = np.maximum.reduceat(cells.lengths[order], starts, axis=0)
        fitted = np.vstack([plan[:1], longest[used != 0]])
        if np.array_equal(fitted, plan):
            return plan
        plan = fitted
