"""Properties of layers that one row in, one row out does not cover: sides, joins, noise, and statistics of a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from tests.properties import layer_oracles as oracles
from tests.properties.layer_contract import BATCH, CHANNELS, STEPS, batches, lengths_of, pad, quick, randomize
from trainer.layers import registry as layers

pytestmark = [
    pytest.mark.usefixtures("double_precision"),
    # Keras 3.15's own variables lack the `copy` argument that numpy 2 asks of `__array__`.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

DOUBLE = {"dtype": "float64"}


def numpy(result: Any) -> list[np.ndarray]:
    return [ops.convert_to_numpy(value) for value in (result if isinstance(result, tuple) else (result,))]


@quick(12)
@given(rows=batches(), extra=st.sampled_from([0, 1, 5]))
def test_side_pre_is_post(rows: list[np.ndarray], extra: int) -> None:
    """P13: the same rows padded before their steps, with anything in the padding."""
    expected = pad(rows, STEPS + extra)
    before = np.full_like(expected, np.nan)
    for values, row in zip(before, rows, strict=True):
        values[len(values) - len(row) :] = row
    compact, lengths = numpy(layers.Compact("pre", **DOUBLE)(before, lengths_of(rows)))
    np.testing.assert_array_equal(compact, expected)
    assert lengths.tolist() == [len(row) for row in rows]
    (restored,) = numpy(layers.Expand("pre", **DOUBLE)(compact, lengths_of(rows)))
    np.testing.assert_array_equal(restored, np.where(np.isnan(before), 0, before))


@quick(12)
@given(rows=batches(), seed=st.integers(0, 1000))
def test_holes_are_closed_and_put_back(rows: list[np.ndarray], seed: int) -> None:
    generator = np.random.default_rng(seed)
    expected = pad(rows, STEPS + 3)
    holed = np.full_like(expected, np.inf)
    mask = np.zeros(holed.shape[:2], bool)
    for index, row in enumerate(rows):
        places = np.sort(generator.permutation(STEPS + 3)[: len(row)])
        holed[index, places] = row
        mask[index, places] = True
    compact, lengths = numpy(layers.Compact("holes", **DOUBLE)(holed, mask))
    np.testing.assert_array_equal(compact, expected)
    assert lengths.tolist() == [len(row) for row in rows]
    (restored,) = numpy(layers.Expand("holes", **DOUBLE)(compact, mask))
    np.testing.assert_array_equal(restored, np.where(mask[:, :, None], holed, 0))


def test_lengths_outside_the_padded_axis_are_clipped_at_the_entry() -> None:
    _, lengths = numpy(layers.Compact("post")(np.zeros((3, 4, 1), "float32"), np.array([9, -1, 2], "int32")))
    assert lengths.tolist() == [4, 0, 2]


@pytest.mark.parametrize("rule", ["shorter", "longer"])
@quick(8)
@given(rows=batches(), other=batches(), extra=st.sampled_from([(0, 0), (0, 4), (3, 0)]))
def test_step_join(rule: str, rows: list[np.ndarray], other: list[np.ndarray], extra: tuple[int, int]) -> None:
    join = layers.StepJoin(rule, **DOUBLE)
    first, second = pad(rows, STEPS + extra[0], np.nan), pad(other, STEPS + extra[1], np.inf)
    values, lengths = numpy(join(first, lengths_of(rows), second, lengths_of(other)))
    for index, (a, b) in enumerate(zip(rows, other, strict=True)):
        count = min(len(a), len(b)) if rule == "shorter" else max(len(a), len(b))
        expected = np.zeros((values.shape[1], 2 * CHANNELS))
        expected[: min(count, len(a)), :CHANNELS] = a[:count]
        expected[: min(count, len(b)), CHANNELS:] = b[:count]
        assert lengths[index] == count
        np.testing.assert_array_equal(values[index], expected)


@quick(10)
@given(rows=batches(), other=batches(), extra=st.sampled_from([(0, 0), (0, 4), (3, 0)]))
def test_time_join(rows: list[np.ndarray], other: list[np.ndarray], extra: tuple[int, int]) -> None:
    first, second = pad(rows, STEPS + extra[0], np.nan), pad(other, STEPS + extra[1], np.inf)
    values, lengths = numpy(layers.TimeJoin(**DOUBLE)(first, lengths_of(rows), second, lengths_of(other)))
    joined = [np.concatenate(pair) for pair in zip(rows, other, strict=True)]
    np.testing.assert_array_equal(values, pad(joined, values.shape[1]))
    assert lengths.tolist() == [len(row) for row in joined]


CROSS = layers.MaskedCrossAttention(2, 3, dtype="float64")


@quick(8)
@given(rows=batches(), other=batches(), extra=st.sampled_from([(0, 0), (0, 4), (3, 0)]))
def test_cross_attention(rows: list[np.ndarray], other: list[np.ndarray], extra: tuple[int, int]) -> None:
    first, second = pad(rows, STEPS + extra[0], np.nan), pad(other, STEPS + extra[1], np.inf)
    CROSS(np.zeros((BATCH, STEPS, CHANNELS)), lengths_of(rows), np.zeros((BATCH, STEPS, CHANNELS)), lengths_of(other))
    randomize(CROSS)
    weights = [ops.convert_to_numpy(weight.value) for weight in CROSS.weights]
    values, lengths = numpy(CROSS(first, lengths_of(rows), second, lengths_of(other)))
    expected = [oracles.attention(a, b, weights) for a, b in zip(rows, other, strict=True)]
    np.testing.assert_allclose(values, pad(expected, values.shape[1]), atol=1e-9)
    assert lengths.tolist() == [len(row) for row in rows]


@quick(10)
@given(rows=batches(), extra=st.sampled_from([0, 1, 7]))
def test_batch_statistics_are_those_of_the_real_steps(rows: list[np.ndarray], extra: int) -> None:
    """Any padding, NaN in it, rows of length 0: the moments of the real steps, and no move without one."""
    layer = randomize_once(layers.MaskedBatchNormalization(momentum=0.7, **DOUBLE))
    gamma, beta, mean, variance = (ops.convert_to_numpy(weight.value) for weight in layer.weights)
    values, _ = numpy(layer(pad(rows, STEPS + extra, np.nan), lengths_of(rows), training=True))
    steps = np.concatenate(rows)
    moved = [ops.convert_to_numpy(weight.value) for weight in layer.non_trainable_weights]
    if not len(steps):
        np.testing.assert_array_equal(moved, [mean, variance])
        assert (values == 0).all()
        return
    np.testing.assert_allclose(moved[0], 0.7 * mean + 0.3 * steps.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(moved[1], 0.7 * variance + 0.3 * steps.var(axis=0), atol=1e-9)
    normal = [(row - steps.mean(axis=0)) / np.sqrt(steps.var(axis=0) + 1e-3) * gamma + beta for row in rows]
    np.testing.assert_allclose(values, pad(normal, values.shape[1]), atol=1e-8)


def randomize_once(layer: Any) -> Any:
    layer.build((BATCH, STEPS, CHANNELS))
    return randomize(layer)


@pytest.mark.parametrize("extra", [1, 8])
def test_noise_does_not_depend_on_the_padded_length(extra: int) -> None:
    """With the same seed, every row and not only the first gets the same noise at any padded length."""
    rows = [np.ones((length, CHANNELS)) for length in (6, 3, 5)]
    outputs = [
        numpy(layers.TimeSharedDropout(0.5, seed=4, **DOUBLE)(pad(rows, steps), lengths_of(rows), training=True))[0]
        for steps in (STEPS, STEPS + extra)
    ]
    np.testing.assert_array_equal(outputs[1][:, :STEPS], outputs[0])
    assert (outputs[0][2, :5] == 0).any()
    assert (outputs[0][2, :5] == 2).any()
    assert (np.ptp(outputs[0][0], axis=0) == 0).all(), "one decision a row and channel"
