"""The whole report as one HTML file that needs nothing else."""

from __future__ import annotations

from pipeline.report.accounts import account_section
from pipeline.report.buckets import bucket_section
from pipeline.report.labels import label_section
from pipeline.report.lineage import lineage_section
from pipeline.report.markup import Markup, join, tag
from pipeline.report.overview import heading, overview, standing_out
from pipeline.report.sequences import feature_section
from pipeline.report.style import SCRIPT, STYLE
from schemas.manifest import Manifest
from schemas.statistics import Statistics


def make_report(manifest: Manifest, statistics: Statistics) -> str:
    """The report of a dataset.

    Args:
      manifest: of the dataset.
      statistics: of the same dataset.

    Returns:
      A complete HTML document, also well-formed XML.
    """
    features = [(f"feature-{feature.name}", feature.name) for feature in statistics.features]
    sections = [
        ("findings", "What stands out"),
        ("buckets", "Buckets"),
        *features,
        ("label", "Label"),
        ("rows", "Rows"),
        ("lineage", "Lineage"),
    ]
    body = tag(
        "body",
        heading(manifest, sections),
        tag(
            "main",
            overview(manifest, statistics),
            standing_out(statistics),
            bucket_section(manifest, statistics),
            *(feature_section(feature, statistics) for feature in statistics.features),
            label_section(statistics),
            account_section(statistics),
            lineage_section(manifest),
        ),
        tag(
            "footer", "Written by Lengthwise; the numbers behind every figure are in statistics.json and manifest.json."
        ),
        tag("script", Markup(SCRIPT)),
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{manifest.name} · dataset report"),
        tag("style", Markup(STYLE)),
    )
    return "<!DOCTYPE html>\n" + join([tag("html", head, body, lang="en")]) + "\n"
