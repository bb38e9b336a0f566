"""What changed between two datasets, measured signal by signal against thresholds. Reads statistics only; pure.

    signal      distance                                                             warns at   fails at
    schema      1: features, kinds, channels, classes or splits; 0.5: options        0.5        1
    lengths     Jensen-Shannon, over the deciles of before; raw lengths              0.1        0.2
    empty       difference in the share of empty rows                                0.01       0.05
    truncation  difference in the share of steps cut off                             0.02       0.1
    oov         difference in the share of unknown ids                               0.02       0.05
    tokens      share of before's 20 most frequent tokens not in after's 50          0.25       0.5
    labels      classes: Jensen-Shannon; regression: mean shift                      0.1        0.2
    channels    mean shift, in standard deviations of before                         0.1        0.25
    spread      doublings of the standard deviation                                  0.5        1
    missing     difference in the share of missing values                            0.05       0.15
    categories  Jensen-Shannon, over before's 50 most frequent values                0.1        0.2
    rejects     difference in the share of rejected rows                             0.01       0.05
    rows        doublings of the number of rows of a split                           1          never

0.1 and 0.2 of Jensen-Shannon are about the usual 0.1 and 0.25 of the population stability index. All distances but
schema, tokens and rows are less what chance explains (distances.py), so small datasets do not cry wolf.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from pipeline.drift.distances import binned, mean_shift, quantile_bins, share_difference, shares_distance, spread_change
from pipeline.drift.schema_changes import BREAKING, schema_changes
from schemas.statistics import ChannelStatistics, FeatureStatistics, SplitStatistics, Statistics
from schemas.strict import Strict

Level = Literal["ok", "warn", "fail"]
_LEVELS: tuple[Level, ...] = ("ok", "warn", "fail")


class Threshold(Strict):
    """Distances from which a signal warns and fails; null never does."""

    warn: float | None = Field(ge=0)
    fail: float | None = Field(ge=0)

    def level(self, distance: float) -> Level:
        """What a distance amounts to."""
        if self.fail is not None and distance >= self.fail:
            return "fail"
        return "warn" if self.warn is not None and distance >= self.warn else "ok"


DEFAULT_THRESHOLDS: dict[str, Threshold] = {
    "schema": Threshold(warn=0.5, fail=BREAKING),
    "lengths": Threshold(warn=0.1, fail=0.2),
    "empty": Threshold(warn=0.01, fail=0.05),
    "truncation": Threshold(warn=0.02, fail=0.1),
    "oov": Threshold(warn=0.02, fail=0.05),
    "tokens": Threshold(warn=0.25, fail=0.5),
    "labels": Threshold(warn=0.1, fail=0.2),
    "channels": Threshold(warn=0.1, fail=0.25),
    "spread": Threshold(warn=0.5, fail=1.0),
    "missing": Threshold(warn=0.05, fail=0.15),
    "categories": Threshold(warn=0.1, fail=0.2),
    "rejects": Threshold(warn=0.01, fail=0.05),
    "rows": Threshold(warn=1.0, fail=None),
}


class Measurement(Strict):
    """One signal in one place."""

    signal: str
    place: str = Field(description='Where: "text (train)", "vitals.HR (train)", "label (validation)".')
    distance: float
    before: str
    after: str
    level: Level


class Comparison(Strict):
    """All measurements between two datasets."""

    before: str = Field(description="Digest of the first dataset.")
    after: str = Field(description="Digest of the second.")
    measurements: list[Measurement]

    @property
    def level(self) -> Level:
        """The worst level of all measurements."""
        return max((m.level for m in self.measurements), key=_LEVELS.index, default="ok")

    def at(self, level: Level) -> list[Measurement]:
        """Measurements of one level, the farthest first."""
        return sorted(
            (m for m in self.measurements if m.level == level), key=lambda m: (-m.distance, m.signal, m.place)
        )


Found = tuple[str, str, float, str, str]


def compare_statistics(
    before: Statistics, after: Statistics, thresholds: Mapping[str, Threshold] | None = None
) -> Comparison:
    """Measures what changed from one dataset to another.

    Args:
      before: the reference, such as what the champion was trained on.
      after: the new one.
      thresholds: replaces the defaults of the signals it names.

    Raises:
      ValueError: a threshold for a signal that does not exist.
    """
    known = DEFAULT_THRESHOLDS | dict(thresholds or {})
    unknown = sorted(set(known) - set(DEFAULT_THRESHOLDS))
    if unknown:
        raise ValueError(f"thresholds: received {', '.join(unknown)}, expected some of {', '.join(DEFAULT_THRESHOLDS)}")
    measurements = [
        Measurement(
            signal=signal, place=place, distance=distance, before=old, after=new, level=known[signal].level(distance)
        )
        for signal, place, distance, old, new in _measure(before, after)
    ]
    return Comparison(before=before.digest, after=after.digest, measurements=measurements)


def _measure(before: Statistics, after: Statistics) -> Iterator[Found]:
    for place, distance, old, new in schema_changes(before, after):
        yield "schema", place, distance, old, new
    for split in before.splits:
        if split in after.splits:
            yield _rows(before, after, split)
    for feature in before.features:
        other = after.feature(feature.name)
        if other is not None and other.kind == feature.kind:
            yield from _feature(feature, other)
    yield from _labels(before, after)
    counts, others = before.counts, after.counts
    shares = (counts.rejected / max(counts.rows_in, 1), others.rejected / max(others.rows_in, 1))
    distance = share_difference(shares[0], counts.rows_in, shares[1], others.rows_in)
    yield "rejects", "input rows", distance, f"{shares[0]:.2%}", f"{shares[1]:.2%}"


def _rows(before: Statistics, after: Statistics, split: str) -> Found:
    old, new = before.splits[split], after.splits[split]
    distance = abs(math.log2(new / old)) if old and new else 0.0
    return "rows", split, distance, f"{old:,}", f"{new:,}"


def _feature(before: FeatureStatistics, after: FeatureStatistics) -> Iterator[Found]:
    for split, old in before.splits.items():
        new = after.splits.get(split)
        if new is None:
            continue
        place = f"{before.name} ({split})"
        yield from _lengths(old, new, place)
        yield from _tokens(old, new, place)
        for channel in old.channels:
            other = next((c for c in new.channels if c.name == channel.name), None)
            if other is not None:
                at = f"{before.name}.{channel.name} ({split})" if len(old.channels) > 1 else place
                yield from _channel(channel, other, at, (old.rows, new.rows))
        yield from _categories(old, new, place)


def _lengths(old: SplitStatistics, new: SplitStatistics, place: str) -> Iterator[Found]:
    if old.lengths is None or new.lengths is None:
        return
    a, b = old.lengths, new.lengths
    starts = quantile_bins(a.raw_histogram.lengths, a.raw_histogram.rows)
    counts = [binned(part.raw_histogram.lengths, part.raw_histogram.rows, starts) for part in (a, b)]
    shown = [
        f"median {part.raw.quantiles.get('0.5', '-')}, 95% {part.raw.quantiles.get('0.95', '-')}" for part in (a, b)
    ]
    yield "lengths", place, shares_distance(*counts), shown[0], shown[1]
    empty = [part.raw.empty / part.raw.rows if part.raw.rows else 0.0 for part in (a, b)]
    distance = share_difference(empty[0], old.rows, empty[1], new.rows)
    yield "empty", place, distance, f"{empty[0]:.2%}", f"{empty[1]:.2%}"
    distance = share_difference(a.lost_share, old.rows, b.lost_share, new.rows)
    yield "truncation", place, distance, f"{a.lost_share:.2%}", f"{b.lost_share:.2%}"


def _tokens(old: SplitStatistics, new: SplitStatistics, place: str) -> Iterator[Found]:
    if old.tokens is None or new.tokens is None:
        return
    a, b = old.tokens.unknown_share, new.tokens.unknown_share
    yield "oov", place, share_difference(a, old.rows, b, new.rows), f"{a:.2%}", f"{b:.2%}"
    first, there = [t.token for t in old.tokens.top[:20]], {t.token for t in new.tokens.top}
    gone = [token for token in first if token not in there]
    distance = len(gone) / len(first) if first and there else 0.0
    yield "tokens", place, distance, ", ".join(first[:5]), ", ".join(t.token for t in new.tokens.top[:5])


def _channel(
    old: ChannelStatistics, new: ChannelStatistics, place: str, rows: tuple[int, int], signal: str = "channels"
) -> Iterator[Found]:
    distance = share_difference(old.missing_share, rows[0], new.missing_share, rows[1])
    yield "missing", place, distance, f"{old.missing_share:.1%}", f"{new.missing_share:.1%}"
    if old.mean is None or new.mean is None:
        return
    n, m = min(old.observed, rows[0]), min(new.observed, rows[1])
    deviations = (old.standard_deviation or 0.0, new.standard_deviation or 0.0)
    shift = mean_shift((old.mean, deviations[0], n), (new.mean, deviations[1], m))
    shown = f"{old.mean:.4g} ± {deviations[0]:.3g}", f"{new.mean:.4g} ± {deviations[1]:.3g}"
    yield signal, place, shift, *shown
    yield "spread", place, spread_change((deviations[0], n), (deviations[1], m)), *shown


def _categories(old: SplitStatistics, new: SplitStatistics, place: str) -> Iterator[Found]:
    if old.category is None or new.category is None:
        return
    names = [value.token for value in old.category.top]
    counts = []
    for part in (old.category, new.category):
        by_name = {value.token: value.count for value in part.top}
        listed = [by_name.get(name, 0) for name in names]
        counts.append([*listed, part.missing, max(part.rows - sum(listed) - part.missing, 0)])
    shown = [", ".join(v.token for v in part.top[:3]) for part in (old.category, new.category)]
    yield "categories", place, shares_distance(*counts), shown[0], shown[1]


def _labels(before: Statistics, after: Statistics) -> Iterator[Found]:
    if before.label is None or after.label is None:
        return
    for split, old in before.label.splits.items():
        new = after.label.splits.get(split)
        if new is None:
            continue
        place = f"label ({split})"
        if old.values is not None and new.values is not None:
            found = _channel(old.values, new.values, place, (old.rows, new.rows), signal="labels")
            yield from (item for item in found if item[0] != "missing")
        elif old.counts and new.counts:
            names = sorted({*old.counts, *new.counts})
            counts = [[part.counts.get(name, 0) for name in names] for part in (old, new)]
            largest = [
                f"{max(p.counts, key=lambda n: (p.counts[n], n))} {max(p.counts.values()) / max(p.rows, 1):.1%}"
                for p in (old, new)
            ]
            yield "labels", place, shares_distance(*counts), largest[0], largest[1]
