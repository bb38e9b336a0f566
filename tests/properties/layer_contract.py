"""The properties P1 to P12 of a masked layer, checked in float64 on one batch of rows.

    rows    real steps only, one array a row, some of them empty, some of their steps all zero
    pad     the rows as a batch: [batch, steps, channels], filled after each row
    oracle  plain numpy: what the layer gives for one unpadded row

    PAD-LEN      outputs at real steps are equal for steps, +1, +2, +3 and many more     P1
    OUT-LEN      output lengths do not change with padding and fit the output            P2
    PAD-CONTENT  nor do outputs with what stands in the padding                          P3
    PAD-NAN      NaN and infinity included                                               P4
    NEIGHBOUR    a row alone and unpadded gives what it gives in the batch               P5
    ROW-PERM     permuted rows give permuted outputs                                     P6
    ORACLE       lengths and values are those of the oracle                              P7
    ZERO-OUT     padded output steps are exactly 0                                       P8
    FINITE-EMPTY an empty row gives finite values                                        P9
    GRAD         gradients do not change with padding, and are 0 in it                   P10
    GRAD-NAN     nor with NaN in it                                                      P11
    CONTENT      a changed real step, the last or an all-zero one, gives the oracle's    P12

`violations` returns what was broken, by these names: empty for a correct layer, and for a mutant the names that
catch it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from keras import ops

STEPS, BATCH, CHANNELS, VOCABULARY = 6, 3, 4, 9
TOLERANCE = 1e-9
ON_JAX = keras.backend.backend() == "jax"


def quick(examples: int) -> settings:
    """Few examples, the same ones every time, not shrunk; fewer on JAX, which compiles every shape."""
    return settings(
        max_examples=max(examples // 4, 2) if ON_JAX else examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@dataclass(frozen=True)
class Subject:
    """A built layer and its oracle.

    Attributes:
      layer: float64, with random weights, biases included.
      oracle: from one row, [length, channels] or ids [length], to [out_length, channels] or [channels].
      inputs: "series" or "ids".
      oracle_tolerance: 1e-9, or more where a primitive computes in less than float64.
    """

    layer: keras.Layer
    oracle: Callable[[np.ndarray], np.ndarray]
    inputs: str = "series"
    oracle_tolerance: float = TOLERANCE
    functions: dict[str, Any] = field(default_factory=dict, compare=False)


@st.composite
def batches(draw: st.DrawFn, inputs: str = "series", channels: int = CHANNELS) -> list[np.ndarray]:
    """BATCH rows of 0 to STEPS steps; a third of the rows empty, a third of the steps all zero."""
    lengths = draw(
        st.lists(st.one_of(st.just(0), st.integers(1, STEPS), st.just(STEPS)), min_size=BATCH, max_size=BATCH)
    )
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    if inputs == "ids":
        return [generator.integers(0, VOCABULARY, length).astype(np.int32) for length in lengths]
    rows = [generator.normal(size=(length, channels)) for length in lengths]
    for row in rows:
        row[generator.random(len(row)) < 0.3] = 0.0
    return rows


def randomize(layer: keras.Layer, seed: int = 11) -> keras.Layer:
    """Gives every weight, the biases too, values that no zero hides behind."""
    generator = np.random.default_rng(seed)
    for weight in layer.weights:
        if "float" in keras.backend.standardize_dtype(weight.dtype):
            values = generator.normal(scale=0.6, size=weight.shape)
            weight.assign(np.abs(values) + 0.2 if "variance" in weight.name else values)
    return layer


def lengths_of(rows: Sequence[np.ndarray]) -> np.ndarray:
    """int32[batch]."""
    return np.array([len(row) for row in rows], np.int32)


def pad(rows: Sequence[np.ndarray], steps: int, filling: Any = 0.0) -> np.ndarray:
    """The rows as one array, padded after them.

    Args:
      rows: real steps.
      steps: padded steps.
      filling: a number, or a generator that draws every padded value.
    """
    shape = (len(rows), steps, *rows[0].shape[1:])
    if isinstance(filling, np.random.Generator):
        integers = rows[0].ndim == 1
        values = filling.integers(-50, 50, shape) if integers else 10 * filling.normal(size=shape)
    else:
        values = np.full(shape, filling)
    values = values.astype(rows[0].dtype)
    for row, array in zip(values, rows, strict=True):
        row[: len(array)] = array
    return values


def _loss(result: Any) -> Any:
    """A number that every output moves, differently at every step and channel, whatever the padded length."""
    output = result[0] if isinstance(result, tuple) else result
    shape = ops.shape(output)
    positions = ops.expand_dims(ops.cast(ops.arange(shape[1]), "float64"), 0)
    if len(shape) == 3:
        positions = ops.expand_dims(positions, -1) + 0.3 * ops.cast(ops.arange(shape[2]), "float64")
    return ops.sum(ops.sin(output) * ops.cos(positions))


def forward(subject: Subject, values: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The layer's output and output lengths as numpy."""
    result = (_forward_jax if ON_JAX else _forward_tensorflow)(subject, values, lengths)
    if isinstance(result, tuple):
        return ops.convert_to_numpy(result[0]), ops.convert_to_numpy(result[1])
    return ops.convert_to_numpy(result), None


