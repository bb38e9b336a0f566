"""The efficiencies that the design states for IMDB come out of the planner."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.plan import equal_count, optimal_boundaries, pad_to_max, padded_steps, padding_efficiency

IMDB = Path(__file__).resolve().parents[4] / "shared" / "data" / "imdb_train.parquet"


@pytest.fixture(scope="module")
def histogram() -> tuple[np.ndarray, np.ndarray]:
    if not IMDB.exists():
        pytest.skip(f"{IMDB} is absent; it holds the IMDB train reviews")
    import pyarrow.parquet as parquet

    texts = parquet.read_table(IMDB, columns=["text"])["text"].to_pylist()
    return np.unique([len(text.replace("<br />", " ").split()) for text in texts], return_counts=True)


@pytest.mark.parametrize(
    ("plan", "stated"),
    [
        pytest.param(pad_to_max, 0.094, id="pad to max"),
        pytest.param(lambda lengths, counts: equal_count(lengths, counts, 8), 0.475, id="8 equal count"),
        pytest.param(lambda lengths, counts: optimal_boundaries(lengths, counts, 8), 0.826, id="8 optimal"),
        pytest.param(lambda lengths, counts: optimal_boundaries(lengths, counts, 16), 0.912, id="16 optimal"),
        pytest.param(lambda lengths, counts: optimal_boundaries(lengths, counts, 32), 0.957, id="32 optimal"),
    ],
)
def test_efficiency(histogram, plan, stated):
    lengths, counts = histogram
    efficiency = padding_efficiency(int(np.dot(lengths, counts)), padded_steps(lengths, counts, plan(lengths, counts)))
    # Tokenizers differ a little in what a word is; plans differ by far more.
    assert efficiency == pytest.approx(stated, abs=0.003)
