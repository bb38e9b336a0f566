"""Layers of several inputs: shapes on unknown steps, a `.keras` round trip, half precision, refused inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from trainer.layers import registry as layers

# Keras 3.15's own variables lack the `copy` argument that numpy 2 asks of `__array__`.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LENGTHS, OTHER_LENGTHS = np.array([5, 2, 0], np.int32), np.array([1, 4, 3], np.int32)


def example(dtype: str = "float32") -> list[np.ndarray]:
    generator = np.random.default_rng(2)
    first, second = generator.normal(size=(3, 5, 4)), generator.normal(size=(3, 6, 4))
    return [first.astype(dtype), LENGTHS, second.astype(dtype), OTHER_LENGTHS]


def functional(layer: keras.Layer) -> keras.Model:
    inputs = [
        keras.Input((None, 4), name="sequence"),
        keras.Input((), dtype="int32", name="lengths"),
        keras.Input((None, 4), name="other"),
        keras.Input((), dtype="int32", name="other_lengths"),
    ]
    return keras.Model(inputs, list(layer(*inputs)))


@pytest.mark.parametrize(
    ("layer", "shape", "lengths"),
    [
        (layers.MaskedCrossAttention(2, 3, output_dimension=7, name="it"), (3, 5, 7), [5, 2, 0]),
        (layers.MaskedCrossAttention(2, 3, causal=True, name="it"), (3, 5, 4), [5, 2, 0]),
        (layers.StepJoin("shorter", name="it"), (3, 6, 8), [1, 2, 0]),
        (layers.StepJoin("longer", name="it"), (3, 6, 8), [5, 4, 3]),
        (layers.TimeJoin(name="it"), (3, 11, 4), [6, 6, 3]),
    ],
    ids=["cross", "causal", "shorter", "longer", "time"],
)
def test_a_join_of_two_sequences(layer: Any, shape: tuple[int, ...], lengths: list[int], tmp_path: Path) -> None:
    model = functional(layer)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    values, counts = (ops.convert_to_numpy(output) for output in model(example()))
    again, _ = (ops.convert_to_numpy(output) for output in loaded(example()))
    assert values.shape == shape
    assert counts.tolist() == lengths
    np.testing.assert_array_equal(again, values)
    for row, length in zip(values, lengths, strict=True):
        assert (row[length:] == 0).all()
    restored = type(layer).from_config({**layer.get_config(), "dtype": "mixed_bfloat16"})
    half, _ = restored(*example())
    assert keras.backend.standardize_dtype(half.dtype) == "bfloat16"


def test_a_gated_join_is_the_gated_sum(tmp_path: Path) -> None:
    generator = np.random.default_rng(2)
    vectors = [generator.normal(size=(3, width)).astype("float32") for width in (2, 5)]
    inputs = [keras.Input((2,)), keras.Input((5,))]
    model = keras.Model(inputs, layers.GatedJoin(4, name="it")(inputs))
    joined = ops.convert_to_numpy(model(vectors))
    layer = model.get_layer("it")
    everything = np.concatenate(vectors, axis=1)
    expected = sum(
        ops.convert_to_numpy(gate(everything)) * ops.convert_to_numpy(projection(vector))
        for gate, projection, vector in zip(layer.gates, layer.projections, vectors, strict=True)
    )
    np.testing.assert_allclose(joined, expected, atol=1e-6)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(vectors), joined)


def test_a_residual_adds_real_steps_alone() -> None:
    first, lengths, second, _ = example()
    change = second[:, :5]
    change[1, 2:] = np.nan
    total, counts = (ops.convert_to_numpy(output) for output in layers.MaskedResidual()(first, change, lengths))
    np.testing.assert_array_equal(total[0], first[0] + change[0])
    np.testing.assert_array_equal(total[1, :2], first[1, :2] + change[1, :2])
    assert (total[1, 2:] == 0).all()
    assert counts.tolist() == lengths.tolist()


def test_what_does_not_fit_is_refused() -> None:
    first, lengths, second, other_lengths = example()
    with pytest.raises(ValueError, match="received 4 and 2 channels, expected the same number"):
        layers.TimeJoin()(first, lengths, second[:, :, :2], other_lengths)
    with pytest.raises(ValueError, match="received 4 and 2 channels, expected the same number"):
        layers.MaskedResidual()(first, second[:, :5, :2], lengths)
    with pytest.raises(ValueError, match="received rule='or', expected one of 'shorter', 'longer'"):
        layers.StepJoin("or")
    with pytest.raises(ValueError, match="received 4 channels and 3 heads, expected a multiple of the heads"):
        layers.TransformerBlock(3, 8)(first, lengths)
    with pytest.raises(ValueError, match=r"received rate=1.0, expected a share of at least 0 and below 1"):
        layers.TimeSharedDropout(1.0)


def test_every_registered_layer_is_found_by_its_name() -> None:
    for layer in layers.LAYERS:
        assert keras.saving.get_registered_object(f"lengthwise>{layer.__name__}") is layer
