"""Drift: what changed between two datasets, from their statistics alone. Pure; imports neither TensorFlow nor Beam."""

from __future__ import annotations

from pipeline.drift.comparison import (
    DEFAULT_THRESHOLDS,
    Comparison,
    Level,
    Measurement,
    Threshold,
    compare_statistics,
)

__all__ = ["DEFAULT_THRESHOLDS", "Comparison", "Level", "Measurement", "Threshold", "compare_statistics"]
