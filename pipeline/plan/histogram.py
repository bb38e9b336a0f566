"""Length histograms as the planner takes them: checked, aligned and compressed.

    length          real steps of one sequence; 0 for an empty one
    joint length    the lengths of one row's sequence features, in the spec's order
    count           rows that have this (joint) length
    aligned length  the least padded length that holds a length: its next multiple of `align`, at least one `align`,
                    because a shape of zero steps is of no use to a model

With align 8:

    lengths  [0, 3, 8, 9, 9]   counts [2, 1, 1, 4, 1]
    aligned  [8, 16]           counts [4, 5]

Only aligned lengths that occur can be boundaries of a plan of least cost, so that is all the planner looks at.
Assumes nothing of the order: a length may come several times, and its counts are added.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]

# Costs are sums of count * padded length in int64; half the range is left for differences between them.
LARGEST_COST = 2**62


def align_up(lengths: npt.ArrayLike, align: int) -> Integers:
    """The least padded length of each length.

    Args:
      lengths: int64[...], steps, at least 0.
      align: padded lengths are multiples of this, at least 1.

    Returns:
      int64[...], multiples of `align`, at least `align`.
    """
    steps = np.asarray(lengths, dtype=np.int64)
    return np.maximum(-(-steps // align), 1) * align


def check_align(align: int) -> None:
    """Raises ValueError unless `align` is a whole number of at least 1."""
    if isinstance(align, bool) or not isinstance(align, int | np.integer) or align < 1:
        raise ValueError(f"align: received {align!r}, expected a whole number of at least 1, such as 8")


def check_buckets(buckets: int) -> None:
    """Raises ValueError unless `buckets` is a whole number of at least 1."""
    if isinstance(buckets, bool) or not isinstance(buckets, int | np.integer) or buckets < 1:
        raise ValueError(f"buckets: received {buckets!r}, expected a whole number of at least 1, such as 16")


def check_counts(lengths: npt.ArrayLike, counts: npt.ArrayLike, dimensions: int) -> tuple[Integers, Integers]:
    """Checks a histogram and returns it as int64, without its zero counts.

    Args:
      lengths: int64[n] for `dimensions` 1, int64[n, features] for 2, steps.
      counts: int64[n], rows.
      dimensions: 1 for lengths of one feature, 2 for joint lengths.

    Returns:
      The lengths and the counts whose count is above 0.

    Raises:
      ValueError: not whole numbers, wrong shapes, or a negative length or count.
    """
    steps = _whole_numbers("lengths", lengths)
    rows = _whole_numbers("counts", counts)
    expected = "[n]" if dimensions == 1 else "[n, features] with at least one feature"
    if steps.ndim != dimensions or (dimensions == 2 and steps.shape[1] == 0):
        raise ValueError(f"lengths: received shape {steps.shape}, expected {expected}")
    if rows.shape != steps.shape[:1]:
        raise ValueError(f"counts: received shape {rows.shape} for {len(steps)} lengths, expected one count a length")
    for name, values in (("lengths", steps), ("counts", rows)):
        if values.size and values.min() < 0:
            raise ValueError(f"{name}: received {values.min()}, expected whole numbers of at least 0")
    present = rows > 0
    return steps[present], rows[present]


def compress(lengths: npt.ArrayLike, counts: npt.ArrayLike, align: int) -> tuple[Integers, Integers]:
    """The histogram over aligned lengths of one feature.

    Args:
      lengths: int64[n], steps, in any order.
      counts: int64[n], rows.
      align: padded lengths are multiples of this.

    Returns:
      Aligned lengths int64[m], strictly increasing, and their counts int64[m], all above 0.

    Raises:
      ValueError: a histogram or alignment that cannot be used, or costs that do not fit int64.
    """
    check_align(align)
    steps, rows = check_counts(lengths, counts, dimensions=1)
    joint, summed = _compress_rows(steps[:, np.newaxis], rows, align)
    return joint[:, 0], summed


def compress_joint(joint_lengths: npt.ArrayLike, counts: npt.ArrayLike, align: int) -> tuple[Integers, Integers]:
    """The histogram over aligned joint lengths of several features.

    Args:
      joint_lengths: int64[n, features], steps, in any order.
      counts: int64[n], rows.
      align: padded lengths are multiples of this.

    Returns:
      Distinct aligned joint lengths int64[m, features] in lexicographic order, and their counts int64[m], all above 0.

    Raises:
      ValueError: a histogram or alignment that cannot be used, or costs that do not fit int64.
    """
    check_align(align)
    steps, rows = check_counts(joint_lengths, counts, dimensions=2)
    return _compress_rows(steps, rows, align)


def sum_counts(joint: Integers, counts: Integers) -> tuple[Integers, Integers]:
    """Distinct rows int64[m, features] of `joint` in lexicographic order, with their counts added."""
    order = np.lexsort(joint.T[::-1])
    ordered = joint[order]
    starts = np.flatnonzero(np.concatenate([[True], np.any(ordered[1:] != ordered[:-1], axis=1)]))
    return ordered[starts], np.add.reduceat(counts[order], starts)


def _compress_rows(joint: Integers, counts: Integers, align: int) -> tuple[Integers, Integers]:
    if not len(joint):
        return joint, counts
    # In floating point, which grows where int64 would wrap round.
    rows = counts.sum(dtype=np.float64)
    longest = (joint.max(axis=0) + np.float64(align)).sum()
    if rows * longest > LARGEST_COST:
        raise ValueError(
            f"received {rows:.0f} rows of up to {longest - align:.0f} steps, expected fewer than 2**62 padded steps in "
            "all; cap the lengths with max_length, or plan from a sample"
        )
    return sum_counts(align_up(joint, align), counts)


def _whole_numbers(name: str, values: npt.ArrayLike) -> Integers:
    array = np.asarray(values)
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name}: received values of type {array.dtype}, expected whole numbers (int64)")
    return array.astype(np.int64, copy=False)
