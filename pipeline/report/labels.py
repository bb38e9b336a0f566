"""The label: balance per split, length by class, and what length alone says of it."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.report.bars import bar_list, spark, spread, stacked, table
from pipeline.report.findings import predictor_sentence
from pipeline.report.markup import Markup, data, join, tag
from pipeline.report.numbers import count, number, plural, share
from schemas.statistics import (
    ChannelStatistics,
    LabelSplit,
    LabelStatistics,
    LengthPredictor,
    LengthSummary,
    Statistics,
)

# Up to this many classes have a colour of their own.
_COLOURS = ("train", "validation", "test")
_SHOWN_CLASSES = 20


def label_section(statistics: Statistics) -> Markup:
    """The section on the label."""
    label = statistics.label
    if label is None:
        note = tag("p", "This dataset has no label.", class_="muted")
        return tag("section", tag("h2", "Label"), note, id="label")
    parts: list[Markup | None] = [_balance(label) if label.info.classes else _values(label)]
    if label.info.classes:
        parts += [_by_class(statistics, feature.name) for feature in statistics.features if feature.is_sequence]
    parts += _predictors(statistics)
    return tag("section", tag("h2", "Label", tag("span", label.info.kind, class_="kind")), *parts, id="label")


def _balance(label: LabelStatistics) -> Markup:
    classes = list(label.info.classes or [])
    if len(classes) > len(_COLOURS):
        return join([_many_classes(label, classes)])
    rows = []
    for split, part in label.splits.items():
        pieces = [(name, part.counts.get(name, 0), _COLOURS[i]) for i, name in enumerate(classes)]
        named = " · ".join(f"{share(rows / part.rows) if part.rows else '–'}" for _, rows, _ in pieces)
        rows.append([split, count(part.rows), tag("div", stacked(pieces, f"Classes of {split}"), class_="fill"), named])
    key = tag(
        "ul",
        *(tag("li", tag("i", class_=f"swatch {_COLOURS[i]}"), data(name, 40)) for i, name in enumerate(classes)),
        class_="legend",
    )
    return join([table(["", "rows", "balance", "shares"], rows), key])


def _many_classes(label: LabelStatistics, classes: list[str]) -> Markup:
    train = label.splits.get("train") or next(iter(label.splits.values()))
    ordered = sorted(classes, key=lambda name: (-train.counts.get(name, 0), name))
    lists = []
    for split, part in label.splits.items():
        shown = [(name, part.counts.get(name, 0)) for name in ordered[:_SHOWN_CLASSES]]
        rest = sum(part.counts.get(name, 0) for name in ordered[_SHOWN_CLASSES:])
        more = tag("p", f"{plural(len(ordered) - _SHOWN_CLASSES, 'more class')}: {count(rest)} rows", class_="note")
        lists.append(
            tag(
                "div",
                tag("h3", f"{split}, {plural(part.rows, 'row')}"),
                bar_list(shown, part.rows, split),
                more if len(ordered) > _SHOWN_CLASSES else None,
            )
        )
    return join([tag("p", f"{plural(len(classes), 'class')}.", class_="muted"), tag("div", *lists, class_="columns")])


def _values(label: LabelStatistics) -> Markup:
    found: dict[str, ChannelStatistics] = {name: part.values for name, part in label.splits.items() if part.values}
    head = ["", "rows", "mean", "standard deviation", "lowest", "median", "highest"]
    rows = [_value_row(split, label.splits[split], values) for split, values in found.items()]
    return join([tag("div", spark(found), style="max-width:520px"), table(head, rows)])


def _value_row(split: str, part: LabelSplit, values: ChannelStatistics) -> list[str | Markup]:
    median = number(values.quantiles.get("0.5"))
    deviation = number(values.standard_deviation)
    return [
        split,
        count(part.rows),
        number(values.mean),
        deviation,
        number(values.minimum),
        median,
        number(values.maximum),
    ]


def _by_class(statistics: Statistics, name: str) -> Markup | None:
    feature = statistics.feature(name)
    train = feature.splits.get("train") if feature else None
    if train is None or train.lengths is None or not train.lengths.by_class:
        return None
    summaries: Mapping[str, LengthSummary] = train.lengths.by_class
    ordered = sorted(summaries, key=lambda label: -summaries[label].rows)[:_SHOWN_CLASSES]
    longest = max((summaries[label].quantiles.get("0.95", 0) for label in ordered), default=0)
    rows: list[list[str | Markup]] = [
        [
            data(label, 40),
            count(summaries[label].rows),
            "–" if summaries[label].mean is None else f"{summaries[label].mean:,.1f}",
            count(summaries[label].quantiles["0.5"]) if summaries[label].quantiles else "–",
            spread(summaries[label], longest),
        ]
        for label in ordered
    ]
    more = len(summaries) - len(ordered)
    return join(
        [
            tag("h3", f"Length of {name} by class, train"),
            table(["class", "rows", "mean", "median", "5% to 95%, box 25% to 75%"], rows),
            tag("p", f"{plural(more, 'more class')} in statistics.json.", class_="note") if more else None,
        ]
    )


def _predictors(statistics: Statistics) -> list[Markup]:
    if not statistics.length_predictors:
        return []
    parts = [
        tag("h3", "What length alone says of the label"),
        tag(
            "p",
            "The best predictor that sees nothing but the length, fitted on train: a model has to beat it.",
            class_="muted",
        ),
    ]
    for predictor in statistics.length_predictors:
        warn = (
            " Length leaks the label: a model may learn how the data was made." if predictor.verdict == "strong" else ""
        )
        css = "callout" if predictor.verdict == "strong" else None
        parts.append(tag("p", data(predictor_sentence(predictor) + warn, 600), class_=css))
        if predictor.auc is not None:
            parts.append(_gauge(predictor))
    return parts


def _gauge(predictor: LengthPredictor) -> Markup:
    """AUC on a line from chance to certainty, with its 95% interval."""
    middle, margin = predictor.auc or 0.5, 1.96 * (predictor.auc_standard_error or 0.0)
    low, at, high = (100 * min(max(2 * value - 1, 0.0), 1.0) for value in (middle - margin, middle, middle + margin))
    return tag(
        "div",
        tag("div", class_="track"),
        tag("div", class_="interval", style=f"left:{low:.2f}%;width:{high - low:.2f}%"),
        tag("div", class_="mark", style=f"left:{at:.2f}%"),
        tag("span", "AUC 0.5, chance", class_="end"),
        tag("span", "1, certain", class_="end right"),
        class_="gauge",
    )
