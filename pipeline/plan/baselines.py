"""What others do: the plans that ours is shown beside, and the measure they are compared in.

    pad to max      one bucket of the longest row: what `padded_batch` over the whole data set does
    equal count     buckets of about as many rows each, split at the length quantiles
    powers of two   boundaries align, 2 align, 4 align, ...: no statistics needed, less than half of a row is padding
    efficiency      real steps / padded steps, 1 when nothing is padded
    waste           1 - efficiency, the share of computed steps that are padding

All boundaries are inclusive largest lengths and padded lengths, as in `boundaries.py`, so that `padded_steps` prices
them alike. Each plan ends at the same aligned longest length, holds no row twice and leaves none out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.plan.histogram import Integers, check_align, check_buckets, compress


def pad_to_max(lengths: npt.ArrayLike, counts: npt.ArrayLike, align: int = 1) -> Integers:
    """One boundary, the aligned longest length; [align] without rows.

    Args:
      lengths: int64[n], steps.
      counts: int64[n], rows.
      align: the boundary is a multiple of this.

    Returns:
      int64[1].

    Raises:
      ValueError: a histogram or alignment that cannot be used.
    """
    values, _ = compress(lengths, counts, align)
    return values[-1:] if len(values) else np.array([align], dtype=np.int64)


def equal_count(lengths: npt.ArrayLike, counts: npt.ArrayLike, buckets: int, align: int = 1) -> Integers:
    """Boundaries at the quantiles 1/buckets, 2/buckets, ..., 1 of the aligned lengths.

    A quantile q is the least length that at least a share q of the rows does not exceed. Equal quantiles, which are
    frequent where lengths repeat, give one boundary.

    Args:
      lengths: int64[n], steps.
      counts: int64[n], rows.
      buckets: largest number of boundaries.
      align: boundaries are multiples of this.

    Returns:
      int64[k], strictly increasing, k <= buckets; [align] without rows.

    Raises:
      ValueError: an argument that cannot be used.
    """
    check_buckets(buckets)
    values, rows = compress(lengths, counts, align)
    if not len(values):
        return np.array([align], dtype=np.int64)
    rows_up_to = np.cumsum(rows)
    # Whole numbers: rows_up_to >= total * i / buckets exactly, without a rounded quotient.
    needed = -(-(np.arange(1, buckets + 1) * rows_up_to[-1]) // buckets)
    chosen: Integers = np.unique(np.searchsorted(rows_up_to, needed, side="left"))
    return values[chosen]


def powers_of_two(lengths: npt.ArrayLike, counts: npt.ArrayLike, align: int = 1) -> Integers:
    """Boundaries align, 2 align, 4 align, ... of buckets that hold rows; the last one is the aligned longest length.

    Args:
      lengths: int64[n], steps.
      counts: int64[n], rows.
      align: the first boundary; all are multiples of it.

    Returns:
      int64[k], strictly increasing; [align] without rows.

    Raises:
      ValueError: a histogram or alignment that cannot be used.
    """
    check_align(align)
    values, _ = compress(lengths, counts, align)
    if not len(values):
        return np.array([align], dtype=np.int64)
    doublings = [int(value // align - 1).bit_length() for value in values]
    limits = align * 2 ** np.array(sorted(set(doublings)), dtype=np.int64)
    limits[-1] = values[-1]
    return limits


def padding_efficiency(real_steps: float, padded_steps: float) -> float:
    """Real steps / padded steps.

    Args:
      real_steps: steps, or cost, of the rows themselves.
      padded_steps: the same with padding.

    Returns:
      A share from 0 to 1; 1 where nothing was padded because there is nothing.

    Raises:
      ValueError: negative steps, or fewer padded than real steps.
    """
    if real_steps < 0 or padded_steps < real_steps:
        raise ValueError(
            f"received {real_steps} real and {padded_steps} padded steps, expected 0 <= real <= padded; "
            "count both over the same rows"
        )
    return float(real_steps / padded_steps) if padded_steps else 1.0


def waste(real_steps: float, padded_steps: float) -> float:
    """The share of padded steps that are padding: 1 - `padding_efficiency`, with its arguments and errors."""
    return 1.0 - padding_efficiency(real_steps, padded_steps)
