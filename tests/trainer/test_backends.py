"""The same commands on JAX and PyTorch, with TensorFlow out of reach, and on TensorFlow what they leave.

PyTorch is in no environment of the tests: name the Python of one that has torch, keras and the trainer's small
requirements (numpy, pydantic, PyYAML, rich) in LENGTHWISE_TORCH_PYTHON.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from schemas.manifest import load_manifest
from trainer.evaluate import evaluate
from trainer.input.decode import select_features
from trainer.serving.gate import served_values
from trainer.serving.probes import read_probes

REPOSITORY = Path(__file__).parents[2]
CONFIG = (
    "model: {model}\narchitecture: {architecture}\nepochs: 2\nbatch_tokens: 128\nbootstrap_samples: 10\n"
    "learning_rate: 0.02\n"
)
ARCHITECTURES = {
    "cnn": "{blocks: 1, filters: 4, kernel_size: 3, embedding: 4, normalization: batch}",
    "rnn": "{units: 4, embedding: 4, bidirectional: false}",
    "attention": "{dimension: 8, heads: 2, depth: 1, feed_forward: 8}",
}
# Whatever asks for TensorFlow in this process fails as where it is not installed.
PROGRAM = """
import importlib, sys
sys.modules["tensorflow"] = None
for module, *flags in {commands!r}:
    status = importlib.import_module(module).main(flags)
    if status:
        sys.exit(f"{{module}}: exit status {{status}}")
"""


def run_without_tensorflow(python: str, backend: str, commands: list[list[str]]) -> str:
    found = subprocess.run(
        [python, "-c", PROGRAM.format(commands=commands)],
        cwd=REPOSITORY,
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr[-3000:] + found.stdout[-1000:]
    return found.stdout


def train_evaluate_check(python: str, backend: str, model: str, dataset: Path, directory: Path) -> Path:
    output, config = directory / f"{backend}-{model}", directory / f"{model}.yaml"
    config.write_text(CONFIG.format(model=model, architecture=ARCHITECTURES[model]))
    flags = ["--data", str(dataset), "--output", str(output), "--config", str(config), "--no-export"]
    text = run_without_tensorflow(
        python,
        backend,
        [
            ["trainer.command_line", *flags],
            ["trainer.evaluate", "--model", str(output), "--data", str(dataset)],
            ["trainer.check", "--model", str(output), "--data", str(dataset)],
        ],
    )
    assert "passed: no prediction moves by more" in text
    record = json.loads((output / "training.json").read_text())
    assert record["environment"]["backend"] == backend and "tensorflow" not in record["environment"]
    assert record["history"][1]["train_loss"] < record["history"][0]["train_loss"]
    assert any((output / "logs" / "validation").iterdir())
    return output


def same_on_tensorflow(output: Path, dataset: Path, directory: Path) -> None:
    """TensorFlow, in this process, measures what the other backend did."""
    theirs = json.loads((output / "evaluation.json").read_text())["splits"]["validation"]["metrics"]
    ours = evaluate(output, dataset, directory / "evaluated")["splits"]["validation"]["metrics"]
    assert ours.keys() == theirs.keys()
    for name, figure in theirs.items():
        assert ours[name]["value"] == pytest.approx(figure["value"], abs=1e-5), name


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_jax_trains_without_tensorflow_and_its_model_is_served_by_tensorflow(
    make_dataset: Callable[..., Path], tmp_path: Path
) -> None:
    import tensorflow as tf

    dataset = make_dataset(rows={"train": 120, "validation": 30}, features=("text", "signal", "age"))
    output = train_evaluate_check(sys.executable, "jax", "cnn", dataset, tmp_path)
    same_on_tensorflow(output, dataset, tmp_path)
    exported = subprocess.run(
        [sys.executable, "-m", "trainer.export", "--model", str(output)],
        cwd=REPOSITORY,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert exported.returncode == 0 and "passed" in exported.stdout, exported.stderr
    served = tf.saved_model.load(str(output / "export" / "1")).signatures["serving_default"]
    manifest = load_manifest(dataset)
    probes = read_probes(dataset, manifest, select_features(manifest, None))
    outputs = {name: value.numpy() for name, value in served(tf.constant([probe.raw for probe in probes])).items()}
    values = served_values(outputs, 1)
    assert values.shape == (len(probes), 1) and np.isfinite(values).all() and np.ptp(values) > 0


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("LENGTHWISE_TORCH_PYTHON"), reason="LENGTHWISE_TORCH_PYTHON names no Python")
@pytest.mark.parametrize("model", ["rnn", "cnn", "attention"])
def test_pytorch_trains_without_tensorflow_and_tensorflow_measures_the_same(
    make_dataset: Callable[..., Path], tmp_path: Path, model: str
) -> None:
    dataset = make_dataset(rows={"train": 120, "validation": 30}, features=("text", "signal", "age"))
    output = train_evaluate_check(os.environ["LENGTHWISE_TORCH_PYTHON"], "torch", model, dataset, tmp_path)
    same_on_tensorflow(output, dataset, tmp_path)
