"""A loop over the time axis that hands a state on and keeps what every step leaves.

    state_0 --step(x_0)--> state_1 --step(x_1)--> state_2 ...      forward: steps 0, 1, .., T-1
               |               |
              y_0             y_1                                  backward: steps T-1, .., 1, 0; y_t still stands at t

`keras.ops.scan` is such a loop, but on TensorFlow it wants every y to have the shape of the state and writes the state
through arrays of length one. There the loop is TensorFlow's own; elsewhere it is `keras.ops.scan`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
from keras import ops

from trainer.layers.mask import Tensor

Step = Callable[[tuple[Tensor, ...], tuple[Tensor, ...]], tuple[tuple[Tensor, ...], tuple[Tensor, ...]]]
"""(state, what stands at this step of every input) -> (new state, what to keep of this step)."""


def scan_time(
    step: Step, state: Sequence[Tensor], inputs: Sequence[Tensor], kept: Sequence[int], backward: bool = False
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Runs a step along the first axis of some inputs.

    Args:
      step: see `Step`; the new state has the shapes and dtypes of the old one.
      state: before the first step, each [batch, channels].
      inputs: each [steps, ...].
      kept: channels of every value that a step keeps; they are [batch, channels], of the state's dtype.
      backward: whether the last step is taken first.

    Returns:
      The state after the last step taken, and every kept value stacked to [steps, batch, channels].
    """
    if keras.backend.backend() == "tensorflow":
        return _scan_tensorflow(step, tuple(state), tuple(inputs), kept, backward)
    return ops.scan(step, tuple(state), tuple(inputs), reverse=backward)


def _scan_tensorflow(
    step: Step, state: tuple[Tensor, ...], inputs: tuple[Tensor, ...], kept: Sequence[int], backward: bool
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    import tensorflow as tf

    static = inputs[0].shape[0]
    steps = tf.shape(inputs[0])[0] if static is None else static
    arrays = tuple(
        tf.TensorArray(state[0].dtype, size=steps, element_shape=(state[0].shape[0], channels)) for channels in kept
    )

    def body(done: Tensor, state: tuple[Tensor, ...], arrays: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        index = steps - 1 - done if backward else done
        state, values = step(state, tuple(value[index] for value in inputs))
        return done + 1, state, tuple(array.write(index, value) for array, value in zip(arrays, values, strict=True))

    _, state, arrays = tf.while_loop(lambda done, *_: done < steps, body, (0, state, arrays), maximum_iterations=static)
    return state, tuple(array.stack() for array in arrays)
