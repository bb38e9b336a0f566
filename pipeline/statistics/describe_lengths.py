"""Lengths of sequence features, described: summaries and histograms, before and after truncation, by class."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from pipeline.statistics.lengths import LABEL_COLUMN, ROWS, SPLIT_COLUMN, LengthTable
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


def counts_of(table: LengthTable, name: str, split: str) -> LengthCounts:
    """Rows by length after truncation, of one split."""
    lengths, rows = table.joint([name], split)
    return LengthCounts(lengths[:, 0], rows)


def counts_by_class(table: LengthTable, name: str, split: str) -> dict[str, LengthCounts]:
    """Rows by length after truncation, of one split and every class that occurs in it."""
    rows = table.table.filter(pc.equal(table.table[SPLIT_COLUMN], split))
    grouped = rows.group_by([LABEL_COLUMN, name], use_threads=False).aggregate([(ROWS, "sum")])
    grouped = grouped.sort_by([(LABEL_COLUMN, "ascending"), (name, "ascending")])
    labels = grouped[LABEL_COLUMN].combine_chunks().dictionary_encode()
    starts = np.flatnonzero(np.diff(labels.indices.to_numpy(), prepend=-1))
    lengths, counts = grouped[name].to_numpy().astype(np.int64), grouped[f"{ROWS}_sum"].to_numpy().astype(np.int64)
    parts = zip(np.split(lengths, starts[1:]), np.split(counts, starts[1:]), strict=True)
    return {labels[int(start)].as_py(): LengthCounts(*part) for start, part in zip(starts, parts, strict=False)}


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
    found = counts_by_class(table, name, split) if classes else {}
    by_class = {label: found.get(label, LengthCounts()) for label in classes}
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
    found = counts_by_class(table, name, split)
    for index, label in enumerate(classes):
        if label in found:
            counted[index, np.searchsorted(lengths, found[label].lengths)] = found[label].rows
    return counted
