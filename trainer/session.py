"""A dataset opened for one configuration: features, batch shapes, splits, label; and the run that trains on it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import InputError
from schemas.manifest import FeatureInfo, LabelInfo, Manifest, load_manifest
from trainer.config import TrainerConfig
from trainer.environment import device_count
from trainer.fit.checkpoint import CheckpointDirectory
from trainer.fit.compilation import choose_compilation
from trainer.fit.early_stopping import settle
from trainer.fit.learning_rate import WarmUpSchedule
from trainer.fit.loop import Run
from trainer.fit.steps import make_steps
from trainer.fit.target_scale import target_scale, with_target_scale
from trainer.input.class_weights import class_weights
from trainer.input.decode import LABEL, select_features
from trainer.input.schedule import batch_counts
from trainer.input.shapes import BatchShape, batch_shapes
from trainer.input.split import Split

# Epochs are chosen so that small data gets about so many optimizer steps, within these bounds.
STEPS_A_RUN = 2_000
EPOCH_BOUNDS = (3, 60)

ModelBuilder = Callable[[Manifest, Sequence[FeatureInfo], TrainerConfig], Any]


@dataclass(frozen=True)
class OpenDataset:
    """What a model is trained and evaluated on.

    Attributes:
      directory: of the dataset.
      manifest: of the dataset.
      label: of the dataset.
      features: the selected ones.
      shapes: the batch shapes.
      splits: by name; only those that have rows.
    """

    directory: Path
    manifest: Manifest
    label: LabelInfo
    features: list[FeatureInfo]
    shapes: list[BatchShape]
    splits: dict[str, Split]


def open_shapes(directory: str | Path, config: TrainerConfig) -> tuple[Manifest, list[FeatureInfo], list[BatchShape]]:
    """The manifest, the selected features and the batch shapes of a dataset, without reading a row.

    Args:
      directory: the output of the preprocessing job.
      config: which features, what batches.

    Raises:
      ManifestError: no finished dataset.
      InputError: no train rows, or an unknown feature.
    """
    manifest = load_manifest(directory)
    train = manifest.splits.get("train")
    if train is None or train.rows == 0:
        raise InputError(f"{directory}: the train split has no rows; change 'splits' in the spec and preprocess again")
    features = select_features(manifest, config.features)
    sequences = [feature.name for feature in features if feature.is_sequence]
    return manifest, features, batch_shapes(manifest, sequences, config.batch_tokens, device_count(config))


def open_dataset(directory: str | Path, config: TrainerConfig) -> OpenDataset:
    """Opens a finished dataset.

    Args:
      directory: the output of the preprocessing job.
      config: which features, what batches.

    Raises:
      ManifestError: no finished dataset.
      InputError: no label, no train rows, an unknown feature, an unreadable shard.
    """
    manifest, features, shapes = open_shapes(directory, config)
    if manifest.label is None:
        raise InputError(f"{directory}: the dataset has no label, so nothing can be learnt; add 'label' to its spec")
    train = manifest.splits["train"]
    limit = config.memory_limit_megabytes * 2**20
    splits = {
        name: Split(directory, manifest, name, features, shapes, limit)
        for name, info in manifest.splits.items()
        if info.rows
    }
    splits["train"].class_weights = class_weights(config.class_weights, manifest.label, train.label_counts)
    return OpenDataset(Path(directory), manifest, manifest.label, features, shapes, splits)


def steps_per_epoch(dataset: OpenDataset) -> int:
    """Optimizer steps of one epoch."""
    return sum(batch_counts(dataset.splits["train"].row_counts, [shape.rows for shape in dataset.shapes]))


def epochs_of(config: TrainerConfig, steps: int) -> int:
    """Passes over the train split: as configured, or enough for some 2,000 steps, at least 3 and at most 60.

    Args:
      config: of the run.
      steps: optimizer steps of one epoch.
    """
    if config.epochs is not None:
        return config.epochs
    low, high = EPOCH_BOUNDS
    return min(high, max(low, math.ceil(STEPS_A_RUN / steps)))


def build_default_model(manifest: Manifest, features: Sequence[FeatureInfo], config: TrainerConfig) -> Any:
    """The configured model of trainer.models."""
    from trainer.models import build_model
    from trainer.models.inputs import describe_inputs

    inputs = describe_inputs(manifest, [feature.name for feature in features])
    return build_model(config.model, inputs, config.architecture, config.seed)


def make_optimizer(config: TrainerConfig, total_steps: int, precision: str = "float32") -> Any:
    """Adam (AdamW with weight decay) under the configured learning-rate schedule and clipping.

    Args:
      config: of the run.
      total_steps: of the whole run.
      precision: mixed_float16 adds loss scaling.
    """
    import keras

    schedule = make_schedule(config, total_steps)
    if config.weight_decay:
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay, global_clipnorm=config.clip_norm)
    else:
        optimizer = keras.optimizers.Adam(schedule, global_clipnorm=config.clip_norm)
    if precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def make_schedule(config: TrainerConfig, total_steps: int) -> WarmUpSchedule:
    """The learning rate of every step."""
    return WarmUpSchedule(config.learning_rate, total_steps, round(config.warm_up * total_steps), config.schedule)


def make_run(
    dataset: OpenDataset,
    config: TrainerConfig,
    checkpoints: Path | None = None,
    precision: str = "float32",
    builder: ModelBuilder = build_default_model,
) -> Run:
    """Builds the model and everything round it.

    Args:
      dataset: to train on.
      config: of the run.
      checkpoints: their directory; None keeps none.
      precision: in use.
      builder: makes the model.

    Raises:
      LengthwiseError: a setting that does not fit the dataset.
    """
    kind = dataset.label.kind
    steps = steps_per_epoch(dataset)
    epochs = epochs_of(config, steps)
    watch = settle(config.early_stopping, kind, epochs) if config.early_stopping is not None else None
    train = dataset.splits["train"]
    model = builder(dataset.manifest, dataset.features, config)
    variance = 1.0
    if kind == "regression":
        target = target_scale(train.column(LABEL))
        model, variance = with_target_scale(model, target), target.deviation**2
    optimizer = make_optimizer(config, epochs * steps, precision)
    # The mean gradient of the steps of an epoch is the gradient of the mean weighted loss of all rows.
    scale = steps / train.total_weight() / variance
    padded = sum(
        shape.cost * shape.rows * count
        for shape, count in zip(
            dataset.shapes, batch_counts(train.row_counts, [s.rows for s in dataset.shapes]), strict=True
        )
    )
    filled = sum(1 for rows in train.row_counts if rows)
    compilation = choose_compilation(config.jit, model, padded * epochs, filled)
    return Run(
        model=model,
        optimizer=optimizer,
        steps=make_steps(model, optimizer, kind, scale, compilation, device_count(config)),
        train=train,
        validation=dataset.splits.get("validation"),
        kind=kind,
        scale=scale,
        config=config,
        epochs=epochs,
        fingerprint=run_fingerprint(dataset, config),
        checkpoints=CheckpointDirectory(checkpoints, config.checkpoints.keep) if checkpoints is not None else None,
        watch=watch,
    )


def run_fingerprint(dataset: OpenDataset, config: TrainerConfig) -> str:
    """SHA-256 of all that the steps of a run depend on: data, configuration, batch shapes, backend and versions."""
    import keras

    content = {
        "dataset": dataset.manifest.digest,
        "config": config.fingerprint(),
        "features": [feature.name for feature in dataset.features],
        "shapes": [[dict(shape.lengths), shape.rows] for shape in dataset.shapes],
        "backend": keras.backend.backend(),
        "devices": device_count(config),
        "keras": keras.__version__,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
