"""How far apart two samples are, less what chance alone explains. Pure numpy.

    counts before [40 40 20]   after [38 41 21]    close to 0, whatever the number of rows
    counts before [40 40 20]   after [ 0 50 50]    0.6

A small sample differs from a large one although nothing changed, and a fixed threshold would then cry wolf. So every
distance here is lowered by what two samples of these sizes from one population exceed in about 5% of cases, and is 0
below that. n and m are numbers of rows: steps of one row are no independent observations.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_SIGMAS = 1.96
# A mean that moved while nothing varies: far, but a number that JSON holds.
LARGEST = 1000.0


def shares_distance(before: npt.ArrayLike, after: npt.ArrayLike) -> float:
    """Jensen-Shannon distance of two histograms over the same bins, 0 to 1 (Lin, "Divergence measures based on the
    Shannon entropy", 1991; the root of the divergence in bits).

    Under one population, 8 ln 2 / (1/n + 1/m) times the divergence is about chi-squared with one degree of freedom less
    than there are bins in use; its mean and 1.96 standard deviations are subtracted.

    Args:
      before: int64[bins], rows.
      after: int64[bins], rows.

    Returns:
      The distance; 0 where either has no rows.
    """
    a, b = np.asarray(before, np.float64), np.asarray(after, np.float64)
    used = (a + b) > 0
    a, b = a[used], b[used]
    if not a.sum() or not b.sum():
        return 0.0
    p, q = a / a.sum(), b / b.sum()
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    freedom = len(a) - 1
    chance = (freedom + _SIGMAS * math.sqrt(2 * freedom)) * (1 / a.sum() + 1 / b.sum()) / (8 * math.log(2))
    return math.sqrt(max(divergence - chance, 0.0))


def share_difference(before: float, n: int, after: float, m: int) -> float:
    """Absolute difference of two shares of n and m rows; 0 where either has no rows."""
    if not n or not m:
        return 0.0
    pooled = (before * n + after * m) / (n + m)
    chance = _SIGMAS * math.sqrt(max(pooled * (1 - pooled), 0.0) * (1 / n + 1 / m))
    return max(abs(after - before) - chance, 0.0)


def mean_shift(before: tuple[float, float, int], after: tuple[float, float, int]) -> float:
    """Difference of means in standard deviations of `before`.

    Args:
      before: mean, standard deviation, rows.
      after: the same.
    """
    (mean_before, deviation, n), (mean_after, other, m) = before, after
    if not n or not m or mean_before == mean_after:
        return 0.0
    scale = deviation or other
    if not scale:
        return LARGEST
    return min(max(abs(mean_after - mean_before) / scale - _SIGMAS * math.sqrt(1 / n + 1 / m), 0.0), LARGEST)


def spread_change(before: tuple[float, int], after: tuple[float, int]) -> float:
    """How often the standard deviation doubled or halved: |log2 ratio|; each is (standard deviation, rows)."""
    (deviation, n), (other, m) = before, after
    if not n or not m or deviation == other:
        return 0.0
    if not deviation or not other:
        return LARGEST
    chance = _SIGMAS * math.sqrt((1 / n + 1 / m) / 2) / math.log(2)
    return min(max(abs(math.log2(other / deviation)) - chance, 0.0), LARGEST)


def quantile_bins(lengths: npt.ArrayLike, rows: npt.ArrayLike, bins: int = 10) -> npt.NDArray[np.int64]:
    """The first lengths of up to `bins` bins of about equal rows; the first bin begins at 0.

    Args:
      lengths: int64[n], ascending.
      rows: int64[n].
      bins: largest number of bins.
    """
    values, counts = np.asarray(lengths, np.int64), np.asarray(rows, np.int64)
    if not counts.sum():
        return np.zeros(1, np.int64)
    before = np.concatenate([[0], np.cumsum(counts)[:-1]])
    wanted = np.arange(1, bins) * int(counts.sum()) // bins
    return np.unique(np.concatenate([[0], values[np.searchsorted(before, wanted, side="right") - 1]]))


def binned(lengths: npt.ArrayLike, rows: npt.ArrayLike, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Rows in each bin: int64[n] lengths and rows to int64[bins]."""
    place = np.searchsorted(starts, np.asarray(lengths, np.int64), side="right") - 1
    return np.bincount(place, np.asarray(rows, np.float64), len(starts)).astype(np.int64)


def _relative_entropy(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> float:
    some = p > 0
    return float((p[some] * np.log2(p[some] / q[some])).sum())