def gradients(subject: Subject, values: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """Gradients of `_loss` by every trainable weight, and, last, by a float input."""
    return (_gradients_jax if ON_JAX else _gradients_tensorflow)(subject, values, lengths)


def _signature(subject: Subject) -> list[Any]:
    """Any number of rows and steps: a layer is traced once, with its time axis unknown."""
    import tensorflow as tf

    if subject.inputs == "ids":
        return [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)]
    return [tf.TensorSpec([None, None, CHANNELS], tf.float64), tf.TensorSpec([None], tf.int32)]


def _forward_tensorflow(subject: Subject, values: np.ndarray, lengths: np.ndarray) -> Any:
    import tensorflow as tf

    if "forward" not in subject.functions:
        subject.functions["forward"] = tf.function(subject.layer, input_signature=_signature(subject))
    return subject.functions["forward"](values, lengths)


def _gradients_tensorflow(subject: Subject, values: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    import tensorflow as tf

    weights = [weight.value for weight in subject.layer.trainable_weights]

    def compute(sequence: Any, counts: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch(sequence)
            loss = _loss(subject.layer(sequence, counts))
        sources = weights + [sequence] * (subject.inputs == "series")
        found = tape.gradient(loss, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [tf.convert_to_tensor(gradient) for gradient in found]

    if "gradients" not in subject.functions:
        subject.functions["gradients"] = tf.function(compute, input_signature=_signature(subject))
    return [gradient.numpy() for gradient in subject.functions["gradients"](values, lengths)]


def _stateless(subject: Subject) -> tuple[Any, Any]:
    layer = subject.layer
    return [w.value for w in layer.trainable_variables], [w.value for w in layer.non_trainable_variables]


def _forward_jax(subject: Subject, values: np.ndarray, lengths: np.ndarray) -> Any:
    import jax

    if "forward" not in subject.functions:
        subject.functions["forward"] = jax.jit(lambda t, n, *a: subject.layer.stateless_call(t, n, *a)[0])
    return subject.functions["forward"](*_stateless(subject), values, lengths)


def _gradients_jax(subject: Subject, values: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    import jax

    series = subject.inputs == "series"
    if "gradients" not in subject.functions:
        subject.functions["gradients"] = jax.jit(
            jax.grad(
                lambda t, sequence, n, counts: _loss(subject.layer.stateless_call(t, n, sequence, counts)[0]),
                argnums=(0, 1) if series else 0,
            )
        )
    trainable, rest = _stateless(subject)
    found = subject.functions["gradients"](trainable, values, rest, lengths)
    weights, sequence = found if series else (found, None)
    return [np.asarray(gradient) for gradient in [*weights, *([sequence] * series)]]


def violations(subject: Subject, rows: list[np.ndarray], seed: int = 0) -> dict[str, str]:
    """Which properties the layer breaks on these rows, with what was seen; see the module."""
    checker = _Checker(subject, rows, np.random.default_rng(seed))
    checker.check_oracle("ORACLE", rows)
    checker.check_padding()
    checker.check_rows()
    checker.check_gradients()
    checker.check_content()
    return checker.broken


class _Checker:
    """One batch of rows through all properties."""

    def __init__(self, subject: Subject, rows: list[np.ndarray], generator: np.random.Generator) -> None:
        self.subject = subject
        self.rows = rows
        self.generator = generator
        self.lengths = lengths_of(rows)
        self.broken: dict[str, str] = {}
        self.values, self.out_lengths = forward(subject, pad(rows, STEPS), self.lengths)
        self.real = self.split(self.values, self.out_lengths)

    def split(self, values: np.ndarray, out_lengths: np.ndarray | None) -> list[np.ndarray]:
        """Every row's real outputs."""
        if out_lengths is None:
            return list(values)
        return [row[:length] for row, length in zip(values, out_lengths, strict=True)]

    def same(
        self,
        name: str,
        expected: Sequence[np.ndarray],
        received: Sequence[np.ndarray],
        tolerance: float = TOLERANCE,
    ) -> None:
        """Notes a violation unless all arrays are equal to rounding, and finite."""
        for index, (a, b) in enumerate(zip(expected, received, strict=True)):
            if a.shape != b.shape:
                self.broken.setdefault(name, f"row {index}: shape {b.shape} for {a.shape}")
            elif a.size and not np.allclose(a, b, rtol=tolerance, atol=tolerance):
                self.broken.setdefault(name, f"row {index}: off by {np.max(np.abs(a - b))}")

    def check_oracle(self, name: str, rows: list[np.ndarray]) -> None:
        """P7, or P12 on changed rows."""
        values, out_lengths = forward(self.subject, pad(rows, STEPS), lengths_of(rows))
        expected = [self.subject.oracle(row) for row in rows]
        self.same(name, expected, self.split(values, out_lengths), self.subject.oracle_tolerance)

    def check_padding(self) -> None:
        """P1, P2, P3, P4, P8, P9."""
        if not np.isfinite(np.concatenate([array.ravel() for array in self.real])).all():
            self.broken["FINITE-EMPTY"] = "not finite"
        fillings = [("PAD-CONTENT", self.generator)]
        if self.subject.inputs == "series":
            fillings += [("PAD-NAN", np.nan), ("PAD-NAN", np.inf)]
        cases = [("PAD-LEN", STEPS + extra, 0.0) for extra in (1, 2, 3, 11)]
        for name, steps, filling in [*cases, *((name, STEPS, filling) for name, filling in fillings)]:
            values, out_lengths = forward(self.subject, pad(self.rows, steps, filling), self.lengths)
            self.same(name, self.real, self.split(values, out_lengths))
            if out_lengths is not None:
                self.check_lengths(values, out_lengths)

    def check_lengths(self, values: np.ndarray, out_lengths: np.ndarray) -> None:
        """P2 and P8."""
        if out_lengths.tolist() != self.out_lengths.tolist() or out_lengths.max() > values.shape[1]:
            self.broken.setdefault("OUT-LEN", f"{out_lengths} of {values.shape[1]} for {self.out_lengths}")
        if any((row[length:] != 0).any() for row, length in zip(values, out_lengths, strict=True)):
            self.broken.setdefault("ZERO-OUT", "a padded output is not 0")

    def check_rows(self) -> None:
        """P5 and P6."""
        for index, row in enumerate(self.rows):
            alone = forward(self.subject, pad([row], max(len(row), 1)), lengths_of([row]))
            self.same("NEIGHBOUR", [self.real[index]], self.split(*alone))
        order = [2, 0, 1]
        turned = [self.rows[index] for index in order]
        received = self.split(*forward(self.subject, pad(turned, STEPS), lengths_of(turned)))
        self.same("ROW-PERM", [self.real[index] for index in order], received)

    def check_gradients(self) -> None:
        """P10 and P11."""
        expected = self.real_gradients("GRAD", STEPS, 0.0)
        self.same("GRAD", expected, self.real_gradients("GRAD", STEPS + 3, self.generator))
        if self.subject.inputs == "series":
            self.same("GRAD-NAN", expected, self.real_gradients("GRAD-NAN", STEPS, np.nan))
            self.same("GRAD-NAN", expected, self.real_gradients("GRAD-NAN", STEPS, np.inf))

    def real_gradients(self, name: str, steps: int, filling: Any) -> list[np.ndarray]:
        """Gradients by the weights, and by the real input steps; notes one by a padded step that is not 0."""
        found = gradients(self.subject, pad(self.rows, steps, filling), self.lengths)
        if self.subject.inputs != "series":
            return found
        *weights, sequence = found
        if any((row[length:] != 0).any() for row, length in zip(sequence, self.lengths, strict=True)):
            self.broken.setdefault(name, "a padded step has a gradient")
        return [*weights, *self.split(sequence, self.lengths)]

    def check_content(self) -> None:
        """P12."""
        rows = [row.copy() for row in self.rows]
        for row in rows:
            if len(row):
                step = int(self.generator.integers(len(row)))
                row[step] = 0
                row[-1] = row[-1] + 1 if row.ndim == 1 and row[-1] < VOCABULARY - 1 else 3
        self.check_oracle("CONTENT", rows)
