"""The growth benchmark: its lines fit, and its recorder counts what goes through a shuffle."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from scripts.bench.scale import fit

RECORDED = """
import dataclasses, json
import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from scripts.bench.recorded_run import record
found = {}
record(found)
with beam.Pipeline(runner=FnApiRunner()) as pipeline:
    pairs = [("a", b"x" * 100), ("b", b"y" * 10), ("a", b"z" * 100)]
    _ = pipeline | beam.Create(pairs, reshuffle=False) | "Group" >> beam.GroupByKey()
print(json.dumps({name: dataclasses.asdict(shuffle) for name, shuffle in found.items()}))
"""


def test_a_line_and_how_far_points_lie_from_it() -> None:
    line = fit([1, 2, 4], [12.0, 14.0, 18.0])
    assert (line.start, line.slope, line.off) == pytest.approx((10.0, 2.0, 0.0))
    assert fit([1, 2, 3], [10.0, 10.0, 20.0]).off > 0.1


def test_the_recorder_counts_bytes_keys_and_the_largest_key() -> None:
    done = subprocess.run([sys.executable, "-c", RECORDED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (shuffle,) = json.loads(done.stdout).values()
    assert (shuffle["keys"], shuffle["largest"]) == (2, 200)
    assert 210 < shuffle["bytes"] < 400  # values, keys, and a few bytes of framing and window a pair
