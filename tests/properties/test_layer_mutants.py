"""Layers broken on purpose: each must be seen to be caught, by the property that is there for it.

Without these the properties could be green because they look at nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras import ops

from tests.properties import layer_subjects as subjects
from tests.properties.layer_contract import CHANNELS, Subject, violations
from trainer.layers import (
    attention_weights,
    average_pooling,
    convolution_base,
    cross_attention,
    dense,
    global_max,
    group_normalization,
    mask,
    max_pooling,
    positions,
    recurrent,
    registry,
    time_grid,
)

pytestmark = [
    pytest.mark.usefixtures("double_precision"),
    # Keras 3.15's own variables lack the `copy` argument that numpy 2 asks of `__array__`.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

Patch = pytest.MonkeyPatch


def examples() -> list[list[np.ndarray]]:
    """Batches with an empty row, a full row, all-zero steps, and rows of one and two steps."""
    generator = np.random.default_rng(3)
    batches = []
    for lengths in ([6, 3, 0], [5, 1, 2], [4, 2, 5]):
        rows = [generator.normal(size=(length, CHANNELS)) - 0.5 for length in lengths]
        rows[0][1] = 0.0
        batches.append(rows)
    return batches


def caught(subject: Subject) -> set[str]:
    """All properties that the layer breaks on the examples."""
    return {name for rows in examples() for name in violations(subject, rows)}


def every_other(replacement: Callable[..., Any], first: bool) -> Callable[..., Any]:
    """`clean`, replaced at a layer's input (its first call) or at its output (its second)."""
    calls = [0]

    def clean(sequence: Any, lengths: Any) -> Any:
        calls[0] += 1
        return (replacement if (calls[0] % 2 == 1) == first else mask.clean)(sequence, lengths)

    return clean


def untouched(sequence: Any, lengths: Any) -> Any:
    return sequence


def multiplied(sequence: Any, lengths: Any) -> Any:
    real = mask.length_mask(lengths, ops.shape(sequence)[1])
    return sequence * ops.expand_dims(ops.cast(real, sequence.dtype), -1)


def fresh_convolution(stride: int = 1, padding: str = "same", kernel_size: int = 3) -> Subject:
    return subjects.convolution.__wrapped__(kernel_size, stride, 1, padding)


def test_the_unbroken_layers_pass_the_same_examples() -> None:
    assert caught(fresh_convolution(2)) == set()
    assert caught(subjects.pooling.__wrapped__("max", 2, 2, "ceil")) == set()
    assert caught(subjects.single.__wrapped__("self_attention")) == set()


def test_no_where_at_the_input_of_a_convolution(monkeypatch: Patch) -> None:
    monkeypatch.setattr(convolution_base, "clean", every_other(untouched, first=True))
    assert {"GRAD-NAN", "PAD-CONTENT", "GRAD", "PAD-NAN"} <= caught(fresh_convolution())


def test_multiplication_instead_of_where(monkeypatch: Patch) -> None:
    monkeypatch.setattr(convolution_base, "clean", every_other(multiplied, first=True))
    assert {"GRAD-NAN", "PAD-NAN"} <= caught(fresh_convolution())


def test_output_not_zeroed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(convolution_base, "clean", every_other(untouched, first=False))
    assert "ZERO-OUT" in caught(fresh_convolution())


def test_any_tap_real_counts_as_valid(monkeypatch: Patch) -> None:
    def any_tap(grid: time_grid.TimeGrid, lengths: Any) -> Any:
        return (lengths + grid.stride - 1) // grid.stride

    monkeypatch.setattr(time_grid.TimeGrid, "output_lengths", any_tap)
    assert caught(fresh_convolution(padding="valid")) >= {"ORACLE"}


