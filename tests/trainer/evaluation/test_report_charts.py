"""Axes of the report's charts: short numbers, and no share outside 0 to 1."""

from __future__ import annotations

import pytest

from trainer.evaluation.report.charts import _range, _tick, interval_chart, line_chart


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.0, 1.0], (0.9, 1.0)), ([0.0], (0.0, 0.1)), ([5.0], (4.5, 5.5)), ([0.2, 0.7], (0.2, 0.7))],
)
def test_equal_values_get_room_but_a_share_stays_a_share(values: list[float], expected: tuple[float, float]) -> None:
    assert _range(values) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.12345, "0.123"), (236.0, "236"), (13_800.0, "13.8k"), (-2_500_000.0, "-2.5M")]
)
def test_ticks_are_short(value: float, expected: str) -> None:
    assert _tick(value) == expected


def test_charts_draw_constant_values() -> None:
    perfect = [("class 1", {"value": 1.0, "low": 1.0, "high": 1.0})]
    assert ">1.5<" not in interval_chart("recall", perfect)
    assert ">20.8k<" in line_chart("speed", {"steps a second": [236.0, 20_770.0]})
