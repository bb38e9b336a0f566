"""A warm start carries embedding rows by token and output columns by class, and leaves the rest fresh."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from rich.console import Console

from schemas.errors import InputError
from schemas.manifest import load_manifest
from trainer.config import TrainerConfig
from trainer.session import OpenDataset, open_dataset
from trainer.training import train
from trainer.warm_start import matching_rows, read_vocabulary, warm_start

CONFIG = TrainerConfig(epochs=1, bootstrap_samples=10, deterministic=False)


def pooled_model(manifest: Any, features: Any, config: Any) -> Any:
    """Weights named as trainer.models names them."""
    text = keras.Input((None,), name="text", dtype="int64")
    length = keras.Input((), name="text_length", dtype="int64")
    embedded = keras.layers.Embedding(features[0].vocabulary_size, 4, name="text_embedding")(text)
    hidden = keras.layers.Dense(3, name="head_hidden")(keras.layers.GlobalAveragePooling1D()(embedded))
    output = keras.layers.Dense(len(manifest.label.classes), activation="softmax", name="prediction")(hidden)
    return keras.Model({"text": text, "text_length": length}, output)


def weights(model: Any) -> dict[str, np.ndarray]:
    return {variable.path: np.array(variable.numpy()) for variable in model.weights}


@pytest.fixture(scope="module")
def trained(dataset_writer: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    dataset = tmp_path_factory.mktemp("trained") / "dataset"
    dataset_writer(dataset, kind="multiclass", rows={"train": 30})
    output = dataset.with_name("model")
    train(dataset, output, CONFIG, with_export=False, builder=pooled_model, console=Console(quiet=True))
    return dataset, output


def changed(dataset: Path, target: Path, tokens: list[str], classes: list[str]) -> OpenDataset:
    """The same dataset under another vocabulary and other classes, as a later run of the pipeline would give it."""
    shutil.copytree(dataset, target)
    content = json.loads((target / "manifest.json").read_text())
    content["features"][0]["vocabulary_size"] = len(tokens) + 2
    content["label"]["classes"] = classes
    (target / "manifest.json").write_text(json.dumps(content))
    (target / "vocabularies" / "text.txt").write_text("".join(f"{token}\n" for token in tokens))
    assert load_manifest(target).features[0].vocabulary_size == len(tokens) + 2
    return open_dataset(target, CONFIG)


def test_rows_follow_their_tokens_and_columns_their_classes(trained: tuple[Path, Path], tmp_path: Path) -> None:
    dataset, output = trained
    old = weights(keras.models.load_model(output / "model.keras", compile=False))
    tokens = ["new", "bad", "word3", "newer"]
    later = changed(dataset, tmp_path / "later", tokens, ["c", "d", "a"])
    model = pooled_model(later.manifest, later.features, CONFIG)
    fresh = weights(model)
    carried = warm_start(model, output, later)
    found = weights(model)
    line = carried.describe()
    assert "text: 2 of 4 tokens kept, 2 new, 18 dropped" in line
    assert "2 of 3 classes kept, 1 new, 1 dropped" in line
    old_tokens = read_vocabulary(dataset / "vocabularies" / "text.txt")
    table, before = found["text_embedding/embeddings"], old["text_embedding/embeddings"]
    assert np.array_equal(table[:2], before[:2])
    assert np.array_equal(table[3], before[2 + old_tokens.index("bad")])
    assert np.array_equal(table[4], before[2 + old_tokens.index("word3")])
    assert np.array_equal(table[[2, 5]], fresh["text_embedding/embeddings"][[2, 5]])
    for name in ("kernel", "bias"):
        columns, earlier = found[f"prediction/{name}"], old[f"prediction/{name}"]
        assert np.array_equal(columns[..., 0], earlier[..., 2])
        assert np.array_equal(columns[..., 2], earlier[..., 0])
        assert np.array_equal(columns[..., 1], fresh[f"prediction/{name}"][..., 1])
    assert np.array_equal(found["head_hidden/kernel"], old["head_hidden/kernel"])


def test_a_run_started_warm_on_the_same_data_begins_where_the_other_ended(
    trained: tuple[Path, Path], tmp_path: Path
) -> None:
    dataset, output = trained
    old = weights(keras.models.load_model(output / "model.keras", compile=False))
    opened = open_dataset(dataset, CONFIG)
    model = pooled_model(opened.manifest, opened.features, CONFIG)
    warm_start(model, output, opened)
    assert all(np.array_equal(value, old[path]) for path, value in weights(model).items())
    again = CONFIG.model_copy(update={"warm_start": str(output)})
    status = train(
        dataset, tmp_path / "again", again, with_export=False, builder=pooled_model, console=Console(quiet=True)
    )
    assert status == 0


def test_a_model_of_another_architecture_is_refused(trained: tuple[Path, Path]) -> None:
    dataset, output = trained
    opened = open_dataset(dataset, CONFIG)
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="other")])
    with pytest.raises(InputError, match="none of its weights fit the new model"):
        warm_start(other, output, opened)


def test_names_are_matched_whatever_their_order() -> None:
    old, new = matching_rows(["a", "b", "c"], ["c", "x", "a"])
    assert list(zip(old.tolist(), new.tolist(), strict=True)) == [(2, 0), (0, 2)]
    assert [part.shape for part in matching_rows([], ["a"])] == [(0,), (0,)]
