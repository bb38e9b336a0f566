"""The length-only predictor of a dataset: from accumulators to what `predictor.py` takes."""

from __future__ import annotations

import numpy as np

from pipeline.statistics.counted import Counted
from pipeline.statistics.describe_lengths import counts_of, rows_by_class
from pipeline.statistics.predictor import Sums, regression_verdict, score_classes, score_regression
from schemas.manifest import LabelInfo
from schemas.statistics import LengthPredictor


def describe_predictor(
    name: str, counted: Counted, label: LabelInfo | None, splits: list[str]
) -> LengthPredictor | None:
    """How well the length of a sequence feature, after truncation, predicts the label; None where it cannot be told.

    Args:
      name: the feature.
      counted: what the pipeline counted.
      label: kind and classes; None without a label.
      splits: splits with rows.
    """
    if label is None:
        return None
    scored = next((split for split in ("validation", "test") if split in splits), "train")
    found = (
        _of_classes(name, counted, list(label.classes), scored)
        if label.classes
        else _of_regression(name, counted, scored)
    )
    if found is None:
        return None
    rows = sum(counted.lengths.rows_by_label(scored).values())
    return found.model_copy(update={"scored_rows": rows})


def _of_classes(name: str, counted: Counted, classes: list[str], scored: str) -> LengthPredictor | None:
    parts = [counts_of(counted.lengths, name, split) for split in ("train", scored)]
    lengths = np.unique(np.concatenate([part.lengths for part in parts]))
    fit = rows_by_class(counted.lengths, name, "train", classes, lengths)
    held_out = rows_by_class(counted.lengths, name, scored, classes, lengths)
    score = score_classes(fit, held_out)
    if score is None:
        return None
    return LengthPredictor(
        feature=name,
        fit_split="train",
        scored_split=scored,
        scored_rows=0,
        bins=score.bins,
        accuracy=score.accuracy,
        majority_accuracy=score.majority_accuracy,
        auc=score.auc,
        auc_standard_error=score.auc_standard_error,
        verdict=score.verdict,
    )


def _of_regression(name: str, counted: Counted, scored: str) -> LengthPredictor | None:
    cells = sorted(
        {cell for at, feature, cell in counted.transformed.labels if feature == name and at in ("train", scored)}
    )
    found = score_regression(_sums(name, counted, "train", cells), _sums(name, counted, scored, cells))
    if found is None:
        return None
    bins, r_squared = found
    return LengthPredictor(
        feature=name,
        fit_split="train",
        scored_split=scored,
        scored_rows=0,
        bins=bins,
        r_squared=r_squared,
        verdict=regression_verdict(r_squared),
    )


def _sums(name: str, counted: Counted, split: str, cells: list[int]) -> Sums:
    """Labels of one split by length cell, less the train mean: squares of large labels would lose what differs."""
    center = counted.raw.labels["train"].moments.mean
    rows, totals, squares = [], [], []
    for cell in cells:
        moments = counted.transformed.labels.get((split, name, cell))
        count = moments.count if moments else 0
        mean = moments.mean - center if moments else 0.0
        deviation = moments.standard_deviation if moments else 0.0
        rows.append(count)
        totals.append(count * mean)
        squares.append(count * (deviation**2 + mean**2))
    return Sums(np.array(rows, np.int64), np.array(totals), np.array(squares))
