"""Several devices take the steps that one device takes; checked on two virtual CPU devices of JAX."""

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

REPOSITORY = Path(__file__).parents[3]
CONFIG = (
    "model: cnn\narchitecture: {blocks: 1, filters: 4, kernel_size: 3, embedding: 4, dropout: 0.2}\nepochs: 2\n"
    "batch_tokens: 64\nbootstrap_samples: 10\n"
)


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
