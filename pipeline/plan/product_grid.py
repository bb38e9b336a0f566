"""The best product grid: bucket boundaries chosen a feature at a time, and all their combinations.

    grid    boundaries for each feature; its cells are the padded shapes of every combination
    cell    one shape; k1 and k2 boundaries make k1 * k2 cells, whether rows fall into them or not

    text [96, 240]  x  prices [8, 32]   gives   (96, 8) (96, 32) (240, 8) (240, 32)

In a grid a row pays for each feature by itself, so the best grid of given k1, k2, ... is made of each feature's own
optimal boundaries, and the best split of K cells among the features is found by trying every k1 * k2 * ... <= K.
It is the plan that the joint planner starts from and must beat, and a column of the report.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pipeline.plan.assignment import check_step_costs
from pipeline.plan.boundaries import optimal_boundaries_up_to, padded_steps
from pipeline.plan.histogram import Integers, check_buckets, compress_joint


def best_product_grid(
    joint_lengths: npt.ArrayLike,
    counts: npt.ArrayLike,
    buckets: int,
    align: int = 1,
    step_costs: npt.ArrayLike | None = None,
) -> list[Integers]:
    """The boundaries of each feature whose product grid has at most `buckets` cells and least padded cost.

    Args:
      joint_lengths: int64[n, features], steps.
      counts: int64[n], rows.
      buckets: largest number of cells.
      align: boundaries are multiples of this.
      step_costs: float64[features], what a padded step of each feature costs; 1 each when None.

    Returns:
      For each feature its boundaries, int64[k], strictly increasing. [align] each without rows.

    Raises:
      ValueError: an argument that cannot be used.
    """
    check_buckets(buckets)
    cells, rows = compress_joint(joint_lengths, counts, align)
    costs = check_step_costs(step_costs, cells.shape[1])
    if not len(cells):
        return [np.array([align], dtype=np.int64) for _ in costs]
    plans = [optimal_boundaries_up_to(column, rows, buckets, align) for column in cells.T]
    prices = [
        [cost * padded_steps(column, rows, boundaries) for boundaries in choices]
        for column, cost, choices in zip(cells.T, costs, plans, strict=True)
    ]
    best = min(
        factorisations(int(buckets), [len(choices) for choices in plans]),
        key=lambda sizes: sum(price[size - 1] for price, size in zip(prices, sizes, strict=True)),
    )
    return [choices[size - 1] for choices, size in zip(plans, best, strict=True)]


def grid_tuples(boundaries: list[Integers]) -> Integers:
    """All cells of a grid as a plan, int64[cells, features], in lexicographic order."""
    return np.array(list(itertools.product(*(limits.tolist() for limits in boundaries))), dtype=np.int64)


def factorisations(cells: int, largest: list[int]) -> Iterator[tuple[int, ...]]:
    """Every (k1, k2, ...) with k1 * k2 * ... <= cells and ki <= largest[i], the last one as large as it can be."""
    if len(largest) == 1:
        yield (min(cells, largest[0]),)
        return
    for first in range(1, min(cells, largest[0]) + 1):
        for rest in factorisations(cells // first, largest[1:]):
            yield (first, *rest)
