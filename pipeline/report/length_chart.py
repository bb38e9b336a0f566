"""The length distribution of one sequence feature, with the bucket boundaries drawn on it, as inline SVG.

    |      ▃█▆▂ |    |                 |    train as bars, other splits as lines, each by its share of rows
    |   ▂▅████▅▃▂▁▁_ |_ _ _ _ ╎        |    thin lines: bucket boundaries;  ╎ the length cap, what is cut is pale
    +---------------------------------

Lengths have long tails. Where the longest row is far beyond the usual ones the axis is straight up to about the median
and logarithmic behind it. A bar's area is its share of rows, so bars of different widths compare. Every bar tells its
numbers when pointed at. The chart is drawn twice, for desktop and for phone, so that text keeps its size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pipeline.report.markup import Markup, join, tag
from pipeline.report.numbers import count, share
from schemas.statistics import FeatureStatistics, LengthHistogram

_TOP, _BOTTOM, _SIDE = 22, 22, 4
# Beyond this many times the 95% quantile the axis turns logarithmic.
_LONG_TAIL = 3


@dataclass(frozen=True)
class Axis:
    """Lengths to places on the chart.

    Attributes:
      end: length just past the last one shown.
      bend: where the axis turns logarithmic; None for a straight one.
      width: of the drawing area, pixels.
    """

    end: int
    bend: float | None
    width: float

    def scaled(self, length: float) -> float:
        """Place from 0 to 1."""
        if self.bend is None:
            return length / self.end
        return math.log1p(length / self.bend) / math.log1p(self.end / self.bend)

    def x(self, length: float) -> float:
        """Pixels from the left."""
        return _SIDE + self.scaled(length) * self.width

    def edges(self, bins: int) -> np.ndarray:
        """int64[<= bins + 1]: whole lengths that cut the axis into bins of about equal width."""
        places = np.linspace(0, 1, bins + 1)
        if self.bend is None:
            lengths = places * self.end
        else:
            lengths = np.expm1(places * math.log1p(self.end / self.bend)) * self.bend
        return np.unique(np.rint(lengths).astype(np.int64))

    def ticks(self, spacing: float) -> list[int]:
        """Round lengths that stand at least `spacing` pixels apart."""
        shown = [0]
        for power in range(7):
            for step in (1, 2, 5):
                length = step * 10**power
                if length <= self.end and self.x(length) - self.x(shown[-1]) >= spacing:
                    shown.append(length)
        if self.bend is None:
            step = next((s for s in shown[1:] if self.x(s) - self.x(0) >= spacing), self.end)
            shown = list(range(0, self.end + 1, step))
        return shown


def length_chart(feature: FeatureStatistics, boundaries: list[int]) -> Markup:
    """The chart, for both widths.

    Args:
      feature: a sequence feature.
      boundaries: its distinct padded lengths.
    """
    lengths = {name: split.lengths for name, split in feature.splits.items() if split.lengths and split.rows}
    longest = max((part.raw.longest or 0 for part in lengths.values()), default=0)
    if not longest:
        return tag("p", "All sequences of this feature are empty: there is no length to show.", class_="note")
    histograms = {name: part.raw_histogram for name, part in lengths.items()}
    first = lengths.get("train") or next(iter(lengths.values()))
    tail = longest > _LONG_TAIL * max(first.raw.quantiles["0.95"], 1) and longest > 32
    bend = max(first.raw.quantiles["0.5"] / 2, 1.0) if tail else None
    end = max([longest + 1, *(b + 1 for b in boundaries if b <= 1.5 * longest + 8)])
    drawn = [
        _draw(feature, histograms, boundaries, Axis(end, bend, width - 2 * _SIDE), (width, height, bins), name)
        for name, width, height, bins in (("wide", 960, 240, 80), ("narrow", 340, 190, 40))
    ]
    return tag("div", *drawn, class_="chart")


def _draw(
    feature: FeatureStatistics,
    histograms: dict[str, LengthHistogram],
    boundaries: list[int],
    axis: Axis,
    size: tuple[int, int, int],
    name: str,
) -> Markup:
    width, height, bins = size
    floor = height - _BOTTOM
    edges = axis.edges(bins)
    places = np.array([axis.x(edge) for edge in edges])
    shares = {split: _binned(histogram, edges) for split, histogram in histograms.items()}
    densities = {split: rows / max(rows.sum(), 1) / np.diff(places) for split, rows in shares.items()}
    peak = max(float(density.max()) for density in densities.values()) or 1.0
    heights = {split: density / peak * (floor - _TOP) for split, density in densities.items()}
    solid = "train" if "train" in heights else next(iter(heights))
    parts = [_boundary_lines(boundaries, axis, floor, 26 if name == "wide" else 30)]
    parts.append(_bars(solid, shares[solid], heights[solid], edges, places, floor, feature.max_length))
    parts += [_outline(split, tops, places, floor) for split, tops in heights.items() if split != solid]
    if feature.max_length is not None and feature.max_length + 1 < axis.end:
        parts.append(_cap(feature.max_length, axis, floor))
    parts.append(tag("line", x1=0, x2=width, y1=floor, y2=floor, class_="axis"))
    ticks = axis.ticks(64 if name == "wide" else 52)
    parts += [
        tag("text", count(t), x=axis.x(t + 0.5), y=height - 6, class_="tick", text_anchor=_anchor(t, axis))
        for t in ticks
    ]
    label = f"Length distribution of {feature.name}"
    return tag("svg", *parts, viewBox=f"0 0 {width} {height}", class_=name, role="img", aria_label=label)


def _anchor(length: int, axis: Axis) -> str:
    return "start" if length == 0 else "end" if axis.scaled(length) > 0.97 else "middle"


def _binned(histogram: LengthHistogram, edges: np.ndarray) -> np.ndarray:
    """int64[bins]: rows between edges."""
    place = np.searchsorted(edges, np.array(histogram.lengths, np.int64), side="right") - 1
    return np.bincount(place, np.array(histogram.rows), len(edges) - 1).astype(np.int64)


def _bars(
    split: str,
    rows: np.ndarray,
    heights: np.ndarray,
    edges: np.ndarray,
    places: np.ndarray,
    floor: float,
    cap: int | None,
) -> Markup:
    total = int(rows.sum())
    bars = []
    for i in np.flatnonzero(rows):
        first, last = int(edges[i]), int(edges[i + 1]) - 1
        lengths = count(first) if first == last else f"{count(first)}–{count(last)}"
        title = tag("title", f"{lengths} steps: {count(int(rows[i]))} {split} rows, {share(int(rows[i]) / total)}")
        bars.append(
            tag(
                "rect",
                title,
                x=float(places[i]) + 0.4,
                y=float(floor - max(heights[i], 0.8)),
                width=max(float(places[i + 1] - places[i]) - 0.8, 0.6),
                height=max(float(heights[i]), 0.8),
                class_="cut" if cap is not None and first > cap else None,
            )
        )
    return tag("g", *bars, class_=f"bars {split}")


def _outline(split: str, tops: np.ndarray, places: np.ndarray, floor: float) -> Markup:
    points = [f"M{places[0]:.1f} {floor:.1f}"]
    for i, top in enumerate(tops):
        points.append(f"V{floor - top:.1f}H{places[i + 1]:.1f}")
    return tag("path", d="".join(points) + f"V{floor:.1f}", class_=f"outline {split}")


def _boundary_lines(boundaries: list[int], axis: Axis, floor: float, spacing: float) -> Markup:
    """A line a boundary; labels only where there is room, from the longest down, since long buckets matter most."""
    lines: list[Markup] = []
    labels: list[Markup] = []
    free = math.inf
    for boundary in sorted((b for b in boundaries if b < axis.end), reverse=True):
        x = axis.x(boundary + 1)
        lines.append(tag("line", tag("title", f"boundary {count(boundary)}"), x1=x, x2=x, y1=16, y2=floor))
        if free - x >= spacing and x > 12:
            anchor = "end" if axis.scaled(boundary) > 0.98 else "middle"
            labels.append(tag("text", count(boundary), x=x, y=11, text_anchor=anchor))
            free = x - (12 if anchor == "end" else 0)
    return tag("g", join(lines), join(labels), class_="boundaries")


def _cap(cap: int, axis: Axis, floor: float) -> Markup:
    x = axis.x(cap + 1)
    right = axis.scaled(cap) < 0.8
    note = tag(
        "text", f"cut at {count(cap)}", x=x + (5 if right else -5), y=34, text_anchor="start" if right else "end"
    )
    return tag("g", tag("line", x1=x, x2=x, y1=22, y2=floor), note, class_="cap")
