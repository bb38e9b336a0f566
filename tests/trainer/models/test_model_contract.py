"""A row's prediction is the same alone, in any batch, at any padded length, whatever stands in the padding.

All four architectures, with sequences padded on either side, an empty row in one of the features, and context beside.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from trainer.models import FeatureInput, InputDescription, build_model

# Keras 3.15's own variables lack the `copy` argument that numpy 2 asks of `__array__`.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CONTEXT = (
    FeatureInput("age", "number", channels=2),
    FeatureInput("unit", "category", vocabulary_size=5),
    FeatureInput("scores", "vector", channels=4),
)
LENGTHS = {"text": [9, 0, 3, 1], "vitals": [4, 12, 0, 2]}
ARCHITECTURES = [
    ("rnn", {"units": 6}),
    ("rnn", {"units": 6, "summary": False}),
    ("rnn", {"units": 6, "depth": 2, "cell": "gru", "pooling": "last", "bidirectional": False}),
    ("cnn", {"filters": 8, "dilation": [1, 2]}),
    ("cnn", {"filters": 8, "stride": [1, 2], "pool": 2, "normalization": "batch", "padding": "valid"}),
    ("cnn", {"filters": 8, "separable": True, "normalization": "layer", "padding": "causal", "pooling": "attention"}),
    ("attention", {"dimension": 8, "heads": 2, "feed_forward": 8}),
    ("multimodal", {}),
    ("multimodal", {"join": "gate", "encoders": {"vitals": {"kind": "attention", "positions": "learned"}}}),
    ("multimodal", {"join": "cross_attention", "join_units": 8, "encoders": {"text": {"kind": "rnn", "units": 4}}}),
]
every_architecture = pytest.mark.parametrize(
    ("model", "config"), ARCHITECTURES, ids=[f"{name}-{index}" for index, (name, _) in enumerate(ARCHITECTURES)]
)


def description(side: str = "post", head: str = "multiclass") -> InputDescription:
    sequences = (
        FeatureInput("text", "ids", vocabulary_size=20, padding=side),
        FeatureInput("vitals", "series", channels=3, padding=side),
    )
    return InputDescription((*sequences, *CONTEXT), head, classes=3)


def batch(side: str = "post", extra: int = 0, filling: float = 0.0, rows: Any = slice(None)) -> dict[str, np.ndarray]:
    """The same four rows, padded to their longest plus `extra` steps on `side`, the padding filled with `filling`."""
    generator = np.random.default_rng(5)
    result: dict[str, np.ndarray] = {}
    for name, lengths in LENGTHS.items():
        steps = max(lengths) + extra
        shape: tuple[int, ...] = (4, steps) if name == "text" else (4, steps, 3)
        values = np.full(shape, 0 if name == "text" else filling, np.int32 if name == "text" else np.float32)
        for row, length in enumerate(lengths):
            real = slice(0, length) if side == "post" else slice(steps - length, steps)
            values[row, real] = (
                generator.integers(1, 20, length) if name == "text" else generator.normal(size=(length, 3))
            )
        result[name] = values[rows]
        result[f"{name}_length"] = np.array(lengths, np.int32)[rows]
    for feature in CONTEXT:
        shape = (4,) if feature.kind == "category" else (4, feature.channels)
        values = generator.integers(0, 5, shape) if feature.kind == "category" else generator.normal(size=shape)
        result[feature.name] = values.astype(np.int32 if feature.kind == "category" else np.float32)[rows]
    return result


def predict(model: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
    return ops.convert_to_numpy(model(inputs, training=False))


@every_architecture
def test_predictions_do_not_depend_on_padding_neighbours_or_side(model: str, config: dict[str, Any]) -> None:
    built = build_model(model, description(), config, seed=1)
    expected = predict(built, batch())
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(predict(built, batch(extra=1)), expected, atol=1e-6)
    np.testing.assert_allclose(predict(built, batch(extra=17, filling=np.nan)), expected, atol=1e-6)
    for row in range(4):
        np.testing.assert_allclose(predict(built, batch(rows=slice(row, row + 1)))[0], expected[row], atol=1e-6)
    other_side = build_model(model, description("pre"), config, seed=1)
    other_side.set_weights(built.get_weights())
    np.testing.assert_allclose(predict(other_side, batch("pre", extra=5, filling=np.inf)), expected, atol=1e-6)


@every_architecture
def test_every_real_step_and_context_value_is_read(model: str, config: dict[str, Any]) -> None:
    """Invariance alone would accept a model that ignores its input."""
    built = build_model(model, description(), config, seed=1)
    if config.get("padding") == "valid" or config.get("pooling") == "last":
        names = ["age", "unit", "scores"]
    else:
        names = ["text", "vitals", "age", "unit", "scores"]
    inputs = batch()
    expected = predict(built, inputs)
    for name in names:
        changed = {key: value.copy() for key, value in inputs.items()}
        changed[name][0] = changed[name][0] * 0 + 3
        assert np.abs(predict(built, changed)[0] - expected[0]).max() > 1e-6, name


@pytest.mark.parametrize(("model", "config"), [ARCHITECTURES[0], ARCHITECTURES[3], ARCHITECTURES[5], ARCHITECTURES[8]])
def test_a_saved_model_predicts_the_same(model: str, config: dict[str, Any], tmp_path: Path) -> None:
    built = build_model(model, description(), config, seed=1)
    built.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(predict(loaded, batch()), predict(built, batch()))


@pytest.mark.parametrize(("head", "shape"), [("binary", (4, 1)), ("multiclass", (4, 3)), ("regression", (4, 1))])
def test_heads(head: str, shape: tuple[int, int]) -> None:
    built = build_model("rnn", description(head=head), {"units": 4}, seed=1)
    prediction = predict(built, batch())
    assert prediction.shape == shape
    assert prediction.dtype == np.float32
    if head == "multiclass":
        np.testing.assert_allclose(prediction.sum(axis=1), 1, atol=1e-6)
    if head == "binary":
        assert ((prediction > 0) & (prediction < 1)).all()


def test_the_seed_decides_the_weights() -> None:
    first, same, other = (build_model("cnn", description(), seed=seed) for seed in (1, 1, 2))
    for a, b in zip(first.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(first.get_weights(), other.get_weights(), strict=True))


@pytest.mark.parametrize("model", ["rnn", "cnn", "attention", "multimodal"])
def test_the_summary_of_a_series_passes_the_encoder(model: str) -> None:
    names = {layer.name for layer in build_model(model, description(), {}).layers}
    assert "vitals_summary" in names and "text_summary" not in names
    options = (
        {"encoders": {"vitals": {"kind": "rnn", "summary": False}}} if model == "multimodal" else {"summary": False}
    )
    assert not any(layer.name.endswith("_summary") for layer in build_model(model, description(), options).layers)
