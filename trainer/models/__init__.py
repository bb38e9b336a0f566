"""Models from a dataset's description alone, one builder each.

    rnn          stacked LSTM or GRU, in one or both directions
    cnn          convolutions: dilated, strided, pooled, residual
    attention    transformer encoder
    multimodal   an encoder chosen for each feature, joined by concatenation, gates or cross-attention

    model = build_model("rnn", describe_inputs(manifest), {"units": 128}, seed=0)

Every model takes a dict of inputs (see `inputs`), tells every layer the lengths explicitly (see `trainer.layers`), and
so gives a row the same prediction alone or in any batch, however far it is padded. Importing this package registers
all layers with Keras, so that saved models load.
"""

from trainer.layers import registry as _registry  # noqa: F401 (imported for its registrations)
from trainer.models.build import build_model
from trainer.models.inputs import FeatureInput, InputDescription, describe_inputs

__all__ = ["FeatureInput", "InputDescription", "build_model", "describe_inputs"]
