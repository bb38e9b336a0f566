"""A sequence through stacked LSTM or GRU layers."""

from __future__ import annotations

from trainer.layers.mask import Tensor
from trainer.layers.recurrent_stack import MaskedRecurrentStack
from trainer.models.config import RnnOptions
from trainer.models.entry import Sequence


def _stack(name: str, options: RnnOptions, return_sequences: bool) -> MaskedRecurrentStack:
    return MaskedRecurrentStack(
        options.units,
        depth=options.depth,
        cell=options.cell,
        direction="both" if options.bidirectional else "forward",
        return_sequences=return_sequences,
        dropout=options.dropout,
        recurrent_dropout=options.recurrent_dropout,
        name=f"{name}_recurrent",
    )


def recurrent_steps(name: str, sequence: Sequence, options: RnnOptions) -> Sequence:
    """Every step's output."""
    return Sequence(*_stack(name, options, True)(sequence.steps, sequence.lengths))


def recurrent_state(name: str, sequence: Sequence, options: RnnOptions) -> Tensor:
    """The final state, [batch, channels]: cheaper than picking it from every step's output."""
    return _stack(name, options, False)(sequence.steps, sequence.lengths)
