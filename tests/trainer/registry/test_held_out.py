"""Raw held-out rows are read whole or not at all, and models are asked through their signatures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.errors import InputError
from trainer.compare import main
from trainer.registry.held_out import ask, read_held_out


def write_rows(data: Path, split: str, count: int) -> None:
    import tensorflow as tf

    def texts(*values: str | bytes) -> Any:
        held = [value if isinstance(value, bytes) else value.encode() for value in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=held))

    directory = data / "held_out" / split
    directory.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(directory / "rows-00000-of-00016.tfrecord")) as writer:
        for number in reversed(range(count)):
            raw = tf.train.Example(features=tf.train.Features(feature={"text": texts(*(["good"] * number))}))
            content = {"key": texts(f"k{number:03d}"), "label": texts("good" if number % 2 else "bad")}
            content["raw"] = texts(raw.SerializeToString())
            writer.write(tf.train.Example(features=tf.train.Features(feature=content)).SerializeToString())


def save_model(directory: Path, classes: list[str], odd: int) -> Path:
    """A model that says class `odd` of a row with an odd number of tokens."""
    import tensorflow as tf

    class Odd(tf.Module):
        def lengths(self, examples: Any) -> Any:
            parsed = tf.io.parse_example(examples, {"text": tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64)})
            return parsed["text"].row_lengths()

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def predict(self, examples: Any) -> Any:
            is_odd = tf.cast(self.lengths(examples) % 2, tf.float32)[:, None]
            values = tf.concat([is_odd, 1 - is_odd], axis=1)
            return {"probabilities": values if odd == 0 else values[:, ::-1]}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def transform(self, examples: Any) -> Any:
            return {"text_length": self.lengths(examples)}

    module = Odd()
    signatures = {"serving_default": module.predict, "transformed": module.transform}
    tf.saved_model.save(module, str(directory), signatures=signatures)
    (directory / "assets.extra").mkdir()
    content = {"label": {"kind": "binary", "classes": classes}}
    (directory / "assets.extra" / "lengthwise.json").write_text(json.dumps(content))
    return directory


@pytest.fixture
def data(make_dataset: Callable[..., Path]) -> Path:
    made = make_dataset(rows={"train": 20, "validation": 30, "test": 40})
    write_rows(made, "test", 40)
    return made


def test_rows_come_by_key_and_answers_in_their_order(data: Path, tmp_path: Path) -> None:
    rows = read_held_out(data)
    assert rows.split == "test" and rows.keys == [f"k{number:03d}".encode() for number in range(40)]
    found = ask(save_model(tmp_path / "1", ["bad", "good"], odd=1), rows, with_lengths=True)
    assert found.lengths["text"].tolist() == list(range(40))
    assert np.array_equal(found.values[:, 1], np.arange(40) % 2)


@pytest.mark.parametrize("split", ["test", "validation"])
def test_missing_rows_are_refused(make_dataset: Callable[..., Path], split: str) -> None:
    data = make_dataset(rows={"train": 20, split: 30})
    with pytest.raises(InputError, match="received 0 raw rows, expected the 30"):
        read_held_out(data)
    write_rows(data, split, 29)
    with pytest.raises(InputError, match="received 29 raw rows, expected the 30"):
        read_held_out(data)


def test_the_command_compares_models_whose_classes_stand_in_another_order(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    challenger = save_model(tmp_path / "new", ["good", "bad"], odd=0)
    champion = save_model(tmp_path / "old", ["bad", "good"], odd=0)
    arguments = ["--data", str(data), "--challenger", str(challenger), "--champion", str(champion)]
    assert main([*arguments, "--output", str(tmp_path / "found.json"), "--slices", "2"]) == 0
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["challenger"]["accuracy"] == 1.0 and found["champion"]["accuracy"] == 0.0
    assert found["mcnemar"] == {"only_champion": 0, "only_challenger": 40, "p_value": pytest.approx(2**-39)}
    assert [(part["shortest"], part["longest"], part["rows"]) for part in found["slices"]] == [
        (0, 19, 20),
        (20, 39, 20),
    ]
    assert "+1.0000" in capsys.readouterr().out


def test_errors_end_with_2(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(data), "--challenger", str(tmp_path)]) == 2
    assert "holds no exported model" in capsys.readouterr().err
