"""Exports a trained model: build, write aside, pass the gate, publish under the next version number by one rename.

    export/1/  saved_model.pb  variables/  assets/  assets.extra/lengthwise.json, model.keras, evaluation.json ...

TensorFlow Serving reads the numeric directories and passes over the temporary one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from schemas.errors import InputError, OutputError
from schemas.manifest import FeatureInfo
from trainer.output_directory import OutputDirectory, write_json
from trainer.saved_model import TrainingRecord, load_model, load_record
from trainer.serving.gate import (
    ROWS_A_BATCH,
    TOLERANCE,
    GateError,
    Predict,
    check_finite,
    check_padding,
    check_predictions,
    check_transformed,
    longest_of,
)
from trainer.serving.probes import Probe, pad_probes, read_probes

EXIT_GATE = 3
COPIED = ("model.keras", "training.json", "evaluation.json", "report.html")


def export_model(model_directory: Path, data: Path, output: Path) -> tuple[Path, dict[str, Any]]:
    """Builds, checks and publishes one version. The backend in use must be TensorFlow.

    Args:
      model_directory: of the trained model.
      data: directory of the dataset that it was trained on.
      output: directory of the version directories.

    Returns:
      The published directory, and the gate's figures.

    Raises:
      GateError: the model must not be published; nothing was.
      LengthwiseError: no model, no dataset, or an output that cannot be written.
    """
    import tensorflow as tf

    from trainer.serving.module import ServingModule
    from trainer.session import open_shapes

    record = load_record(model_directory)
    manifest, features, shapes = open_shapes(data, record.config)
    if manifest.digest != record.digest:
        raise InputError(
            f"{data}: has the digest {manifest.digest[:12]}, the model was trained on {record.digest[:12]}; "
            "export with the dataset it was trained on"
        )
    model = load_model(model_directory)
    probes = read_probes(data, manifest, features)
    module = ServingModule(model, manifest, features, shapes, data / manifest.transform_fn)
    with staging(output) as staged:
        tf.saved_model.save(module, str(staged), signatures=module.signatures())
        loaded = tf.saved_model.load(str(staged))
        figures = run_gate(model, loaded, probes, features, precision_of(record))
        _add_extras(staged, model_directory, record, manifest, shapes, figures)
        return publish(staged, output), figures


def run_gate(
    model: Any, loaded: Any, probes: list[Probe], features: list[FeatureInfo], precision: str
) -> dict[str, Any]:
    """Runs all checks.

    Args:
      model: the trained Keras model.
      loaded: the SavedModel, loaded back.
      probes: rows of the dataset.
      features: the model's.
      precision: of the model.

    Returns:
      What was compared, and the largest deviations.

    Raises:
      GateError: the first check that fails.
    """
    predict = _predictor(model, features)
    parts = []
    for start in range(0, len(probes), ROWS_A_BATCH):
        batch = probes[start : start + ROWS_A_BATCH]
        parts.append(predict(pad_probes(batch, features, longest_of(batch, features))))
    expected = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
    tolerance = TOLERANCE[precision]
    compared = check_transformed(loaded.signatures["transformed"], probes, features)
    check_finite(predict, expected, probes, features)
    return {
        "probes": len(probes),
        "transformed_values_compared": compared,
        "largest_prediction_difference": check_predictions(
            loaded.signatures["serving_default"], expected, probes, tolerance
        ),
        "largest_padding_difference": check_padding(predict, expected, probes, features, tolerance),
        "tolerance": tolerance,
    }


def _predictor(model: Any, features: Sequence[FeatureInfo]) -> Predict:
    """The trained model as one function for batches of any shape, so that the gate's many shapes cost one trace."""
    import tensorflow as tf

    specs = {}
    for feature in features:
        per_row = [feature.channels or 1] if feature.kind not in ("ids", "category") else []
        steps = [None] if feature.is_sequence else []
        specs[feature.name] = tf.TensorSpec([None, *steps, *per_row], tf.as_dtype(feature.dtype))
        if feature.is_sequence:
            specs[f"{feature.name}_length"] = tf.TensorSpec([None], tf.int64)
    function = tf.function(lambda inputs: model(inputs, training=False), input_signature=[specs], autograph=False)

    def predict(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.asarray(function(dict(inputs)).numpy(), np.float32)

    return predict


def precision_of(record: TrainingRecord) -> str:
    """The precision that the model computes in."""
    return str(record.content.get("resolved", {}).get("precision", "float32"))


@contextmanager
def staging(output: Path) -> Iterator[Path]:
    """A temporary directory beside the version directories, gone when the block ends, whatever happens in it.

    Args:
      output: directory of the version directories; made when absent.

    Raises:
      OutputError: it cannot be written.
    """
    path = output / f"staging-{os.getpid()}"
    try:
        output.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({error.strerror})") from error
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def publish(staged: Path, output: Path) -> Path:
    """Renames a finished directory to the next version number.

    Args:
      staged: the finished directory, on the same file system.
      output: directory of the version directories.

    Raises:
      OutputError: it cannot be renamed.
    """
    versions = [int(path.name) for path in output.iterdir() if path.name.isdigit()]
    target = output / str(max(versions, default=0) + 1)
    try:
        staged.rename(target)
    except OSError as error:
        raise OutputError(f"{target}: cannot be published ({error.strerror}); nothing was") from error
    return target


def _add_extras(
    staged: Path, model_directory: Path, record: TrainingRecord, manifest: Any, shapes: Any, figures: dict[str, Any]
) -> None:
    extras = staged / "assets.extra"
    extras.mkdir()
    for name in COPIED:
        source = OutputDirectory(model_directory).path / name
        if source.is_file():
            shutil.copyfile(source, extras / name)
    write_json(
        extras / "lengthwise.json",
        {
            "model": record.config.model,
            "dataset": manifest.name,
            "dataset_digest": manifest.digest,
            "spec": manifest.spec,
            "label": manifest.label.model_dump(mode="json"),
            "raw_features": [raw.model_dump(mode="json") for raw in manifest.raw_features],
            "buckets": [dict(shape.lengths) for shape in shapes],
            "gate": figures,
        },
    )


def export_and_say(console: Console, model_directory: Path, data: Path, output: Path) -> int:
    """Exports at the end of a training run; on another backend than TensorFlow in a process of its own.

    Args:
      console: where to write.
      model_directory: of the trained model.
      data: directory of the dataset.
      output: directory of the version directories.

    Returns:
      0, or 3 when the gate failed.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        command = [sys.executable, "-m", "trainer.export"]
        command += ["--model", str(model_directory), "--data", str(data), "--output", str(output)]
        return subprocess.run(command, env={**os.environ, "KERAS_BACKEND": "tensorflow"}, check=False).returncode
    try:
        path, figures = export_model(model_directory, data, output)
    except GateError as error:
        print(f"gate failed, nothing is published: {error}", file=sys.stderr)
        return EXIT_GATE
    console.print(
        f"gate     passed: {figures['transformed_values_compared']:,} transformed values of {figures['probes']} probes "
        f"equal, predictions within {figures['largest_prediction_difference']:.1e}, "
        f"padding changes {figures['largest_padding_difference']:.1e}\nserving  {path}",
        highlight=False,
        soft_wrap=True,
    )
    return 0
