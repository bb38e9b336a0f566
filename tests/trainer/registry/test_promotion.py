"""The promotion rule on comparisons made by hand."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from trainer.registry.promotion import Decision, PromotionRule, decide


def comparison(value: float, low: float, high: float, **changes: Any) -> dict[str, Any]:
    """A champion with an accuracy of 0.8, and a challenger whose gain is `value` within [low, high]."""
    gain = {"champion": 0.8, "challenger": 0.8 + value, "value": value, "low": low, "high": high, "confidence": 0.95}
    return {
        "split": "test", "rows": 1000, "metric": "accuracy", "larger_is_better": True, "slice_metric": "accuracy",
        "challenger": {"accuracy": 0.8 + value}, "champion": {"accuracy": 0.8}, "gain": gain, "slices": [],
    } | changes  # fmt: skip


def part(low: float, high: float, rows: int = 100) -> dict[str, Any]:
    return {
        "feature": "text", "shortest": 5, "longest": 9, "rows": rows, "champion": 0.8, "challenger": 0.5,
        "value": (low + high) / 2, "low": low, "high": high, "confidence": 0.99,
    }  # fmt: skip


def failed(decision: Decision) -> list[str]:
    return [check.name for check in decision.checks if not check.passed]


@pytest.mark.parametrize(
    ("found", "rule", "names"),
    [
        (comparison(0.01, -0.005, 0.03), {}, []),
        (comparison(-0.001, -0.0159, 0.01), {}, []),  # 2% of 0.8 is 0.016
        (comparison(-0.001, -0.0161, 0.01), {}, ["not worse"]),
        (comparison(0.0, -0.0161, 0.01), {"margin": 0.03}, []),
        (comparison(0.0, 0.0, 0.0), {"margin": 0.0}, []),
        (comparison(0.01, -0.005, 0.03), {"floor": 0.82}, ["floor"]),
        (comparison(0.01, -0.005, 0.03), {"minimum_rows": 1001}, ["rows"]),
        (comparison(0.03, 0.001, 0.05), {"minimum_gain": 0.02}, []),
        (comparison(0.03, -0.001, 0.05), {"minimum_gain": 0.02}, ["minimum gain"]),
        (comparison(0.01, 0.001, 0.05), {"minimum_gain": 0.02}, ["minimum gain"]),
        (comparison(0.03, 0.0, 0.05, slices=[part(-0.4, -0.1)]), {}, ["slices"]),
        (comparison(0.03, 0.0, 0.05, slices=[part(-0.4, -0.07)]), {}, []),  # 10% of 0.8 is allowed in a slice
        (comparison(0.03, 0.0, 0.05, slices=[part(-0.4, -0.1, rows=49)]), {}, []),
        (comparison(-0.3, -0.4, -0.2, slices=[part(-0.4, -0.1)]), {"floor": 0.9}, ["floor", "not worse", "slices"]),
    ],
)
def test_each_condition(found: dict[str, Any], rule: dict[str, Any], names: list[str]) -> None:
    decision = decide(found, PromotionRule(**rule))
    assert failed(decision) == names
    assert decision.promote == (not names)
    assert all(name in decision.reason for name in names)


def test_the_first_model_needs_the_floor_alone() -> None:
    alone = comparison(0.0, 0.0, 0.0, champion=None, gain=None)
    assert decide(alone, PromotionRule()).promote
    assert failed(decide(alone, PromotionRule(floor=0.81))) == ["floor"]


def test_of_an_error_less_is_better() -> None:
    found = comparison(0.0, 0.0, 0.0, metric="mae", larger_is_better=False, challenger={"mae": 3.0}, champion=None)
    assert decide(found, PromotionRule(floor=3.5)).promote
    assert not decide(found, PromotionRule(floor=2.5)).promote


def test_an_undefined_metric_promotes_nothing() -> None:
    assert failed(decide(comparison(0.0, 0.0, 0.0, challenger={"accuracy": None}), PromotionRule())) == ["floor"]


def test_an_undefined_gain_promotes_nothing() -> None:
    found = comparison(0.0, 0.0, 0.0)
    found["gain"] |= dict.fromkeys(("champion", "value", "low", "high"))  # JSON has no NaN
    assert failed(decide(found, PromotionRule())) == ["not worse"]


def test_a_reason_holds_the_figures() -> None:
    reason = decide(comparison(0.01, -0.005, 0.03), PromotionRule()).reason
    assert reason == (
        "accuracy 0.8100 against 0.8000 on 1,000 test rows: gain +0.0100 (95%: -0.0050 to +0.0300), "
        "a loss of 0.0160 is allowed"
    )


@pytest.mark.parametrize("rule", [{"margin": -0.1}, {"confidence": 1.0}, {"slices": 0}, {"margins": 0.1}])
def test_a_rule_is_checked_at_birth(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PromotionRule(**rule)
