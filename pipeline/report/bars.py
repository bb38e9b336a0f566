"""Bars that need no axis: stacked shares, lists of counts, small histograms, spreads."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.report.markup import Markup, data, tag
from pipeline.report.numbers import count, number, share
from schemas.statistics import ChannelStatistics, LengthSummary

SPLIT_CLASSES = ("train", "validation", "test")


def stacked(parts: Sequence[tuple[str, int, str]], label: str) -> Markup:
    """One bar of shares that add up.

    Args:
      parts: (name, amount, CSS class) each.
      label: what the bar shows, for screen readers.
    """
    total = sum(amount for _, amount, _ in parts) or 1
    pieces = [
        tag(
            "span",
            style=f"width:{100 * amount / total:.3f}%",
            class_=css,
            title=f"{name}: {count(amount)}, {share(amount / total)}",
        )
        for name, amount, css in parts
        if amount
    ]
    return tag("div", *pieces, class_="stacked", role="img", aria_label=label)


def legend(parts: Sequence[tuple[str, str, str]]) -> Markup:
    """(name, value, CSS class) each, beside a swatch."""
    return tag(
        "ul",
        *(
            tag("li", tag("i", class_=f"swatch {css}"), data(name, 40), " ", tag("span", value, class_="muted"))
            for name, value, css in parts
        ),
        class_="legend",
    )


def bar(fraction: float, css: str = "train") -> Markup:
    """One thin bar from 0 to 1."""
    return tag("span", tag("span", style=f"width:{100 * min(max(fraction, 0), 1):.2f}%", class_=css), class_="bar")


def bar_list(items: Sequence[tuple[str, int]], total: int, css: str = "train", largest: int | None = None) -> Markup:
    """(name, count) each with a bar; `largest`, or else the largest of them, is as wide as there is room."""
    largest = largest or max((amount for _, amount in items), default=0) or 1
    rows = [
        tag(
            "li",
            tag("span", data(name, 60), class_="name"),
            bar(amount / largest, css),
            tag("span", share(amount / total) if total else count(amount), class_="amount", title=count(amount)),
        )
        for name, amount in items
    ]
    return tag("ol", *rows, class_="barlist")


def spark(channels: dict[str, ChannelStatistics]) -> Markup:
    """A small histogram of one channel: the train split as bars, others as lines.

    Args:
      channels: by split; all over the same edges.
    """
    width, height = 200.0, 44.0
    peaks, parts = [], []
    for channel in channels.values():
        peaks.append(max(channel.histogram.counts, default=0) / max(channel.observed, 1))
    peak = max(peaks, default=0) or 1
    for split, channel in channels.items():
        counts, edges = channel.histogram.counts, channel.histogram.edges
        step = width / len(counts)
        tops = [amount / max(channel.observed, 1) / peak * (height - 2) for amount in counts]
        if split == "train":
            parts += [
                tag(
                    "rect",
                    tag("title", f"{number(edges[i])} to {number(edges[i + 1])}: {count(counts[i])} values"),
                    x=i * step + step * 0.06,
                    y=height - max(top, 0.6),
                    width=step * 0.88,
                    height=max(top, 0.6),
                    class_="train",
                )
                for i, top in enumerate(tops)
                if counts[i]
            ]
        elif channel.observed:
            line = "".join(f"V{height - top:.1f}H{(i + 1) * step:.1f}" for i, top in enumerate(tops))
            parts.append(tag("path", d=f"M0 {height:.0f}{line}V{height:.0f}", class_=f"outline {split}"))
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        preserveAspectRatio="none",
        class_="spark",
        aria_hidden="true",
    )


def spread(summary: LengthSummary, longest: float) -> Markup:
    """Where lengths lie: a line from 5% to 95%, a box from 25% to 75%, a mark at the median; on a root scale."""
    if not summary.rows:
        return tag("span", class_="spread")
    low, lower, middle, upper, high = (
        100 * (summary.quantiles[q] / longest) ** 0.5 if longest else 0.0
        for q in ("0.05", "0.25", "0.5", "0.75", "0.95")
    )
    title = ", ".join(f"{float(q):.0%}: {count(v)}" for q, v in summary.quantiles.items())
    return tag(
        "span",
        tag("span", class_="whisker", style=f"left:{low:.2f}%;width:{high - low:.2f}%"),
        tag("span", class_="box", style=f"left:{lower:.2f}%;width:{upper - lower:.2f}%"),
        tag("span", class_="median", style=f"left:{middle:.2f}%"),
        class_="spread",
        title=title,
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str | Markup]], css: str = "") -> Markup:
    """A table whose first column is text and whose others are numbers."""
    header = tag("tr", *(tag("th", cell, scope="col") for cell in head))
    body = [tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:])) for row in rows]
    inner = tag("table", tag("thead", header), tag("tbody", *body), class_=css or None)
    return tag("div", inner, class_="scroll")
