"""Counts of numeric values: exact moments, and a histogram that needs no range beforehand.

A histogram is wanted over the usual range of the values, which is known only at the end. So values are counted in
cells: a cell is all float32 numbers that agree in sign, exponent and the first 10 bits of the mantissa, as wide as 0.1%
of its values. Whole numbers up to 2,048 have cells of their own. Cells are sparse, their counts exact, and merge in any
order; at the end they are summed into bins of equal width.

    values   7.38  7.381  7.46  NaN       cells  7.378: 2, 7.457: 1       missing 1
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from pipeline.transform.exact_moments import ExactMoments, merge_moments, moments_of
from schemas.statistics import QUANTILES, ChannelStatistics, ValueHistogram

_DROPPED_BITS = 13
_SIGN = np.uint32(1 << 31)
_EXPONENT = np.uint32(0xFF << 23)
_BINS = 32


def _no_counts() -> np.ndarray:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class ValueCounts:
    """Values of one channel.

    Attributes:
      moments: exact sums, extremes, observed and missing counts.
      cells: int64[distinct], ascending cell numbers; their order is that of the values.
      counts: int64[distinct], values in each cell.
    """

    moments: ExactMoments = field(default_factory=ExactMoments)
    cells: np.ndarray = field(default_factory=_no_counts)
    counts: np.ndarray = field(default_factory=_no_counts)

    @classmethod
    def of(cls, values: np.ndarray) -> ValueCounts:
        """Counts float32[n]; NaN = missing, no infinity."""
        values = np.ascontiguousarray(values, np.float32)
        cells, counts = np.unique(cell_of(values[~np.isnan(values)]), return_counts=True)
        return cls(moments_of(values[:, np.newaxis])[0], cells, counts.astype(np.int64))

    @classmethod
    def merge(cls, parts: Iterable[ValueCounts]) -> ValueCounts:
        """The counts of all parts together; of none, nothing counted."""
        parts = list(parts)
        if not parts:
            return cls()
        cells, inverse = np.unique(np.concatenate([part.cells for part in parts]), return_inverse=True)
        counts = np.zeros(len(cells), np.int64)
        np.add.at(counts, inverse, np.concatenate([part.counts for part in parts]))
        return cls(merge_moments([part.moments] for part in parts)[0], cells, counts)

    def quantiles(self) -> dict[str, float]:
        """Values at QUANTILES, by share as text: what stands for the cell, within the extremes; empty of none."""
        if not len(self.cells):
            return {}
        values = np.clip(self.quantile_values(), self.moments.minimum, self.moments.maximum)
        return {str(share): float(value) for share, value in zip(QUANTILES, values, strict=True)}

    def quantile_values(self) -> np.ndarray:
        """float64[shares]: what stands for the cells at QUANTILES; expects values."""
        up_to = np.cumsum(self.counts)
        needed = np.maximum(np.ceil(np.array(QUANTILES) * up_to[-1] - 1e-9), 1)
        return cell_value(self.cells[np.searchsorted(up_to, needed)])


def cell_of(values: np.ndarray) -> np.ndarray:
    """int64[n]: the cell of each of float32[n]; larger values have no smaller cell."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    # Zero, minus zero and subnormals share a cell: libraries may switch subnormals off in a process.
    bits = np.where(bits & _EXPONENT, bits, np.uint32(0))
    ordered = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return (ordered >> np.uint32(_DROPPED_BITS)).astype(np.int64)


def cell_value(cells: np.ndarray) -> np.ndarray:
    """float64[n]: the number of each cell that is nearest to zero; the inverse of `cell_of` on such numbers."""
    ordered = np.asarray(cells, np.int64).astype(np.uint32) << np.uint32(_DROPPED_BITS)
    negative = (ordered & _SIGN) == 0
    rest = np.uint32((1 << _DROPPED_BITS) - 1)
    bits = np.where(negative, ~(ordered | rest), ordered ^ _SIGN)
    return bits.astype(np.uint32).view(np.float32).astype(np.float64)


def bin_edges(train: ValueCounts) -> np.ndarray:
    """Edges of bins over the usual range of the train values.

    A few far values would squeeze all others into one bin, so the range ends a quarter of its width past the 1% and
    99% quantiles. Values on a coarse grid (scores, counts, flags) get one bin each.

    Returns:
      float64[bins + 1], strictly increasing; [0, 1] without values.
    """
    if not len(train.cells):
        return np.array([0.0, 1.0])
    edges, quantiles = cell_value(train.cells), train.quantile_values()
    margin = (quantiles[-1] - quantiles[0]) / 4
    low, high = max(edges[0], quantiles[0] - margin), min(edges[-1], quantiles[-1] + margin)
    inside = edges[(edges >= low) & (edges <= high)]
    if len(inside) == 1:
        width = max(abs(inside[0]), 1.0) / 2
        return np.array([inside[0] - width, inside[0] + width])
    step = float(np.diff(inside).min())
    if (inside[-1] - inside[0]) / step <= 2 * _BINS:
        return inside[0] + step * (np.arange(round((inside[-1] - inside[0]) / step) + 2) - 0.5)
    return np.linspace(low, np.nextafter(high, np.inf), _BINS + 1)


def describe_values(name: str, values: ValueCounts, edges: np.ndarray) -> ChannelStatistics:
    """One channel in one split, its histogram over `edges` (of the train split)."""
    moments = values.moments
    total = moments.count + moments.missing
    known = moments.count > 0
    at = cell_value(values.cells)
    place = np.searchsorted(edges, at, side="right") - 1
    inside = (place >= 0) & (place < len(edges) - 1)
    bins = np.zeros(len(edges) - 1, np.int64)
    np.add.at(bins, place[inside], values.counts[inside])
    return ChannelStatistics(
        name=name,
        observed=moments.count,
        missing=moments.missing,
        missing_share=moments.missing / total if total else 0.0,
        minimum=moments.minimum if known else None,
        maximum=moments.maximum if known else None,
        mean=moments.mean if known else None,
        standard_deviation=moments.standard_deviation if known else None,
        quantiles=values.quantiles(),
        histogram=ValueHistogram(
            edges=edges.tolist(),
            counts=bins.tolist(),
            below=int(values.counts[place < 0].sum()),
            above=int(values.counts[place >= len(edges) - 1].sum()),
        ),
    )
