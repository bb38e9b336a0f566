"""The loops' states and written-out gradients are those that the backend derives from Keras's own layers.

Padding changes nothing is tested elsewhere; here a wrong term in a gradient would show, which is as independent of
padding as a right one.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from trainer.layers.recurrent import CELLS, LOOPS

BATCH, STEPS, CHANNELS, UNITS = 4, 6, 3, 5
LENGTHS = np.array([6, 3, 0, 1], np.int32)


def stock(layer: Any, weights: list[Any], sequence: Any, mask: Any, backward: bool, sequences: bool) -> Any:
    """Keras's own loop with a mask; its weights are the layer's, given as tensors."""
    fixed = [variable.value for variable in layer.non_trainable_variables]
    output, _ = layer.stateless_call(weights, fixed, sequence, mask=mask)
    return ops.flip(output, axis=1) if backward and sequences else output


def ours(cell: str, weights: list[Any], sequence: Any, mask: Any, backward: bool, sequences: bool) -> Any:
    real = ops.expand_dims(ops.cast(ops.transpose(mask), sequence.dtype), 2)
    output = LOOPS[cell](ops.transpose(sequence, (1, 0, 2)), real, weights, backward, sequences)
    return ops.transpose(output, (1, 0, 2)) if sequences else output


def value_and_gradients(function: Any, arguments: list[np.ndarray]) -> list[np.ndarray]:
    """Of a scalar function, by every argument."""
    if keras.backend.backend() == "jax":
        import jax

        value, gradients = jax.value_and_grad(lambda all_of_them: function(*all_of_them))(arguments)
        return [np.asarray(value), *map(np.asarray, gradients)]
    if keras.backend.backend() == "torch":
        import torch

        leaves = [torch.tensor(argument, requires_grad=True) for argument in arguments]
        total = function(*leaves)
        return [part.detach().numpy() for part in (total, *torch.autograd.grad(total, leaves))]
    import tensorflow as tf

    tensors = [tf.constant(argument) for argument in arguments]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
    return [value.numpy(), *(gradient.numpy() for gradient in tape.gradient(value, tensors))]


@pytest.mark.parametrize("sequences", [False, True], ids=["state", "sequences"])
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gradients_are_those_of_the_stock_layer(cell: str, backward: bool, sequences: bool) -> None:
    generator = np.random.default_rng(3)
    sequence = generator.normal(size=(BATCH, STEPS, CHANNELS)).astype(np.float32)
    factor = generator.normal(size=(BATCH, STEPS, UNITS) if sequences else (BATCH, UNITS)).astype(np.float32)
    mask = np.arange(STEPS)[None] < LENGTHS[:, None]
    if sequences:  # what stands at padded steps is the state held there, which no layer hands on
        factor = factor * mask[:, :, None]
    layer = CELLS[cell](UNITS, return_sequences=sequences, go_backwards=backward, use_cudnn=False)
    layer.build((BATCH, STEPS, CHANNELS))
    shapes = [tuple(weight.shape) for weight in layer.trainable_variables]
    weights = [generator.normal(0, 0.5, shape).astype(np.float32) for shape in shapes]

    def loss_of(run: Any, what: Any) -> Any:
        return lambda x, *w: ops.sum(
            run(what, list(w), x, ops.convert_to_tensor(mask), backward, sequences) * ops.convert_to_tensor(factor)
        )

    expected = value_and_gradients(loss_of(stock, layer), [sequence, *weights])
    found = value_and_gradients(loss_of(ours, cell), [sequence, *weights])
    assert len(found) == 2 + len(weights)
    for left, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)
    assert np.abs(found[1][~mask]).max() == 0
    assert all(np.abs(gradient).max() > 1e-2 for gradient in found[1:])
