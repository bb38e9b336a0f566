"""The promotion rule: whether a challenger takes the champion's place, and why. Pure; reads a comparison alone.

    floor          the challenger's metric reaches it, with or without a champion
    not worse      the low end of the gain's interval is above minus the margin
    no bad slice   in no slice of length the whole interval lies below minus the slice margin
    minimum gain   only when asked for: the gain reaches it, and its interval is above 0

Margins and the minimum gain are shares of the champion's metric, so that they mean the same for an accuracy and for
an error in seconds: with an accuracy of 0.80, a margin of 0.02 allows 0.016.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from schemas.strict import Strict


class PromotionRule(Strict):
    """What a challenger must show."""

    metric: str | None = Field(None, description="The deciding metric; accuracy or mae when absent.")
    floor: float | None = Field(None, description="The metric must be at least this; at most, where less is better.")
    margin: float = Field(0.02, ge=0, le=1, description="How much worse is not worse, as a share of the champion's.")
    minimum_gain: float = Field(0.0, ge=0, description="Gain asked for, as a share of the champion's metric.")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Of the paired bootstrap intervals.")
    slices: int = Field(4, ge=1, le=20, description="Slices of length, for every sequence feature.")
    slice_margin: float = Field(0.1, ge=0, le=1, description="As margin, in a slice.")
    slice_rows: int = Field(50, ge=1, description="A slice with fewer rows decides nothing.")
    minimum_rows: int = Field(30, ge=1, description="With fewer held-out rows the champion is kept.")


@dataclass(frozen=True)
class Check:
    """One condition and what was found."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Decision:
    """What to do, and why.

    Attributes:
      promote: whether the challenger becomes champion.
      reason: one sentence.
      checks: every condition.
    """

    promote: bool
    reason: str
    checks: tuple[Check, ...]


def decide(comparison: Mapping[str, Any], rule: PromotionRule) -> Decision:
    """Applies the rule.

    Args:
      comparison: of trainer.registry.comparison.
      rule: the promotion rule.
    """
    metric, rows = comparison["metric"], comparison["rows"]
    value = comparison["challenger"][metric]
    checks = [
        Check("rows", rows >= rule.minimum_rows, f"{rows:,} held-out rows, at least {rule.minimum_rows:,} wanted"),
        _floor(comparison, rule, metric, value),
    ]
    where = f"{rows:,} {comparison.get('split', 'held-out')} rows"
    gain = comparison.get("gain") or {}
    if comparison["champion"] is None:
        found = f"{metric} {_shown(value)} on {where}, no champion before it"
    elif any(gain.get(name) is None for name in ("champion", "value", "low", "high")):
        found = f"{metric} {_shown(value)} on {where}"
        checks.append(Check("not worse", False, f"the gain in {metric} is not defined on these rows"))
    else:
        allowed = rule.margin * abs(gain["champion"])
        found = (
            f"{metric} {_shown(value)} against {_shown(gain['champion'])} on {where}: gain {gain['value']:+.4f} "
            f"({gain['confidence']:.0%}: {gain['low']:+.4f} to {gain['high']:+.4f}), a loss of {allowed:.4f} is allowed"
        )
        low = gain["low"]
        checks.append(Check("not worse", low >= -allowed, f"low end {low:+.4f}, at least {-allowed:+.4f}"))
        checks.append(_slices(comparison, rule))
        if rule.minimum_gain:
            checks.append(_minimum_gain(gain, rule))
    failed = [check for check in checks if not check.passed]
    if failed:
        return Decision(False, f"{'; '.join(f'{c.name}: {c.detail}' for c in failed)} ({found})", tuple(checks))
    return Decision(True, found, tuple(checks))


def _floor(comparison: Mapping[str, Any], rule: PromotionRule, metric: str, value: float | None) -> Check:
    if value is None or not math.isfinite(value):
        return Check("floor", False, f"{metric} is not defined on these rows")
    if rule.floor is None:
        return Check("floor", True, "none set")
    above = value >= rule.floor if comparison["larger_is_better"] else value <= rule.floor
    return Check("floor", above, f"{metric} {value:.4f}, {rule.floor:g} wanted")


def _slices(comparison: Mapping[str, Any], rule: PromotionRule) -> Check:
    judged = [part for part in comparison["slices"] if part["rows"] >= rule.slice_rows]
    bad = [part for part in judged if part["high"] < -rule.slice_margin * abs(part["champion"])]
    if not bad:
        return Check(
            "slices", True, f"{len(judged)} of {len(comparison['slices'])} slices have rows enough; none is bad"
        )
    worst = min(bad, key=lambda part: part["value"])
    where = f"{worst['feature']} of length {worst['shortest']:,} to {worst['longest']:,}"
    return Check(
        "slices",
        False,
        f"{where}: {comparison['slice_metric']} {worst['challenger']:.4f} against {worst['champion']:.4f} on "
        f"{worst['rows']:,} rows (at best {worst['high']:+.4f})",
    )


def _minimum_gain(gain: Mapping[str, float], rule: PromotionRule) -> Check:
    wanted = rule.minimum_gain * abs(gain["champion"])
    passed = gain["value"] >= wanted and gain["low"] > 0
    return Check("minimum gain", passed, f"{gain['value']:+.4f}, {wanted:+.4f} wanted, with an interval above 0")


def _shown(value: float | None) -> str:
    return "undefined" if value is None or not math.isfinite(value) else f"{value:.4f}"
