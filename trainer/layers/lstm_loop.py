"""An LSTM over prefix-masked rows whose gradient is written out instead of left to the backend.

Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000; gates in Keras's order i, f, g, o:

    [i f g o] = [x_t h] [W; R] + b      c' = sig(f) c + sig(i) tanh(g)      h' = sig(o) tanh(c')

At a padded step the state is handed on as it is. The backend's own gradient of a loop adds to every weight's gradient
at every step; here the loop back keeps only the gradients of the gates, and the weights' are one product of all steps
(Appleyard et al. 2016, "Optimizing Performance of Recurrent Neural Networks on GPUs").
"""

from __future__ import annotations

from typing import Any

from keras import ops

from trainer.layers.mask import Tensor
from trainer.layers.time_loop import scan_time


def run_lstm(
    sequence: Tensor, mask: Tensor, weights: list[Tensor], backward: bool = False, return_sequences: bool = False
) -> Tensor:
    """The states of an LSTM.

    Args:
      sequence: float[steps, batch, channels], time first; padded steps hold any finite number.
      mask: float[steps, batch, 1], 1 at real steps, 0 at padded ones.
      weights: kernel[channels, 4 units], recurrent kernel[units, 4 units], bias[4 units].
      backward: whether the last step is read first.
      return_sequences: whether to return the state after every step, or after all.

    Returns:
      float[steps, batch, units]; at padded steps the state that stood there. Or float[batch, units].
    """
    units = weights[1].shape[0]

    @ops.custom_gradient
    def run(sequence: Tensor, mask: Tensor, kernel: Tensor, recurrent: Tensor, bias: Tensor) -> Any:
        both = ops.concatenate([kernel, recurrent], axis=0)

        def step(state: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> Any:
            hidden, carry = state
            x, real = inputs
            gates = ops.matmul(ops.concatenate([x, hidden], axis=1), both) + bias
            i, f, g, o = ops.split(gates, 4, axis=1)
            i, f, g, o = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(g), ops.sigmoid(o)
            new_carry = f * carry + i * g
            new_hidden = o * ops.tanh(new_carry)
            after = ops.where(real > 0, new_hidden, hidden), ops.where(real > 0, new_carry, carry)
            kept = ops.concatenate([i, f, g, o], axis=1), carry, hidden
            return after, (*kept, after[0]) if return_sequences else kept

        zeros = ops.zeros_like(ops.matmul(sequence[0], kernel[:, :units]))
        widths = (4 * units, units, units, units)[: 4 if return_sequences else 3]
        (last, _), kept = scan_time(step, (zeros, zeros), (sequence, mask), widths, backward)
        gates, carries, hiddens = kept[:3]

        def gradient(*arguments: Tensor, upstream: Tensor = None) -> tuple[Tensor, ...]:
            # PyTorch names what comes from above, and gives the inputs beside it.
            towards = arguments[0] if upstream is None else upstream
            back = _gate_gradients(recurrent, gates, carries, mask, towards, backward, return_sequences)
            flat = ops.reshape(back, (-1, 4 * units))
            rows = ops.concatenate([sequence, hiddens], axis=2)
            both_gradient = ops.matmul(ops.transpose(ops.reshape(rows, (-1, rows.shape[2]))), flat)
            channels = kernel.shape[0]
            return (
                ops.matmul(back, ops.transpose(kernel)),
                ops.zeros_like(mask),
                both_gradient[:channels],
                both_gradient[channels:],
                ops.sum(flat, axis=0),
            )

        return kept[3] if return_sequences else last, gradient

    return run(sequence, mask, *weights)


def _gate_gradients(
    recurrent: Tensor,
    gates: Tensor,
    carries: Tensor,
    mask: Tensor,
    towards: Tensor,
    backward: bool,
    of_sequences: bool,
) -> Tensor:
    """Gradient of every step's gates before their activation, float[steps, batch, 4 units]; 0 at padded steps."""
    back_to_hidden = ops.transpose(recurrent)

    def step(state: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> Any:
        hidden_gradient, carry_gradient = state
        kept, carry, real = inputs[:3]
        if of_sequences:
            hidden_gradient = hidden_gradient + inputs[3]
        i, f, g, o = ops.split(kept, 4, axis=1)
        squashed = ops.tanh(f * carry + i * g)
        through = carry_gradient + hidden_gradient * o * (1 - squashed * squashed)
        of_gates = ops.concatenate(
            [
                through * g * i * (1 - i),
                through * carry * f * (1 - f),
                through * i * (1 - g * g),
                hidden_gradient * squashed * o * (1 - o),
            ],
            axis=1,
        )
        of_gates = ops.where(real > 0, of_gates, ops.zeros_like(of_gates))
        before = (
            ops.where(real > 0, ops.matmul(of_gates, back_to_hidden), hidden_gradient),
            ops.where(real > 0, through * f, carry_gradient),
        )
        return before, (of_gates,)

    zeros = ops.zeros_like(carries[0])
    inputs = (gates, carries, mask, towards) if of_sequences else (gates, carries, mask)
    first = zeros if of_sequences else towards
    _, (found,) = scan_time(step, (first, zeros), inputs, (gates.shape[2],), not backward)
    return found
