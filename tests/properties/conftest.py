"""float64 on JAX, for as long as the tests that ask for it run: exactness is tested to rounding."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def double_precision() -> Iterator[None]:
    import keras

    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    with jax.enable_x64(True):
        yield
