"""Layers beside their oracles, ready for the properties: float64, random weights, one instance for each configuration.

Instances are kept, so that JAX compiles a shape of a configuration once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tests.properties import layer_oracles as oracles
from tests.properties.layer_contract import BATCH, CHANNELS, ON_JAX, STEPS, TOLERANCE, VOCABULARY, Subject, randomize
from trainer.layers import registry as layers

# On JAX Keras computes mean, tanh, sin and cos of float64 in float32 (off by up to 8e-8): values are held against the
# oracle to that. What padding moves is held to rounding on both backends.
ORACLE_TOLERANCE = 1e-6 if ON_JAX else TOLERANCE


def build(
    layer: keras.Layer, oracle: Callable[[list[np.ndarray], np.ndarray], np.ndarray], inputs: str = "series"
) -> Subject:
    """Builds the layer, gives it random weights, and hands those to its oracle."""
    shape = (BATCH, STEPS) if inputs == "ids" else (BATCH, STEPS, CHANNELS)
    layer(np.zeros(shape, "int32" if inputs == "ids" else "float64"), np.full(BATCH, STEPS, "int32"))
    randomize(layer)
    weights = [ops.convert_to_numpy(weight.value) for weight in layer.weights]
    return Subject(layer, lambda row: oracle(weights, row), inputs, ORACLE_TOLERANCE)


@functools.cache
def convolution(
    kernel_size: int, stride: int, dilation: int, padding: str, layer: Any = layers.MaskedConv1D
) -> Subject:
    made = layer(3, kernel_size, stride, padding, dilation, dtype="float64")
    return build(made, lambda w, row: oracles.convolution(row, w[0], w[1], stride, dilation, padding))


@functools.cache
def separable(kernel_size: int, stride: int, dilation: int, padding: str) -> Subject:
    made = layers.MaskedSeparableConv1D(3, kernel_size, stride, padding, dilation, 2, dtype="float64")
    return build(made, lambda w, row: oracles.separable(row, w[0], w[1], w[2], stride, dilation, padding))


@functools.cache
def pooling(kind: str, size: int, stride: int, padding: str, layer: Any = None) -> Subject:
    layer = layer or {"max": layers.MaskedMaxPooling1D, "mean": layers.MaskedAveragePooling1D}[kind]
    made = layer(size, stride, padding, dtype="float64")
    return build(made, lambda w, row: oracles.pooling(row, size, stride, padding, kind))


@functools.cache
def recurrent(
    cell: str, direction: str, sequences: bool, fused: bool = False, layer: Any = layers.MaskedRecurrent
) -> Subject:
    """`fused` runs the path of fused kernels, on the kernel that this machine has."""
    made = layer(3, cell, direction, sequences, fused="auto" if fused else "never", dtype="float64")
    if fused:
        made.uses_fused = True
        made.forward_half = made._half("forward") if made.forward_half is not None else None
        made.backward_half = made._half("backward") if made.backward_half is not None else None
    count = 3  # kernel, recurrent kernel and bias of each direction

    def oracle(weights: list[np.ndarray], row: np.ndarray) -> np.ndarray:
        floats = [weight for weight in weights if weight.dtype == np.float64]
        return oracles.recurrent(row, floats[: 2 * count], cell, direction, sequences)

    return build(made, oracle)


def _transformer_weights(layer: keras.Layer) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    named = {weight.path.split("/", 1)[1]: ops.convert_to_numpy(weight.value) for weight in layer.weights}
    return named, [ops.convert_to_numpy(weight.value) for weight in layer.attention.weights]


@functools.cache
def single(name: str) -> Subject:
    """The layers with one configuration worth testing."""
    double = {"dtype": "float64"}
    if name == "transformer_block":
        made = layers.TransformerBlock(2, 5, activation="relu", **double)
        return build(made, lambda _, row: oracles.transformer(row, *_transformer_weights(made)))
    makers: dict[str, tuple[keras.Layer, Callable[[list[np.ndarray], np.ndarray], np.ndarray]]] = {
        "embedding": (layers.MaskedEmbedding(VOCABULARY, 3, **double), lambda w, row: w[0][row]),
        "dense": (layers.MaskedDense(3, "sigmoid", **double), lambda w, row: oracles.sigmoid(row @ w[0] + w[1])),
        "global_max": (layers.GlobalMaxPooling(**double), lambda w, row: oracles.global_pooling(row, "max")),
        "global_mean": (layers.GlobalMeanPooling(**double), lambda w, row: oracles.global_pooling(row, "mean")),
        "last_step": (layers.LastStep(**double), lambda w, row: oracles.global_pooling(row, "last")),
        "series_summary": (layers.SeriesSummary(**double), lambda w, row: oracles.series_summary(row)),
        "attention_pooling": (layers.AttentionPooling(3, **double), lambda w, row: oracles.attention_pooling(row, *w)),
        "layer_norm": (layers.MaskedLayerNormalization(**double), lambda w, row: oracles.layer_norm(row, *w)),
        "group_norm": (
            layers.MaskedGroupNormalization(2, **double),
            lambda w, row: oracles.group_norm(row, *w, groups=2),
        ),
        "instance_norm": (
            layers.MaskedGroupNormalization(CHANNELS, **double),
            lambda w, row: oracles.group_norm(row, *w, groups=CHANNELS),
        ),
        "batch_norm": (
            layers.MaskedBatchNormalization(**double),
            lambda w, row: (row - w[2]) / np.sqrt(w[3] + 1e-3) * w[0] + w[1],
        ),
        "self_attention": (layers.MaskedSelfAttention(2, 3, **double), lambda w, row: oracles.attention(row, row, w)),
        "causal_attention": (
            layers.MaskedSelfAttention(2, 3, causal=True, **double),
            lambda w, row: oracles.attention(row, row, w, causal=True),
        ),
        "sinusoidal": (layers.PositionEncoding(**double), lambda w, row: oracles.sinusoids(row)),
        "learned": (
            layers.PositionEncoding("learned", 4, **double),
            lambda w, row: row + w[0][np.minimum(np.arange(len(row)), 3)],
        ),
        "stack": (
            layers.MaskedRecurrentStack(2, 2, "gru", "both", fused="never", **double),
            lambda w, row: _stack(row, [array for array in w if array.dtype == np.float64]),
        ),
    }
    layer, oracle = makers[name]
    return build(layer, oracle, "ids" if name == "embedding" else "series")


def _stack(row: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    middle = oracles.recurrent(row, weights[:6], "gru", "both", True)
    return oracles.recurrent(middle, weights[6:], "gru", "both", False)


SINGLES = (
    "embedding",
    "dense",
    "global_max",
    "global_mean",
    "last_step",
    "series_summary",
    "attention_pooling",
    "layer_norm",
    "group_norm",
    "instance_norm",
    "batch_norm",
    "self_attention",
    "causal_attention",
    "sinusoidal",
    "learned",
    "transformer_block",
    "stack",
)
