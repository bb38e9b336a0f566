"""Intervals: how far a metric would move, had other rows of the same kind been drawn.

The percentile bootstrap (Efron 1979): rows are drawn with replacement, the metric is computed on each draw, and the
middle 95% of the values is the interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

LEVEL = 0.95
SEED = 1729
# Draws are limited so that a split of a million rows is evaluated in seconds; 100 draws still give an interval.
LARGEST_WORK = 20_000_000
FEWEST_SAMPLES = 100

Interval = dict[str, float]


def intervals(compute: Callable[[np.ndarray], Mapping[str, float]], rows: int, samples: int) -> dict[str, Interval]:
    """Value and interval of each metric.

    Args:
      compute: metrics of the rows at the given positions, int64[any].
      rows: their number in all.
      samples: draws; fewer where the rows are very many.

    Returns:
      name -> {value, low, high}; all NaN where the metric is not defined.
    """
    values = compute(np.arange(rows))
    if rows == 0:
        return {name: {"value": value, "low": math.nan, "high": math.nan} for name, value in values.items()}
    draws = draw_count(rows, samples)
    generator = np.random.default_rng(SEED)
    drawn: dict[str, list[float]] = {name: [] for name in values}
    for _ in range(draws):
        for name, value in compute(generator.integers(0, rows, rows)).items():
            drawn[name].append(value)
    return {name: {"value": value, **_range(np.array(drawn[name]))} for name, value in values.items()}


def mean_interval(values: np.ndarray, samples: int) -> Interval:
    """Mean of some values and its interval.

    Args:
      values: float64[rows].
      samples: draws.
    """
    rows = len(values)
    if rows == 0:
        return {"value": math.nan, "low": math.nan, "high": math.nan}
    generator = np.random.default_rng(SEED)
    means = np.array([values[generator.integers(0, rows, rows)].mean() for _ in range(draw_count(rows, samples))])
    return {"value": float(values.mean()), **_range(means)}


def draw_count(rows: int, samples: int) -> int:
    """Draws that are worth their time."""
    return max(min(samples, FEWEST_SAMPLES), min(samples, LARGEST_WORK // max(rows, 1)))


def _range(values: np.ndarray) -> dict[str, float]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return {"low": math.nan, "high": math.nan}
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"low": float(low), "high": float(high)}
