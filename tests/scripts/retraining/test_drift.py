"""Measurements held against limits."""

from __future__ import annotations

import pytest

from pipeline.drift import Comparison, Measurement
from scripts.retraining.drift import OF_A_SPAN, judge
from scripts.retraining.policy import DEFAULT_LIMITS, Limits


def comparison(*found: tuple[str, str, float, str, str]) -> Comparison:
    measured = [
        Measurement(signal=signal, place=place, distance=distance, before=before, after=after, level="ok")
        for signal, place, distance, before, after in found
    ]
    return Comparison(before="a", after="b", measurements=measured)


@pytest.mark.parametrize(
    ("found", "stops", "warnings"),
    [
        (("lengths", "text (train)", 0.2, "median 5", "median 9"), 1, 0),
        (("lengths", "text (train)", 0.1, "median 5", "median 9"), 0, 1),
        (("lengths", "text (train)", 0.09, "median 5", "median 9"), 0, 0),
        (("oov", "text (test)", 0.05, "1.00%", "6.67%"), 1, 0),
        (("oov", "text (test)", 0.05, "25.00%", "6.67%"), 0, 1),
        (("rejects", "input rows", 0.06, "9.00%", "1.00%"), 0, 1),
        (("schema", "text", 1.0, "text feature", "absent"), 1, 0),
        (("schema", "label classes", 1.0, "a, b", "a, b, c"), 0, 1),
        (("schema", "spec splits.salt", 0.5, "not set", "x"), 1, 0),
        (("schema", "spec batching.buckets", 0.5, "8", "16"), 0, 1),
        (("rows", "train", 9.0, "10", "5,120"), 0, 1),
    ],
)
def test_the_default_limits(found: tuple[str, str, float, str, str], stops: int, warnings: int) -> None:
    verdict = judge(comparison(found), DEFAULT_LIMITS)
    assert (len(verdict.stops), len(verdict.warnings)) == (stops, warnings)


def test_the_farthest_comes_first_and_says_where() -> None:
    near, far = ("labels", "label (train)", 0.3, "a 50.0%", "b 90.0%"), ("lengths", "text (train)", 0.7, "5", "9")
    verdict = judge(comparison(near, far), DEFAULT_LIMITS)
    assert verdict.stops[0] == "lengths of text (train): 5 -> 9 (distance 0.700, limit 0.2)"


def test_of_a_span_alone_only_what_a_part_can_have_counts() -> None:
    found = comparison(("rows", "train", 9.0, "1", "2"), ("oov", "text", 0.9, "0.00%", "90.00%"))
    assert judge(found, DEFAULT_LIMITS, OF_A_SPAN) == judge(comparison(), DEFAULT_LIMITS)


def test_null_never_stops() -> None:
    found = comparison(("lengths", "text (train)", 1.0, "5", "9"))
    verdict = judge(found, DEFAULT_LIMITS | {"lengths": Limits(warn=None, stop=None)})
    assert verdict.stops == verdict.warnings == []
