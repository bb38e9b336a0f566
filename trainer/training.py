"""One run from beginning to end: open, train, save, evaluate, report, export, and say where everything is."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from trainer.config import TrainerConfig
from trainer.environment import describe, set_up
from trainer.evaluation.run import evaluate_model
from trainer.evaluation.summary import print_metrics
from trainer.fit.loop import Loop, Run
from trainer.fit.progress_bar import ProgressBar
from trainer.fit.tensorboard import TensorBoard
from trainer.output_directory import OutputDirectory, save_model, write_json
from trainer.session import (
    ModelBuilder,
    OpenDataset,
    build_default_model,
    make_run,
    make_schedule,
    open_dataset,
    steps_per_epoch,
)


def train(
    data: Path,
    output: Path,
    config: TrainerConfig,
    *,
    resume: bool = False,
    with_export: bool = True,
    builder: ModelBuilder = build_default_model,
    console: Console | None = None,
) -> int:
    """Trains, evaluates and exports one model.

    Args:
      data: directory of the dataset.
      output: directory of the results.
      config: of the run.
      resume: go on from the last checkpoint in `output`.
      with_export: publish a serving model when it passes the gate.
      builder: makes the model.
      console: where to show progress and results; the terminal when None.

    Returns:
      0, or the export's exit status.

    Raises:
      LengthwiseError: something the user can act on; the text says what.
    """
    console = console or Console()
    started = time.monotonic()
    places = OutputDirectory(output)
    precision = set_up(config)
    dataset = open_dataset(data, config)
    places.prepare(resume)
    run = make_run(dataset, config, places.checkpoints, precision, builder)
    carried = None
    if config.warm_start:
        from trainer.warm_start import warm_start

        carried = warm_start(run.model, Path(config.warm_start), dataset)
        console.print(carried.describe(), highlight=False, soft_wrap=True)
        run.steps.adopt()
    schedule = make_schedule(config, run.epochs * steps_per_epoch(dataset))
    loop = Loop(
        run,
        [ProgressBar(console, run.epochs), TensorBoard(places.logs, lambda step: float(np.asarray(schedule(step))))],
    )
    _announce(console, run, dataset, precision)
    if resume:
        found = loop.resume()
        where = (
            f"after epoch {loop.progress.epoch}, step {loop.progress.step}"
            if found
            else "no checkpoint yet, from the start"
        )
        console.print(f"resuming: {where}", highlight=False, soft_wrap=True)
    loop.fit()
    save_model(run.model, places.model)
    keep_vocabularies(dataset, places)
    record = training_record(run, loop, dataset, data, precision, time.monotonic() - started)
    write_json(places.training, record | {"warm_start": asdict(carried) if carried is not None else None})
    evaluation = evaluate_model(run.steps, dataset, config, output)
    print_metrics(console, evaluation)
    status = 0
    if with_export:
        from trainer.serving.publish import export_and_say

        status = export_and_say(console, output, data, places.export)
    console.print(
        f"model    {places.model}\nreport   {places.report}\nlogs     {places.logs}", highlight=False, soft_wrap=True
    )
    return status


def keep_vocabularies(dataset: OpenDataset, places: OutputDirectory) -> None:
    """Copies the vocabularies of the model's features beside the model, so that it outlives its dataset."""
    for feature in dataset.features:
        if feature.vocabulary_file is not None:
            places.vocabularies.mkdir(exist_ok=True)
            shutil.copyfile(dataset.directory / feature.vocabulary_file, places.vocabularies / f"{feature.name}.txt")


def _announce(console: Console, run: Run, dataset: OpenDataset, precision: str) -> None:
    rows = {name: split.rows for name, split in dataset.splits.items()}
    filled = [shape for shape, count in zip(dataset.shapes, run.train.row_counts, strict=True) if count]
    console.print(
        f"{run.config.model} with {run.model.count_params():,} parameters on {dataset.manifest.name}: "
        f"{', '.join(f'{count:,} {name}' for name, count in rows.items())} rows, {len(filled)} batch shapes, "
        f"{steps_per_epoch(dataset)} steps an epoch, {run.epochs} epochs, {precision}",
        highlight=False,
        soft_wrap=True,
    )


def training_record(
    run: Run, loop: Loop, dataset: OpenDataset, data: Path, precision: str, seconds: float
) -> dict[str, Any]:
    """The content of training.json."""
    progress = loop.progress
    return {
        "model": run.config.model,
        "config": run.config.model_dump(mode="json"),
        "resolved": {
            "epochs": run.epochs,
            "steps_per_epoch": steps_per_epoch(dataset),
            "batch_shapes": [{"lengths": dict(s.lengths), "rows": s.rows} for s in dataset.shapes],
            "precision": precision,
            "early_stopping": None if run.watch is None else asdict(run.watch),
        },
        "dataset": {
            "path": str(data),
            "name": dataset.manifest.name,
            "digest": dataset.manifest.digest,
            "spec_fingerprint": dataset.manifest.spec_fingerprint,
            "features": [feature.name for feature in dataset.features],
            "label": dataset.label.model_dump(mode="json"),
        },
        "history": progress.history,
        "best_epoch": None if progress.best_epoch is None else progress.best_epoch + 1,
        "steps": progress.global_step,
        "training_seconds": progress.seconds,
        "total_seconds": seconds,
        "traces": {"train": run.steps.train_traces, "predict": run.steps.predict_traces},
        "parameters": int(run.model.count_params()),
        "environment": describe(),
    }
