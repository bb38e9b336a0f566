"""One feature's section: lengths, tokens, channels or categories, whichever it has."""

from __future__ import annotations

from pipeline.report.bars import bar_list, legend, spark, table
from pipeline.report.length_chart import length_chart
from pipeline.report.markup import Markup, data, join, tag
from pipeline.report.numbers import count, number, plural, share
from schemas.statistics import (
    ChannelStatistics,
    ExampleRow,
    FeatureStatistics,
    SequenceLengths,
    Statistics,
    TokenStatistics,
)

_SHOWN_TOKENS = 24


def feature_section(feature: FeatureStatistics, statistics: Statistics) -> Markup:
    """Everything about one feature."""
    parts: list[Markup | None] = []
    if feature.is_sequence:
        parts += [_lengths(feature, statistics)]
    if any(split.tokens for split in feature.splits.values()):
        parts.append(_tokens(feature))
    if any(split.channels for split in feature.splits.values()):
        parts.append(_channels(feature))
    if any(split.category for split in feature.splits.values()):
        parts.append(_categories(feature))
    if feature.is_sequence:
        parts.append(_examples(feature))
    kind = feature.source_kind if feature.source_kind == feature.kind else f"{feature.source_kind} → {feature.kind}"
    return tag(
        "section", tag("h2", data(feature.name), tag("span", kind, class_="kind")), *parts, id=f"feature-{feature.name}"
    )


def _lengths(feature: FeatureStatistics, statistics: Statistics) -> Markup:
    at = statistics.plan.features.index(feature.name)
    boundaries = sorted({shape[at] for shape in statistics.plan.strategy("lengthwise").shapes})
    parts = {split: part.lengths for split, part in feature.splits.items() if part.lengths}
    named = [(split, "" if split == "train" else "line", split) for split in parts]
    swatches = [(name, "", css if not line else f"{css} line") for name, line, css in named]
    if any(part.truncated_rows for part in parts.values()):
        swatches.append(("cut off", "", "cut"))
    return join(
        [
            tag("p", _cap_sentence(feature, parts), class_="muted"),
            length_chart(feature, boundaries),
            legend(swatches),
            tag("h3", "Lengths in steps, before truncation"),
            table(
                ["", "rows", "empty", "mean", "median", "95%", "99%", "longest", "rows cut", "steps lost"],
                [_length_row(split, part) for split, part in parts.items()],
            ),
        ]
    )


def _cap_sentence(feature: FeatureStatistics, parts: dict[str, SequenceLengths]) -> str:
    if feature.max_length is None:
        return "No length cap: every row is whole. Thin lines are bucket boundaries."
    lost = sum(part.lost_steps for part in parts.values())
    rows = sum(part.truncated_rows for part in parts.values())
    if not rows:
        return f"No row exceeds the cap of {plural(feature.max_length, 'step')}. Thin lines are bucket boundaries."
    cut = f"{plural(rows, 'row')} {'is' if rows == 1 else 'are'} cut at {plural(feature.max_length, 'step')}"
    return f"{cut}, which loses {plural(lost, 'step')}. Thin lines are bucket boundaries."


def _length_row(split: str, part: SequenceLengths) -> list[str | Markup]:
    raw = part.raw
    quantiles = [count(raw.quantiles[q]) if raw.quantiles else "–" for q in ("0.5", "0.95", "0.99")]
    return [
        split,
        count(raw.rows),
        f"{count(raw.empty)} · {share(raw.empty / raw.rows)}" if raw.empty and raw.rows else "0",
        "–" if raw.mean is None else f"{raw.mean:,.1f}",
        *quantiles,
        "–" if raw.longest is None else count(raw.longest),
        f"{count(part.truncated_rows)} · {share(part.truncated_share)}" if part.truncated_rows else "0",
        share(part.lost_share, 2) if part.lost_steps else "0",
    ]


