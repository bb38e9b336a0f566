"""The rows that the model gets most wrong, with enough of their content to see why."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.features import PADDING_ID, RESERVED_IDS, UNKNOWN_ID
from schemas.manifest import FeatureInfo
from trainer.evaluation.evaluate import hardest_rows
from trainer.evaluation.metrics import row_losses
from trainer.evaluation.predictions import Predictions
from trainer.input.split import Split
from trainer.session import OpenDataset

SHOWN_STEPS = 40


def hardest_examples(dataset: OpenDataset, split: Split, predictions: Predictions) -> list[dict[str, Any]]:
    """Describes the rows of largest loss, worst first.

    Args:
      dataset: opened with the model's features.
      split: that was predicted.
      predictions: of it, keys included.

    Returns:
      One mapping a row: key, label, predicted, loss, lengths, and the first steps of each token feature.
    """
    kind, classes = dataset.label.kind, dataset.label.classes
    chosen = hardest_rows(kind, predictions)
    losses = row_losses(kind, predictions.labels[chosen], predictions.values[chosen])
    vocabularies = {f.name: _vocabulary(dataset, f) for f in dataset.features if f.kind == "ids"}
    result = []
    for position, loss in zip(chosen.tolist(), losses.tolist(), strict=True):
        label, value = predictions.labels[position], predictions.values[position]
        row = split.row(position)
        result.append(
            {
                "key": _text(predictions.keys[position]) if predictions.keys is not None else "",
                "label": classes[int(label)] if classes else float(label),
                "predicted": _describe(kind, classes, value),
                "loss": loss,
                "lengths": {name: int(lengths[position]) for name, lengths in predictions.lengths.items()},
                "content": {name: _tokens(row, name, words) for name, words in vocabularies.items()},
            }
        )
    return result


def _describe(kind: str, classes: list[str] | None, value: np.ndarray) -> str:
    if classes is None:
        return f"{float(value):.4g}"
    if kind == "binary":
        return f"{classes[int(value >= 0.5)]} ({float(value):.1%} {classes[1]})"
    best = int(np.argmax(value))
    return f"{classes[best]} ({float(value[best]):.1%})"


def _vocabulary(dataset: OpenDataset, feature: FeatureInfo) -> list[str]:
    if feature.vocabulary_file is None:
        return []
    path = dataset.directory / feature.vocabulary_file
    if not path.is_file():
        return []
    return path.read_text(encoding="utf-8", errors="replace").split("\n")


def _tokens(row: dict[str, np.ndarray], name: str, words: list[str]) -> str:
    ids = row[name][row[name] != PADDING_ID][:SHOWN_STEPS].tolist()
    shown = [
        "?" if i == UNKNOWN_ID else words[i - RESERVED_IDS] if i - RESERVED_IDS < len(words) else str(i) for i in ids
    ]
    return " ".join(shown) + (" ..." if int(row[f"{name}_length"]) > SHOWN_STEPS else "")


def _text(key: bytes | str) -> str:
    return key.decode("utf-8", errors="replace") if isinstance(key, bytes) else str(key)
