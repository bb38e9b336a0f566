"""P1 to P12 for every layer, over lengths, all-zero steps, windows, strides, dilations, cells and directions.

Exact to rounding in float64: nothing that padding holds, and no amount of it, moves a real output, a gradient or a
length.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import layer_subjects as subjects
from tests.properties.layer_contract import ON_JAX, batches, quick, violations

pytestmark = [
    pytest.mark.usefixtures("double_precision"),
    # Keras 3.15's own variables lack the `copy` argument that numpy 2 asks of `__array__`.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

# JAX compiles every shape of every window, so it gets some of the windows and TensorFlow all of them.
WINDOWS = [(3, 2, 1), (2, 3, 2)] if ON_JAX else [(k, s, d) for k in (1, 2, 3, 4) for s in (1, 2, 3) for d in (1, 2)]
POOLS = [(2, 2), (3, 1)] if ON_JAX else [(p, s) for p in (1, 2, 3, 4) for s in (1, 2, 3)]


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@quick(24)
@given(rows=batches(), window=st.sampled_from(WINDOWS))
def test_convolution(padding: str, rows: list[np.ndarray], window: tuple[int, int, int]) -> None:
    assert violations(subjects.convolution(*window, padding), rows) == {}


@quick(18)
@given(rows=batches(), window=st.sampled_from([w for w in WINDOWS if w[1] > 1 and w[0] > 1]))
def test_same_convolution_with_a_stride(rows: list[np.ndarray], window: tuple[int, int, int]) -> None:
    """A grid that follows the padded length is rare to see: it has its own examples."""
    assert violations(subjects.convolution(*window, "same"), rows) == {}


@quick(8)
@given(rows=batches(), window=st.sampled_from(WINDOWS), padding=st.sampled_from(["valid", "same", "causal"]))
def test_separable_convolution(rows: list[np.ndarray], window: tuple[int, int, int], padding: str) -> None:
    assert violations(subjects.separable(*window, padding), rows) == {}


@pytest.mark.parametrize("kind", ["max", "mean"])
@pytest.mark.parametrize("padding", ["valid", "ceil"])
@quick(10)
@given(rows=batches(), window=st.sampled_from(POOLS))
def test_pooling(kind: str, padding: str, rows: list[np.ndarray], window: tuple[int, int]) -> None:
    assert violations(subjects.pooling(kind, *window, padding), rows) == {}


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
@pytest.mark.parametrize("fused", [False, True], ids=["generic", "fused"])
@quick(3)
@given(rows=batches(), cell=st.sampled_from(["lstm", "gru"]))
def test_recurrent(sequences: bool, direction: str, fused: bool, rows: list[np.ndarray], cell: str) -> None:
    assert violations(subjects.recurrent(cell, direction, sequences, fused), rows) == {}


@pytest.mark.parametrize("name", subjects.SINGLES)
@quick(6)
@given(data=st.data())
def test_other_layers(name: str, data: st.DataObject) -> None:
    subject = subjects.single(name)
    assert violations(subject, data.draw(batches(subject.inputs))) == {}
