"""The bucket plan: every padded shape with its rows and efficiency, and the other ways to batch in numbers."""

from __future__ import annotations

from pipeline.report.bars import bar, table
from pipeline.report.markup import Markup, data, tag
from pipeline.report.numbers import compact, count, plural, share
from pipeline.report.overview import STRATEGY_NAMES
from schemas.manifest import BucketContents, BucketInfo, Manifest
from schemas.statistics import Statistics


def bucket_section(manifest: Manifest, statistics: Statistics) -> Markup:
    """The section on buckets."""
    names = [feature.name for feature in manifest.sequence_features]
    splits = list(manifest.splits)
    rows = [_bucket(manifest, bucket, names, splits) for bucket in manifest.buckets]
    head = [*names, *(f"{split} rows" for split in splits), "efficiency"]
    several = len(names) > 1
    return tag(
        "section",
        tag("h2", "Buckets"),
        tag(
            "p",
            "A row goes to the cheapest bucket that covers it and is padded to that bucket's "
            f"length{'s' if several else ''}. "
            f"{plural(len(manifest.buckets), 'shape')}, chosen from the train split's exact lengths to pad the least; "
            f"lengths are multiples of {statistics.plan.align}.",
            class_="muted",
        ),
        table(head, rows),
        tag("h3", "Beside other ways to batch"),
        _strategies(statistics),
        id="buckets",
    )


def _bucket(manifest: Manifest, bucket: BucketInfo, names: list[str], splits: list[str]) -> list[str | Markup]:
    contents: dict[str, BucketContents] = {
        split: found for split in splits for found in manifest.splits[split].buckets if found.bucket == bucket.index
    }
    real = sum(sum(part.real_steps.values()) for part in contents.values())
    padded = sum(sum(part.padded_steps.values()) for part in contents.values())
    efficiency = real / padded if padded else 1.0
    return [
        *(count(bucket.lengths[name]) for name in names),
        *(count(contents[split].rows) if split in contents else "0" for split in splits),
        tag("span", share(efficiency), bar(efficiency)) if padded else "–",
    ]


def _strategies(statistics: Statistics) -> Markup:
    splits = list(statistics.splits)
    rows: list[list[str | Markup]] = []
    for strategy in statistics.plan.strategies:
        rows.append(
            [
                STRATEGY_NAMES[strategy.name],
                count(strategy.buckets),
                compact(strategy.total.real),
                compact(strategy.total.padded),
                *(share(strategy.splits[split].efficiency) for split in splits),
                share(strategy.total.efficiency),
            ]
        )
    head = ["", "shapes", "real steps", "padded steps", *(f"{split} efficiency" for split in splits), "in all"]
    note = (
        "All are fitted on the train split, cut at the same length and aligned alike; "
        "powers of two that no row needs are left out."
    )
    return tag("div", table(head, rows), tag("p", data(note), class_="note"))