def test_stock_same_padding(monkeypatch: Patch) -> None:
    def stock(grid: time_grid.TimeGrid, sequence: Any, value: float = 0.0) -> Any:
        steps = sequence.shape[1]
        if steps is None:
            pytest.skip("the stock split needs the padded length while tracing")
        total = max((-(-steps // grid.stride) - 1) * grid.stride + grid.extent - steps, 0)
        left, right = total // 2, grid.extent - 1 - total // 2
        return ops.pad(sequence, [[0, 0], [left, right], [0, 0]], constant_values=value)

    subject = fresh_convolution(2)
    monkeypatch.setattr(time_grid.TimeGrid, "pad", stock)
    monkeypatch.setattr("tests.properties.layer_contract._signature", lambda subject: None)
    assert {"PAD-LEN", "ORACLE"} <= caught(subject)


class InputLengths(registry.MaskedConv1D):
    """Hands on the lengths it was given."""

    def call(self, sequence: Any, lengths: Any) -> Any:
        return super().call(sequence, lengths)[0], lengths


class PaddedLengths(registry.MaskedConv1D):
    """Drops the lengths: every padded step counts as real behind it."""

    def call(self, sequence: Any, lengths: Any) -> Any:
        output, _ = super().call(sequence, lengths)
        return output, ops.zeros_like(lengths) + ops.shape(output)[1]


@pytest.mark.parametrize(("layer", "expected"), [(InputLengths, "OUT-LEN"), (PaddedLengths, "OUT-LEN")])
def test_lengths_dropped_or_those_of_the_input_returned(layer: Any, expected: str) -> None:
    assert {expected, "ORACLE"} <= caught(subjects.convolution.__wrapped__(3, 2, 1, "same", layer))


class LengthsFromValues(registry.MaskedConv1D):
    """Takes a step for real where any channel is not 0, as Masking(0) does."""

    def call(self, sequence: Any, lengths: Any) -> Any:
        return super().call(sequence, ops.sum(ops.cast(ops.any(sequence != 0, axis=-1), "int32"), axis=1))


def test_lengths_from_values() -> None:
    assert {"PAD-CONTENT", "ORACLE"} <= caught(subjects.convolution.__wrapped__(3, 1, 1, "same", LengthsFromValues))


@pytest.mark.parametrize(
    ("filling", "expected"),
    [(lambda x, n, v: x, {"PAD-CONTENT"}), (lambda x, n, v: mask.fill(x, n, 0), {"ORACLE"})],
    ids=["none", "zero"],
)
def test_max_pooling_filled_wrongly(monkeypatch: Patch, filling: Any, expected: set[str]) -> None:
    monkeypatch.setattr(max_pooling, "fill", filling)
    assert expected <= caught(subjects.pooling.__wrapped__("max", 3, 2, "ceil"))


def test_mean_divided_by_the_window(monkeypatch: Patch) -> None:
    class Window(registry.MaskedAveragePooling1D):
        def call(self, sequence: Any, lengths: Any) -> Any:
            full = ops.zeros_like(lengths) + ops.shape(sequence)[1] + self.grid.size
            output, _ = super().call(mask.clean(sequence, lengths), full)
            lengths = self.grid.output_lengths(lengths)
            return mask.clean(output, lengths), lengths

    assert caught(subjects.pooling.__wrapped__("mean", 3, 2, "ceil", Window)) >= {"ORACLE"}


def test_global_max_filled_with_zero(monkeypatch: Patch) -> None:
    monkeypatch.setattr(global_max, "fill", lambda x, n, v: mask.fill(x, n, 0))
    assert {"PAD-LEN", "NEIGHBOUR"} & caught(subjects.single.__wrapped__("global_max"))


def test_global_max_of_an_empty_row_is_the_filling(monkeypatch: Patch) -> None:
    monkeypatch.setattr(global_max, "zero_empty_rows", untouched)
    assert "ORACLE" in caught(subjects.single.__wrapped__("global_max"))


class MeanOfAllSteps(registry.GlobalMeanPooling):
    def call(self, sequence: Any, lengths: Any) -> Any:
        return ops.mean(mask.clean(sequence, lengths), axis=1)


class MeanWithoutGuard(registry.GlobalMeanPooling):
    def call(self, sequence: Any, lengths: Any) -> Any:
        return ops.sum(mask.clean(sequence, lengths), axis=1) / ops.expand_dims(ops.cast(lengths, "float64"), 1)


@pytest.mark.parametrize(("layer", "expected"), [(MeanOfAllSteps, "PAD-LEN"), (MeanWithoutGuard, "FINITE-EMPTY")])
def test_global_mean_divided_wrongly(monkeypatch: Patch, layer: Any, expected: str) -> None:
    monkeypatch.setattr(registry, "GlobalMeanPooling", layer)
    assert expected in caught(subjects.single.__wrapped__("global_mean"))


def test_recurrent_without_where(monkeypatch: Patch) -> None:
    monkeypatch.setattr(recurrent, "clean", every_other(untouched, first=True))
    assert "GRAD-NAN" in caught(subjects.recurrent.__wrapped__("lstm", "forward", True))


def test_recurrent_that_runs_backward_from_the_padded_end(monkeypatch: Patch) -> None:
    monkeypatch.setattr(recurrent, "reverse_within_length", lambda x, n: ops.flip(x, axis=1))
    assert "PAD-LEN" in caught(subjects.recurrent.__wrapped__("lstm", "backward", True, fused=True))


def test_recurrent_that_reads_its_state_at_the_padded_end(monkeypatch: Patch) -> None:
    monkeypatch.setattr(recurrent, "last_step", lambda x, n: x[:, -1])
    assert "PAD-LEN" in caught(subjects.recurrent.__wrapped__("gru", "forward", False, fused=True))


def test_attention_to_padding(monkeypatch: Patch) -> None:
    softmax = attention_weights.masked_softmax
    monkeypatch.setattr(attention_weights, "masked_softmax", lambda scores, m: softmax(scores, ops.ones_like(m)))
    assert {"PAD-LEN", "ORACLE"} <= caught(subjects.single.__wrapped__("self_attention"))


def test_attention_over_keys_that_were_not_cleaned(monkeypatch: Patch) -> None:
    monkeypatch.setattr(cross_attention, "clean", untouched)
    assert {"PAD-NAN", "GRAD-NAN"} <= caught(subjects.single.__wrapped__("self_attention"))


def test_group_moments_over_padding(monkeypatch: Patch) -> None:
    everything = lambda lengths, steps: mask.length_mask(lengths * 0 + steps, steps)  # noqa: E731
    monkeypatch.setattr(group_normalization, "length_mask", everything)
    assert {"PAD-LEN", "ORACLE"} <= caught(subjects.single.__wrapped__("group_norm"))


def test_positions_counted_from_the_padded_end(monkeypatch: Patch) -> None:
    encode = positions._sinusoids
    monkeypatch.setattr(positions, "_sinusoids", lambda *arguments: ops.flip(encode(*arguments), axis=0))
    assert {"PAD-LEN", "ORACLE"} <= caught(subjects.single.__wrapped__("sinusoidal"))


def test_dense_bias_left_in_the_padding(monkeypatch: Patch) -> None:
    monkeypatch.setattr(dense, "clean", every_other(untouched, first=False))
    assert "ZERO-OUT" in caught(subjects.single.__wrapped__("dense"))


def test_average_over_padding_that_was_not_cleaned(monkeypatch: Patch) -> None:
    monkeypatch.setattr(average_pooling, "clean", every_other(untouched, first=True))
    assert {"PAD-CONTENT", "PAD-NAN"} <= caught(subjects.pooling.__wrapped__("mean", 2, 2, "ceil"))


def test_a_mean_that_counts_too_few_steps(monkeypatch: Patch) -> None:
    """Invariant and wrong: only the oracle sees it."""

    class SkipsTheFirst(registry.GlobalMeanPooling):
        def call(self, sequence: Any, lengths: Any) -> Any:
            first = ops.cast(ops.arange(ops.shape(sequence)[1]) > 0, "bool")[None, :, None]
            return super().call(ops.where(first, sequence, ops.zeros_like(sequence)), lengths)

    monkeypatch.setattr(registry, "GlobalMeanPooling", SkipsTheFirst)
    broken = caught(subjects.single.__wrapped__("global_mean"))
    assert {"ORACLE", "CONTENT"} <= broken
    assert not {"PAD-LEN", "PAD-NAN", "NEIGHBOUR"} & broken
