"""How raw features reach the transform graph: from serialized tf.Examples, or as plain tensors.

raw feature    tf.Example feature      plain tensors                              the graph takes
scalar         one value (or default)  NAME [batch]                               [batch]
list, ragged   any number of values    NAME [batch, most], NAME_count [batch]     ragged [batch, (values)]
list, dense    exactly `size` values   NAME [batch, size]                         [batch, size]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from schemas.manifest import RawFeature

DTYPES = {"string": tf.string, "int64": tf.int64, "float32": tf.float32}
EMPTY = {"string": "", "int64": 0, "float32": 0.0}


class RawInputs:
    """The raw features of one transform graph.

    Args:
      features: of the manifest; the graph takes all of them.
      specs: name -> tf.TensorSpec or tf.RaggedTensorSpec that the graph takes.
      optional: features that the model does not read: a row may lack them, whatever the manifest says.
    """

    def __init__(self, features: Sequence[RawFeature], specs: Mapping[str, Any], optional: frozenset[str]) -> None:
        self._features = [feature for feature in features if feature.name in specs]
        self._specs = dict(specs)
        self._optional = optional

    def parse(self, examples: tf.Tensor) -> dict[str, Any]:
        """Raw features of serialized tf.Examples.

        Args:
          examples: string[batch].

        Returns:
          name -> the tensor that the transform graph takes.
        """
        return dict(tf.io.parse_example(examples, {f.name: self._parsing(f) for f in self._features}))

    def tensor_specs(self) -> dict[str, tf.TensorSpec]:
        """The plain tensors of the second signature."""
        specs = {}
        for feature in self._features:
            spec, dtype = self._specs[feature.name], DTYPES[feature.dtype]
            if isinstance(spec, tf.RaggedTensorSpec):
                specs[feature.name] = tf.TensorSpec([None, None], dtype, name=feature.name)
                specs[f"{feature.name}_count"] = tf.TensorSpec([None], tf.int64, name=f"{feature.name}_count")
            else:
                specs[feature.name] = tf.TensorSpec([None, *spec.shape[1:]], dtype, name=feature.name)
        return specs

    def from_tensors(self, tensors: Mapping[str, tf.Tensor]) -> dict[str, Any]:
        """Raw features from plain tensors: what `parse` gives for the same rows."""
        result: dict[str, Any] = {}
        for feature in self._features:
            values = tensors[feature.name]
            if isinstance(self._specs[feature.name], tf.RaggedTensorSpec):
                values = tf.RaggedTensor.from_tensor(values, lengths=tensors[f"{feature.name}_count"])
                values = values.with_row_splits_dtype(tf.int64)
            result[feature.name] = values
        return result

    def _parsing(self, feature: RawFeature) -> Any:
        dtype, spec = DTYPES[feature.dtype], self._specs[feature.name]
        if isinstance(spec, tf.RaggedTensorSpec):
            return tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64)
        default: Any = feature.default
        if default is None and feature.name in self._optional:
            default = EMPTY[feature.dtype]
        if default is not None and feature.dtype == "float32":
            default = float(default)  # JSON has no NaN: the manifest says "nan"
        shape = [int(size) for size in spec.shape[1:]]
        if default is not None and shape:
            default = [default] * shape[0]
        return tf.io.FixedLenFeature(shape, dtype, default)
