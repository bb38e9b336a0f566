"""A GRU over prefix-masked rows whose gradient is written out; see `lstm_loop` for why.

Cho et al. 2014, in the form that applies the reset gate after the product (that of cuDNN, and Keras's default); gates
in Keras's order z, r, n:

    [z r] = sig(x_t W + b + h R + c)      n = tanh(x_t W_n + b_n + r (h R_n + c_n))      h' = z h + (1 - z) n
"""

from __future__ import annotations

from typing import Any

from keras import ops

from trainer.layers.mask import Tensor
from trainer.layers.time_loop import scan_time


def run_gru(
    sequence: Tensor, mask: Tensor, weights: list[Tensor], backward: bool = False, return_sequences: bool = False
) -> Tensor:
    """The states of a GRU.

    Args:
      sequence: float[steps, batch, channels], time first; padded steps hold any finite number.
      mask: float[steps, batch, 1], 1 at real steps, 0 at padded ones.
      weights: kernel[channels, 3 units], recurrent kernel[units, 3 units], bias[2, 3 units].
      backward: whether the last step is read first.
      return_sequences: whether to return the state after every step, or after all.

    Returns:
      float[steps, batch, units]; at padded steps the state that stood there. Or float[batch, units].
    """
    units = weights[1].shape[0]

    @ops.custom_gradient
    def run(sequence: Tensor, mask: Tensor, kernel: Tensor, recurrent: Tensor, bias: Tensor) -> Any:
        def step(state: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> Any:
            (hidden,) = state
            x, real = inputs
            of_input = ops.matmul(x, kernel) + bias[0]
            of_hidden = ops.matmul(hidden, recurrent) + bias[1]
            both = ops.sigmoid(of_input[:, : 2 * units] + of_hidden[:, : 2 * units])
            z, r = both[:, :units], both[:, units:]
            inner = of_hidden[:, 2 * units :]
            n = ops.tanh(of_input[:, 2 * units :] + r * inner)
            after = ops.where(real > 0, z * hidden + (1 - z) * n, hidden)
            kept = ops.concatenate([z, r, n, inner], axis=1), hidden
            return (after,), (*kept, after) if return_sequences else kept

        zeros = ops.zeros_like(ops.matmul(sequence[0], kernel[:, :units]))
        widths = (4 * units, units, units)[: 3 if return_sequences else 2]
        (last,), kept = scan_time(step, (zeros,), (sequence, mask), widths, backward)
        gates, hiddens = kept[:2]

        def gradient(*arguments: Tensor, upstream: Tensor = None) -> tuple[Tensor, ...]:
            # PyTorch names what comes from above, and gives the inputs beside it.
            towards = arguments[0] if upstream is None else upstream
            of_input, of_inner = _gate_gradients(recurrent, gates, hiddens, mask, towards, backward, return_sequences)
            of_hidden = ops.concatenate([of_input[:, :, : 2 * units], of_inner], axis=2)
            flat_input, flat_hidden = (ops.reshape(found, (-1, 3 * units)) for found in (of_input, of_hidden))
            rows, states = (ops.reshape(value, (-1, value.shape[2])) for value in (sequence, hiddens))
            return (
                ops.matmul(of_input, ops.transpose(kernel)),
                ops.zeros_like(mask),
                ops.matmul(ops.transpose(rows), flat_input),
                ops.matmul(ops.transpose(states), flat_hidden),
                ops.stack([ops.sum(flat_input, axis=0), ops.sum(flat_hidden, axis=0)]),
            )

        return kept[2] if return_sequences else last, gradient

    return run(sequence, mask, *weights)


def _gate_gradients(
    recurrent: Tensor,
    gates: Tensor,
    hiddens: Tensor,
    mask: Tensor,
    towards: Tensor,
    backward: bool,
    of_sequences: bool,
) -> tuple[Tensor, Tensor]:
    """Gradients before activation, 0 at padded steps.

    Returns:
      Of the gates z, r, n: float[steps, batch, 3 units]; of n's product with the state: float[steps, batch, units].
    """
    units = recurrent.shape[0]
    back_to_hidden = ops.transpose(recurrent)

    def step(state: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> Any:
        (hidden_gradient,) = state
        kept, hidden, real = inputs[:3]
        if of_sequences:
            hidden_gradient = hidden_gradient + inputs[3]
        z, r, n, inner = ops.split(kept, 4, axis=1)
        of_n = hidden_gradient * (1 - z) * (1 - n * n)
        of_z = hidden_gradient * (hidden - n) * z * (1 - z)
        of_r = of_n * inner * r * (1 - r)
        of_inner = of_n * r
        through = ops.matmul(ops.concatenate([of_z, of_r, of_inner], axis=1), back_to_hidden)
        before = ops.where(real > 0, hidden_gradient * z + through, hidden_gradient)
        of_gates = ops.concatenate([of_z, of_r, of_n, of_inner], axis=1)
        return (before,), (ops.where(real > 0, of_gates, ops.zeros_like(of_gates)),)

    inputs = (gates, hiddens, mask, towards) if of_sequences else (gates, hiddens, mask)
    first = ops.zeros_like(hiddens[0]) if of_sequences else towards
    _, (found,) = scan_time(step, (first,), inputs, (4 * units,), not backward)
    return found[:, :, : 3 * units], found[:, :, 3 * units :]