def _tokens(feature: FeatureStatistics) -> Markup:
    splits = {name: part.tokens for name, part in feature.splits.items() if part.tokens}
    first = splits.get("train") or next(iter(splits.values()))
    kept = max((feature.vocabulary_size or 2) - 2, 0)
    sentence = f"The vocabulary keeps {count(kept)} of {plural(feature.distinct_tokens or 0, 'distinct train token')}."
    rows = [
        [split, count(part.steps), count(part.unknown_steps), share(part.unknown_share, 2), count(part.distinct)]
        for split, part in splits.items()
    ]
    top = [(item.token, item.count) for item in first.top[:_SHOWN_TOKENS]]
    half = (len(top) + 1) // 2
    most = top[0][1] if top else 1
    lists = [bar_list(part, first.steps, largest=most) for part in (top[:half], top[half:]) if part]
    return join(
        [
            tag("h3", "Tokens"),
            tag("p", sentence, class_="muted"),
            table(["", "tokens", "unknown", "unknown share", "vocabulary tokens seen"], rows),
            tag("h3", "Most frequent") if top else None,
            tag("div", *lists, class_="columns") if lists else tag("p", "No token occurs.", class_="note"),
            *(_unknown(split, part) for split, part in splits.items() if part.top_unknown),
        ]
    )


def _unknown(split: str, part: TokenStatistics) -> Markup:
    chips = [tag("li", data(item.token, 40), " ", tag("span", count(item.count))) for item in part.top_unknown]
    return join([tag("h3", f"Most frequent outside the vocabulary, {split}"), tag("ul", *chips, class_="chips")])


def _channels(feature: FeatureStatistics) -> Markup:
    splits = {name: part.channels for name, part in feature.splits.items() if part.channels}
    first = splits.get("train") or next(iter(splits.values()))
    cards = [
        _channel({split: channels[index] for split, channels in splits.items()}, channel)
        for index, channel in enumerate(first)
    ]
    head = (
        "Raw values, before filling and scaling"
        if len(first) == 1
        else f"{len(first)} channels, before filling and scaling"
    )
    return join([tag("h3", head), tag("div", *cards, class_="channels")])


def _channel(by_split: dict[str, ChannelStatistics], channel: ChannelStatistics) -> Markup:
    histogram = channel.histogram
    beyond = histogram.below + histogram.above
    missing = f"{share(channel.missing_share)} missing" if channel.missing else "none missing"
    spread = "–" if channel.mean is None else f"{number(channel.mean)} ± {number(channel.standard_deviation)}"
    shown = spark(by_split) if channel.observed else tag("p", "no value", class_="note")
    return tag(
        "div",
        tag("b", data(channel.name, 60), title=channel.name),
        tag("span", spread),
        shown,
        tag("div", tag("span", number(channel.minimum)), tag("span", number(channel.maximum)), class_="range"),
        tag("span", missing),
        tag("span", f" · {share(beyond / channel.observed)} far off") if beyond and channel.observed else None,
        class_="channel",
    )


def _categories(feature: FeatureStatistics) -> Markup:
    splits = {name: part.category for name, part in feature.splits.items() if part.category}
    rows = [
        [split, count(part.rows), count(part.distinct), count(part.missing), count(part.unknown_rows)]
        for split, part in splits.items()
    ]
    lists = [
        tag(
            "div",
            tag("h3", f"Values, {split}"),
            bar_list([(v.token, v.count) for v in part.top[:16]], part.rows, split),
        )
        for split, part in splits.items()
    ]
    return join(
        [table(["", "rows", "distinct values", "missing", "unknown"], rows), tag("div", *lists, class_="columns")]
    )


def _examples(feature: FeatureStatistics) -> Markup | None:
    train = feature.splits.get("train") or next(iter(feature.splits.values()), None)
    if train is None or not train.longest:
        return None
    rows = [[count(row.length), _example(row)] for row in (*train.shortest, *reversed(train.longest))]
    return tag(
        "details",
        tag("summary", "The shortest and the longest train rows"),
        table(["steps", "key and beginning"], [[a, b] for a, b in rows], "wrap"),
    )


def _example(row: ExampleRow) -> Markup:
    return tag("span", tag("code", data(row.key, 80)), " ", tag("span", data(row.beginning, 220), class_="muted"))
