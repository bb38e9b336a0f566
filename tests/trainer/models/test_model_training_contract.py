"""What training sees does not depend on padding either: loss, metrics, gradients, moving statistics, a step's weights.

Dropout is off but for what shares its noise over time, so that two runs differ in the padding alone.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from trainer.models import FeatureInput, InputDescription, build_model

# Keras 3.15's own variables lack the `copy` argument that numpy 2 asks of `__array__`.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

DESCRIPTION = InputDescription(
    (FeatureInput("text", "ids", vocabulary_size=20), FeatureInput("vitals", "series", channels=3)), "binary"
)
LENGTHS = {"text": [6, 0, 3, 1], "vitals": [4, 5, 0, 2]}
LABELS = np.array([[1], [0], [1], [0]], np.float32)
STILL = {"input_dropout": 0.0, "head_dropout": 0.0, "dropout": 0.0}
ARCHITECTURES = [
    ("rnn", {"units": 5, **STILL}),
    ("cnn", {"filters": 6, "normalization": "batch", "stride": 2, **STILL}),
    ("attention", {"dimension": 8, "heads": 2, "depth": 1, **STILL}),
]
every_architecture = pytest.mark.parametrize(
    ("model", "config"), ARCHITECTURES, ids=[name for name, _ in ARCHITECTURES]
)


def batch(extra: int = 0, filling: float = 0.0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(5)
    inputs: dict[str, np.ndarray] = {}
    for name, lengths in LENGTHS.items():
        steps = max(lengths) + extra
        shape = (4, steps) if name == "text" else (4, steps, 3)
        values = np.full(shape, int(extra > 0) if name == "text" else filling)
        for row, length in enumerate(lengths):
            values[row, :length] = (
                generator.integers(1, 20, length) if name == "text" else generator.normal(size=(length, 3))
            )
        inputs[name] = values.astype("int32" if name == "text" else "float32")
        inputs[f"{name}_length"] = np.array(lengths, np.int32)
    return inputs


def trained(model: str, config: dict[str, Any], inputs: dict[str, np.ndarray]) -> tuple[list[float], list[np.ndarray]]:
    """Loss and accuracy of one step, and all weights after it: gradients and moving statistics show in them."""
    built = build_model(model, DESCRIPTION, config, seed=3)
    built.compile(keras.optimizers.SGD(1.0), "binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
    results = built.train_on_batch(inputs, LABELS, sample_weight=np.array([[1.0], [2.0], [1.0], [0.5]], np.float32))
    return [float(value) for value in results], [ops.convert_to_numpy(weight.value) for weight in built.weights]


@every_architecture
def test_a_training_step_does_not_depend_on_padding(model: str, config: dict[str, Any]) -> None:
    results, weights = trained(model, config, batch())
    for extra, filling in ((1, 0.0), (4, np.nan)):
        padded_results, padded_weights = trained(model, config, batch(extra, filling))
        np.testing.assert_allclose(padded_results, results, rtol=1e-5)
        for one, other in zip(weights, padded_weights, strict=True):
            np.testing.assert_allclose(other, one, atol=2e-5)


def test_weights_of_rows_are_not_spread_over_time_where_rows_equal_steps() -> None:
    """4 rows, padded to 4 steps: a weight for each row stays one."""
    built = build_model("cnn", DESCRIPTION, {"filters": 6, **STILL}, seed=3)
    built.compile("sgd", "binary_crossentropy")
    inputs = {name: values[:, :4] if values.ndim > 1 else np.minimum(values, 4) for name, values in batch().items()}
    weights = np.array([[1.0], [2.0], [0.0], [0.5]], np.float32)
    prediction = ops.convert_to_numpy(built(inputs))
    losses = -(LABELS * np.log(prediction) + (1 - LABELS) * np.log(1 - prediction))
    assert built.test_on_batch(inputs, LABELS, sample_weight=weights) == pytest.approx(
        (losses * weights).sum() / 4, rel=1e-5
    )


def test_loss_adds_up_over_parts_of_a_batch() -> None:
    built = build_model("rnn", DESCRIPTION, {"units": 5, **STILL}, seed=3)
    built.compile("sgd", keras.losses.BinaryCrossentropy(reduction="sum"), run_eagerly=True)
    inputs = batch()
    first = built.test_on_batch({name: values[:1] for name, values in inputs.items()}, LABELS[:1])
    built.reset_metrics()
    second = built.test_on_batch({name: values[1:] for name, values in inputs.items()}, LABELS[1:])
    built.reset_metrics()
    whole = built.test_on_batch(inputs, LABELS)
    assert first + second == pytest.approx(whole, rel=1e-5)
