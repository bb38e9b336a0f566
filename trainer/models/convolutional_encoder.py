"""A sequence through convolutional blocks.

    convolution -> normalisation -> activation -> dropout -> + block input -> max pooling

The residual is added where the block keeps steps (stride 1, not "valid") and channels.
"""

from __future__ import annotations

import keras

from trainer.layers.batch_normalization import MaskedBatchNormalization
from trainer.layers.convolution import MaskedConv1D
from trainer.layers.layer_normalization import MaskedLayerNormalization
from trainer.layers.max_pooling import MaskedMaxPooling1D
from trainer.layers.residual import MaskedResidual
from trainer.layers.separable_convolution import MaskedSeparableConv1D
from trainer.layers.time_shared_dropout import TimeSharedDropout
from trainer.models.config import CnnOptions, by_block
from trainer.models.entry import Sequence

NORMALIZATIONS = {"layer": MaskedLayerNormalization, "batch": MaskedBatchNormalization}


def convolutional_steps(name: str, sequence: Sequence, options: CnnOptions) -> Sequence:
    """The output of the last block.

    Raises:
      ModelError: a list of options that is not as long as there are blocks.
    """
    settings = zip(
        by_block("kernel_size", options.kernel_size, options.blocks),
        by_block("dilation", options.dilation, options.blocks),
        by_block("stride", options.stride, options.blocks),
        by_block("pool", options.pool, options.blocks),
        strict=True,
    )
    for index, (kernel_size, dilation, stride, pool) in enumerate(settings):
        block = f"{name}_block_{index}"
        before = sequence
        sequence = _convolve(block, sequence, options, (kernel_size, dilation, stride))
        if options.dropout:
            dropout = TimeSharedDropout(options.dropout, name=f"{block}_dropout")
            sequence = Sequence(*dropout(sequence.steps, sequence.lengths))
        keeps_steps = stride == 1 and options.padding != "valid"
        if options.residual and keeps_steps and before.steps.shape[-1] == options.filters:
            residual = MaskedResidual(name=f"{block}_residual")
            sequence = Sequence(*residual(before.steps, sequence.steps, sequence.lengths))
        if pool > 1:
            sequence = Sequence(*MaskedMaxPooling1D(pool, name=f"{block}_pool")(sequence.steps, sequence.lengths))
    return sequence


def _convolve(block: str, sequence: Sequence, options: CnnOptions, window: tuple[int, int, int]) -> Sequence:
    kernel_size, dilation, stride = window
    layer = MaskedSeparableConv1D if options.separable else MaskedConv1D
    normalized = options.normalization != "none"
    convolution = layer(
        options.filters,
        kernel_size,
        strides=stride,
        padding=options.padding,
        dilation_rate=dilation,
        activation=None if normalized else options.activation,
        name=f"{block}_convolution",
    )
    steps, lengths = convolution(sequence.steps, sequence.lengths)
    if normalized:
        steps, lengths = NORMALIZATIONS[options.normalization](name=f"{block}_normalization")(steps, lengths)
        # An activation maps 0 to anything; the layer behind cleans what it reads.
        steps = keras.layers.Activation(options.activation, name=f"{block}_activation")(steps)
    return Sequence(steps, lengths)
