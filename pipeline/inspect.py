"""`python -m pipeline.inspect OUT`: the essentials of a finished dataset, in the terminal.

Reads the manifest and the statistics only, so it answers at once; TensorFlow is imported for --rows alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.report.findings import findings
from pipeline.report.numbers import compact, count, number, share
from schemas.errors import LengthwiseError
from schemas.manifest import Manifest, load_manifest
from schemas.statistics import FeatureStatistics, SequenceLengths, Statistics, load_statistics

OK, USAGE = 0, 2
_BLOCKS = "▁▂▃▄▅▆▇█"
_SPARK_BINS = 40
# Characters that the numbers beside a sparkline take.
_OTHER_COLUMNS = 68
_TEXT_COLUMNS = ("split", "channel", "label", "")
_SHOWN_LABELS = 6
_SHOWN_CHANNELS = 8


def main(argv: Sequence[str] | None = None) -> int:
    """Prints a dataset; returns 0, or 2 with a message where there is none."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.inspect", description=__doc__, allow_abbrev=False)
    parser.add_argument("dataset", metavar="OUT", help="output directory of the preprocessing job")
    parser.add_argument("--json", action="store_true", help="print the essentials as JSON")
    parser.add_argument("--rows", type=int, default=0, metavar="N", help="also print N rows with their real steps")
    parser.add_argument("--split", default="train", metavar="SPLIT", help="where --rows come from (default: train)")
    arguments = parser.parse_args(argv)
    if arguments.rows < 0:
        parser.error(f"--rows: received {arguments.rows}, expected 0 or more")
    try:
        manifest, statistics = load_manifest(arguments.dataset), load_statistics(arguments.dataset)
        rows = _rows(arguments, manifest) if arguments.rows else []
        if arguments.json:
            print(json.dumps(essentials(manifest, statistics) | ({"rows": rows} if rows else {}), ensure_ascii=False))
        else:
            print_dataset(manifest, statistics, Console())
            _print_rows(rows, Console())
    except LengthwiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:  # `| head` has seen enough
        return OK
    return OK


def _rows(arguments: argparse.Namespace, manifest: Manifest) -> list[dict[str, Any]]:
    from pipeline.decoded_rows import decode_rows

    return decode_rows(arguments.dataset, manifest, arguments.split, arguments.rows)


def essentials(manifest: Manifest, statistics: Statistics) -> dict[str, Any]:
    """What `--json` prints: the numbers of the terminal's tables, by name."""
    ours = statistics.plan.strategy("lengthwise")
    return {
        "name": manifest.name,
        "digest": manifest.digest,
        "splits": {
            name: {"rows": rows, "padding_efficiency": ours.splits[name].efficiency}
            for name, rows in statistics.splits.items()
        },
        "padding_efficiency": {strategy.name: strategy.total.efficiency for strategy in statistics.plan.strategies},
        "buckets": [bucket.lengths for bucket in manifest.buckets],
        "features": {feature.name: _feature_essentials(feature) for feature in statistics.features},
        "label": {
            "kind": statistics.label.info.kind,
            "splits": {
                name: part.counts or {"mean": part.values.mean if part.values else None}
                for name, part in statistics.label.splits.items()
            },
        }
        if statistics.label
        else None,
        "length_predictors": [predictor.model_dump(mode="json") for predictor in statistics.length_predictors],
        "counts": manifest.counts.model_dump(mode="json"),
        "findings": [{"level": finding.level, "text": finding.text} for finding in findings(statistics)],
        "spec_fingerprint": manifest.spec_fingerprint,
        "versions": manifest.versions,
    }


def _feature_essentials(feature: FeatureStatistics) -> dict[str, Any]:
    described: dict[str, Any] = {"kind": feature.source_kind}
    for split, part in feature.splits.items():
        facts: dict[str, Any] = {}
        if part.lengths:
            facts["lengths"] = part.lengths.raw.model_dump(mode="json")
            facts["truncated_share"] = part.lengths.truncated_share
            facts["lost_share"] = part.lengths.lost_share
        if part.tokens:
            facts["unknown_share"] = part.tokens.unknown_share
        if part.channels:
            facts["channels"] = {
                channel.name: {
                    "mean": channel.mean,
                    "standard_deviation": channel.standard_deviation,
                    "missing_share": channel.missing_share,
                }
                for channel in part.channels
            }
        if part.category:
            facts["distinct"] = part.category.distinct
            facts["unknown_rows"] = part.category.unknown_rows
        described[split] = facts
    return described


def print_dataset(manifest: Manifest, statistics: Statistics, console: Console) -> None:
    """Prints splits, features, buckets, label, accounts, findings and lineage."""
    ours, longest = statistics.plan.strategy("lengthwise").total, statistics.plan.strategy("pad_to_max").total
    console.print()
    console.print(Text(manifest.name, style="bold"), Text(str(manifest.spec.get("description") or ""), style="dim"))
    console.print(
        f"{count(ours.rows)} rows · {compact(ours.real)} real steps · padding efficiency {share(ours.efficiency)} "
        f"(padded to the longest: {share(longest.efficiency)})",
        highlight=False,
    )
    for table in (_split_table(statistics), *_feature_tables(statistics, console.width), _bucket_table(manifest)):
        console.print(table)
    counts = manifest.counts
    console.print(
        f"rows in {count(counts.rows_in)} = written {count(counts.written)} + rejected {count(counts.rejected)} "
        f"+ duplicates {count(counts.duplicates)}",
        highlight=False,
    )
    for reject in statistics.rejects:
        example = f"  e.g. {reject.examples[0].detail}" if reject.examples else ""
        console.print(Text(f"  rejected: {reject.reason} {count(reject.count)}{example}"))
    for finding in findings(statistics):
        console.print(Text(("! " if finding.level == "warning" else "· ") + finding.text))
    versions = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    console.print(
        Text(f"digest {manifest.digest}\nspec   {manifest.spec_fingerprint}\nmade   {manifest.created}, {versions}")
    )


