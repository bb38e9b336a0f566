"""Evaluates a model on a dataset's held-out splits and writes evaluation.json and report.html."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trainer.config import TrainerConfig
from trainer.evaluation.evaluate import EVALUATED_SPLITS, evaluate_baselines, evaluate_split
from trainer.evaluation.hardest import hardest_examples
from trainer.evaluation.predictions import predict_split
from trainer.evaluation.report.page import report_page
from trainer.fit.steps import Steps
from trainer.output_directory import OutputDirectory, write_atomically, write_json
from trainer.session import OpenDataset


def evaluate_model(steps: Steps, dataset: OpenDataset, config: TrainerConfig, output: Path) -> dict[str, Any]:
    """Evaluates on every held-out split.

    Args:
      steps: compiled steps of the model.
      dataset: opened with the model's features.
      config: of the model's run.
      output: the model's directory; evaluation.json and report.html are written there.

    Returns:
      The content of evaluation.json.
    """
    kind, classes = dataset.label.kind, dataset.label.classes
    splits: dict[str, Any] = {}
    hardest: list[dict[str, Any]] = []
    for name in EVALUATED_SPLITS:
        split = dataset.splits.get(name)
        if split is None:
            continue
        predictions = predict_split(steps, split, kind, with_keys=True)
        splits[name] = evaluate_split(kind, classes, predictions, dataset.shapes, config.bootstrap_samples)
        if not hardest:
            hardest = hardest_examples(dataset, split, predictions)
    evaluation = {
        "model": config.model,
        "dataset": dataset.manifest.name,
        "dataset_digest": dataset.manifest.digest,
        "kind": kind,
        "splits": splits,
        "baselines": evaluate_baselines(dataset),
        "hardest": hardest,
    }
    places = OutputDirectory(output)
    write_json(places.evaluation, evaluation)
    training = json.loads(places.training.read_text(encoding="utf-8")) if places.training.is_file() else {}
    write_atomically(places.report, report_page(json.loads(places.evaluation.read_text(encoding="utf-8")), training))
    return evaluation
