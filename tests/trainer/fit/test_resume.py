"""A run that is interrupted anywhere and resumed ends with the weights, bit for bit, of one never interrupted."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.errors import LengthwiseError
from trainer.config import TrainerConfig
from trainer.fit.checkpoint import CheckpointDirectory, read_checkpoint
from trainer.fit.loop import Loop, Run
from trainer.fit.state import snapshot, variables_of
from trainer.session import make_run, open_dataset

REPOSITORY = Path(__file__).parents[3]


class Interrupted(Exception):
    """Raised in the middle of a run."""


def make(dataset: Path, checkpoints: Path, builder: Any, **settings: Any) -> Run:
    defaults = {"epochs": 3, "batch_tokens": 64, "architecture": {"dropout": 0.5}, "checkpoints": {"every_steps": 1}}
    config = TrainerConfig(**{**defaults, **settings})
    return make_run(open_dataset(dataset, config), config, checkpoints, builder=builder)


def final_state(run: Run) -> list[bytes]:
    run.steps.publish()
    return [value.tobytes() for group in variables_of(run.model, run.optimizer).values() for value in snapshot(group)]


def interrupt_after(run: Run, steps: int) -> None:
    """Makes the run fail just before it takes one more step."""
    take, taken = run.steps.train, 0

    def train(batch: Any) -> Any:
        nonlocal taken
        if taken == steps:
            raise Interrupted
        taken += 1
        return take(batch)

    run.steps.train = train  # type: ignore[method-assign]


def test_resumed_at_any_step_the_run_ends_the_same(
    make_dataset: Callable[..., Path], small_model: Any, tmp_path: Path
) -> None:
    dataset = make_dataset()
    whole = make(dataset, tmp_path / "whole", small_model)
    history = Loop(whole).fit().history
    steps = len(whole.train.schedule(0))
    for stops in ([1], [steps - 1, 1], [steps, 2], [2 * steps + 1]):
        directory = tmp_path / f"stopped-{'-'.join(map(str, stops))}"
        for stop in stops:
            run = make(dataset, directory, small_model)
            loop = Loop(run)
            loop.resume()
            interrupt_after(run, stop)
            with pytest.raises(Interrupted):
                loop.fit()
        run = make(dataset, directory, small_model)
        loop = Loop(run)
        assert loop.resume()
        assert loop.progress.global_step == sum(stops)
        resumed = loop.fit().history
        assert final_state(run) == final_state(whole)
        for left, right in zip(resumed, history, strict=True):
            metrics = [name for name in right if name.startswith(("train_", "validation_"))]
            assert {name: left[name] for name in metrics} == {name: right[name] for name in metrics}


def test_a_finished_run_resumes_to_its_best_weights(
    make_dataset: Callable[..., Path], small_model: Any, tmp_path: Path
) -> None:
    dataset = make_dataset()
    run = make(dataset, tmp_path / "run", small_model, learning_rate=0.5, epochs=4)
    progress = Loop(run).fit()
    assert progress.best_epoch is not None
    again = make(dataset, tmp_path / "run", small_model, learning_rate=0.5, epochs=4)
    loop = Loop(again)
    assert loop.resume()
    assert loop.fit().global_step == progress.global_step
    assert final_state(again)[: len(run.model.variables)] == final_state(run)[: len(run.model.variables)]


def test_a_torn_last_checkpoint_costs_one_step_and_no_bit(
    make_dataset: Callable[..., Path], small_model: Any, tmp_path: Path
) -> None:
    dataset = make_dataset()
    whole = make(dataset, tmp_path / "whole", small_model)
    Loop(whole).fit()
    run = make(dataset, tmp_path / "torn", small_model)
    interrupt_after(run, 5)
    with pytest.raises(Interrupted):
        Loop(run).fit()
    newest = CheckpointDirectory(tmp_path / "torn").paths()[-1]
    newest.write_bytes(newest.read_bytes()[:1000])
    again = make(dataset, tmp_path / "torn", small_model)
    loop = Loop(again)
    with pytest.warns(UserWarning, match="torn or changed"):
        assert loop.resume()
    assert loop.progress.global_step == 4
    loop.fit()
    assert final_state(again) == final_state(whole)


def test_another_configuration_or_dataset_is_refused(
    make_dataset: Callable[..., Path], small_model: Any, tmp_path: Path
) -> None:
    dataset = make_dataset()
    Loop(make(dataset, tmp_path / "run", small_model, epochs=1)).fit()
    for other in (
        make(dataset, tmp_path / "run", small_model, epochs=1, learning_rate=0.1),
        make(make_dataset("other", seed=1), tmp_path / "run", small_model, epochs=1),
    ):
        with pytest.raises(LengthwiseError, match="another dataset, configuration or version"):
            Loop(other).resume()


def test_killed_at_random_steps_the_process_resumes_to_the_same_bits(
    make_dataset: Callable[..., Path], tmp_path: Path
) -> None:
    dataset = make_dataset(rows={"train": 60, "validation": 10})
    config = tmp_path / "config.yaml"
    config.write_text(
        "model: cnn\narchitecture: {blocks: 1, filters: 4, kernel_size: 3, embedding: 4, dropout: 0.3}\n"
        "epochs: 2\nbatch_tokens: 64\ncheckpoints: {every_steps: 1, keep: 2}\nbootstrap_samples: 10\njit: false\n"
    )
    whole = start(dataset, tmp_path / "whole", config)
    assert whole.wait(timeout=240) == 0, (tmp_path / "whole.log").read_text()
    last = CheckpointDirectory(tmp_path / "whole" / "checkpoints").paths()[-1]
    steps = int(last.stem.removeprefix("step-"))
    killed_at = sorted(random.Random(time.time_ns()).sample(range(1, steps), 2))
    for step in killed_at:
        process = start(dataset, tmp_path / "killed", config, "--resume")
        kill_after_step(process, tmp_path / "killed" / "checkpoints", step)
    process = start(dataset, tmp_path / "killed", config, "--resume")
    assert process.wait(timeout=240) == 0, (tmp_path / "killed.log").read_text()
    left = read_checkpoint(last)
    right = read_checkpoint(CheckpointDirectory(tmp_path / "killed" / "checkpoints").paths()[-1])
    assert left.arrays.keys() == right.arrays.keys(), f"killed at {killed_at}"
    for group, values in left.arrays.items():
        for one, other in zip(values, right.arrays[group], strict=True):
            assert np.array_equal(one, other), f"{group}, killed at {killed_at}"


def start(dataset: Path, output: Path, config: Path, *flags: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "trainer",
        "--data",
        str(dataset),
        "--output",
        str(output),
        "--config",
        str(config),
    ]
    with output.with_suffix(".log").open("wb") as log:
        return subprocess.Popen([*command, "--no-export", *flags], cwd=REPOSITORY, stdout=log, stderr=subprocess.STDOUT)


def kill_after_step(process: subprocess.Popen[bytes], checkpoints: Path, step: int) -> None:
    """Kills the process once a checkpoint of that step (or a later one) is there."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        paths = CheckpointDirectory(checkpoints).paths()
        if paths and int(paths[-1].stem.removeprefix("step-")) >= step:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
