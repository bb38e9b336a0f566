"""Assembles a model: inputs, an encoder for each sequence, context, join, head.

    text    -> entry -> encoder -> pooled  \\
    series  -> entry -> encoder -> pooled   >  joined -> dropout -> (hidden) -> probability
                  |-> summary              |
    age     -> projection                  /

`rnn`, `cnn` and `attention` use one kind of encoder for every sequence and concatenate; `multimodal` chooses one for
each and has three ways to join.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from schemas.strict import nearest_name
from trainer.layers.mask import Tensor
from trainer.layers.row_dropout import RowDropout
from trainer.models.config import HeadOptions, MultimodalConfig, parse_architecture
from trainer.models.encode import encode_steps, encode_vector, pool, summarize
from trainer.models.entry import encode_context, enter, make_inputs
from trainer.models.errors import ModelError
from trainer.models.inputs import InputDescription
from trainer.models.join import concatenate, cross_attend, gate


def build_model(
    model: str, inputs: InputDescription, config: Mapping[str, Any] | None = None, seed: int = 0
) -> keras.Model:
    """Builds a model with fresh weights.

    Args:
      model: "rnn", "cnn", "multimodal" or "attention".
      inputs: what it is given and what it predicts.
      config: options of the architecture (see `config`); defaults where absent.
      seed: of the weights and the dropout. Sets the global seeds of Python, numpy and the backend.

    Returns:
      A functional model from a dict of inputs to float32[batch, 1] (probability of class 1, or the value of a
      regression) or float32[batch, classes] (probabilities).

    Raises:
      ModelError: an unknown model, option or feature, or options that do not fit each other.
    """
    options = parse_architecture(model, config)
    keras.utils.set_random_seed(seed)
    tensors = make_inputs(inputs)
    context = [encode_context(feature, tensors, options.context_units) for feature in inputs.context]
    if isinstance(options, MultimodalConfig):
        joined = _multimodal(inputs, tensors, options, context)
    else:
        vectors = []
        for feature in inputs.sequences:
            entered = enter(feature, tensors, options)
            vectors.append(encode_vector(feature.name, entered, options))
            vectors.extend(summarize(feature, entered, options))
        joined = concatenate([*vectors, *context])
    return keras.Model(tensors, _head(joined, inputs, options), name=model)


def _multimodal(
    inputs: InputDescription, tensors: dict[str, Tensor], config: MultimodalConfig, context: list[Tensor]
) -> Tensor:
    names = [feature.name for feature in inputs.sequences]
    for name in config.encoders:
        if name not in names:
            near = nearest_name(name, names)
            hint = f"; did you mean {near!r}?" if near else ""
            raise ModelError(f"encoders: received {name!r}, which is none of the sequences {', '.join(names)}{hint}")
    options = {feature.name: config.encoder_of(feature.name, feature.kind) for feature in inputs.sequences}
    entered = {feature.name: enter(feature, tensors, options[feature.name]) for feature in inputs.sequences}
    summaries = [v for f in inputs.sequences for v in summarize(f, entered[f.name], options[f.name])]
    if config.join == "cross_attention":
        steps = {name: encode_steps(name, entered[name], options[name]) for name in names}
        steps = cross_attend(steps, config.join_units, config.join_heads)
        return concatenate([*(pool(name, steps[name], options[name]) for name in names), *summaries, *context])
    vectors = [*(encode_vector(name, entered[name], options[name]) for name in names), *summaries, *context]
    return gate(vectors, config.join_units) if config.join == "gate" else concatenate(vectors)


def _head(vector: Tensor, inputs: InputDescription, options: HeadOptions) -> Tensor:
    """The prediction, in float32 under any policy: half a precision cannot hold a probability near 1."""
    if options.head_dropout:
        vector = RowDropout(options.head_dropout, name="head_dropout")(vector)
    if options.head_units:
        vector = keras.layers.Dense(options.head_units, activation="relu", name="head_hidden")(vector)
    units = inputs.classes if inputs.head == "multiclass" else 1
    activation = {"binary": "sigmoid", "multiclass": "softmax", "regression": None}[inputs.head]
    return keras.layers.Dense(units, activation=activation, dtype="float32", name="prediction")(vector)
