"""Every layer through the same checks: shapes, serialisation, mixed precision, a training step, one trace a shape.

The invariant: a layer called on (sequence, lengths) gives the same output after a round trip through its config or a
`.keras` file, in the policy's dtype, on a static and on an unknown number of steps, inside and outside XLA.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

# Keras 3.15's own variables lack the `copy` argument that numpy 2 asks of `__array__`.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

BATCH, STEPS, CHANNELS, VOCABULARY = 3, 7, 4, 11
LENGTHS = np.array([7, 4, 0], np.int32)


@dataclass(frozen=True)
class Case:
    """One configuration of one layer.

    Attributes:
      module: file under trainer/layers.
      name: class.
      arguments: of the constructor.
      output: expected shape for BATCH x STEPS x CHANNELS.
      out_lengths: expected output lengths, or None for a vector.
      inputs: "series" or "ids".
    """

    module: str
    name: str
    arguments: dict[str, Any]
    output: tuple[int, ...]
    out_lengths: list[int] | None = None
    inputs: str = "series"

    def make(self, **extra: Any) -> keras.Layer:
        layer_class = getattr(importlib.import_module(f"trainer.layers.{self.module}"), self.name)
        return layer_class(**self.arguments, **extra)

    def __str__(self) -> str:
        return "-".join([self.name, *(str(value) for value in self.arguments.values())])


SAME = LENGTHS.tolist()
CASES = [
    Case("embedding", "MaskedEmbedding", {"vocabulary_size": VOCABULARY, "dimension": 5}, (3, 7, 5), SAME, "ids"),
    Case("dense", "MaskedDense", {"units": 5, "activation": "sigmoid"}, (3, 7, 5), SAME),
    Case("convolution", "MaskedConv1D", {"filters": 6, "kernel_size": 3}, (3, 7, 6), SAME),
    Case("convolution", "MaskedConv1D", {"filters": 6, "kernel_size": 3, "strides": 2}, (3, 4, 6), [4, 2, 0]),
    Case(
        "convolution",
        "MaskedConv1D",
        {"filters": 6, "kernel_size": 3, "padding": "valid", "dilation_rate": 2, "strides": 2},
        (3, 4, 6),
        [2, 0, 0],
    ),
    Case("convolution", "MaskedConv1D", {"filters": 6, "kernel_size": 2, "padding": "causal"}, (3, 7, 6), SAME),
    Case("max_pooling", "MaskedMaxPooling1D", {"pool_size": 2}, (3, 4, 4), [4, 2, 0]),
    Case("max_pooling", "MaskedMaxPooling1D", {"pool_size": 3, "padding": "valid"}, (3, 3, 4), [2, 1, 0]),
    Case("average_pooling", "MaskedAveragePooling1D", {"pool_size": 2}, (3, 4, 4), [4, 2, 0]),
    Case("average_pooling", "MaskedAveragePooling1D", {"pool_size": 3, "strides": 1}, (3, 7, 4), SAME),
    Case("global_max", "GlobalMaxPooling", {}, (3, 4)),
    Case("global_mean", "GlobalMeanPooling", {}, (3, 4)),
    Case("last_step", "LastStep", {}, (3, 4)),
    Case("series_summary", "SeriesSummary", {}, (3, 16)),
    Case("recurrent", "MaskedRecurrent", {"units": 3}, (3, 3)),
    Case("recurrent", "MaskedRecurrent", {"units": 3, "cell": "gru", "direction": "both"}, (3, 6)),
    Case("recurrent", "MaskedRecurrent", {"units": 3, "return_sequences": True}, (3, 7, 3), SAME),
    Case(
        "recurrent",
        "MaskedRecurrent",
        {"units": 3, "cell": "gru", "direction": "both", "return_sequences": True, "dropout": 0.2, "seed": 1},
        (3, 7, 6),
        SAME,
    ),
    Case("recurrent_stack", "MaskedRecurrentStack", {"units": 3, "depth": 2, "cell": "gru"}, (3, 3)),
    Case("separable_convolution", "MaskedSeparableConv1D", {"filters": 6, "kernel_size": 3}, (3, 7, 6), SAME),
    Case(
        "separable_convolution",
        "MaskedSeparableConv1D",
        {"filters": 6, "kernel_size": 2, "strides": 3, "dilation_rate": 2, "padding": "causal"},
        (3, 3, 6),
        [3, 2, 0],
    ),
    Case("layer_normalization", "MaskedLayerNormalization", {}, (3, 7, 4), SAME),
    Case("group_normalization", "MaskedGroupNormalization", {"groups": 2}, (3, 7, 4), SAME),
    Case("batch_normalization", "MaskedBatchNormalization", {}, (3, 7, 4), SAME),
    Case("attention_pooling", "AttentionPooling", {"units": 5}, (3, 4)),
    Case("self_attention", "MaskedSelfAttention", {"heads": 2, "key_dimension": 3, "causal": True}, (3, 7, 4), SAME),
    Case("transformer_block", "TransformerBlock", {"heads": 2, "feed_forward": 8, "dropout": 0.1}, (3, 7, 4), SAME),
    Case("positions", "PositionEncoding", {"kind": "sinusoidal"}, (3, 7, 4), SAME),
    Case("positions", "PositionEncoding", {"kind": "learned", "maximum": 5}, (3, 7, 4), SAME),
    Case("time_shared_dropout", "TimeSharedDropout", {"rate": 0.4, "seed": 3}, (3, 7, 4), SAME),
    Case("compact", "Compact", {"side": "pre"}, (3, 7, 4), SAME),
    Case("compact", "Compact", {"side": "post"}, (3, 7, 4), SAME),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def example(case: Case, dtype: str = "float32") -> tuple[np.ndarray, np.ndarray]:
    """A batch with a full, a shorter and an empty row."""
    generator = np.random.default_rng(7)
    if case.inputs == "ids":
        return generator.integers(0, VOCABULARY, (BATCH, STEPS)).astype(np.int32), LENGTHS
    return generator.normal(size=(BATCH, STEPS, CHANNELS)).astype(dtype), LENGTHS


def arrays(result: Any) -> list[np.ndarray]:
    """A layer's output as numpy, lengths included."""
    return [ops.convert_to_numpy(value) for value in (result if isinstance(result, tuple) else (result,))]


