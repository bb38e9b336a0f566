"""Serialized records to arrays, by tf.io.parse_example where TensorFlow is the backend, else with numpy.

On JAX or PyTorch the trainer neither needs TensorFlow nor waits the seconds that importing it takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trainer.input.tf_example import RawFeature, decode, read_example


@dataclass(frozen=True)
class Field:
    """What every record holds under one name.

    Attributes:
      dtype: int64, float32 or bytes.
      shape: of one row.
    """

    dtype: str
    shape: tuple[int, ...]


def parse_records(records: Sequence[bytes], fields: Mapping[str, Field]) -> dict[str, np.ndarray]:
    """An array [rows, *shape] for every field.

    Args:
      records: serialized tf.Examples, at least one.
      fields: by name.

    Raises:
      ValueError: a record is no tf.Example, or lacks a field, or holds another type or number of values.
    """
    import keras

    return (parse_with_tensorflow if keras.backend.backend() == "tensorflow" else parse_with_numpy)(records, fields)


def parse_with_tensorflow(records: Sequence[bytes], fields: Mapping[str, Field]) -> dict[str, np.ndarray]:
    """As `parse_records`."""
    import tensorflow as tf

    dtypes = {"int64": tf.int64, "float32": tf.float32, "bytes": tf.string}
    spec = {name: tf.io.FixedLenFeature(field.shape, dtypes[field.dtype]) for name, field in fields.items()}
    try:
        return {name: values.numpy() for name, values in tf.io.parse_example(list(records), spec).items()}
    except tf.errors.OpError as error:
        raise ValueError(str(error).splitlines()[0]) from error


def parse_with_numpy(records: Sequence[bytes], fields: Mapping[str, Field]) -> dict[str, np.ndarray]:
    """As `parse_records`."""
    examples = [read_example(record) for record in records]
    nothing = RawFeature("", [])
    columns = {}
    for name, field in fields.items():
        parts = []
        for row, example in enumerate(examples):
            held = example.get(name, nothing)
            if held.kind != field.dtype:
                raise ValueError(f"record {row}: {name} holds {held.kind or 'nothing'}, expected {field.dtype}")
            parts += held.parts
        values = decode(field.dtype, parts)
        expected = (len(records), *field.shape)
        if values.size != np.prod(expected, dtype=int):
            raise ValueError(f"{name}: received {values.size} values, expected {expected}")
        columns[name] = values.reshape(expected)
    return columns
