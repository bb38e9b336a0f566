"""Scalars for TensorBoard: loss and metrics, learning rate, real steps a second, padding efficiency, step time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trainer.fit.event_file import EventFile
from trainer.fit.loop import StepReport


class TensorBoard:
    """Writes event files below `<directory>/train` and `<directory>/validation`.

    Args:
      directory: of the logs.
      learning_rate: rate of a step, by its number.
    """

    def __init__(self, directory: Path, learning_rate: Callable[[int], float]) -> None:
        self._train = EventFile(directory / "train")
        self._validation = EventFile(directory / "validation")
        self._learning_rate = learning_rate

    def on_steps(self, report: StepReport) -> None:
        """Writes the running figures of the epoch."""
        figures = {
            "learning_rate": self._learning_rate(report.global_step),
            "tokens_per_second": report.tokens_per_second,
            "step_seconds": report.step_seconds,
            "padding_efficiency": report.efficiency,
        }
        self._train.scalars(report.global_step, {**report.metrics, **figures})

    def on_epoch(self, epoch: int, global_step: int, metrics: dict[str, float]) -> None:
        """Writes the metrics of the validation split, and the epoch's final ones of the train split."""
        for name, file in (("train", self._train), ("validation", self._validation)):
            prefix = f"{name}_"
            values = {f"epoch_{k.removeprefix(prefix)}": v for k, v in metrics.items() if k.startswith(prefix)}
            if values:
                file.scalars(global_step, values)
            file.flush()

    def close(self) -> None:
        """Closes the files."""
        self._train.close()
        self._validation.close()
