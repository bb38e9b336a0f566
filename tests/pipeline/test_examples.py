"""tf.Examples are standard, and have the same bytes in every process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import pyarrow as pa
from pipeline.examples import encode_examples
columns = {name: pa.array([[1, 2, 300], []], pa.list_(pa.int64())) for name in "abcdefgh"}
columns["bytes"] = pa.array([[b"x" * 200], [b""]], pa.list_(pa.binary()))
columns["floats"] = pa.array([[0.5], [1.5]], pa.list_(pa.float32()))
batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
print(hashlib.sha256(b"".join(encode_examples(batch))).hexdigest())
"""


def test_another_process_writes_the_same_bytes() -> None:
    root = str(Path(__file__).parents[2])
    digests = {
        subprocess.run([sys.executable, "-c", SCRIPT, root], capture_output=True, text=True, check=True).stdout
        for _ in range(3)
    }
    assert len(digests) == 1


@pytest.mark.parametrize("width", [0, 1, 60, 20_000])
def test_examples_parse_back(width: int) -> None:
    import tensorflow as tf

    from pipeline.examples import encode_examples

    batch = pa.RecordBatch.from_arrays(
        [
            pa.array([list(range(width)), [7] * width], pa.list_(pa.int64())),
            pa.array([[0.5] * width, [-1.0] * width], pa.list_(pa.float32())),
            pa.array([[b"one"], [b""]], pa.list_(pa.binary())),
        ],
        names=["ids", "series", "key"],
    )
    records = encode_examples(batch)
    parsed = tf.io.parse_example(
        records,
        {
            "ids": tf.io.FixedLenFeature([width], tf.int64),
            "series": tf.io.FixedLenFeature([width], tf.float32),
            "key": tf.io.FixedLenFeature([], tf.string),
        },
    )
    assert parsed["ids"].numpy().tolist() == [list(range(width)), [7] * width]
    assert parsed["series"].numpy().tolist() == [[0.5] * width, [-1.0] * width]
    assert parsed["key"].numpy().tolist() == [b"one", b""]
    assert sorted(tf.train.Example.FromString(records[0]).features.feature) == ["ids", "key", "series"]
