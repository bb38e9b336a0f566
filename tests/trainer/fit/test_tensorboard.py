"""What is logged can be read back by name, step and value, and carries the mark of TensorBoard's scalars plugin."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from trainer.fit.event_file import SCALARS
from trainer.fit.loop import StepReport
from trainer.fit.tensorboard import TensorBoard


def read(directory: Path) -> dict[tuple[str, int], float]:
    """(name, step) -> value of every scalar in the event files of a directory."""
    found = {}
    for path in directory.iterdir():
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                assert value.metadata.data_class == SCALARS
                found[value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    return found


def test_scalars_are_read_back(tmp_path: Path) -> None:
    log = TensorBoard(tmp_path, learning_rate=lambda step: step / 1000)
    metrics = {"loss": 0.5, "accuracy": 0.75}
    log.on_steps(StepReport(0, 16, 40, 16, metrics, tokens_per_second=1234.0, step_seconds=0.25, efficiency=0.9))
    log.on_epoch(0, 40, {"train_loss": 0.4, "validation_loss": 0.6, "validation_auc": 0.8, "seconds": 3.0})
    log.close()
    train, validation = read(tmp_path / "train"), read(tmp_path / "validation")
    assert train == {
        ("loss", 16): 0.5,
        ("accuracy", 16): 0.75,
        ("learning_rate", 16): pytest.approx(0.016),
        ("tokens_per_second", 16): 1234.0,
        ("step_seconds", 16): 0.25,
        ("padding_efficiency", 16): pytest.approx(0.9),
        ("epoch_loss", 40): pytest.approx(0.4),
    }
    assert validation == {("epoch_loss", 40): pytest.approx(0.6), ("epoch_auc", 40): pytest.approx(0.8)}
