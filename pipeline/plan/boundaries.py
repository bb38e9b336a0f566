"""The bucket boundaries of least padding for one sequence feature, by dynamic programming on the exact histogram.

    boundary      the inclusive largest length of a bucket, and the length that its rows are padded to
    bucket        the rows above the boundary before and up to its own
    padded steps  what a plan costs: the sum over rows of the boundary of the row's bucket

Two buckets, align 1:

    length  2 3 9 10          boundaries [3, 10]
    rows    5 5 1  1          padded steps 10 * 3 + 2 * 10 = 50, real 44; pad-to-max would cost 120

With m aligned lengths a_1 < ... < a_m and C_j the rows of the first j, at most k buckets cost over the first j

    D_k(j) = C_j a_j + min_i (D_{k-1}(i) - C_i a_j)

The minimum may run over all i, not only i <= j: an i beyond j gives a price that j's own plan can always match (lower
the boundary in which j falls to a_j). So every layer is the row minima of a full matrix whose entry in (j, i) is
-C_i a_j plus a term of i alone. C and a both grow, so it satisfies the Monge condition, its leftmost row minima move
right with j, and a row needs to look only between the minima of its neighbours (Aggarwal, Klawe, Moran, Shor and
Wilber, "Geometric applications of a matrix-searching algorithm", Algorithmica 2, 1987; the recurrence is that of
optimal one-dimensional clustering, Wang and Song, "Ckmeans.1d.dp", The R Journal 3/2, 2011). Rows are halved in
strides, all rows of one stride in one numpy call: O(m log m) a layer, O(K m log m) in all.

Assumes lengths as they will be padded: truncated already, or cut at `maximum` here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.plan.histogram import Integers, check_align, check_buckets, check_counts, compress


def optimal_boundaries(
    lengths: npt.ArrayLike, counts: npt.ArrayLike, buckets: int, align: int = 1, maximum: int | None = None
) -> Integers:
    """The at most `buckets` boundaries that minimise padded steps; as few as reach that minimum.

    Args:
      lengths: int64[n], steps, in any order; a length may come several times.
      counts: int64[n], rows of each length; 0 is allowed and ignored.
      buckets: largest number of boundaries.
      align: boundaries are multiples of this.
      maximum: longest sequence in steps; longer ones count as this long, as truncation will leave them. The last
        boundary may lie above it, by less than `align`.

    Returns:
      int64[k], strictly increasing, 1 <= k <= buckets. The last one holds the longest sequence. Empty sequences belong
      to the first bucket. Without rows it is [align].

    Raises:
      ValueError: an argument that cannot be used.
    """
    return optimal_boundaries_up_to(lengths, counts, buckets, align, maximum)[-1]


def optimal_boundaries_up_to(
    lengths: npt.ArrayLike, counts: npt.ArrayLike, buckets: int, align: int = 1, maximum: int | None = None
) -> list[Integers]:
    """The optimal boundaries for every number of buckets from 1 to `buckets`, for the price of the last.

    Args:
      lengths, counts, buckets, align, maximum: as in `optimal_boundaries`.

    Returns:
      A list whose entry k - 1 is the optimal plan of k buckets. It ends early where one more bucket gains nothing.

    Raises:
      ValueError: an argument that cannot be used.
    """
    check_buckets(buckets)
    check_align(align)
    if maximum is not None:
        if maximum < 1:
            raise ValueError(f"maximum: received {maximum!r}, expected a length of at least 1 step, or None")
        lengths = np.minimum(np.asarray(lengths), maximum)
    values, rows = compress(lengths, counts, align)
    if not len(values):
        return [np.array([align], dtype=np.int64)]
    # Every aligned length has rows, so each bucket up to one a length lowers the cost, and no later one can.
    layers = min(int(buckets), len(values))
    splits = _best_splits(values, np.cumsum(rows), layers)
    return [values[_trace(splits[: k - 1], len(values) - 1)] for k in range(1, layers + 1)]


def padded_steps(lengths: npt.ArrayLike, counts: npt.ArrayLike, boundaries: npt.ArrayLike) -> int:
    """The padded steps of a histogram under increasing boundaries.

    Args:
      lengths: int64[n], steps.
      counts: int64[n], rows.
      boundaries: int64[k], strictly increasing.

    Returns:
      sum(count * boundary of the bucket).

    Raises:
      ValueError: a histogram that cannot be used, or a length with rows above the last boundary.
    """
    steps, rows = check_counts(lengths, counts, dimensions=1)
    limits = np.asarray(boundaries, dtype=np.int64)
    if steps.size and steps.max() > limits[-1]:
        raise ValueError(
            f"lengths: received a length of {steps.max()} steps, expected at most the last boundary {limits[-1]}; "
            "extend the plan first"
        )
    return int(np.dot(limits[np.searchsorted(limits, steps, side="left")], rows))


def _best_splits(values: Integers, rows_up_to: Integers, layers: int) -> list[Integers]:
    """For layers 2, 3, ...: where the last bucket of the best plan over the first j lengths begins (index before)."""
    own = rows_up_to * values
    cost = own
    splits = []
    for _ in range(layers - 1):
        chosen = _leftmost_row_minima(cost, rows_up_to, values)
        cost = own + cost[chosen] - rows_up_to[chosen] * values
        splits.append(chosen)
    return splits


def _leftmost_row_minima(offsets: Integers, slopes: Integers, rows: Integers) -> Integers:
    """For each j the least i that minimises offsets[i] - slopes[i] * rows[j]; slopes and rows increase strictly."""
    size = len(rows)
    minima = np.zeros(size + 1, dtype=np.int64)
    minima[size] = size - 1  # a fence behind the last row
    stride = 1 << (size.bit_length() - 1)
    while stride:
        # Rows at odd multiples of the stride lie between rows that are done; -1 + stride starts the first such row.
        todo = np.arange(stride - 1, size, 2 * stride)
        low = np.where(todo >= stride, minima[todo - stride], 0)
        high = minima[np.minimum(todo + stride, size)]
        width = high - low + 1
        ends = np.cumsum(width)
        starts = ends - width
        candidates = np.arange(ends[-1]) + np.repeat(low - starts, width)
        price = offsets[candidates] - slopes[candidates] * np.repeat(rows[todo], width)
        least = np.repeat(np.minimum.reduceat(price, starts), width)
        hits = np.flatnonzero(price == least)
        minima[todo] = candidates[hits[np.searchsorted(hits, starts)]]
        stride //= 2
    return minima[:size]


def _trace(splits: list[Integers], last: int) -> list[int]:
    """The indices of the boundaries of the plan that ends at `last`, followed back through the layers."""
    chosen = [last]
    for layer in reversed(splits):
        chosen.append(int(layer[chosen[-1]]))
    return sorted(set(chosen))
