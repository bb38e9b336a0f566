"""Several devices take the steps that one device takes; checked on virtual CPU devices of TensorFlow and JAX."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.config import ConfigError, TrainerConfig
from trainer.environment import device_count

REPOSITORY = Path(__file__).parents[3]
CONFIG = (
    "model: cnn\narchitecture: {blocks: 1, filters: 4, kernel_size: 3, embedding: 4, dropout: 0.2}\nepochs: 2\n"
    "batch_tokens: 64\nbootstrap_samples: 10\n"
)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_two_devices_give_the_loss_curve_of_one(make_dataset: Callable[..., Path], tmp_path: Path) -> None:
    dataset = make_dataset(rows={"train": 64, "validation": 20})
    (tmp_path / "config.yaml").write_text(CONFIG)
    one, two = (history(dataset, tmp_path, devices) for devices in (1, 2))
    assert len(one) == len(two) == 2
    for left, right in zip(one, two, strict=True):
        for name in ("train_loss", "train_accuracy", "validation_loss", "validation_auc"):
            assert right[name] == pytest.approx(left[name], abs=1e-4), name
    assert np.isfinite([epoch["train_loss"] for epoch in one]).all()


def history(dataset: Path, directory: Path, devices: int) -> list[dict[str, Any]]:
    output = directory / f"devices-{devices}"
    flags = ["--data", str(dataset), "--output", str(output), "--config", str(directory / "config.yaml")]
    found = subprocess.run(
        [sys.executable, "-m", "trainer", *flags, "--devices", str(devices), "--no-export"],
        cwd=REPOSITORY,
        env={**os.environ, "KERAS_BACKEND": "jax", "XLA_FLAGS": "--xla_force_host_platform_device_count=2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    record = json.loads((output / "training.json").read_text())
    assert len(record["environment"]["devices"]) == 2
    return list(record["history"])


@pytest.mark.slow
@pytest.mark.parametrize("case", ["curve", "jit"])
def test_two_devices_of_tensorflow_give_the_loss_curve_of_one(
    make_dataset: Callable[..., Path], tmp_path: Path, case: str
) -> None:
    one, two = on_virtual_devices(case, make_dataset(rows={"train": 100, "validation": 20}), tmp_path)
    assert one["rows"] == two["rows"]
    assert any(
        rows % size and rows % size <= size // 2 for rows, size in zip(one["row_counts"], one["rows"], strict=True)
    ), "one batch must leave the last device nothing but rows of zero weight"
    assert np.allclose(one["losses"], two["losses"], atol=1e-4)
    filled = sum(rows > 0 for rows in one["row_counts"])
    assert (one["traces"], two["traces"]) == (filled, 2 * filled)
    for name, values in one["fixed"].items():
        assert np.allclose(values, two["fixed"][name], atol=1e-6), name
    if case == "curve":
        moved = [value for name, values in one["fixed"].items() if "moving" in name for value in values]
        assert len(moved) == 8 and all(value not in (0.0, 1.0) for value in moved)


@pytest.mark.slow
def test_a_run_on_two_devices_of_tensorflow_resumes_to_the_same_bits(
    make_dataset: Callable[..., Path], tmp_path: Path
) -> None:
    assert on_virtual_devices("resume", make_dataset(rows={"train": 60, "validation": 10}), tmp_path) is True


@pytest.mark.slow
def test_each_device_of_tensorflow_holds_its_own_rows(make_dataset: Callable[..., Path], tmp_path: Path) -> None:
    found = on_virtual_devices("shards", make_dataset(rows={"train": 30}), tmp_path)
    assert [rows for _, rows in found] == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert [device[-5:] for device, _ in found] == ["CPU:0", "CPU:1"]


def on_virtual_devices(case: str, dataset: Path, directory: Path) -> Any:
    program = Path(__file__).with_name("on_virtual_devices.py")
    found = subprocess.run(
        [sys.executable, str(program), case, str(dataset), str(directory)],
        cwd=REPOSITORY,
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout.splitlines()[-1])


def test_more_devices_than_there_are_is_an_error(make_dataset: Callable[..., Path], tmp_path: Path) -> None:
    import keras

    with pytest.raises(ConfigError, match=r"devices: received 64, \w+ sees \d+ \(.+\); use that many or 'all'"):
        device_count(TrainerConfig(devices=64))
    assert device_count(TrainerConfig(devices="all")) == len(keras.distribution.list_devices())
