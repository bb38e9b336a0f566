"""The summary says what a run took, and what it may take."""

from __future__ import annotations

from pipeline.summary import RunCost


def test_the_memory_limit_is_a_gibibyte_and_three_times_the_input() -> None:
    cost = RunCost(seconds=10.04, peak_bytes=1003 << 20, input_bytes=33 << 20)
    assert cost.describe() == "time 10.0 s · peak memory 1,003 of 1,123 MiB"