def sparkline(lengths: SequenceLengths, bins: int = _SPARK_BINS) -> str:
    """Rows by length as a line of blocks, from 0 to the 99% quantile, which gathers the rest; empty without rows."""
    histogram = lengths.raw_histogram
    if not histogram.lengths:
        return ""
    last = lengths.raw.quantiles["0.99"]
    bins = min(bins, last + 1)
    rows = [0] * bins
    for length, amount in zip(histogram.lengths, histogram.rows, strict=True):
        rows[min(length, last) * bins // (last + 1)] += amount
    highest = max(rows)
    line = "".join(" " if not amount else _BLOCKS[(len(_BLOCKS) - 1) * amount // highest] for amount in rows)
    return line + ("…" if histogram.lengths[-1] > last else "")


def _table(title: str, *columns: str) -> Table:
    table = Table(box=box.SIMPLE, title=Text(title), title_justify="left", title_style="bold")
    table.add_column(columns[0])
    for column in columns[1:]:
        table.add_column(column, justify="left" if column in _TEXT_COLUMNS else "right")
    return table


def _split_table(statistics: Statistics) -> Table:
    table = _table("splits", "split", "rows", "padding efficiency", "label")
    ours = statistics.plan.strategy("lengthwise")
    for name, rows in statistics.splits.items():
        table.add_row(name, count(rows), share(ours.splits[name].efficiency), Text(_labels(statistics, name)))
    return table


def _labels(statistics: Statistics, split: str) -> str:
    if statistics.label is None:
        return "none"
    part = statistics.label.splits[split]
    if part.values:
        return f"{number(part.values.mean)} ± {number(part.values.standard_deviation)}"
    ordered = sorted(part.counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name}: {count(rows)}" for name, rows in ordered[:_SHOWN_LABELS])
    return shown + (f", ... ({len(ordered)} classes)" if len(ordered) > _SHOWN_LABELS else "")


def _feature_tables(statistics: Statistics, width: int) -> Iterator[Table]:
    lengths = _table(
        "lengths in steps, before truncation", "feature", "split", "median", "95%", "longest", "cut", "unknown", ""
    )
    lengths.columns[-1].no_wrap = True
    bins = min(max(width - _OTHER_COLUMNS, 8), _SPARK_BINS)
    channels = _table("values", "feature", "channel", "mean", "sd", "lowest", "highest", "missing")
    for feature in statistics.features:
        for split, part in feature.splits.items():
            if part.lengths:
                raw = part.lengths.raw
                quantiles = [count(raw.quantiles[q]) if raw.quantiles else "-" for q in ("0.5", "0.95")]
                unknown = share(part.tokens.unknown_share) if part.tokens else "-"
                longest = "-" if raw.longest is None else count(raw.longest)
                cut = share(part.lengths.truncated_share)
                line = Text(sparkline(part.lengths, bins))
                lengths.add_row(feature.name, split, *quantiles, longest, cut, unknown, line)
        train = feature.splits.get("train")
        for channel in (train.channels if train else [])[:_SHOWN_CHANNELS]:
            values = (channel.mean, channel.standard_deviation, channel.minimum, channel.maximum)
            channels.add_row(feature.name, Text(channel.name), *map(number, values), share(channel.missing_share))
        more = len(train.channels) - _SHOWN_CHANNELS if train else 0
        if more > 0:
            channels.add_row(feature.name, f"... {more} more")
    yield lengths
    if channels.row_count:
        yield channels


def _bucket_table(manifest: Manifest) -> Table:
    names = [feature.name for feature in manifest.sequence_features]
    table = _table("buckets (padded steps)", *names, *(f"{split} rows" for split in manifest.splits), "efficiency")
    for bucket in manifest.buckets:
        contents = {
            split: next((part for part in info.buckets if part.bucket == bucket.index), None)
            for split, info in manifest.splits.items()
        }
        real = sum(sum(part.real_steps.values()) for part in contents.values() if part)
        padded = sum(sum(part.padded_steps.values()) for part in contents.values() if part)
        rows = [count(part.rows) if part else "0" for part in contents.values()]
        table.add_row(*(count(bucket.lengths[name]) for name in names), *rows, share(real / padded) if padded else "-")
    return table


def _print_rows(rows: list[dict[str, Any]], console: Console) -> None:
    for row in rows:
        console.print()
        console.print(Text(f"{row['key']}  label {row['label']}  bucket {row['bucket']}", style="bold"))
        for name, shown in row["features"].items():
            console.print(Text(f"  {name} {shown}"))


if __name__ == "__main__":
    sys.exit(main())