def functional(case: Case, layer: keras.Layer, steps: int | None) -> keras.Model:
    """A model of the one layer on symbolic inputs."""
    shape = (steps,) if case.inputs == "ids" else (steps, CHANNELS)
    sequence = keras.Input(shape, dtype="int32" if case.inputs == "ids" else "float32", name="sequence")
    lengths = keras.Input((), dtype="int32", name="lengths")
    return keras.Model([sequence, lengths], layer(sequence, lengths))


@every_case
def test_shape_dtype_and_lengths(case: Case) -> None:
    result = arrays(case.make()(*example(case)))
    assert result[0].shape == case.output
    assert result[0].dtype == np.float32
    assert len(result) == (1 if case.out_lengths is None else 2)
    if case.out_lengths is not None:
        assert result[1].tolist() == case.out_lengths
        for row, length in zip(result[0], case.out_lengths, strict=True):
            assert (row[length:] == 0).all()
    assert np.isfinite(result[0]).all()
    assert (result[0][2] == 0).all(), "the empty row"


@every_case
def test_symbolic_shapes(case: Case) -> None:
    static = functional(case, case.make(), STEPS).outputs[0]
    unknown = functional(case, case.make(), None).outputs[0]
    assert tuple(static.shape) == (None, *case.output[1:])
    assert unknown.shape[-1] == case.output[-1]


@every_case
def test_config_and_file_round_trip(case: Case, tmp_path: Path) -> None:
    layer = case.make(name="it")
    restored = type(layer).from_config(layer.get_config())
    assert restored.get_config() == layer.get_config()
    model = functional(case, layer, None)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    batch = list(example(case))
    for before, after in zip(arrays_of(model(batch)), arrays_of(loaded(batch)), strict=True):
        np.testing.assert_array_equal(before, after)


def arrays_of(outputs: Any) -> list[np.ndarray]:
    """A model's outputs as numpy: Keras gives a list, a tuple or one tensor."""
    return arrays(tuple(outputs) if isinstance(outputs, list | tuple) else outputs)


