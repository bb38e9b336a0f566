"""Paired comparison of two models on the same rows, in plain numpy.

gain     challenger's metric minus champion's, turned so that more is better
interval paired bootstrap (Efron 1979): rows are drawn with replacement, and both models are measured on each draw;
         what both find hard or easy cancels out, so it is much narrower than the two models' own intervals
McNemar  classification: of the rows on which exactly one of both is right, how likely is so uneven a division, if
         they were equally good (exact binomial; McNemar 1947)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from trainer.evaluation.bootstrap import SEED, draw_count
from trainer.evaluation.evaluate import chosen_classes, headline_values
from trainer.evaluation.metrics import LARGER_IS_BETTER, compute_metrics, row_losses

SAMPLES = 2000


@dataclass(frozen=True)
class Gain:
    """How much better the challenger is.

    Attributes:
      champion, challenger: the metric of each.
      value: the gain; positive is better, whichever way the metric runs.
      low, high: its interval.
      confidence: of the interval.
    """

    champion: float
    challenger: float
    value: float
    low: float
    high: float
    confidence: float

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


def paired_gain(
    kind: str, metric: str, labels: np.ndarray, both: tuple[np.ndarray, np.ndarray], confidence: float
) -> Gain:
    """The gain in a metric over all rows.

    Args:
      kind: binary, multiclass or regression.
      metric: one of trainer.evaluation.metrics.METRICS_OF[kind].
      labels: [rows].
      both: predictions of champion and challenger, float[rows] or float[rows, classes].
      confidence: of the interval, such as 0.95.
    """
    sign = 1.0 if LARGER_IS_BETTER[metric] else -1.0
    rows_of = _row_values(kind, metric)
    if rows_of is not None:
        champion, challenger = (rows_of(labels, values) for values in both)
        return row_gain(champion, challenger, sign, confidence)
    old, new = (compute_metrics(kind, labels, values)[metric] for values in both)
    generator = np.random.default_rng(SEED)
    drawn = []
    for _ in range(draw_count(len(labels), SAMPLES)):
        rows = generator.integers(0, len(labels), len(labels))
        of_both = [compute_metrics(kind, labels[rows], values[rows])[metric] for values in both]
        drawn.append(sign * (of_both[1] - of_both[0]))
    low, high = _middle(np.array(drawn), confidence)
    return Gain(float(old), float(new), sign * float(new - old), low, high, confidence)


def row_gain(champion: np.ndarray, challenger: np.ndarray, sign: float, confidence: float) -> Gain:
    """The gain in the mean of a value that every row has.

    Args:
      champion: float64[rows].
      challenger: float64[rows].
      sign: 1 where a larger value is better, else -1.
      confidence: of the interval.
    """
    rows = len(champion)
    if not rows:
        return Gain(math.nan, math.nan, math.nan, math.nan, math.nan, confidence)
    differences = sign * (challenger.astype(np.float64) - champion)
    generator = np.random.default_rng(SEED)
    means = np.array([differences[generator.integers(0, rows, rows)].mean() for _ in range(draw_count(rows, SAMPLES))])
    low, high = _middle(means, confidence)
    return Gain(float(champion.mean()), float(challenger.mean()), float(differences.mean()), low, high, confidence)


def mcnemar(kind: str, labels: np.ndarray, both: tuple[np.ndarray, np.ndarray]) -> dict[str, float] | None:
    """McNemar's exact test.

    Args:
      kind: binary or multiclass; regression has none.
      labels: int64[rows].
      both: predictions of champion and challenger.

    Returns:
      Rows that only the champion and only the challenger has right, and the two-sided p-value.
    """
    if kind == "regression":
        return None
    champion, challenger = (chosen_classes(kind, values) == labels for values in both)
    only_champion, only_challenger = int((champion & ~challenger).sum()), int((challenger & ~champion).sum())
    return {
        "only_champion": only_champion,
        "only_challenger": only_challenger,
        "p_value": binomial_two_sided(only_champion, only_challenger),
    }


def binomial_two_sided(first: int, second: int) -> float:
    """The chance that a fair coin, thrown first + second times, divides at least as unevenly as this."""
    total = first + second
    scale = math.lgamma(total + 1) - total * math.log(2)
    tail = sum(math.exp(scale - math.lgamma(k + 1) - math.lgamma(total - k + 1)) for k in range(min(first, second) + 1))
    return min(1.0, 2 * tail)


def length_edges(lengths: np.ndarray, slices: int) -> list[tuple[int, int]]:
    """Slices of about equally many rows, as inclusive ranges of length; fewer where lengths repeat.

    Args:
      lengths: int64[rows].
      slices: how many are wanted.
    """
    if not len(lengths):
        return []
    quantiles = np.quantile(lengths, np.arange(1, slices + 1) / slices, method="inverted_cdf").astype(int)
    uppers = sorted(set(quantiles.tolist()))
    lowers = [int(lengths.min()), *(upper + 1 for upper in uppers[:-1])]
    return list(zip(lowers, uppers, strict=True))


def _row_values(kind: str, metric: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray] | None:
    """The value of every row whose mean the metric is; None for a metric of all rows together."""
    if metric == "loss":
        return lambda labels, values: row_losses(kind, labels, values)
    if metric in ("accuracy", "mae"):
        return lambda labels, values: headline_values(kind, labels, values)
    if metric == "brier":
        return lambda labels, values: (values.astype(np.float64) - labels) ** 2
    return None


def _middle(drawn: np.ndarray, confidence: float) -> tuple[float, float]:
    finite = drawn[np.isfinite(drawn)]
    if not len(finite):
        return math.nan, math.nan
    low, high = np.quantile(finite, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
