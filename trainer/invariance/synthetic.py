"""Rows for a model of which nothing is known but its inputs.

    rank 2, read by an Embedding         ids below its vocabulary
    rank 3                               a series of normal numbers
    NAME_length beside NAME              lengths
    anything else                        context

Lengths are spread from 1 to the padded length, so that every batch has short rows and a full one.
"""

from __future__ import annotations

import keras
import numpy as np

from schemas.errors import InputError
from trainer.invariance.recorder import leaf_layers
from trainer.invariance.rows import LENGTH_SUFFIX, Rows

UNKNOWN_STEPS = 12


def synthetic_rows(model: keras.Model, count: int = 8, side: str = "post", seed: int = 0) -> Rows:
    """Random rows that fit a model's symbolic inputs.

    Args:
      model: with symbolic inputs.
      count: rows.
      side: where they are padded.
      seed: of the values.

    Raises:
      InputError: a model without symbolic inputs, or without one that has a time axis.
    """
    symbolic = {tensor.name: tensor for tensor in getattr(model, "inputs", None) or ()}
    generator = np.random.default_rng(seed)
    vocabularies = [
        int(getattr(layer, "input_dim", 0) or getattr(layer, "vocabulary_size", 0)) for layer in leaf_layers(model)
    ]
    vocabulary = min([size for size in vocabularies if size] or [2])
    sequences: dict[str, list[np.ndarray]] = {}
    context: dict[str, np.ndarray] = {}
    padded: dict[str, int] = {}
    for name, tensor in symbolic.items():
        shape = tuple(tensor.shape)
        dtype = np.dtype("int32" if "int" in keras.backend.standardize_dtype(tensor.dtype) else "float32")
        is_ids = len(shape) == 2 and (shape[1] is None or _read_by_embedding(model, tensor))
        if name.endswith(LENGTH_SUFFIX) and name.removesuffix(LENGTH_SUFFIX) in symbolic:
            continue
        if is_ids or len(shape) == 3:
            steps = shape[1] or UNKNOWN_STEPS
            lengths = np.linspace(1, steps, count).round().astype(int)
            generator.shuffle(lengths)
            sequences[name] = [_steps(generator, length, shape, is_ids, vocabulary).astype(dtype) for length in lengths]
            padded[name] = steps
        elif dtype.kind == "i":
            context[name] = generator.integers(0, 2, (count, *shape[1:])).astype(dtype)
        else:
            context[name] = generator.normal(size=(count, *(size or 1 for size in shape[1:]))).astype(dtype)
    if not sequences:
        described = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in symbolic.items()) or "none"
        raise InputError(f"the model's inputs are {described}; expected one with a time axis, or a dataset with --data")
    told = frozenset(name for name in sequences if f"{name}{LENGTH_SUFFIX}" in symbolic)
    return Rows(sequences, context, told, side, padded)


def _steps(
    generator: np.random.Generator, length: int, shape: tuple[int | None, ...], is_ids: bool, vocabulary: int
) -> np.ndarray:
    if is_ids:
        return generator.integers(1, max(vocabulary, 2), length)
    return generator.normal(size=(length, shape[2] or 1))


def _read_by_embedding(model: keras.Model, tensor: keras.KerasTensor) -> bool:
    """Whether an Embedding stands behind this input."""
    for layer in leaf_layers(model):
        for node in getattr(layer, "_inbound_nodes", ()):
            reads = any(argument is tensor for argument in node.input_tensors)
            if reads and "Embedding" in type(layer).__name__:
                return True
    return False
