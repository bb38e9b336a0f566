"""Vectors of several modalities, weighted row by row before they are added.

A sigmoid gate for each modality and channel is computed from all of them (Arevalo et al. 2017, gated multimodal unit),
so that a row with an empty or useless modality can rely on the others. Vectors have no time axis and need no mask.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from trainer.layers.base import PACKAGE, check_positive
from trainer.layers.mask import Tensor


@keras.saving.register_keras_serializable(package=PACKAGE)
class GatedJoin(keras.Layer):
    """Adds projections of several vectors, each times its gate.

    Args:
      units: channels of the output.

    Call arguments:
      vectors: list of [batch, channels_i].

    Input shape: a list of at least one [batch, channels_i].
    Output shape: [batch, units].

    Example:
      >>> vector = GatedJoin(64)([text_vector, series_vector, context_vector])

    Masking behaviour: none; vectors hold no padded steps.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_positive("GatedJoin", units=units)
        self.units = units

    def build(self, vectors_shape: list[tuple[int | None, ...]]) -> None:
        """Makes a projection and a gate for each vector."""
        total = sum(shape[-1] or 0 for shape in vectors_shape)
        self.projections = []
        self.gates = []
        for index, shape in enumerate(vectors_shape):
            projection = keras.layers.Dense(
                self.units, activation="tanh", dtype=self.dtype_policy, name=f"projection_{index}"
            )
            gate = keras.layers.Dense(self.units, activation="sigmoid", dtype=self.dtype_policy, name=f"gate_{index}")
            projection.build(shape)
            gate.build((shape[0], total))
            self.projections.append(projection)
            self.gates.append(gate)

    def call(self, vectors: list[Tensor]) -> Tensor:
        """Joins; see the class."""
        everything = ops.concatenate(vectors, axis=-1)
        parts = [
            gate(everything) * projection(vector)
            for gate, projection, vector in zip(self.gates, self.projections, vectors, strict=True)
        ]
        return sum(parts[1:], start=parts[0])

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return super().get_config() | {"units": self.units}
