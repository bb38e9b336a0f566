"""What every layer of a model gave in one eager call, in the order in which they finished.

Layers are the model's own and those of models nested in it; what a layer is made of inside is its own affair. The call
goes to `model.call`, past the check of the input shape: a model built for one padded length shows how far it gets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

import keras
import numpy as np
from keras import ops, tree

BOLD = re.compile("\x1b\\[1m(.*?)\x1b\\[0m", re.DOTALL)
LONGEST_CAUSE = 200


@dataclass(frozen=True)
class LayerOutput:
    """One tensor that a layer gave.

    Attributes:
      layer: its name.
      kind: its class.
      index: of the tensor among the layer's outputs.
      value: as numpy, floats as float64.
    """

    layer: str
    kind: str
    index: int
    value: np.ndarray


@dataclass(frozen=True)
class Recording:
    """One call.

    Attributes:
      outputs: of the layers, in order.
      prediction: of the model, None where the call failed.
      error: why it failed.
    """

    outputs: list[LayerOutput]
    prediction: np.ndarray | None
    error: Exception | None = None


def cause_of(error: Exception) -> str:
    """The one line of an error's text that says what is wrong, without Keras's and TensorFlow's frames round it.

    Exception encountered when calling ..        Graph execution error:
    <bold>what is wrong</bold>                   Detected at node .. (and a stack)
    Arguments received by ..                     what is wrong
                                                    [[{{node ..}}]]
    """
    text = str(error)
    bold = BOLD.search(text)
    lines = [line.strip() for line in (bold.group(1) if bold else text).splitlines() if line.strip()]
    node = next((index for index, line in enumerate(lines) if line.startswith("[[")), 0)
    if not lines:
        return type(error).__name__
    return shorten(lines[max(node - 1, 0)], LONGEST_CAUSE, placeholder=" ...")


def leaf_layers(model: keras.Layer) -> list[keras.Layer]:
    """The layers of a model, those of nested models instead of the models."""
    leaves: list[keras.Layer] = []
    for layer in getattr(model, "layers", []):
        leaves.extend(leaf_layers(layer) if isinstance(layer, keras.Model) else [layer])
    return [layer for layer in leaves if not isinstance(layer, keras.layers.InputLayer)]


def record(model: keras.Model, inputs: Mapping[str, np.ndarray]) -> Recording:
    """Calls the model and keeps what every layer gave.

    Args:
      model: any Keras model.
      inputs: by name.
    """
    outputs: list[LayerOutput] = []
    with _listening(leaf_layers(model), outputs):
        try:
            prediction = model.call(arrange(model, inputs), training=False)
        except Exception as error:  # noqa: BLE001 (whatever a user's layer raises is a finding)
            return Recording(outputs, None, error)
    return Recording(outputs, flat_prediction(prediction))


def predict(model: keras.Model, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The model's outputs as one float64[rows, values], from its compiled function: an eager loop takes minutes."""
    return flat_prediction(model.predict_on_batch(arrange(model, inputs)))


def flat_prediction(prediction: Any) -> np.ndarray:
    """All outputs side by side; a sequence is summed over its steps as long as it has a time axis."""
    values = [as_numpy(value) for value in tree.flatten(prediction)]
    return np.concatenate([value.reshape(len(value), -1) for value in values], axis=1)


def as_numpy(value: Any) -> np.ndarray:
    """A tensor or array as numpy; half precision and floats as float64."""
    if "float" in keras.backend.standardize_dtype(value.dtype):
        return ops.convert_to_numpy(ops.cast(value, "float32")).astype(np.float64)
    return ops.convert_to_numpy(value)


def arrange(model: keras.Model, inputs: Mapping[str, np.ndarray]) -> Any:
    """Inputs in the structure that the model takes: a dict, a list in its order, or one tensor.

    A model without symbolic inputs (a subclassed one) is given the dict, or the only tensor.
    """
    tensors = {name: ops.convert_to_tensor(value) for name, value in inputs.items()}
    structure = getattr(model, "_inputs_struct", None)
    structure = getattr(model, "inputs", None) if structure is None else structure
    if isinstance(structure, dict):
        return {name: tensors[name] for name in structure}
    if isinstance(structure, list | tuple) and len(structure) > 1:
        return [tensors[tensor.name] for tensor in structure]
    return next(iter(tensors.values())) if len(tensors) == 1 else tensors


@contextmanager
def _listening(layers: list[keras.Layer], outputs: list[LayerOutput]) -> Iterator[None]:
    """Puts a listener round `call` of every layer, and takes it away again."""
    for layer in layers:
        object.__setattr__(layer, "call", _listener(layer, layer.call, outputs))
    try:
        yield
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")


def _listener(layer: keras.Layer, call: Any, outputs: list[LayerOutput]) -> Any:
    def listening(*arguments: Any, **keywords: Any) -> Any:
        result = call(*arguments, **keywords)
        for index, value in enumerate(tree.flatten(result)):
            outputs.append(LayerOutput(layer.name, type(layer).__name__, index, as_numpy(value)))
        return result

    return listening
