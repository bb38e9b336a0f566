"""One model's worth on every split: overall, per class, per length bucket, beside trivial models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainer.evaluation.baselines import LengthOnly, majority_predictions
from trainer.evaluation.bootstrap import intervals, mean_interval
from trainer.evaluation.metrics import compute_metrics, confusion_matrix, reliability, row_losses
from trainer.evaluation.predictions import Predictions
from trainer.fit.losses import HEADLINE_METRIC
from trainer.input.decode import LABEL
from trainer.input.shapes import BatchShape
from trainer.session import OpenDataset

EVALUATED_SPLITS = ("validation", "test")
HARDEST = 20


def evaluate_split(
    kind: str, classes: Sequence[str] | None, predictions: Predictions, shapes: Sequence[BatchShape], samples: int
) -> dict[str, Any]:
    """Everything about one split.

    Args:
      kind: of the label.
      classes: their names; None for regression.
      predictions: of the split.
      shapes: the batch shapes, which are the length buckets of the answer.
      samples: bootstrap draws.

    Returns:
      rows, metrics, per_class, per_bucket, and for classes confusion, for binary labels calibration.
    """
    labels, values = predictions.labels, predictions.values
    result: dict[str, Any] = {
        "rows": len(labels),
        "metrics": intervals(lambda rows: compute_metrics(kind, labels[rows], values[rows]), len(labels), samples),
        "per_class": [],
        "per_bucket": [
            _bucket(kind, predictions, shape, predictions.shapes == index, samples)
            for index, shape in enumerate(shapes)
            if (predictions.shapes == index).any()
        ],
    }
    if classes is not None:
        chosen = chosen_classes(kind, values)
        confusion = confusion_matrix(labels, chosen, len(classes))
        result["confusion"] = {"classes": list(classes), "rows": confusion.tolist()}
        result["per_class"] = [_class(name, index, labels, chosen, samples) for index, name in enumerate(classes)]
    if kind == "binary":
        result["calibration"] = reliability(labels, values.astype(np.float64))
    return result


def evaluate_baselines(dataset: OpenDataset) -> dict[str, dict[str, dict[str, float]]]:
    """Metrics of the majority class and of the length-only model, on every evaluated split."""
    kind, train = dataset.label.kind, dataset.splits["train"]
    classes = len(dataset.label.classes or ())
    sequences = [feature.name for feature in dataset.features if feature.is_sequence]
    train_labels = train.column(LABEL)
    by_length = LengthOnly(kind, {n: train.column(f"{n}_length") for n in sequences}, train_labels, classes)
    result = {}
    for name in EVALUATED_SPLITS:
        split = dataset.splits.get(name)
        if split is None:
            continue
        labels = split.column(LABEL)
        same = majority_predictions(kind, train_labels, classes, len(labels))
        lengths = by_length.predict({n: split.column(f"{n}_length") for n in sequences})
        result[name] = {
            "majority": compute_metrics(kind, labels, same),
            "length_only": compute_metrics(kind, labels, lengths),
        }
    return result


def chosen_classes(kind: str, values: np.ndarray) -> np.ndarray:
    """int64[rows]: the most probable class."""
    return (values >= 0.5).astype(np.int64) if kind == "binary" else np.argmax(values, axis=1)


def headline_values(kind: str, labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """float64[rows]: 1 where the row is classified rightly, or its absolute error."""
    if kind == "regression":
        return np.abs(values.astype(np.float64) - labels)
    return (chosen_classes(kind, values) == labels).astype(np.float64)


def hardest_rows(kind: str, predictions: Predictions, count: int = HARDEST) -> np.ndarray:
    """int64[count]: positions of the rows of largest loss, worst first."""
    losses = row_losses(kind, predictions.labels, predictions.values)
    return np.argsort(-losses, kind="stable")[:count]


def bucket_name(shape: BatchShape) -> str:
    """A batch shape's name in tables: "text 96" or "text 96, signal 32"."""
    return ", ".join(f"{name} {length}" for name, length in shape.lengths.items())


def _bucket(kind: str, predictions: Predictions, shape: BatchShape, chosen: np.ndarray, samples: int) -> dict[str, Any]:
    labels, values = predictions.labels[chosen], predictions.values[chosen]
    return {
        "bucket": bucket_name(shape),
        "lengths": dict(shape.lengths),
        "rows": int(chosen.sum()),
        "loss": mean_interval(row_losses(kind, labels, values), samples),
        HEADLINE_METRIC[kind]: mean_interval(headline_values(kind, labels, values), samples),
    }


def _class(name: str, index: int, labels: np.ndarray, chosen: np.ndarray, samples: int) -> dict[str, Any]:
    hits = (labels == index) & (chosen == index)
    return {
        "class": name,
        "rows": int((labels == index).sum()),
        "recall": mean_interval(hits[labels == index].astype(np.float64), samples),
        "precision": mean_interval(hits[chosen == index].astype(np.float64), samples),
    }
