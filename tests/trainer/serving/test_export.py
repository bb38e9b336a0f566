"""A model is published only when the gate holds, and what is published serves raw rows without this project."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from rich.console import Console

from schemas.manifest import load_manifest
from trainer.config import TrainerConfig
from trainer.evaluation.predictions import predict_split
from trainer.input.decode import select_features
from trainer.saved_model import load_model
from trainer.serving.gate import GateError
from trainer.serving.probes import read_probes
from trainer.serving.publish import EXIT_GATE, export_and_say, export_model, publish, staging
from trainer.session import build_default_model, open_dataset
from trainer.training import train

if keras.backend.backend() != "tensorflow":
    pytest.skip("exports are built on TensorFlow", allow_module_level=True)

QUIET = Console(quiet=True)
SERVE = """
import sys, json
import numpy as np, tensorflow as tf
assert not any("lengthwise" in path or path.rstrip("/") == sys.argv[3] for path in sys.path), sys.path
model = tf.saved_model.load(sys.argv[1])
examples = [r for r in tf.data.TFRecordDataset(sys.argv[2]).as_numpy_iterator()]
raw = [tf.train.Example.FromString(e).features.feature["raw"].bytes_list.value[0] for e in examples]
outputs = model.signatures["serving_default"](tf.constant(raw))
one = model.signatures["serving_default"](tf.constant(raw[:1]))
assert "trainer" not in sys.modules and "keras" not in [m.split(".")[0] for m in sys.modules if "lengthwise" in m]
print(json.dumps({"p": outputs["probabilities"].numpy().tolist(), "one": one["probabilities"].numpy().tolist(),
                  "class": [c.decode() for c in outputs["class"].numpy()]}))
