"""Metrics over collected predictions, in plain numpy and float64.

    binary        predictions float[rows]: probability of class 1;     labels int[rows], 0 or 1
    multiclass    predictions float[rows, classes]: probabilities;     labels int[rows]
    regression    predictions float[rows];                             labels float[rows]

`loss` is the mean cross-entropy, or the mean squared error. A metric that is not defined for the rows at hand
(the area under the curve of one class alone, R2 of a constant) is NaN.
"""

from __future__ import annotations

import numpy as np

SMALLEST_PROBABILITY = 1e-7

# Whether a larger value is better.
LARGER_IS_BETTER = {
    "loss": False,
    "accuracy": True,
    "auc": True,
    "brier": False,
    "calibration_error": False,
    "macro_f1": True,
    "mae": False,
    "rmse": False,
    "r2": True,
}

METRICS_OF = {
    "binary": ("loss", "accuracy", "auc", "brier", "calibration_error"),
    "multiclass": ("loss", "accuracy", "macro_f1"),
    "regression": ("loss", "mae", "rmse", "r2"),
}


def compute_metrics(kind: str, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    """All metrics of one kind of label.

    Args:
      kind: binary, multiclass or regression.
      labels: [rows].
      predictions: float[rows] or float[rows, classes].
    """
    predictions = predictions.astype(np.float64)
    if len(labels) == 0:
        return dict.fromkeys(METRICS_OF[kind], float("nan"))
    if kind == "regression":
        errors = predictions - labels
        spread = float(np.mean((labels - np.mean(labels)) ** 2))
        squared = float(np.mean(errors**2))
        return {
            "loss": squared,
            "mae": float(np.mean(np.abs(errors))),
            "rmse": float(np.sqrt(squared)),
            "r2": 1.0 - squared / spread if spread > 0 else float("nan"),
        }
    if kind == "binary":
        return {
            "loss": float(np.mean(row_losses(kind, labels, predictions))),
            "accuracy": float(np.mean((predictions >= 0.5) == (labels == 1))),
            "auc": area_under_curve(labels, predictions),
            "brier": float(np.mean((predictions - labels) ** 2)),
            "calibration_error": calibration_error(labels, predictions),
        }
    chosen = np.argmax(predictions, axis=1)
    return {
        "loss": float(np.mean(row_losses(kind, labels, predictions))),
        "accuracy": float(np.mean(chosen == labels)),
        "macro_f1": macro_f1(confusion_matrix(labels, chosen, predictions.shape[1])),
    }


def row_losses(kind: str, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """float64[rows]: cross-entropy or squared error of every row."""
    predictions = predictions.astype(np.float64)
    if kind == "regression":
        return (predictions - labels) ** 2
    safe = np.clip(predictions, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    if kind == "binary":
        return -np.where(labels == 1, np.log(safe), np.log(1 - safe))
    return -np.log(safe[np.arange(len(labels)), labels])


def area_under_curve(labels: np.ndarray, scores: np.ndarray) -> float:
    """Exact area under the ROC curve: the chance that a positive row scores above a negative one, ties counting half.

    Computed from average ranks (Mann-Whitney U).
    """
    positive = labels == 1
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    average_ranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = float(average_ranks[inverse][positive].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def reliability(labels: np.ndarray, scores: np.ndarray, bins: int = 10) -> list[dict[str, float]]:
    """Mean score and share of positives in bins of equal width, empty bins left out.

    Args:
      labels: int[rows], 0 or 1.
      scores: float[rows], probability of class 1.
      bins: their number.
    """
    places = np.minimum((scores * bins).astype(int), bins - 1)
    result = []
    for place in range(bins):
        chosen = places == place
        if chosen.any():
            result.append(
                {
                    "rows": int(chosen.sum()),
                    "predicted": float(scores[chosen].mean()),
                    "observed": float((labels[chosen] == 1).mean()),
                }
            )
    return result


def calibration_error(labels: np.ndarray, scores: np.ndarray) -> float:
    """Expected calibration error: the mean distance of predicted from observed, over ten bins, weighted by rows."""
    bins = reliability(labels, scores)
    return float(sum(b["rows"] * abs(b["predicted"] - b["observed"]) for b in bins) / len(labels))


def confusion_matrix(labels: np.ndarray, chosen: np.ndarray, classes: int) -> np.ndarray:
    """int64[classes, classes]: rows by true class (first axis) and predicted class."""
    return np.bincount(labels * classes + chosen, minlength=classes * classes).reshape(classes, classes)


def macro_f1(confusion: np.ndarray) -> float:
    """Mean F1 of the classes that occur, as label or as prediction."""
    hits = np.diag(confusion).astype(np.float64)
    seen = confusion.sum(axis=0) + confusion.sum(axis=1)
    occurring = seen > 0
    return float(np.mean(2 * hits[occurring] / seen[occurring])) if occurring.any() else float("nan")
