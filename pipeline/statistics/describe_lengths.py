"""Lengths of sequence features, described: summaries and histograms, before and after truncation, by class."""

from __future__ import annotations

import numpy as np

from pipeline.statistics.lengths import LengthTable
from pipeline.transform.length_counts import LengthCounts
from schemas.statistics import QUANTILES, LengthHistogram, LengthSummary, SequenceLengths


def summarize(counts: LengthCounts) -> LengthSummary:
    """One distribution in a few numbers."""
    rows = counts.total_rows
    return LengthSummary(
        rows=rows,
        empty=int(counts.rows[counts.lengths == 0].sum()),
        total_steps=counts.total_steps,
        shortest=int(counts.lengths[0]) if rows else None,
        longest=counts.longest if rows else None,
        mean=counts.total_steps / rows if rows else None,
        quantiles={str(share): counts.quantile(share) for share in QUANTILES} if rows else {},
    )


def counts_of(table: LengthTable, name: str, split: str, label: str | None = None) -> LengthCounts:
    """Rows by length after truncation, of one split and, if given, one class."""
    lengths, rows = table.joint([name], split, label)
    return LengthCounts(lengths[:, 0], rows)


def describe_sequence(table: LengthTable, name: str, split: str, classes: list[str]) -> SequenceLengths:
    """Lengths of one sequence feature in one split.

    Args:
      table: lengths of all rows.
      name: the feature.
      split: one that has rows.
      classes: class names; empty without a class label.
    """
    counts = table.features[split, name]
    raw, kept = counts.raw_lengths, counts_of(table, name, split)
    by_class = {label: counts_of(table, name, split, label) for label in classes}
    return SequenceLengths(
        raw=summarize(raw),
        kept=summarize(kept),
        raw_histogram=histogram(raw),
        kept_histogram=histogram(kept),
        truncated_rows=counts.cut_rows,
        truncated_share=counts.cut_rows / raw.total_rows if raw.total_rows else 0.0,
        lost_steps=counts.lost_steps,
        lost_share=counts.lost_steps / raw.total_steps if raw.total_steps else 0.0,
        by_class={label: summarize(part) for label, part in by_class.items()},
    )


def histogram(counts: LengthCounts) -> LengthHistogram:
    """As plain lists."""
    return LengthHistogram(lengths=counts.lengths.tolist(), rows=counts.rows.tolist())


def rows_by_class(table: LengthTable, name: str, split: str, classes: list[str], lengths: np.ndarray) -> np.ndarray:
    """int64[classes, n]: rows of each class at each of int64[n] ascending lengths that hold all of the split's."""
    counted = np.zeros((len(classes), len(lengths)), np.int64)
    for index, label in enumerate(classes):
        part = counts_of(table, name, split, label)
        counted[index, np.searchsorted(lengths, part.lengths)] = part.rows
    return counted
