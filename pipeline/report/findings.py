"""What stands out in a dataset: the few sentences that a careful colleague would say after reading the statistics.

The thresholds say when something is worth a person's look, never that it is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.report.numbers import count, plural, share
from schemas.statistics import FeatureStatistics, LengthPredictor, Statistics

_LOST_STEPS = 0.05
_UNKNOWN = 0.05
_UNKNOWN_GAP = 0.05
_EMPTY = 0.01
_MISSING = 0.5
_RARE_CLASS = 0.05
_REJECTED = 0.001
_EFFICIENCY = 0.8


@dataclass(frozen=True)
class Finding:
    """One sentence, and whether it warns."""

    level: Literal["note", "warning"]
    text: str


def findings(statistics: Statistics) -> list[Finding]:
    """What stands out, warnings first."""
    found = [finding for feature in statistics.features for finding in _of_feature(feature)]
    found += [_of_predictor(p) for p in statistics.length_predictors if p.verdict != "none"]
    found += _of_label(statistics) + _of_rows(statistics) + _of_plan(statistics)
    return sorted(found, key=lambda finding: finding.level != "warning")


def predictor_sentence(predictor: LengthPredictor) -> str:
    """What the length-only predictor reached, in one sentence."""
    if predictor.r_squared is not None:
        reached = f"explains {share(max(predictor.r_squared, 0.0))} of the label's variance"
    else:
        reached = (
            f"reaches an AUC of {predictor.auc:.3f} and {share(predictor.accuracy or 0)} accuracy "
            f"(always saying the largest class: {share(predictor.majority_accuracy or 0)})"
        )
    rows = f"{plural(predictor.scored_rows, 'row')} of {predictor.scored_split}"
    return f"Length of {predictor.feature} alone {reached} on {rows}."


def _of_predictor(predictor: LengthPredictor) -> Finding:
    told = predictor_sentence(predictor)
    if predictor.verdict == "strong":
        return Finding(
            "warning", f"{told} Length leaks the label: check how the data was made before trusting a model."
        )
    return Finding("note", f"{told} A model must beat this to have learned anything else.")


def _of_feature(feature: FeatureStatistics) -> list[Finding]:
    parts = feature.splits
    lost = {name: part.lengths.lost_share for name, part in parts.items() if part.lengths}
    unknown = {name: part.tokens.unknown_share for name, part in parts.items() if part.tokens}
    empty = {name: part.lengths.raw.empty / part.rows for name, part in parts.items() if part.lengths and part.rows}
    found = []
    if max(lost.values(), default=0) > _LOST_STEPS:
        found.append(Finding("warning", f"{feature.name}: truncation cuts {_by_split(lost)} of all steps."))
    if max(unknown.values(), default=0) > _UNKNOWN:
        text = f"{feature.name}: {_by_split(unknown)} of tokens are unknown; consider a larger vocabulary."
        found.append(Finding("warning", text))
    if max(empty.values(), default=0) > _EMPTY:
        found.append(Finding("note", f"{feature.name}: {_by_split(empty)} of rows are empty."))
    return found + _missing(feature) + _gaps(feature)


def _by_split(shares: dict[str, float]) -> str:
    """8.7% (train), 6.9% (validation)"""
    return ", ".join(f"{share(value)} ({split})" for split, value in shares.items())


def _missing(feature: FeatureStatistics) -> list[Finding]:
    train = feature.splits.get("train")
    channels = train.channels if train else []
    missing = [channel.name for channel in channels if channel.missing_share > _MISSING]
    if not missing:
        return []
    names = ", ".join(missing[:6]) + (" and others" if len(missing) > 6 else "")
    verb = "is" if len(missing) == 1 else "are"
    of = f"{count(len(missing))} of {plural(len(channels), 'channel')}"
    return [Finding("note", f"{feature.name}: {of} {verb} missing more than half the time ({names}).")]


def _gaps(feature: FeatureStatistics) -> list[Finding]:
    """Splits whose tokens are known much less than the train split's."""
    train = feature.splits.get("train")
    if train is None or train.tokens is None:
        return []
    return [
        Finding(
            "warning",
            f"{feature.name}: {share(part.tokens.unknown_share)} of {split} tokens are unknown, "
            f"{share(train.tokens.unknown_share)} of train tokens; the splits differ.",
        )
        for split, part in feature.splits.items()
        if part.tokens and part.tokens.unknown_share - train.tokens.unknown_share > _UNKNOWN_GAP
    ]


def _of_label(statistics: Statistics) -> list[Finding]:
    found = []
    if statistics.label is None:
        return [Finding("note", "No label: this dataset cannot train a classifier as it is.")]
    for split, part in statistics.label.splits.items():
        absent = [name for name, rows in part.counts.items() if not rows]
        if absent:
            names = ", ".join(absent[:5]) + (" and others" if len(absent) > 5 else "")
            found.append(
                Finding("warning", f"Label: {plural(len(absent), 'class')} without a row in {split} ({names}).")
            )
    counts = statistics.label.splits["train"].counts if "train" in statistics.label.splits else {}
    total = sum(counts.values())
    if len(counts) == 2 and total and 0 < min(counts.values()) / total < _RARE_CLASS:
        rare = min(counts, key=lambda name: counts[name])
        found.append(
            Finding(
                "note", f"Label: only {share(counts[rare] / total)} of train rows are {rare}; consider class weights."
            )
        )
    return found


def _of_rows(statistics: Statistics) -> list[Finding]:
    found, counts = [], statistics.counts
    if counts.rows_in and counts.rejected / counts.rows_in > _REJECTED:
        text = f"{plural(counts.rejected, 'row')} ({share(counts.rejected / counts.rows_in)}) were rejected."
        found.append(Finding("warning", text))
    if counts.duplicates:
        found.append(
            Finding("note", f"{plural(counts.duplicates, 'duplicate')} dropped, so no row stands in two splits.")
        )
    if "validation" not in statistics.splits and "test" not in statistics.splits:
        found.append(Finding("warning", "All rows are in the train split: nothing is held out."))
    return found


def _of_plan(statistics: Statistics) -> list[Finding]:
    efficiency = statistics.plan.strategy("lengthwise").total.efficiency
    if efficiency >= _EFFICIENCY:
        return []
    remedy = "more buckets (batching.buckets) or a smaller batching.align would raise it."
    return [Finding("note", f"Padding efficiency is {share(efficiency)}; {remedy}")]