"""


def trained(dataset: Path, output: Path, builder: Any = build_default_model, **settings: Any) -> Path:
    config = TrainerConfig(
        **{"epochs": 1, "bootstrap_samples": 10, "deterministic": False, "architecture": {"units": 8}, **settings}
    )
    assert train(dataset, output, config, with_export=False, builder=builder, console=QUIET) == 0
    return output


@pytest.fixture(scope="module")
def text_model(dataset_writer: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    directory = tmp_path_factory.mktemp("text")
    dataset_writer(directory / "dataset", rows={"train": 60, "validation": 20})
    return directory / "dataset", trained(directory / "dataset", directory / "model")


def test_a_process_with_tensorflow_alone_serves_raw_rows(text_model: tuple[Path, Path], tmp_path: Path) -> None:
    dataset, model = text_model
    published, figures = export_model(model, dataset, tmp_path / "served")
    assert published == tmp_path / "served" / "1"
    assert {path.name for path in published.iterdir()} >= {"saved_model.pb", "variables", "assets", "assets.extra"}
    assert figures["probes"] == 40 and figures["transformed_values_compared"] > 200
    script = tmp_path / "serve.py"
    script.write_text(SERVE)
    repository = str(Path(__file__).parents[3])
    found = subprocess.run(
        [sys.executable, "-I", str(script), str(published), str(dataset / "probes.tfrecord"), repository],
        cwd=tmp_path,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    answer = json.loads(found.stdout.splitlines()[-1])
    probabilities = np.array(answer["p"])
    expected = trained_predictions(dataset, model)
    assert np.allclose(probabilities[:, 1], expected, atol=1e-5)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert np.allclose(probabilities[0], answer["one"][0], atol=1e-6)
    assert answer["class"] == [("good", "bad")[int(p >= 0.5)] for p in expected]


def trained_predictions(dataset: Path, model: Path) -> np.ndarray:
    """What the trained model says of the probes, found by key in its own splits."""
    from trainer.fit.compilation import Compilation
    from trainer.fit.steps import make_steps
    from trainer.saved_model import load_record

    opened = open_dataset(dataset, load_record(model).config)
    steps = make_steps(load_model(model), keras.optimizers.SGD(), "binary", 1.0, Compilation())
    by_key: dict[str, float] = {}
    for split in opened.splits.values():
        found = predict_split(steps, split, "binary", with_keys=True)
        assert found.keys is not None
        by_key |= dict(zip([key.decode() for key in found.keys], found.values.tolist(), strict=True))
    return np.array([by_key[probe.key] for probe in read_probes(dataset, opened.manifest, opened.features)])


def test_plain_tensors_give_what_examples_give(
    make_dataset: Callable[..., Path], small_model: Any, tmp_path: Path
) -> None:
    import tensorflow as tf

    dataset = make_dataset(rows={"train": 40, "validation": 10}, features=("text", "signal", "age"), kind="multiclass")
    model = trained(dataset, tmp_path / "model", builder=small_model)
    published, _ = export_model(model, dataset, tmp_path / "served")
    loaded = tf.saved_model.load(str(published))
    manifest = load_manifest(dataset)
    probes = read_probes(dataset, manifest, select_features(manifest, None))[:8]
    expected = loaded.signatures["serving_default"](tf.constant([probe.raw for probe in probes]))
    raw = [tf.train.Example.FromString(probe.raw).features.feature for probe in probes]
    tokens = [row["text"].bytes_list.value for row in raw]
    signal = [row["signal"].float_list.value for row in raw]
    found = loaded.signatures["serving_tensors"](
        text=tf.ragged.constant([list(t) for t in tokens], tf.string).to_tensor(),
        text_count=tf.constant([len(t) for t in tokens], tf.int64),
        signal=tf.ragged.constant([list(s) for s in signal], tf.float32).to_tensor(),
        signal_count=tf.constant([len(s) for s in signal], tf.int64),
        age=tf.constant([row["age"].float_list.value[0] for row in raw]),
    )
    assert np.allclose(found["probabilities"], expected["probabilities"], atol=1e-6)
    assert found["probabilities"].shape == (8, 3)
    assert np.array_equal(found["class"], expected["class"])


def test_a_vocabulary_shifted_by_one_is_caught(text_model: tuple[Path, Path], tmp_path: Path) -> None:
    original, model = text_model
    dataset = Path(shutil.copytree(original, tmp_path / "shifted"))
    for path in (dataset / "transform_fn" / "assets").iterdir():
        tokens = path.read_text().splitlines()
        path.write_text("".join(f"{token}\n" for token in [*tokens[1:], tokens[0]]))
    with pytest.raises(
        GateError, match=r"transformed: probe 'train-\d+', feature 'text', position \[\d+\]: the exported"
    ):
        export_model(model, dataset, tmp_path / "served")
    assert list((tmp_path / "served").iterdir()) == []


@keras.saving.register_keras_serializable("tests")
class MeanOverPaddedLength(keras.layers.Layer):
    """Leaks: divides by the padded length."""

    def call(self, inputs: Mapping[str, Any]) -> Any:
        return keras.ops.mean(inputs, axis=1)


def leaking_model(manifest: Any, features: Any, config: Any) -> Any:
    text = keras.Input((None,), name="text", dtype="int64")
    length = keras.Input((), name="text_length", dtype="int64")
    pooled = MeanOverPaddedLength()(keras.layers.Embedding(features[0].vocabulary_size, 8)(text))
    output = keras.layers.Dense(1, activation="sigmoid")(pooled)
    return keras.Model({"text": text, "text_length": length}, output)


def test_a_model_that_leaks_padding_is_not_published(
    make_dataset: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = make_dataset(rows={"train": 40, "validation": 10})
    model = trained(dataset, tmp_path / "model", builder=leaking_model, epochs=5, learning_rate=0.1)
    assert export_and_say(QUIET, model, dataset, tmp_path / "served") == EXIT_GATE
    message = capsys.readouterr().err
    assert "gate failed, nothing is published" in message
    assert "probe 'train-" in message
    assert list((tmp_path / "served").iterdir()) == []


def test_versions_are_numbered(tmp_path: Path) -> None:
    output = tmp_path / "served"
    (output / "7").mkdir(parents=True)
    (output / "notes").mkdir()
    with staging(output) as staged:
        (staged / "saved_model.pb").write_bytes(b"model")
        assert publish(staged, output) == output / "8"
    assert sorted(path.name for path in output.iterdir()) == ["7", "8", "notes"]
    assert (output / "8" / "saved_model.pb").read_bytes() == b"model"


def test_other_data_than_it_was_trained_on_is_refused(
    text_model: tuple[Path, Path], make_dataset: Callable[..., Path], tmp_path: Path
) -> None:
    _, model = text_model
    other = make_dataset("other", seed=9)
    with pytest.raises(ValueError, match="export with the dataset it was trained on"):
        export_model(model, other, tmp_path / "served")
