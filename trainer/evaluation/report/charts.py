"""Charts as inline SVG: lines over epochs, a reliability diagram, intervals in rows.

Colours are CSS variables of the page, so that a chart follows its light or dark scheme. Every chart has a title for
screen readers, and every mark a tooltip.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 460, 240
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 12, 34


def line_chart(title: str, series: Mapping[str, Sequence[float | None]], marked: int | None = None) -> str:
    """Lines over epochs.

    Args:
      title: what is drawn.
      series: name -> value of each epoch; None where there is none.
      marked: epoch, from 1, with a vertical line (the one whose weights are kept).
    """
    values = [v for line in series.values() for v in line if v is not None and math.isfinite(v)]
    epochs = max((len(line) for line in series.values()), default=0)
    if not values or not epochs:
        return ""
    low, high = _range(values)

    def x(epoch: float) -> float:
        return LEFT + (epoch - 1) / max(epochs - 1, 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [_axis_y(y, low, high)]
    ticks = sorted({1, epochs, *(1 + round(i * (epochs - 1) / 4) for i in range(5))})
    parts += [f'<text x="{x(e):.1f}" y="{HEIGHT - 14}" class="tick" text-anchor="middle">{e}</text>' for e in ticks]
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 1}" class="tick" text-anchor="middle">epoch</text>')
    if marked is not None:
        parts.append(
            f'<line x1="{x(marked):.1f}" x2="{x(marked):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" class="mark">'
            f"<title>weights of epoch {marked} are kept</title></line>"
        )
    for index, (name, line) in enumerate(series.items()):
        points = [(x(e), y(v), e, v) for e, v in enumerate(line, 1) if v is not None and math.isfinite(v)]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py, _, _ in points)
        parts.append(f'<polyline points="{path}" class="line s{index}"/>')
        parts += [
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" class="dot s{index}">'
            f"<title>{escape(name)}, epoch {e}: {v:.4f}</title></circle>"
            for px, py, e, v in points
        ]
    legend = "".join(f'<span class="key s{i}">{escape(name)}</span>' for i, name in enumerate(series))
    return _figure(title, "".join(parts), legend)


def reliability_chart(title: str, bins: Sequence[Mapping[str, float]]) -> str:
    """Share of positives observed against the probability predicted; the diagonal is perfect calibration.

    Args:
      title: what is drawn.
      bins: with rows, predicted and observed.
    """
    if not bins:
        return ""

    def x(value: float) -> float:
        return LEFT + value * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (1 - value) * (HEIGHT - TOP - BOTTOM)

    most = max(b["rows"] for b in bins)
    parts = [_axis_y(y, 0.0, 1.0)]
    parts += [
        f'<text x="{x(v):.1f}" y="{HEIGHT - 14}" class="tick" text-anchor="middle">{v:g}</text>'
        for v in (0, 0.25, 0.5, 0.75, 1)
    ]
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 1}" class="tick" text-anchor="middle">predicted</text>')
    parts.append(f'<line x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}" class="mark"/>')
    path = " ".join(f"{x(b['predicted']):.1f},{y(b['observed']):.1f}" for b in bins)
    parts.append(f'<polyline points="{path}" class="line s0"/>')
    for b in bins:
        radius = 2 + 5 * math.sqrt(b["rows"] / most)
        parts.append(
            f'<circle cx="{x(b["predicted"]):.1f}" cy="{y(b["observed"]):.1f}" r="{radius:.1f}" class="dot s0">'
            f"<title>{b['rows']} rows: predicted {b['predicted']:.3f}, observed {b['observed']:.3f}</title></circle>"
        )
    return _figure(title, "".join(parts), '<span class="key s0">share of positives observed</span>')


def interval_chart(title: str, rows: Sequence[tuple[str, Mapping[str, float | None]]]) -> str:
    """One row a name: a dot at the value, a line over its interval.

    Args:
      title: what is drawn.
      rows: name and {value, low, high}.
    """
    usable = [(name, figure) for name, figure in rows if figure.get("value") is not None]
    if not usable:
        return ""
    ends = [e for _, f in usable for e in (f["value"], f["low"], f["high"]) if e is not None]
    low, high = _range(ends)
    left, step = 150, 22
    height = step * len(usable) + 28

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (WIDTH - left - 40)

    parts = []
    for index, (name, figure) in enumerate(usable):
        y = 14 + index * step
        value, start, end = figure["value"], figure["low"], figure["high"]
        if value is None:
            continue
        parts.append(f'<text x="{left - 10}" y="{y + 4}" class="tick" text-anchor="end">{escape(name)}</text>')
        if start is not None and end is not None:
            parts.append(f'<line x1="{x(start):.1f}" x2="{x(end):.1f}" y1="{y}" y2="{y}" class="line s0"/>')
        tip = f"{value:.4f}" + (f" ({start:.4f} to {end:.4f})" if start is not None and end is not None else "")
        parts.append(
            f'<circle cx="{x(value):.1f}" cy="{y}" r="4" class="dot s0"><title>{escape(name)}: {tip}</title></circle>'
        )
        parts.append(f'<text x="{WIDTH - 2}" y="{y + 4}" class="tick" text-anchor="end">{value:.3f}</text>')
    for value in (low, high):
        parts.append(
            f'<text x="{x(value):.1f}" y="{height - 4}" class="tick" text-anchor="middle">{_tick(value)}</text>'
        )
    return _figure(title, "".join(parts), "", height)


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Least and greatest value; where they are equal, some room beside it, and for a share none outside 0 to 1."""
    low, high = min(values), max(values)
    if high - low >= 1e-9:
        return low, high
    room = 0.1 * max(abs(low), 1.0)
    if 0 <= low <= 1:
        return max(low - room, 0.0), min(high + room, 1.0)
    return low - room, high + room


def _tick(value: float) -> str:
    """A short number: 0.123, 45.6, 12k, 3.4M."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"


def _axis_y(y: Callable[[float], float], low: float, high: float) -> str:
    parts = []
    for index in range(5):
        value = low + (high - low) * index / 4
        place = y(value)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{place:.1f}" y2="{place:.1f}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{place + 4:.1f}" class="tick" text-anchor="end">{_tick(value)}</text>')
    return "".join(parts)


def _figure(title: str, content: str, legend: str, height: int = HEIGHT) -> str:
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {height}" role="img">'
        f'<title>{escape(title)}</title>{content}</svg><div class="legend">{legend}</div></figure>'
    )
