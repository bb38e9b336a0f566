"""How well length alone predicts the label: the baseline that a model must beat, and a check for leaks.

Lengths of the fit split are cut into bins of about as many rows each, and a bin predicts what its rows say:

    classes      the share of each class in the bin, with one row's worth of the overall shares added
    regression   the mean label of the bin

The number of bins is the one of BIN_COUNTS that predicts best when each row is left out of its own bin, which follows
from the counts in closed form: no rows are needed, and no chance is involved. Then the held-out split is scored. So
the predictor is the best of its kind that the fit split shows, and what it reaches on other rows is not luck.

The area under the ROC curve (auc) counts pairs of rows exactly, ties as half. For several classes it is the mean of
one-against-rest over classes that occur. Its standard error: Hanley and McNeil, "The meaning and use of the area
under a receiver operating characteristic curve", Radiology 143, 1982; the mean of the classes' for several.

Verdict: "strong" if auc less 1.96 standard errors is above 0.65 (r_squared at least 0.3), "weak" above 0.55 (0.05).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

BIN_COUNTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
WEAK_AUC, STRONG_AUC = 0.55, 0.65
WEAK_R_SQUARED, STRONG_R_SQUARED = 0.05, 0.3
_CONFIDENCE = 1.96

Verdict = Literal["none", "weak", "strong"]


@dataclass(frozen=True)
class ClassScore:
    """What the predictor reaches on the scored rows."""

    bins: int
    accuracy: float
    majority_accuracy: float
    auc: float
    auc_standard_error: float

    @property
    def verdict(self) -> Verdict:
        """How much length tells, beyond chance."""
        bound = self.auc - _CONFIDENCE * self.auc_standard_error
        return "strong" if bound > STRONG_AUC else "weak" if bound > WEAK_AUC else "none"


def score_classes(fit: np.ndarray, scored: np.ndarray) -> ClassScore | None:
    """Fits the histogram classifier and scores it.

    Args:
      fit: int64[classes, n], rows to fit on, by ascending length.
      scored: int64[classes, n], rows to score on, at the same lengths.

    Returns:
      The score, or None where either has no rows or there are fewer than two classes.
    """
    if len(fit) < 2 or not fit.sum() or not scored.sum():
        return None
    shares = fit.sum(axis=1) / fit.sum()
    best = max(BIN_COUNTS, key=lambda bins: (_left_out_log_likelihood(fit, shares, bins), -bins))
    edges = bin_starts(fit.sum(axis=0), best)
    counts, held_out = np.add.reduceat(fit, edges, axis=1), np.add.reduceat(scored, edges, axis=1)
    posterior = (counts + shares[:, np.newaxis]) / (counts.sum(axis=0) + 1)
    rows = scored.sum()
    right = held_out[np.argmax(posterior, axis=0), np.arange(len(edges))].sum()
    areas = [_area(posterior[c], held_out[c], held_out.sum(axis=0) - held_out[c]) for c in _scored_classes(scored)]
    auc = sum(area for area, _ in areas) / len(areas) if areas else 0.5
    error = sum(error for _, error in areas) / len(areas) if areas else 0.5
    majority = scored[int(np.argmax(shares))].sum()
    return ClassScore(len(edges), int(right) / int(rows), int(majority) / int(rows), auc, error)


@dataclass(frozen=True)
class Sums:
    """Regression labels by length.

    Attributes:
      rows: int64[n].
      totals: float64[n], sums of labels.
      squares: float64[n], sums of squared labels.
    """

    rows: np.ndarray
    totals: np.ndarray
    squares: np.ndarray


def score_regression(fit: Sums, scored: Sums) -> tuple[int, float] | None:
    """Fits bin means and scores them: (bins, share of variance explained), or None without rows or variance."""
    if not fit.rows.sum() or not scored.rows.sum():
        return None
    mean = float(fit.totals.sum() / fit.rows.sum())
    best = min(BIN_COUNTS, key=lambda bins: (_left_out_squared_error(fit, mean, bins), bins))
    edges = bin_starts(fit.rows, best)
    rows = np.add.reduceat(fit.rows, edges)
    predicted = np.where(rows > 0, np.add.reduceat(fit.totals, edges) / np.maximum(rows, 1), mean)
    held_rows, totals, squares = (np.add.reduceat(part, edges) for part in (scored.rows, scored.totals, scored.squares))
    error = float((squares - 2 * predicted * totals + held_rows * predicted**2).sum())
    variance = float((squares - 2 * mean * totals + held_rows * mean**2).sum())
    return (len(edges), 1 - error / variance) if variance > 0 else None


def regression_verdict(r_squared: float) -> Verdict:
    """How much length tells of a regression label."""
    return "strong" if r_squared >= STRONG_R_SQUARED else "weak" if r_squared >= WEAK_R_SQUARED else "none"


def bin_starts(rows: np.ndarray, bins: int) -> np.ndarray:
    """Where bins of about as many rows each begin: indices into the lengths, the first 0, strictly increasing."""
    before = np.concatenate([[0], np.cumsum(rows)[:-1]])
    wanted = np.arange(bins) * int(rows.sum()) // bins
    return np.unique(np.concatenate([[0], np.searchsorted(before, wanted, side="right") - 1]))


def _scored_classes(scored: np.ndarray) -> list[int]:
    """Classes to average over: the second of two, all that occur of several."""
    if len(scored) == 2:
        return [1] if scored[1].sum() and scored[0].sum() else []
    occurring = np.flatnonzero(scored.sum(axis=1))
    return occurring.tolist() if len(occurring) > 1 else []


def _left_out_log_likelihood(fit: np.ndarray, shares: np.ndarray, bins: int) -> float:
    counts = np.add.reduceat(fit, bin_starts(fit.sum(axis=0), bins), axis=1)
    present = counts > 0
    left = (counts - 1 + shares[:, np.newaxis])[present]
    total = np.broadcast_to(counts.sum(axis=0), counts.shape)[present]
    # Rounded, so that equal likelihoods computed in another order stay equal.
    return round(float((counts[present] * (np.log(left) - np.log(total))).sum()), 6)


def _left_out_squared_error(fit: Sums, mean: float, bins: int) -> float:
    edges = bin_starts(fit.rows, bins)
    rows, totals, squares = (np.add.reduceat(part, edges) for part in (fit.rows, fit.totals, fit.squares))
    several = rows > 1
    within = squares[several] - totals[several] ** 2 / rows[several]
    single = squares[~several] - 2 * mean * totals[~several] + rows[~several] * mean**2
    return float((within * (rows[several] / (rows[several] - 1)) ** 2).sum() + single.sum())


def _area(scores: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> tuple[float, float]:
    """Area under ROC and its standard error, of rows counted by score; (0.5, 0.5) without rows on one side."""
    values, place = np.unique(scores, return_inverse=True)
    positives, negatives = (np.bincount(place, part, len(values)) for part in (positive, negative))
    p, n = float(positives.sum()), float(negatives.sum())
    if not p or not n:
        return 0.5, 0.5
    below = np.concatenate([[0.0], np.cumsum(negatives)[:-1]])
    area = float((positives * (below + negatives / 2)).sum() / (p * n))
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (p - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)) / (p * n)
    return area, math.sqrt(max(variance, 0.0))
