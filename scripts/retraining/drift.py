"""Drift against the champion: measured by pipeline.drift, judged by the policy's limits. Pure.

Two comparisons with the statistics that the champion was trained on:

    whole    the new dataset, all signals
    span     a new span alone, undiluted by the others: signals that a part of the data has by itself. Its vocabulary,
             length cap and row count are its own, so oov, truncation, rows and schema say nothing
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.drift import Comparison, Measurement
from scripts.retraining.policy import Limits

OF_A_SPAN = frozenset(
    {"lengths", "empty", "tokens", "labels", "channels", "spread", "missing", "categories", "rejects"}
)
# Shares whose fall is good news. Growing data brings it: its vocabulary knows more of the held-out words.
BAD_WHEN_RISING = frozenset({"oov", "rejects"})


@dataclass(frozen=True)
class Verdict:
    """What is past its limits, in words, the farthest first."""

    stops: list[str]
    warnings: list[str]


def judge(comparison: Comparison, limits: Mapping[str, Limits], signals: frozenset[str] | None = None) -> Verdict:
    """Holds measurements against limits.

    Args:
      comparison: of the champion's statistics with others.
      limits: by signal.
      signals: only these; all when None.
    """
    stops, warnings = [], []
    for measurement in sorted(comparison.measurements, key=lambda m: (-m.distance, m.signal, m.place)):
        signal = signal_of(measurement)
        if signals is not None and signal not in signals:
            continue
        limit = limits[signal]
        stop = None if signal in BAD_WHEN_RISING and _falls(measurement) else limit.stop
        if stop is not None and measurement.distance >= stop:
            stops.append(_told(signal, measurement, stop))
        elif limit.warn is not None and measurement.distance >= limit.warn:
            warnings.append(_told(signal, measurement, limit.warn))
    return Verdict(stops, warnings)


def signal_of(measurement: Measurement) -> str:
    """The policy's name of a signal: schema is divided, see scripts.retraining.policy."""
    if measurement.signal == "schema" and measurement.place == "label classes":
        return "classes"
    if measurement.signal == "schema" and measurement.place.startswith("spec splits"):
        return "splits"
    return measurement.signal


def _falls(measurement: Measurement) -> bool:
    """Whether a share, which is shown as "6.67%", is smaller than it was."""
    before, after = (float(text.rstrip("%")) for text in (measurement.before, measurement.after))
    return after < before


def _told(signal: str, measurement: Measurement, limit: float) -> str:
    return (
        f"{signal} of {measurement.place}: {measurement.before} -> {measurement.after} "
        f"(distance {measurement.distance:.3f}, limit {limit:g})"
    )
