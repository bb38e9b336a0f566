"""Scalars for TensorBoard: loss and metrics, learning rate, real steps a second, padding efficiency, step time.

They are written through tf.summary.write with the metadata of the scalars plugin, which is what tf.summary.scalar
does, but without needing the tensorboard package in the training environment.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from trainer.fit.loop import StepReport

SCALARS = 1  # DATA_CLASS_SCALAR of tensorflow/core/framework/summary.proto


class TensorBoard:
    """Writes event files below `<directory>/train` and `<directory>/validation`.

    Args:
      directory: of the logs.
      learning_rate: rate of a step, by its number.
    """

    def __init__(self, directory: Path, learning_rate: Callable[[int], float]) -> None:
        import tensorflow as tf

        self._write = tf.summary.write
        self._metadata = tf.compat.v1.SummaryMetadata(data_class=SCALARS)
        self._metadata.plugin_data.plugin_name = "scalars"
        self._train = tf.summary.create_file_writer(str(directory / "train"))
        self._validation = tf.summary.create_file_writer(str(directory / "validation"))
        self._learning_rate = learning_rate

    def on_steps(self, report: StepReport) -> None:
        """Writes the running figures of the epoch."""
        with self._train.as_default(step=report.global_step):
            for name, value in report.metrics.items():
                self._scalar(name, value)
            self._scalar("learning_rate", self._learning_rate(report.global_step))
            self._scalar("tokens_per_second", report.tokens_per_second)
            self._scalar("step_seconds", report.step_seconds)
            self._scalar("padding_efficiency", report.efficiency)

    def on_epoch(self, epoch: int, global_step: int, metrics: dict[str, float]) -> None:
        """Writes the metrics of the validation split, and the epoch's final ones of the train split."""
        with self._train.as_default(step=global_step):
            for name, value in metrics.items():
                if name.startswith("train_"):
                    self._scalar(f"epoch_{name.removeprefix('train_')}", value)
        with self._validation.as_default(step=global_step):
            for name, value in metrics.items():
                if name.startswith("validation_"):
                    self._scalar(f"epoch_{name.removeprefix('validation_')}", value)
        self._train.flush()
        self._validation.flush()

    def _scalar(self, name: str, value: float) -> None:
        self._write(name, np.float32(value), metadata=self._metadata)

    def close(self) -> None:
        """Closes the files."""
        self._train.close()
        self._validation.close()
