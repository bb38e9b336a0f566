"""A program for tests: trains on the processor made into several TensorFlow devices, and prints what it saw as JSON.

    python on_virtual_devices.py CASE DATASET DIRECTORY

Devices are made before TensorFlow starts, so each test needs a process of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.config import TrainerConfig
from trainer.environment import set_up
from trainer.fit.loop import Loop, Run
from trainer.fit.state import snapshot, variables_of
from trainer.session import make_run, open_dataset

DEVICES = 2
CNN = {"blocks": 1, "filters": 4, "kernel_size": 3, "embedding": 4, "normalization": "batch", "dropout": 0.2}
# No dropout: one device divides the batch of a compiled loop among its cores, and each part draws its own noise.
RNN = {"units": 4, "embedding": 4, "bidirectional": False, "input_dropout": 0.0, "head_dropout": 0.0}


class Interrupted(Exception):
    """Raised in the middle of a run."""


def make(dataset: Path, devices: int, checkpoints: Path | None = None, **settings: Any) -> Run:
    defaults: dict[str, Any] = {"model": "cnn", "architecture": CNN, "epochs": 2, "batch_tokens": 192, "jit": False}
    config = TrainerConfig(**{**defaults, "devices": devices, "checkpoints": {"every_steps": 1}, **settings})
    set_up(config)
    return make_run(open_dataset(dataset, config), config, checkpoints)


def curve(dataset: Path, directory: Path, **settings: Any) -> list[dict[str, Any]]:
    """What one device and two devices see: losses, variables after the first step, shapes and traces."""
    seen = []
    for devices in (1, DEVICES):
        run = make(dataset, devices, **settings)
        take, first = run.steps.train, {}

        def train(batch: Any, take: Any = take, first: dict[str, Any] = first, run: Run = run) -> Any:
            sums = take(batch)
            if not first:
                first |= {
                    f"{i} {v.name}": np.asarray(v.value).tolist()
                    for i, v in enumerate(run.model.non_trainable_variables)
                }
            return sums

        run.steps.train = train  # type: ignore[method-assign]
        history = Loop(run).fit().history
        seen.append(
            {
                "losses": [
                    [epoch["train_loss"], epoch["validation_loss"], epoch["train_accuracy"]] for epoch in history
                ],
                "fixed": first,
                "rows": [shape.rows for shape in run.train.shapes],
                "row_counts": run.train.row_counts,
                "traces": run.steps.train_traces,
            }
        )
    return seen


def jit(dataset: Path, directory: Path) -> list[dict[str, Any]]:
    return curve(dataset, directory, model="rnn", architecture=RNN, jit=True, epochs=1)


def resume(dataset: Path, directory: Path) -> bool:
    """Whether a run that stopped after five steps ends with the bits of one that did not."""
    whole = make(dataset, 2, directory / "whole")
    Loop(whole).fit()
    stopped = make(dataset, 2, directory / "stopped")
    take, taken = stopped.steps.train, []

    def train(batch: Any) -> Any:
        if len(taken) == 5:
            raise Interrupted
        taken.append(1)
        return take(batch)

    stopped.steps.train = train  # type: ignore[method-assign]
    try:
        Loop(stopped).fit()
    except Interrupted:
        pass
    again = make(dataset, 2, directory / "stopped")
    loop = Loop(again)
    found = loop.resume() and loop.progress.global_step == 5
    loop.fit()
    return found and state(again) == state(whole)


def state(run: Run) -> list[bytes]:
    return [value.tobytes() for group in variables_of(run.model, run.optimizer).values() for value in snapshot(group)]


def shards(dataset: Path, directory: Path) -> list[list[Any]]:
    """Device and rows of every shard of a batch whose rows are numbered."""
    run = make(dataset, DEVICES)
    numbers = np.arange(12)[:, None]
    return [[shard.device, shard.numpy()[:, 0].tolist()] for shard in run.steps.shards(numbers)]  # type: ignore[attr-defined]


CASES: dict[str, Callable[[Path, Path], Any]] = {"curve": curve, "jit": jit, "resume": resume, "shards": shards}

if __name__ == "__main__":
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * DEVICES
    )
    case, data, place = sys.argv[1:]
    print(json.dumps(CASES[case](Path(data), Path(place))))
