"""Token ids to vectors, padding to zeros.

    ids [[7 2 0 0]]  length 2   ->   [[e7 e2 0 0]]

Padding comes from the lengths, never from the ids: an id of 0 within the length is a token like any other.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from trainer.layers.base import PACKAGE, LengthLayer, check_positive
from trainer.layers.mask import Tensor, clean


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedEmbedding(LengthLayer):
    """A table of vectors, looked up by id.

    Args:
      vocabulary_size: number of ids, padding and unknown counted in.
      dimension: channels of a vector.
      embeddings_initializer: of the table.
      embeddings_regularizer: of the table.

    Call arguments:
      ids: integer[batch, steps]; whatever stands in the padding is not looked up.
      lengths: integer[batch].

    Input shape: [batch, steps].
    Output shape: [batch, steps, dimension], and the lengths.

    Example:
      >>> vectors, lengths = MaskedEmbedding(20000, 64)(ids, lengths)

    Masking behaviour: padded steps are 0 and give no gradient.
    """

    def __init__(
        self,
        vocabulary_size: int,
        dimension: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_positive("MaskedEmbedding", vocabulary_size=vocabulary_size, dimension=dimension)
        self.vocabulary_size = vocabulary_size
        self.dimension = dimension
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)
        self.embeddings_regularizer = keras.regularizers.get(embeddings_regularizer)

    def build(self, ids_shape: tuple[int | None, ...]) -> None:
        """Makes the table."""
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.vocabulary_size, self.dimension),
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
        )

    def call(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Looks the ids up; see the class."""
        lengths = self.checked(ids, lengths, rank=2)
        vectors = ops.take(self.embeddings, clean(ops.cast(ids, "int32"), lengths), axis=0)
        return clean(ops.cast(vectors, self.compute_dtype), lengths), lengths

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return super().get_config() | {
            "vocabulary_size": self.vocabulary_size,
            "dimension": self.dimension,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
            "embeddings_regularizer": keras.regularizers.serialize(self.embeddings_regularizer),
        }
