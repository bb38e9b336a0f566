"""The check passes on models that keep the contract, and names the layer on models that do not: tutorials' own."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from schemas.errors import InputError
from trainer.check import main
from trainer.invariance import check_padding_invariance
from trainer.invariance.checks import check_rows
from trainer.invariance.recorder import cause_of
from trainer.invariance.rows import unpad
from trainer.invariance.synthetic import synthetic_rows
from trainer.models import FeatureInput, InputDescription, build_model

pytestmark = [
    # Keras 3.15's own variables lack the `copy` argument that numpy 2 asks of `__array__`.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    # What Keras says of the broken models: the very reason why they are here.
    pytest.mark.filterwarnings("ignore:Layer .* does not support masking:UserWarning"),
]


def tutorial_embedding() -> keras.Model:
    """Embedding, Masking(0), LSTM: the mask is looked for in vectors that are not 0."""
    ids = keras.Input((None,), name="ids")
    x = layers.Masking(0.0, name="masking")(layers.Embedding(20, 6, name="embedding")(ids))
    return keras.Model(ids, layers.Dense(1, "sigmoid", name="out")(layers.LSTM(5, name="lstm")(x)))


def tutorial_convolution() -> keras.Model:
    """Conv1D, MaxPooling1D, Flatten, Dense: built for one padded length."""
    return keras.Sequential(
        [
            keras.Input((12, 3), name="series"),
            layers.Conv1D(8, 3, activation="relu", name="conv"),
            layers.MaxPooling1D(2, name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(1, "sigmoid", name="out"),
        ]
    )


def transformer() -> keras.Model:
    """Two stock residual blocks: attention erases the mask of its own input, so the second block reads padding."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = layers.Embedding(20, 8, mask_zero=True, name="embedding")(ids)
    for block in range(2):
        attended = layers.MultiHeadAttention(2, 4, name=f"attention_{block}")(x, x)
        x = layers.LayerNormalization(name=f"norm_{block}")(layers.Add(name=f"add_{block}")([x, attended]))
    pooled = layers.GlobalAveragePooling1D(name="mean")(x)
    model = keras.Model(ids, layers.Dense(1, "sigmoid", name="out")(pooled))
    generator = np.random.default_rng(0)
    model.set_weights([generator.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def initial_state() -> keras.Model:
    """An LSTM that is given its first state ignores its input's mask."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    age = keras.Input((2,), name="age")
    x = layers.Embedding(20, 6, mask_zero=True, name="embedding")(ids)
    state = layers.Dense(5, name="state")(age)
    x = layers.LSTM(5, name="lstm")(x, initial_state=[state, state])
    return keras.Model([ids, age], layers.Dense(1, "sigmoid", name="out")(x))


def unmasked_pooling() -> keras.Model:
    """A masked embedding into a maximum over all padded steps."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = layers.Embedding(20, 6, mask_zero=True, name="embedding")(ids)
    return keras.Model(ids, layers.Dense(1, name="out")(layers.GlobalMaxPooling1D(name="highest")(x)))


@pytest.mark.parametrize(
    ("make", "layer", "reason"),
    [
        (tutorial_embedding, "lstm", "moves with the padding"),
        (tutorial_convolution, "flatten", "one vector of all padded steps"),
        (transformer, "attention_1", "moves with the padding"),
        (initial_state, "lstm", "moves with the padding"),
        (unmasked_pooling, "highest", "moves with the padding"),
    ],
)
def test_a_leaking_model_fails_and_the_layer_is_named(make: object, layer: str, reason: str) -> None:
    keras.utils.set_random_seed(1)
    model = make()  # type: ignore[operator]
    report = check_rows(model, synthetic_rows(model))
    assert not report.passed
    assert report.leak is not None
    assert report.leak.layer == layer
    assert reason in report.leak.reason


def correct_embedding() -> keras.Model:
    """The same tutorial with the mask where it belongs."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = layers.Embedding(20, 6, mask_zero=True, name="embedding")(ids)
    return keras.Model(ids, layers.Dense(1, "sigmoid", name="out")(layers.LSTM(5, name="lstm")(x)))


def test_a_stock_model_that_keeps_its_mask_passes() -> None:
    model = correct_embedding()
    report = check_rows(model, synthetic_rows(model))
    assert report.passed, report
    assert report.leak is None


DESCRIPTION = InputDescription(
    (
        FeatureInput("text", "ids", vocabulary_size=20),
        FeatureInput("vitals", "series", channels=3),
        FeatureInput("age", "number"),
    ),
    "binary",
)


@pytest.mark.parametrize("name", ["rnn", "cnn", "attention", "multimodal"])
def test_our_models_pass(name: str) -> None:
    options = {"rnn": {"units": 4}, "attention": {"depth": 1}, "multimodal": {"encoders": {"vitals": {"kind": "cnn"}}}}
    model = build_model(name, DESCRIPTION, options.get(name), seed=2)
    report = check_rows(model, synthetic_rows(model, count=3))
    assert report.passed, report
    assert {result.name for result in report.results} >= {"alone", "next to longest", "content NaN", "length 0"}


def test_a_row_of_length_zero_that_gives_nan_is_found() -> None:
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = layers.Embedding(20, 6, mask_zero=True, name="embedding")(ids)
    model = keras.Model(ids, layers.GlobalAveragePooling1D(name="mean")(x))
    report = check_rows(model, synthetic_rows(model))
    assert [result.name for result in report.results if not result.passed] == ["length 0"]


class Subclassed(keras.Model):
    """A model without a graph."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = layers.Embedding(20, 6, mask_zero=True, name="embedding")
        self.lstm = layers.LSTM(5, name="lstm")

    def call(self, ids: object, training: bool = False) -> object:
        return self.lstm(ops.multiply(self.embedding(ids), 2.0))  # an operator drops the mask


def test_a_subclassed_model_and_a_batch_of_ones_own() -> None:
    batch = {"ids": np.array([[3, 4, 5, 6], [7, 8, 0, 0]], np.int32)}
    report = check_padding_invariance(Subclassed(), batch, {"ids": np.array([4, 2])})
    assert not report.passed
    assert report.leak is not None
    assert report.leak.layer == "lstm"


def test_rows_are_taken_apart_and_padded_again() -> None:
    batch = {"x": np.array([[1, 2, 0], [3, 0, 0]]), "x_length": np.array([2, 1]), "age": np.array([5.0, 6.0])}
    rows = unpad(batch)
    inputs = rows.pad({"x": 4}, filling=9)
    assert inputs["x"].tolist() == [[1, 2, 9, 9], [3, 9, 9, 9]]
    assert inputs["x_length"].tolist() == [2, 1]
    assert rows.pick([1]).pad({"x": 1})["age"].tolist() == [6.0]
    with pytest.raises(InputError, match="expected the lengths of at least one of the inputs"):
        unpad({"x": batch["x"]})
    with pytest.raises(InputError, match="expected one number from 0 to 3 for each row"):
        unpad(batch, {"x": np.array([4, 1])})


@pytest.mark.parametrize(
    ("make", "status", "words"),
    [
        (correct_embedding, 0, "passed: no prediction moves by more than 1e-05"),
        (unmasked_pooling, 3, "first layer that leaks: highest (GlobalMaxPooling1D)"),
        (tutorial_embedding, 3, "first layer that leaks: lstm (LSTM): its output at real steps moves"),
        (tutorial_convolution, 3, "first layer that leaks: flatten (Flatten): it makes one vector of all padded steps"),
        (transformer, 3, "first layer that leaks: attention_1 (MultiHeadAttention)"),
        (initial_state, 3, "first layer that leaks: lstm (LSTM): its output at real steps moves"),
    ],
)
def test_the_command(make: object, status: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keras.utils.set_random_seed(1)
    make().save(tmp_path / "model.keras")  # type: ignore[operator]
    assert main(["--model", str(tmp_path / "model.keras")]) == status
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            "Exception encountered when calling Sequential.call().\n\n\x1b[1mexpected 40\x1b[0m\n\nArguments",
            "expected 40",
        ),
        ("Graph execution error:\n\nDetected at node x\n<stack>\nMatrix size\n\t [[{{node x}}]] [Op:f]", "Matrix size"),
        ("plain words\nmore", "plain words"),
        ("", "ValueError"),
    ],
)
def test_what_is_wrong_is_found_in_the_text_of_an_error(text: str, cause: str) -> None:
    assert cause_of(ValueError(text)) == cause


def test_the_command_without_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", str(tmp_path / "none.keras")]) == 2
    assert "no such file or directory" in capsys.readouterr().err
    (tmp_path / "bad.keras").write_text("no model")
    assert main(["--model", str(tmp_path / "bad.keras")]) == 2
    assert "cannot be read as a Keras model" in capsys.readouterr().err
