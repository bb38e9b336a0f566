"""The training loop: epochs of scheduled steps, a validation after each, checkpoints in between.

A run's state is the variables of model and optimizer (dropout's seeds among them), the best epoch's weights and
`Progress`. Every step is a function of that state and the schedule, so a run that goes on from a checkpoint takes
exactly the steps that the interrupted one would have taken.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from schemas.errors import LengthwiseError
from trainer.config import TrainerConfig
from trainer.evaluation.metrics import compute_metrics
from trainer.evaluation.predictions import predict_split
from trainer.fit.checkpoint import Checkpoint, CheckpointDirectory
from trainer.fit.early_stopping import Watch, is_exhausted, record_epoch
from trainer.fit.losses import HEADLINE_METRIC
from trainer.fit.state import Progress, restore, snapshot, variables_of
from trainer.fit.steps import Steps
from trainer.input.split import Split

# Sums stay on the device until twice so many steps are pending, and the newest half even then: an accelerator that
# must answer has nothing left to do until the next step comes.
PENDING_STEPS = 16


@dataclass(frozen=True)
class StepReport:
    """What observers are told after some steps.

    Attributes:
      epoch: under way, from 0.
      step: steps finished in it.
      steps: steps of an epoch.
      global_step: steps finished in all.
      metrics: running means of the epoch: loss and the headline metric.
      tokens_per_second: real steps a second in this epoch.
      step_seconds: mean duration of a step in this epoch.
      efficiency: real steps / padded steps in this epoch.
    """

    epoch: int
    step: int
    steps: int
    global_step: int
    metrics: dict[str, float]
    tokens_per_second: float
    step_seconds: float
    efficiency: float


class Observer(Protocol):
    """Someone who watches a run: a progress bar, a TensorBoard log."""

    def on_steps(self, report: StepReport) -> None:
        """After some steps."""

    def on_epoch(self, epoch: int, global_step: int, metrics: dict[str, float]) -> None:
        """After an epoch and its validation."""

    def close(self) -> None:
        """After the last epoch, also when the run failed."""


@dataclass
class Run:
    """All parts of one run.

    Attributes:
      model: a Keras model.
      optimizer: a Keras optimizer, built.
      steps: their compiled steps.
      train: the split to learn from.
      validation: the split to watch; None when the dataset has none.
      kind: of the label.
      scale: factor from the sum of weighted losses of a batch to the loss that is minimised.
      config: of the run.
      epochs: passes over the train split.
      fingerprint: of all that the weights depend on; a checkpoint of another one is refused.
      checkpoints: where the state goes; None keeps none.
      watch: for early stopping, and for the epoch whose weights are kept; None trains to the end.
    """

    model: Any
    optimizer: Any
    steps: Steps
    train: Split
    validation: Split | None
    kind: str
    scale: float
    config: TrainerConfig
    epochs: int
    fingerprint: str
    checkpoints: CheckpointDirectory | None = None
    watch: Watch | None = None


class Loop:
    """Runs the epochs of a run, from the start or from a checkpoint.

    Args:
      run: its parts.
      observers: told of every step and epoch.
    """

    def __init__(self, run: Run, observers: Sequence[Observer] = ()) -> None:
        self.progress = Progress()
        self._run = run
        self._observers = list(observers)
        self._best: list[np.ndarray] = []
        self._pending: list[Any] = []
        self._is_prepared = False
        self._saved_at = (0, time.monotonic())

    def resume(self) -> bool:
        """Takes up the newest whole checkpoint.

        Returns:
          Whether there was one.

        Raises:
          LengthwiseError: it belongs to another dataset, configuration or model.
        """
        run = self._run
        found = run.checkpoints.latest() if run.checkpoints else None
        if found is None:
            return False
        if found.meta.get("fingerprint") != run.fingerprint:
            raise LengthwiseError(
                "the checkpoint in the output directory was made with another dataset, "
                "configuration or version; resume with the same ones, or train anew without --resume"
            )
        try:
            for group, variables in variables_of(run.model, run.optimizer).items():
                restore(variables, found.arrays[group])
        except (KeyError, ValueError) as error:
            raise LengthwiseError(
                f"the checkpoint does not fit the model ({error}); train anew without --resume"
            ) from error
        self._best = list(found.arrays.get("best", []))
        self.progress = Progress(**found.meta["progress"])
        self._saved_at = (self.progress.global_step, time.monotonic())
        run.steps.adopt()
        return True

    def fit(self) -> Progress:
        """Trains until the last epoch or until early stopping, and leaves the weights to keep in the model."""
        progress, run = self.progress, self._run
        try:
            while not progress.finished:
                self._train_epoch()
                self._end_epoch()
        finally:
            for observer in self._observers:
                observer.close()
        if self._best and run.watch is not None and run.watch.restore_best:
            restore(list(run.model.variables), self._best)
            run.steps.adopt()
        return progress

    def _train_epoch(self) -> None:
        progress, run = self.progress, self._run
        schedule = run.train.schedule(run.config.seed, progress.epoch)
        before, started = progress.epoch_seconds, time.monotonic()
        if not self._is_prepared:
            run.steps.prepare(run.train.batch(schedule, step) for step in schedule.first_steps())
            self._is_prepared = True
        for batch in run.train.batches(schedule, progress.step):
            self._pending.append(run.steps.train(batch))
            progress.step += 1
            progress.global_step += 1
            progress.real_steps += batch.real_steps
            progress.padded_steps += batch.padded_steps
            if len(self._pending) >= 2 * PENDING_STEPS or progress.step == len(schedule):
                self._collect(0 if progress.step == len(schedule) else PENDING_STEPS)
                progress.epoch_seconds = before + time.monotonic() - started
                self._report(len(schedule))
            if progress.step < len(schedule) and self._is_checkpoint_due():
                progress.epoch_seconds = before + time.monotonic() - started
                self.save()

    def _end_epoch(self) -> None:
        progress, run = self.progress, self._run
        run.steps.publish()
        metrics = {f"train_{name}": value for name, value in self._means().items()}
        if run.validation is not None and run.validation.rows:
            predictions = predict_split(run.steps, run.validation, run.kind)
            measured = compute_metrics(run.kind, predictions.labels, predictions.values)
            metrics.update({f"validation_{name}": value for name, value in measured.items()})
            watch = run.watch
            if watch is not None and record_epoch(progress, watch, measured[watch.metric], progress.epoch):
                self._best = snapshot(list(run.model.variables))
        metrics["seconds"] = progress.epoch_seconds
        metrics["tokens_per_second"] = progress.real_steps / max(progress.epoch_seconds, 1e-9)
        metrics["padding_efficiency"] = progress.real_steps / max(progress.padded_steps, 1)
        progress.history.append(metrics)
        progress.seconds += progress.epoch_seconds
        for observer in self._observers:
            observer.on_epoch(progress.epoch, progress.global_step, metrics)
        progress.epoch += 1
        progress.start_epoch()
        exhausted = run.watch is not None and is_exhausted(progress, run.watch)
        progress.finished = exhausted or progress.epoch >= run.epochs
        self.save()

    def save(self) -> None:
        """Writes a checkpoint of the state after the last finished step."""
        run = self._run
        if run.checkpoints is None:
            return
        self._collect()
        run.steps.publish()
        groups = {name: snapshot(variables) for name, variables in variables_of(run.model, run.optimizer).items()}
        arrays = {**groups, "best": self._best}
        meta = {"fingerprint": run.fingerprint, "progress": self.progress.to_json()}
        run.checkpoints.save(self.progress.global_step, Checkpoint(arrays, meta))
        self._saved_at = (self.progress.global_step, time.monotonic())

    def _is_checkpoint_due(self) -> bool:
        if self._run.checkpoints is None:
            return False
        settings = self._run.config.checkpoints
        step, moment = self._saved_at
        if settings.every_steps and self.progress.global_step - step >= settings.every_steps:
            return True
        return settings.every_seconds is not None and time.monotonic() - moment >= settings.every_seconds

    def _collect(self, left: int = 0) -> None:
        """Adds the sums of pending steps, in the order of the steps, so that a resumed run adds the same numbers.

        Args:
          left: the newest steps, which stay pending: the accelerator works on them while the older ones are read.

        Raises:
          LengthwiseError: the loss is no longer a finite number; called before every save, so none is kept.
        """
        from keras import ops

        ready, self._pending = self._pending[: len(self._pending) - left], self._pending[len(self._pending) - left :]
        for sums in ready:
            for index, value in enumerate(ops.convert_to_numpy(sums).tolist()):
                self.progress.sums[index] += value
        if not np.isfinite(self.progress.sums[0]):
            raise LengthwiseError(
                f"epoch {self.progress.epoch + 1}, step {self.progress.step}: the loss is {self.progress.sums[0]}; "
                "lower the learning rate, or check the series features for extreme values (scale, clip)"
            )

    def _means(self) -> dict[str, float]:
        loss, metric, weight = self.progress.sums
        return {"loss": loss / max(weight, 1e-12), HEADLINE_METRIC[self._run.kind]: metric / max(weight, 1e-12)}

    def _report(self, steps: int) -> None:
        progress = self.progress
        means = self._means()
        report = StepReport(
            epoch=progress.epoch,
            step=progress.step,
            steps=steps,
            global_step=progress.global_step,
            metrics=means,
            tokens_per_second=progress.real_steps / max(progress.epoch_seconds, 1e-9),
            step_seconds=progress.epoch_seconds / max(progress.step, 1),
            efficiency=progress.real_steps / max(progress.padded_steps, 1),
        )
        for observer in self._observers:
            observer.on_steps(report)
