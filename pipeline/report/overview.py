"""The report's first screen: name, padding efficiency, rows, and what stands out."""

from __future__ import annotations

from pipeline.report.bars import SPLIT_CLASSES, legend, stacked
from pipeline.report.findings import findings
from pipeline.report.markup import Markup, data, join, tag
from pipeline.report.numbers import compact, count, plural, share
from schemas.manifest import Manifest
from schemas.statistics import Statistics, StrategySteps

STRATEGY_NAMES = {
    "lengthwise": "This dataset",
    "equal_count": "Equal-count buckets",
    "powers_of_two": "Powers of two",
    "pad_to_max": "Pad to the longest",
}


def heading(manifest: Manifest, sections: list[tuple[str, str]]) -> Markup:
    """Name, description and the way to every section.

    Args:
      manifest: of the dataset.
      sections: (anchor, title) each.
    """
    description = str(manifest.spec.get("description") or "")
    return tag(
        "header",
        tag("button", "◐", id="theme", type="button", title="Light or dark", aria_label="Light or dark"),
        tag("h1", data(manifest.name)),
        tag("p", data(description, 600), class_="muted") if description else None,
        tag("nav", *(tag("a", data(title, 40), href=f"#{anchor}") for anchor, title in sections)),
    )


def overview(manifest: Manifest, statistics: Statistics) -> Markup:
    """The big number beside other ways to batch, and the dataset in a few facts."""
    ours, longest = statistics.plan.strategy("lengthwise").total, statistics.plan.strategy("pad_to_max").total
    percent = share(ours.efficiency)
    hero = tag(
        "div",
        tag("div", percent[:-1], tag("small", "%"), class_="big"),
        tag("p", "of all computed steps are real. ", tag("span", _saving(ours.padded, longest.padded), class_="muted")),
    )
    label = manifest.label
    facts = [
        (count(ours.rows), "rows" if ours.rows != 1 else "row"),
        (compact(ours.real), "real steps"),
        (count(len(manifest.features)), "features" if len(manifest.features) != 1 else "feature"),
        (count(len(manifest.buckets)), "padded shapes" if len(manifest.buckets) != 1 else "padded shape"),
        (_label_fact(label.classes) if label else "none", f"{label.kind} label" if label else "label"),
    ]
    return tag(
        "section",
        tag("div", hero, strategies(statistics), class_="hero"),
        tag("div", *(tag("div", tag("b", value), tag("span", name)) for value, name in facts), class_="facts"),
        tag("h3", "Rows by split"),
        split_bar(statistics.splits),
        id="overview",
    )


def _label_fact(classes: list[str] | None) -> str:
    return plural(len(classes), "class") if classes else "number"


def _saving(padded: int, longest: int) -> str:
    if not padded or longest <= padded:
        return "Rows are about equally long: buckets save nothing over padding to the longest."
    return f"Padding every row to the longest would cost {longest / padded:.2g} times the compute."


def strategies(statistics: Statistics) -> Markup:
    """Efficiency of every way to batch, ours first, the others from good to bad."""
    ours = statistics.plan.strategy("lengthwise")
    others = [strategy for strategy in statistics.plan.strategies if strategy is not ours]
    ordered = [ours, *sorted(others, key=lambda strategy: -strategy.total.efficiency)]
    return tag("div", *(_strategy(strategy, ours.total.padded) for strategy in ordered), class_="strategies")


def _strategy(strategy: StrategySteps, ours: int) -> Markup:
    efficiency = strategy.total.efficiency
    times = strategy.total.padded / ours if ours else 1.0
    filled = tag("span", style=f"width:{100 * efficiency:.2f}%")
    return tag(
        "div",
        tag("span", STRATEGY_NAMES[strategy.name], class_="name"),
        tag("span", filled, class_="meter ours" if strategy.name == "lengthwise" else "meter"),
        tag("span", share(efficiency), class_="value"),
        tag("span", f"{times:.2f}×", class_="times"),
        title=f"{count(strategy.total.padded)} padded steps in {plural(strategy.buckets, 'shape')}, "
        f"{times:.2f} times this dataset's",
        class_="strategy",
    )


def split_bar(splits: dict[str, int]) -> Markup:
    """Rows of each split as one bar with its legend."""
    total = sum(splits.values())
    parts = [(name, rows, name if name in SPLIT_CLASSES else "padding") for name, rows in splits.items()]
    named = [(name, f"{count(rows)} · {share(rows / total) if total else '0%'}", css) for name, rows, css in parts]
    return join([stacked(parts, "Rows by split"), legend(named)])


def standing_out(statistics: Statistics) -> Markup:
    """The findings."""
    found = findings(statistics)
    if not found:
        inner = tag(
            "p", "Nothing: no leak through length, little unknown, missing, empty, cut or rejected.", class_="muted"
        )
    else:
        items = (tag("li", data(finding.text, 600), class_=finding.level) for finding in found)
        inner = tag("ul", *items, class_="findings")
    return tag("section", tag("h2", "What stands out"), inner, id="findings")