@every_case
@pytest.mark.parametrize(("policy", "tolerance"), [("mixed_bfloat16", 5e-2), ("mixed_float16", 5e-3)])
def test_mixed_precision(case: Case, policy: str, tolerance: float) -> None:
    full = case.make()
    batch = example(case)
    expected = arrays(full(*batch))[0]
    half = case.make(dtype=policy)
    half(*batch)
    half.set_weights(full.get_weights())
    result = half(*batch)
    output = result[0] if isinstance(result, tuple) else result
    assert keras.backend.standardize_dtype(output.dtype) == policy.removeprefix("mixed_")
    np.testing.assert_allclose(ops.convert_to_numpy(ops.cast(output, "float32")), expected, atol=tolerance)
    assert all(
        keras.backend.standardize_dtype(weight.dtype) in ("float32", "uint32", "int64") for weight in half.weights
    )


@every_case
def test_training_step_with_an_empty_row_moves_every_weight_to_a_finite_value(case: Case) -> None:
    layer = case.make()
    model = functional(case, layer, None)
    outputs = model.outputs[0]
    model = keras.Model(model.inputs, keras.layers.Dense(1)(outputs))
    model.compile("adam", "mse", run_eagerly=True)
    before = [ops.convert_to_numpy(weight) for weight in layer.trainable_weights]
    target = np.ones((BATCH, *case.output[1:-1], 1), np.float32)
    assert np.isfinite(model.train_on_batch(list(example(case)), target))
    for weight, old in zip(layer.trainable_weights, before, strict=True):
        assert np.isfinite(ops.convert_to_numpy(weight)).all(), weight.path
        assert not np.array_equal(ops.convert_to_numpy(weight), old), weight.path


@every_case
def test_one_trace_for_each_shape(case: Case) -> None:
    layer = case.make()
    batch = example(case)
    expected = arrays(layer(*batch))[0]
    traces = []

    def run(sequence: Any, lengths: Any) -> Any:
        traces.append(1)
        return layer(sequence, lengths)

    compiled = compile_function(run)
    for shift in range(3):
        result = arrays(compiled(ops.convert_to_tensor(batch[0]), ops.convert_to_tensor(np.roll(LENGTHS, shift))))
        if shift == 0:
            np.testing.assert_allclose(result[0], expected, atol=1e-5)
    assert len(traces) == 1


def compile_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled by XLA on the active backend."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, jit_compile=True)


def test_wrong_inputs_are_refused_with_what_was_expected() -> None:
    layer = Case("last_step", "LastStep", {}, (3, 4)).make(name="probe")
    with pytest.raises(
        ValueError, match=r"probe: received a sequence of shape \(3, 7\), expected \[batch, steps, channels\]"
    ):
        layer(np.zeros((3, 7), np.float32), LENGTHS)
    with pytest.raises(ValueError, match="at least one step"):
        layer(np.zeros((3, 0, 4), np.float32), LENGTHS)
    with pytest.raises(ValueError, match=r"expected the integers \[batch\]; pass the number of real steps"):
        layer(np.zeros((3, 7, 4), np.float32), np.ones((3, 7), bool))


@pytest.mark.parametrize(
    ("module", "name", "arguments", "message"),
    [
        ("convolution", "MaskedConv1D", {"filters": 0, "kernel_size": 3}, "received filters=0, expected an integer"),
        (
            "convolution",
            "MaskedConv1D",
            {"filters": 1, "kernel_size": 3, "padding": "full"},
            "'valid', 'same', 'causal'",
        ),
        ("max_pooling", "MaskedMaxPooling1D", {"padding": "same"}, "'valid', 'ceil'"),
        (
            "recurrent",
            "MaskedRecurrent",
            {"units": 3, "cell": "rnn"},
            "received cell='rnn', expected one of 'lstm', 'gru'",
        ),
        ("recurrent", "MaskedRecurrent", {"units": 3, "direction": "up"}, "'forward', 'backward', 'both'"),
    ],
)
def test_wrong_arguments_are_refused(module: str, name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Case(module, name, arguments, ()).make()
