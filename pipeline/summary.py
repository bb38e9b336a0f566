"""The summary at the end of a run: rows in and out, buckets, padding efficiency, where things are."""

from __future__ import annotations

import os
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table

from schemas.manifest import Manifest

_MIB = 2**20
# What a run on one machine may take at most: imports and bookkeeping, and rows on their way from stage to stage.
_FIXED_BYTES = 2**30
_TIMES_INPUT = 3


@dataclass(frozen=True)
class RunCost:
    """What a run took.

    Attributes:
      seconds: wall-clock time.
      peak_bytes: largest resident memory of this process.
      input_bytes: the input's columns in memory.
    """

    seconds: float
    peak_bytes: int
    input_bytes: int

    def describe(self) -> str:
        """One line: "of" names the most that one machine may need for this input."""
        limit = _FIXED_BYTES + _TIMES_INPUT * self.input_bytes
        return f"time {self.seconds:.1f} s · peak memory {self.peak_bytes / _MIB:,.0f} of {limit / _MIB:,.0f} MiB"


def print_summary(manifest: Manifest, output: str, cost: RunCost, console: Console) -> None:
    """Prints what a run did.

    Args:
      manifest: of the published dataset.
      output: its directory.
      cost: time and memory.
      console: where to print.
    """
    console.print()
    console.print(_rows_table(manifest))
    console.print(_bucket_table(manifest))
    counts = manifest.counts
    console.print(
        f"rows in {counts.rows_in:,} = written {counts.written:,} + rejected {counts.rejected:,} "
        f"+ duplicates {counts.duplicates:,}",
        highlight=False,
    )
    if counts.events:
        events = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.events.items()))
        console.print(f"events: {events}", highlight=False)
    for reason, count in sorted(counts.reject_reasons.items()):
        console.print(f"  rejected: {reason} {count:,}", highlight=False)
    console.print(cost.describe(), highlight=False)
    console.print(f"dataset  {output}", highlight=False)
    console.print(f"report   {os.path.join(output, 'report.html')}", highlight=False)
    if counts.rejected:
        console.print(f"rejects  {os.path.join(output, 'rejected')}", highlight=False)
    console.print(f"digest   {manifest.digest[:16]}", highlight=False)


def _rows_table(manifest: Manifest) -> Table:
    table = Table(box=box.SIMPLE, title=f"{manifest.name}: rows by split", title_justify="left")
    table.add_column("split")
    table.add_column("rows", justify="right")
    table.add_column("shards", justify="right")
    table.add_column("padding efficiency", justify="right")
    table.add_column("labels")
    for name, split in manifest.splits.items():
        shards = sum(len(bucket.shards) for bucket in split.buckets)
        real = sum(sum(bucket.real_steps.values()) for bucket in split.buckets)
        padded = sum(sum(bucket.padded_steps.values()) for bucket in split.buckets)
        efficiency = f"{real / padded:.3f}" if padded else "-"
        table.add_row(name, f"{split.rows:,}", f"{shards:,}", efficiency, _labels(split.label_counts))
    return table


def _labels(counts: dict[str, int]) -> str:
    shown = [f"{name}: {count:,}" for name, count in sorted(counts.items(), key=lambda item: -item[1])[:6]]
    return ", ".join(shown) + (f", ... ({len(counts)} classes)" if len(counts) > 6 else "")


def _bucket_table(manifest: Manifest) -> Table:
    names = [feature.name for feature in manifest.sequence_features]
    table = Table(box=box.SIMPLE, title="buckets (padded steps)", title_justify="left")
    for name in names:
        table.add_column(name, justify="right")
    for split in manifest.splits:
        table.add_column(f"{split} rows", justify="right")
    table.add_column("efficiency", justify="right")
    for bucket in manifest.buckets:
        contents = {
            name: next((c for c in split.buckets if c.bucket == bucket.index), None)
            for name, split in manifest.splits.items()
        }
        real = sum(sum(c.real_steps.values()) for c in contents.values() if c)
        padded = sum(sum(c.padded_steps.values()) for c in contents.values() if c)
        table.add_row(
            *(f"{bucket.lengths[name]:,}" for name in names),
            *(f"{c.rows:,}" if c else "0" for c in contents.values()),
            f"{real / padded:.3f}" if padded else "-",
        )
    return table


def describe_batches(what: str, batches: dict[str, int]) -> str:
    """How batches of rows were analysed or counted, in words.

    Args:
      what: "analysis" or "statistics".
      batches: by "counted", "cached" and "damaged".
    """
    total = sum(batches.values())
    cached, counted = batches.get("cached", 0), batches.get("counted", 0)
    words = f"{what}: {cached:,} of {total:,} batches from the cache, {counted:,} counted"
    damaged = batches.get("damaged", 0)
    return words + (f", {damaged:,} damaged in the cache and counted again" if damaged else "")
