"""What trivial models reach: the majority class (or the mean), and a model that sees nothing but lengths.

The length-only model cuts each feature's lengths into quantile bins of the train split. With a class label it counts
classes in the bins (naive Bayes over features); with a regression it fits the bins' effects by ridge regression.
A model that does not beat it has learnt how long the rows are, not what stands in them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

BINS = 16
SMOOTHING = 1.0


def majority_predictions(kind: str, train_labels: np.ndarray, classes: int, rows: int) -> np.ndarray:
    """Predictions of the model that always says the same.

    Args:
      kind: binary, multiclass or regression.
      train_labels: of the train split.
      classes: their number; 0 for regression.
      rows: to predict.

    Returns:
      float64[rows] or float64[rows, classes]: the train split's class shares, or its mean.
    """
    if kind == "regression":
        return np.full(rows, float(np.mean(train_labels)))
    shares = (np.bincount(train_labels, minlength=classes) + SMOOTHING) / (len(train_labels) + SMOOTHING * classes)
    return np.full(rows, shares[1]) if kind == "binary" else np.tile(shares, (rows, 1))


class LengthOnly:
    """A model on lengths alone.

    Args:
      kind: binary, multiclass or regression.
      lengths: feature -> int64[rows] of the train split.
      labels: of the train split.
      classes: their number; 0 for regression.
    """

    def __init__(self, kind: str, lengths: Mapping[str, np.ndarray], labels: np.ndarray, classes: int) -> None:
        self._kind = kind
        self._edges = {name: _bin_edges(values) for name, values in lengths.items()}
        if kind == "regression":
            design = self._design(lengths)
            penalty = SMOOTHING * np.eye(design.shape[1])
            penalty[0, 0] = 0.0  # the mean itself is not shrunk
            self._effects = np.linalg.solve(design.T @ design + penalty, design.T @ labels.astype(np.float64))
            return
        counts = np.bincount(labels, minlength=classes).astype(np.float64)
        self._prior = np.log((counts + SMOOTHING) / (counts.sum() + SMOOTHING * classes))
        self._tables = {}
        for name, values in lengths.items():
            bins = len(self._edges[name]) + 1
            table = np.full((bins, classes), SMOOTHING)
            np.add.at(table, (self._bins(name, values), labels), 1.0)
            self._tables[name] = np.log(table / table.sum(axis=0))

    def predict(self, lengths: Mapping[str, np.ndarray]) -> np.ndarray:
        """float64[rows] or float64[rows, classes], as a trained model would give."""
        if self._kind == "regression":
            return self._design(lengths) @ self._effects
        scores = self._prior + sum(table[self._bins(name, lengths[name])] for name, table in self._tables.items())
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return shares[:, 1] if self._kind == "binary" else shares

    def _bins(self, name: str, lengths: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._edges[name], lengths, side="left")

    def _design(self, lengths: Mapping[str, np.ndarray]) -> np.ndarray:
        rows = len(next(iter(lengths.values())))
        columns = [np.ones((rows, 1))]
        for name, edges in self._edges.items():
            columns.append(np.eye(len(edges) + 1)[self._bins(name, lengths[name])])
        return np.concatenate(columns, axis=1)


def _bin_edges(lengths: np.ndarray) -> np.ndarray:
    """Inclusive upper ends of all bins but the last."""
    quantiles = np.quantile(lengths, np.arange(1, BINS) / BINS, method="inverted_cdf")
    edges = np.unique(quantiles)
    return edges[edges < lengths.max()] if len(lengths) else edges
